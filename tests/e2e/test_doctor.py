"""`mpquic doctor`: each fault is made for real, is found, and is gone from the list when it is mended.

    client ---- linkem ---- server      cr .... mt
      wan                    wan
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from lab import LinkSpec, Node, programs, topology
from nodes import PORT, Authority, Configuration, Mpquic, Testbed, pair_client, pair_server, until

CLASSIFY = [{"source": "172.16.5.0/30", "tunnel": "cr"}]


@dataclass
class Found:
    status: int
    findings: list[dict[str, str]]

    @property
    def wrong(self) -> list[str]:
        return [f"{one['severity']}: {one['what']}" for one in self.findings if one["severity"] != "ok"]

    def mend(self, what: str) -> str:
        """Of the finding that says so; there must be one."""
        said = [one for one in self.findings if re.search(what, f"{one['severity']}: {one['what']}")]
        assert said, f"nothing says {what!r}: {self.findings}"
        return said[0]["mend"]


def examine(program: Mpquic, *before: str) -> Found:
    """`before`: a command that runs mpquic in turn."""
    command = [*before, programs.mpquic(), "doctor", "--json", str(program.file)]
    done = program.node.run(command, check=False, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    found = Found(done.returncode, json.loads(done.stdout)["findings"])
    assert (done.returncode == 1) == any(one["severity"] == "problem" for one in found.findings)
    return found


def shell(node: Node, script: str) -> None:
    done = subprocess.run(node.command(["sh", "-ec", script]), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass
class Site:
    testbed: Testbed
    net: topology.Pair
    server: Mpquic
    client: Mpquic


@pytest.fixture(scope="module")
def site(shared_testbed: Testbed) -> Site:
    """Both ends run, and the tunnel is up."""
    net = topology.pair(shared_testbed.lab, LinkSpec.both(""))
    server = shared_testbed.run(net.server, pair_server(shared_testbed))
    client = shared_testbed.run(net.client, pair_client(shared_testbed, net.server_v4, classify=CLASSIFY))
    client.wait_until_up()
    return Site(shared_testbed, net, server, client)


@pytest.fixture
def client(site: Site) -> Mpquic:
    """It runs, and its tunnel is up."""
    site.net.client.ip(f"route replace default via {site.net.server_v4} dev wan")
    if not site.client.process.running:
        site.client.start()
    site.client.wait_until_up()
    # The node follows its tunnel's MTU, and puts right what it finds at the same time.
    until(lambda: f"set {1440 - 40}" in site.net.client.run("nft list ruleset").stdout, what="the MTU is found")
    return site.client


@pytest.fixture
def idle(site: Site) -> Callable[..., Mpquic]:
    """Makes configurations of a client that does not run, and nor does the other."""
    if site.client.process.running:
        site.client.stop()
    shell(site.net.client, "ip route del default 2>/dev/null || true")

    def make(server: str = site.net.server_v4, change: Callable[[Configuration], None] | None = None) -> Mpquic:
        configuration = pair_client(site.testbed, server)
        if change is not None:
            change(configuration)
        return site.testbed.add(site.net.client, configuration, f"idle{len(site.testbed.programs)}")

    return make


# Healthy nodes


def test_nothing_is_wrong_with_a_node_that_works(site: Site, client: Mpquic) -> None:
    for node in (client, site.server):
        found = examine(node)
        assert (found.status, found.wrong) == (0, [])
    found = examine(client)
    assert found.mend(r"ok: tunnel cr: up over wan") == ""
    assert found.mend(r"ok: link wan: the server .* answers, in [\d.]+ ms, packets of up to 1500 bytes") == ""


def test_a_node_that_does_not_run_is_said_not_to_and_nothing_else(idle: Callable[..., Mpquic]) -> None:
    client = idle()
    found = examine(client)
    assert found.status == 0
    assert found.wrong == [f"warning: the node {client.name} does not run"]


def test_it_changes_nothing(client: Mpquic) -> None:
    kept = "nft -s list ruleset; ip rule; ip -6 rule; ip route show table all; ip link; sysctl -a 2>&1 | grep rp_filter"
    before = client.node.run(["sh", "-c", kept]).stdout
    examine(client)
    assert client.node.run(["sh", "-c", kept]).stdout == before


# Faults of a machine whose node runs: break, undo, what is said, what the mend has in it


RUNNING = {
    "strict rp_filter": (
        "sysctl -qw net.ipv4.conf.wan.rp_filter=1", "sysctl -qw net.ipv4.conf.wan.rp_filter=0",
        r"problem: net.ipv4.conf.wan.rp_filter is 1", "rp_filter=2",
    ),
    "strict rp_filter of all": (
        "sysctl -qw net.ipv4.conf.all.rp_filter=1", "sysctl -qw net.ipv4.conf.all.rp_filter=0",
        r"problem: net.ipv4.conf.cr.rp_filter is 0", "rp_filter=2",
    ),
    "strict rp_filter and no default route": (
        "ip route del default; sysctl -qw net.ipv4.conf.all.rp_filter=2",
        "sysctl -qw net.ipv4.conf.all.rp_filter=0; ip route add default via 10.60.1.1 dev wan",
        r"problem: net.ipv4.conf.all.rp_filter is 2, and the main table has no default route", "default route",
    ),
    "forwarding off": (
        "sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.ip_forward=1",
        r"problem: net.ipv4.ip_forward is 0", "ip_forward=1",
    ),
    "a foreign rule before ours": (
        "ip route add default via 10.60.1.1 table 77; ip rule add priority 9000 lookup 77",
        "ip rule del priority 9000; ip route flush table 77",
        r"problem: ip rule 9000: from all lookup 77: comes before", "ip rule del priority 9000",
    ),
    "a foreign rule that ends everything": (
        "ip -6 rule add priority 9001 unreachable", "ip -6 rule del priority 9001",
        r"problem: ip -6 rule 9001: from all an end", "ip -6 rule del priority 9001",
    ),
    "a foreign rule among ours": (
        "ip rule add priority 10050 fwmark 0x1/0xff lookup 77", "ip rule del priority 10050",
        r"warning: ip rule 10050: from all fwmark 0x1/0xff lookup 77: lies among", "another number",
    ),
    "rules that nobody needs any more": (
        "ip rule add priority 12345 lookup 12345 protocol 109", "ip rule del priority 12345",
        r"warning: ip rule 12345: .* left nothing else", "ip rule del priority 12345",
    ),
    "routes that nobody needs any more": (
        "ip route add 10.9.0.0/16 dev lo table 12345 proto 109", "ip route flush table 12345 proto 109",
        r"warning: routing table 12345 has routes", "ip route flush table 12345",
    ),
    "a firewall that forwards nothing": (
        "nft 'table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }'",
        "nft delete table ip filter",
        r"problem: the firewall drops packets forwarded from the LAN to cr: .* chain FORWARD: policy drop, and no rule",
        "iptables -I FORWARD -o cr -j ACCEPT",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", RUNNING)
def test_a_fault_beside_a_running_client_is_found(client: Mpquic, fault: str) -> None:
    make, undo, said, mend = RUNNING[fault]
    shell(client.node, make)
    try:
        found = examine(client)
    finally:
        shell(client.node, undo)
    assert mend in found.mend(said)
    assert examine(client).wrong == []


def test_a_firewall_is_believed_less_than_the_tunnel_that_is_up(client: Mpquic) -> None:
    """The outer packets pass by a rule that can't be judged."""
    shell(client.node, "nft 'table inet f { chain in { type filter hook input priority 0; policy drop; "
          "ct mark and 1 == 0 accept; }; }'")  # fmt: skip
    try:
        assert examine(client).wrong == []
    finally:
        shell(client.node, "nft delete table inet f")


