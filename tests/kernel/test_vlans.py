"""VLANs where the kernel has 802.1Q: made, found again, used when somebody else made them, and taken back.

    host (namespace) sw0, sw0.21 ---- lan0, lan0.21 box wan0, wan0.7 ---- isp0
"""

from __future__ import annotations

import re

from guest import Guest

BOX = """
role: client
server: 192.0.2.1:45010
tls: {insecure_skip_verify: true}
links:
  wan: {interface: wan0, vlan: 7}
lans:
  office: {interface: lan0, address: [172.16.1.1/24, "fd00:16:1::1/64"]}
  guests: {interface: lan0, vlan: 21, address: [172.16.2.1/24, "fd00:16:2::1/64"]}
  phones: {interface: lan0, vlan: 22, address: 172.16.3.1/24}
  cellar: {interface: lan9, vlan: 5}
tunnels:
  cr: {links: [wan], address: 10.200.1.1/24}
classify:
  - {lan: [guests, office], tunnel: cr}
  - {vlan: 22, tunnel: cr}
"""

# What is there before: a VLAN of somebody else that the box is to use, and one that is none of its business.
START = """
sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_ra=0
modprobe -a nf_tables 8021q
ip link set lo up
ip netns add host
ip link add lan0 type veth peer name sw0 netns host
ip link add wan0 type veth peer name isp0
for name in lan0 wan0 isp0; do ip link set $name up; done
ip -n host link set sw0 up
ip -n host link add link sw0 name sw0.21 type vlan id 21
ip -n host address add 172.16.2.2/24 dev sw0.21
ip -n host link set sw0.21 up
ip link add link lan0 name lan0.22 type vlan id 22
ip link add link lan0 name lan0.99 type vlan id 99
ip link set lan0.22 up
ip address add 10.9.9.9/32 dev lan0.22
nft add table inet firewall

snapshot() { ip -d -o link; ip -o address; ip route show table all; ip -6 route show table all; ip rule; ip -6 rule; nft list ruleset; sysctl net.ipv4.ip_forward; }
same() { snapshot >/tmp/now; cmp /tmp/now "$1" || { diff "$1" /tmp/now; false; }; }
for name in lan0 wan0 lan0.22; do seconds 10 sh -c "ip link show $name | grep 'state UP'"; done
snapshot >/tmp/before
"""


def test_they_are_made_found_again_and_taken_back(guest: Guest) -> None:
    guest.write("/box.yaml", BOX)
    guest.run(
        START
        + """
mpquic net diff /box.yaml >/tmp/wanted && false
grep -Fx '+ VLAN device lan0.21 (VLAN 21 on lan0)' /tmp/wanted
grep -Fx '+ VLAN device wan0.7 (VLAN 7 on wan0)' /tmp/wanted
grep lan0.22 /tmp/wanted | grep VLAN && false

mpquic net apply /box.yaml >/tmp/said
grep -Fx 'waiting: lan cellar: VLAN 5 on lan9: interface lan9 does not exist' /tmp/said
ip -d link show lan0.21 | grep 'vlan protocol 802.1Q id 21'
ip link show lan0.21 | grep 'alias mpquic.0.box'
ip -o address show dev lan0.21 | grep 172.16.2.1/24
ip -o address show dev lan0.22 | grep 172.16.3.1/24
ip route show table all proto 109 | grep '172.16.2.0/24 dev lan0.21'
ip -n host neigh
ip netns exec host ping -n -c 1 -W 5 172.16.2.1
mpquic net diff /box.yaml
snapshot >/tmp/applied
mpquic net apply /box.yaml
same /tmp/applied

# Somebody made another VLAN of ours: it is made anew, with its addresses.
ip link del lan0.21
ip link add link lan0 name lan0.21 type vlan id 33
ip link set lan0.21 alias mpquic.0.box
mpquic net diff /box.yaml >/tmp/wanted && false
grep -Fx -e '- VLAN device lan0.21 (VLAN 33 on lan0)' /tmp/wanted
grep -Fx -e '+ VLAN device lan0.21 (VLAN 21 on lan0)' /tmp/wanted
mpquic net apply /box.yaml
mpquic net diff /box.yaml
ip netns exec host ping -n -c 1 -W 5 172.16.2.1

mpquic net remove /box.yaml
same /tmp/before
"""
    )


def test_a_node_keeps_them(guest: Guest) -> None:
    guest.write("/box.yaml", BOX)
    said = guest.run(
        START
        + """
mpquic run /box.yaml >/tmp/log 2>&1 & node=$!
seconds 20 grep 'box runs' /tmp/log
ip -d link show lan0.21 | grep 'vlan protocol 802.1Q id 21'
ip link del lan0.21
seconds 10 ip link show lan0.21
seconds 10 ip netns exec host ping -n -c 1 -W 1 172.16.2.1
grep 'somebody has changed VLANs or addresses of mpquic: they are as they were' /tmp/log
ip link add lan9 type dummy
seconds 10 ip link show lan9.5
ip link del lan9
seconds 10 sh -c '! ip link show lan9.5'

# The parent goes with everything on it, and comes back with another number.
ip link del lan0
seconds 10 grep 'lan guests: VLAN 21 on lan0: interface lan0 does not exist' /tmp/log
ip link add lan0 type veth peer name sw0 netns host
ip -n host link set sw0 up
seconds 10 sh -c 'ip -o address show dev lan0.21 | grep 172.16.2.1/24'
ip -d link show lan0.21 | grep 'vlan protocol 802.1Q id 21'

kill -9 $node
wait $node || true
ip link show lan0.21
mpquic run /box.yaml >/tmp/log 2>&1 & node=$!
seconds 20 grep 'box runs' /tmp/log
kill $node
wait $node
for name in lan0.21 lan0.22 wan0.7; do ip link show $name && false; done
ip -o address show dev lan0 | grep 172.16 && false
cat /tmp/log
"""
    )
    assert not re.search(r"kernel state:", said)
