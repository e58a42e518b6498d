"""802.1Q for kernels without VLAN devices: an interface PARENT.ID whose frames are tagged where they pass PARENT.

    PARENT.11 ---- port.11 --tag--> PARENT ---- the wire
                           <-untag-

Each PARENT.ID is one end of a veth pair. Two BPF programs at the other end and at PARENT move the frames between them,
putting the tag on and taking it off.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence

from .node import Node

# The kernel's uapi in a few lines, so that its headers are not needed: offsets in struct __sk_buff, numbers of helpers.
_PROLOGUE = """
struct __sk_buff { unsigned len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto; };
static long (*vlan_push)(struct __sk_buff *, unsigned short protocol, unsigned short tci) = (void *)18;
static long (*vlan_pop)(struct __sk_buff *) = (void *)19;
static long (*redirect)(unsigned ifindex, unsigned long flags) = (void *)23;
#define SECTION(name) __attribute__((section(name), used))
enum { go_on = -1, tagged = __builtin_bswap16(0x8100) };
"""

_TAG = """
SECTION("tc/tag{vlan}") int tag{vlan}(struct __sk_buff *frame) {{
  vlan_push(frame, tagged, {vlan});
  return redirect({parent}, 0);
}}
"""

_UNTAG = """
SECTION("tc/untag") int untag(struct __sk_buff *frame) {{
  unsigned port = 0;
  if (!frame->vlan_present) return go_on;
  switch (frame->vlan_tci & 0xfff) {{
    {cases}
    default: return go_on;
  }}
  vlan_pop(frame);
  return redirect(port, 0);
}}
"""


def add_vlans(node: Node, parent: str, vlans: Sequence[int]) -> None:
    """Makes PARENT.ID for each of these, up."""
    for vlan in vlans:
        node.ip(f"link add name {parent}.{vlan} type veth peer name port.{vlan}")
        node.ip(f"link set dev {parent}.{vlan} up")
        node.ip(f"link set dev port.{vlan} up")
    index = {link["ifname"]: link["ifindex"] for link in json.loads(node.ip("-json link show"))}
    cases = "\n    ".join(f"case {vlan}: port = {index[f'port.{vlan}']}; break;" for vlan in vlans)
    programs = [_TAG.format(vlan=vlan, parent=index[parent]) for vlan in vlans]
    source = node.write_file(f"{parent}-vlans.c", "\n".join([_PROLOGUE, *programs, _UNTAG.format(cases=cases)]))
    compiled = source.with_suffix(".o")
    subprocess.run([_clang(), "-O2", "-Wall", "-Werror", "-target", "bpf", "-c", source, "-o", compiled], check=True)
    _attach(node, parent, f"{compiled} sec tc/untag")
    for vlan in vlans:
        _attach(node, f"port.{vlan}", f"{compiled} sec tc/tag{vlan}")


def _attach(node: Node, interface: str, program: str) -> None:
    node.run(f"tc qdisc add dev {interface} clsact")
    node.run(f"tc filter add dev {interface} ingress bpf direct-action object-file {program}")


def _clang() -> str:
    found = shutil.which("clang-19") or shutil.which("clang")
    if found is None:
        raise FileNotFoundError("clang, which makes the BPF programs, is not installed")
    return found