# The way of a client that does not run


FIREWALL = "nft 'table inet f {{ chain {0} {{ type filter hook {0} priority 0; {1}; }}; }}'"
NO_FIREWALL = "nft delete table inet f"
PROBED_OUT = FIREWALL.format("output", "udp dport 45010 drop")

LINK = {
    "down": (
        "ip link set wan down", "ip link set wan up; ip address replace fd00:60:1::2/64 dev wan nodad",
        r"problem: link wan: interface wan is down", "ip link set wan up",
    ),
    "without address": (
        "ip address flush dev wan",
        "ip address add 10.60.1.2/24 dev wan; ip address add fd00:60:1::2/64 dev wan nodad",
        r"problem: link wan: interface wan has no IPv4 address", "ip address add",
    ),
    "nothing is let out": (
        PROBED_OUT, NO_FIREWALL, r"problem: .*the firewall of this machine lets no packet out", "nft list ruleset",
    ),
    "the rule that lets nothing out": (
        PROBED_OUT, NO_FIREWALL,
        r"problem: the firewall drops UDP to the server .*table inet f, chain output: rule 1 of chain output",
        'nft insert rule inet f output oifname "wan" udp dport 45010 accept',
    ),
    "a policy that lets nothing in": (
        FIREWALL.format("input", 'policy drop; iifname "lo" accept'), NO_FIREWALL,
        r"problem: the firewall drops UDP from the server .*table inet f, chain input: policy drop",
        'nft insert rule inet f input iifname "wan" udp sport 45010 accept',
    ),
    "strict rp_filter": (
        "ip link add d0 type ifb; ip link set d0 up; ip route add 10.60.1.1 dev d0; "
        "sysctl -qw net.ipv4.conf.wan.rp_filter=1",
        "ip link del d0; sysctl -qw net.ipv4.conf.wan.rp_filter=0",
        r"problem: .*does not answer; or this machine drops its answers: rp_filter is strict on wan", "rp_filter=2",
    ),
    "too small an MTU": (
        "ip link set wan mtu 1000", "ip link set wan mtu 1500; ip address replace fd00:60:1::2/64 dev wan nodad",
        r"problem: link wan: interface wan has an MTU of 1000: QUIC needs 1228", "mtu 1500",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", LINK)
def test_a_fault_of_the_link_is_found(site: Site, idle: Callable[..., Mpquic], fault: str) -> None:
    client = idle()
    make, undo, said, mend = LINK[fault]
    shell(site.net.client, make)
    try:
        found = examine(client)
    finally:
        shell(site.net.client, undo)
    assert mend in found.mend(said)
    assert examine(client).wrong == [f"warning: the node {client.name} does not run"]


def test_a_link_without_carrier(site: Site, idle: Callable[..., Mpquic]) -> None:
    site.net.link.carrier(up=False)
    try:
        assert examine(idle()).mend(r"problem: link wan: interface wan has no carrier")
    finally:
        site.net.link.carrier(up=True)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("mtu=1400", r"warning: link wan: packets of 1420 bytes vanish on the way to 10.60.1.1:45010 .* 1400 arrive"),
        ("mtu=1000", r"problem: link wan: .* answers small packets, but none of 1228 bytes"),
        ("loss=100%", r"problem: link wan: the server 10.60.1.1:45010 does not answer: filtered on the way, down"),
    ],
)
def test_a_fault_on_the_way_is_found(
    site: Site, idle: Callable[..., Mpquic], parameters: str, said: str
) -> None:  # fmt: skip
    site.net.link.set(parameters)
    try:
        assert examine(idle()).mend(said)
    finally:
        site.net.link.set(f"{parameters.split('=')[0]}=0")


@pytest.mark.parametrize(
    ("server", "links", "said"),
    [
        ("10.60.1.1", {"address": "10.60.1.77"}, r"problem: .* wan has no address 10.60.1.77, but 10.60.1.2 fd00"),
        ("10.60.1.1", {"interface": "wan9"}, r"problem: link wan: interface wan9 does not exist"),
        ("203.0.113.1", {}, r"problem: .* wan has no IPv4 gateway, neither from the kernel nor from a DHCP lease"),
        ("2001:db8::1", {}, r"problem: .* wan has no IPv6 gateway"),
    ],
)
def test_a_configuration_that_does_not_fit_the_machine(
    idle: Callable[..., Mpquic], server: str, links: dict[str, str], said: str
) -> None:
    assert examine(idle(server, lambda all: all["links"]["wan"].update(links))).mend(said)


def test_what_a_router_says_is_told(site: Site, idle: Callable[..., Mpquic]) -> None:
    client = idle("203.0.113.7")
    shell(site.net.server, "sysctl -qw net.ipv4.ip_forward=1; ip route add unreachable 203.0.113.7")
    shell(site.net.client, "ip route add default via 10.60.1.1 dev wan")
    try:
        assert examine(client).mend(r"problem: link wan: .* is out of reach: 10.60.1.1 says: No route to host")
    finally:
        shell(site.net.server, "ip route del unreachable 203.0.113.7")
        shell(site.net.client, "ip route del default")


def test_a_port_that_nobody_listens_on(site: Site, idle: Callable[..., Mpquic]) -> None:
    client = idle(change=lambda all: all.update(server="10.60.1.1:45999"))
    assert "listen" in examine(client).mend(r"problem: .*10.60.1.1:45999 refuses: .*nobody listens on UDP port 45999")


# What only a node that runs can tell


def test_why_a_tunnel_is_down(site: Site, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> None:
    stranger = Authority(tmp_path_factory.mktemp("stranger"))
    configuration = pair_client(site.testbed, site.net.server_v4)
    configuration["tunnels"] = {"lost": {"links": ["wan"], "address": ["10.200.15.3/24"]}}
    configuration["tls"]["ca"] = stranger.ca
    client = site.testbed.run(site.net.client, configuration, "lost")
    client.wait_for_log("refused")
    try:
        found = examine(client)
    finally:
        client.stop()
    assert "mpquic cert show" in found.mend(r"problem: tunnel lost, over link wan .* is down, .*certificate is refused")
    assert found.mend(r"warning: .*box1.pem was signed by \"mpquic CA\", but not by the one in .*made anew")


def test_what_a_crash_has_left(site: Site, idle: Callable[..., Mpquic]) -> None:
    client = idle(change=lambda all: all["tunnels"].update(old=all["tunnels"].pop("cr")))
    client.node.run([programs.mpquic(), "net", "apply", str(client.file)])
    try:
        said = r"warning: routes, rules and nftables of this node are set up, and it does not run"
        assert "mpquic net remove" in examine(client).mend(said)
    finally:
        client.node.run([programs.mpquic(), "net", "remove", str(client.file)])
    assert examine(client).wrong == [f"warning: the node {client.name} does not run"]


# A server


SERVER_FIREWALLS = {
    "policy drop; ct state established,related accept; tcp dport 22 accept":
        r"problem: the firewall drops UDP to port 45020, where clients come in: table inet f, chain input: policy drop",
    "policy drop; meta mark 7 accept":
        r"warning: the firewall may drop UDP to port 45020, .*policy drop, and no rule that accepts it for sure",
    "udp dport 45000-46000 reject":
        r"problem: the firewall drops UDP to port 45020, .*rule 1 of chain input",
    "udp dport 45020 limit rate over 5/second drop":
        r"warning: the firewall may drop UDP to port 45020, .*rule 1 of chain input",
}  # fmt: skip


@pytest.fixture(scope="module")
def second(site: Site) -> Mpquic:
    """A server that nobody is connected to: nothing proves that it can be reached."""
    configuration = pair_server(site.testbed, listen="10.60.1.1:45020", egress={"interface": "wan"})
    configuration["tunnels"] = {"mt2": {"address": "10.200.16.254/24"}}
    configuration["clients"] = {"box1": {"prefixes": ["10.200.16.1"]}}
    return site.testbed.run(site.net.server, configuration, "second")


@pytest.mark.parametrize("rules", SERVER_FIREWALLS)
def test_a_firewall_that_lets_no_client_in(site: Site, second: Mpquic, rules: str) -> None:
    assert examine(second).wrong == []
    shell(site.net.server, FIREWALL.format("input", rules))
    try:
        mend = examine(second).mend(SERVER_FIREWALLS[rules])
    finally:
        shell(site.net.server, NO_FIREWALL)
    assert "nft insert rule inet f input udp dport 45020 accept" in mend


def test_a_firewall_that_lets_clients_in(site: Site, second: Mpquic) -> None:
    shell(site.net.server, "nft 'table inet f { set ports { type inet_service; flags interval; elements = { 22, "
          "45000-45100 }; }; chain services { udp dport @ports accept; }; chain input { type filter hook input "
          "priority 0; policy drop; ct state vmap { invalid : drop, established : accept }; meta mark 9 drop; "
          "jump services; reject; }; chain forward { type filter hook forward priority 0; policy drop; "
          'iifname "mt*" accept; oifname "mt*" ct state established accept; }; }\'')  # fmt: skip
    try:
        assert examine(second).wrong == []
    finally:
        shell(site.net.server, NO_FIREWALL)


def test_a_firewall_that_does_not_forward_for_the_server(site: Site, second: Mpquic) -> None:
    shell(site.net.server, FIREWALL.format("forward", 'policy drop; iifname "mt2" accept'))
    try:
        found = examine(second)
    finally:
        shell(site.net.server, NO_FIREWALL)
    assert found.mend(r"problem: the firewall drops answers forwarded from wan to mt2")
    assert not any("from mt2 to wan" in wrong for wrong in found.wrong)


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        (f"10.60.1.1:{PORT}", r"problem: UDP 10.60.1.1:45010 is taken by process \d+ \(mpquic\)"),
        ("203.0.113.9:45030", r"problem: this machine has no address 203.0.113.9 to listen on"),
    ],
)
def test_a_server_that_could_not_start(site: Site, listen: str, said: str) -> None:
    server = site.testbed.add(site.net.server, pair_server(site.testbed, listen=listen), "stopped")
    assert examine(server).mend(said)


# The program


def test_without_a_tun_device_in_the_kernel(idle: Callable[..., Mpquic]) -> None:
    hidden = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh"]
    assert "modprobe tun" in examine(idle(), *hidden).mend(r"problem: there is no /dev/net/tun: No such file")


def test_without_root_it_says_what_it_could_not_see(site: Site, idle: Callable[..., Mpquic]) -> None:
    client = idle()
    with contextlib.ExitStack() as undo:
        for directory in (site.testbed.lab.directory, client.node.directory, site.testbed.authority.directory,
                          *site.testbed.authority.directory.parents):  # fmt: skip
            mode = directory.stat().st_mode & 0o7777
            directory.chmod(mode | 0o055)
            undo.callback(directory.chmod, mode)
        found = examine(client, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    for unseen in ("firewall rules", r".*box1.key: Permission denied"):
        assert found.mend(f"warning: not looked at: {unseen}") == "as root, mpquic doctor sees more"
    assert not any(wrong.startswith("problem") for wrong in found.wrong)
    assert found.mend(r"ok: link wan: the server .* answers") == ""


def test_a_configuration_that_is_wrong_is_not_examined(site: Site) -> None:
    file = site.net.client.write_file("wrong.yaml", "role: client\nlinsk: {}\n")
    done = site.net.client.run([programs.mpquic(), "doctor", str(file)], check=False)
    assert done.returncode == 2
    assert "wrong.yaml:2:1" in done.stderr
    assert done.stdout == ""


def test_for_people_the_mend_stands_below_the_fault(site: Site, idle: Callable[..., Mpquic]) -> None:
    client = idle(change=lambda all: all["links"]["wan"].update(interface="wan9"))
    done = client.node.run([programs.mpquic(), "doctor", str(client.file)], check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("problem  link wan: interface wan9 does not exist\n            ip link shows")
