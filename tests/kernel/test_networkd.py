"""The files of `mpquic net networkd` as the real systemd-networkd takes them, on a kernel with VLANs.

    isp1 (DHCP) ---- wan1 box lan0, lan0.21 ---- sw0       Carriers, each with its end of a cable: a namespace of their
    isp2 ---- wan2, wan2.7       mgmt0 ---- isp3 (DHCP)    own, with a networkd of their own.
"""

from __future__ import annotations

import re

from guest import Guest

BOX = """
role: client
server: 192.0.2.1:45010
tls: {insecure_skip_verify: true}
management: {interface: mgmt0, address: dhcp}
links:
  one: {interface: wan1}
  two: {interface: wan2, vlan: 7, address: 198.51.100.7/24, gateway: 203.0.113.1}
lans:
  office: {interface: lan0, address: [172.16.1.1/24, "fd00:16:1::1/64"]}
  guests: {interface: lan0, vlan: 21, address: 172.16.2.1/24}
tunnels:
  cr: {links: [one], address: 10.200.1.1/24}
classify:
  - {lan: [office, guests], tunnel: cr}
"""

CARRIER = """
[Match]
Name=isp1

[Network]
Address=10.61.0.1/24
DHCPServer=yes

[DHCPServer]
EmitDNS=no
"""


def test_networkd_makes_of_a_bare_machine_what_the_box_needs(guest: Guest) -> None:
    guest.write("/box.yaml", BOX)
    guest.write("/isp1.network", CARRIER)
    guest.write("/isp3.network", CARRIER.replace("isp1", "isp3").replace("10.61", "10.63"))
    guest.add_program("/usr/lib/systemd/systemd-networkd", "/usr/lib/systemd")
    said = guest.run(
        """
start() { SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_LEVEL=info /usr/lib/systemd/systemd-networkd >/tmp/log 2>&1 & networkd=$!; }
mkdir -p /run/systemd
ip netns add carriers
for pair in 'wan1 isp1' 'wan2 isp2' 'mgmt0 isp3' 'lan0 sw0'; do
  set -- $pair
  ip link add $1 type veth peer name $2 netns carriers
  ip -n carriers link set $2 up
done
ip netns exec carriers sh -c '
  mount -o remount,ro /sys  # no udev to wait for
  mount -t tmpfs tmpfs /run/systemd
  mkdir /run/systemd/network
  cp /isp1.network /isp3.network /run/systemd/network/
  SYSTEMD_LOG_TARGET=console exec /usr/lib/systemd/systemd-networkd' >/tmp/carriers 2>&1 &

mpquic net networkd /box.yaml --output /run

ip tuntap add cr mode tun
ip address add 10.200.1.1/24 dev cr
ip link set cr up
start
seconds 30 sh -c "ip route | grep 'default via 10.61.0.1 dev wan1 proto dhcp .*metric 1010'"
seconds 10 sh -c "ip route | grep 'default via 203.0.113.1 dev wan2.7 proto static metric 1020 onlink'"
seconds 20 sh -c "ip route | grep 'default via 10.63.0.1 dev mgmt0 proto dhcp .*metric 2000'"
ip -d link show wan2.7 | grep 'vlan protocol 802.1Q id 7'
ip -d link show lan0.21 | grep 'vlan protocol 802.1Q id 21'
seconds 10 sh -c 'ip -o address show dev lan0.21 | grep 172.16.2.1/24'
seconds 10 sh -c 'ip -o address show dev lan0 | grep fd00:16:1::1/64'
ip -o -4 address show dev wan2.7 | grep 198.51.100.7/24

# mpquic finds its VLANs and addresses there.
mpquic net diff /box.yaml >/tmp/wanted && false
grep -E 'VLAN device|address .* on|up$' /tmp/wanted && false
mpquic net apply /box.yaml
mpquic net diff /box.yaml
ip route show table 10063 | grep 'default via 10.61.0.1 dev wan1'
ip route show table 10062 | grep 'default via 203.0.113.1 dev wan2.7'
ip route add 10.9.0.0/24 dev cr table 10000 proto 109
ip rule >/tmp/rules

# Started again, networkd keeps what is not its own.
kill $networkd
wait $networkd
cat /tmp/log
start
seconds 30 sh -c "ip route | grep 'default via 10.61.0.1 dev wan1 proto dhcp .*metric 1010'"
ip rule | diff /tmp/rules -
ip route show table 10000 | grep '10.9.0.0/24 dev cr proto 109'
ip -o address show dev cr | grep 10.200.1.1/24
mpquic net remove /box.yaml
ip rule | grep 1000 && false
ip -o address show dev lan0.21 | grep 172.16.2.1/24
cat /tmp/log

# The other way round: networkd finds what mpquic has made.
kill $networkd
wait $networkd
ip link del lan0.21
ip address flush dev lan0
mpquic net apply /box.yaml
ip link show lan0.21 | grep 'alias mpquic.0.box'
ip rule >/tmp/rules
ip route show table 10000 >/tmp/routes
grep '172.16.1.0/24 dev lan0' /tmp/routes
start
for name in lan0 lan0.21; do
  seconds 30 sh -c "grep ADMIN_STATE=configured /run/systemd/netif/links/$(cat /sys/class/net/$name/ifindex)"
done
ip -o address show dev lan0.21 | grep 172.16.2.1/24
seconds 30 sh -c "ip route | grep 'default via 10.61.0.1 dev wan1 proto dhcp .*metric 1010'"
ip rule | diff /tmp/rules -
ip route show table 10000 | diff /tmp/routes -

# An interface that comes is where networkd looks for rules that are not its own.
ip link del lan0
ip link add lan0 type veth peer name sw0 netns carriers
ip -n carriers link set sw0 up
seconds 30 sh -c 'grep ADMIN_STATE=configured /run/systemd/netif/links/$(cat /sys/class/net/lan0/ifindex)'
seconds 10 sh -c 'ip -o address show dev lan0.21 | grep 172.16.2.1/24'
ip rule | diff /tmp/rules -
cat /tmp/log
mpquic net apply /box.yaml
mpquic net diff /box.yaml
"""
    )
    pattern = r"mpquic-\S*\.(network|netdev|conf):\d|[Uu]nknown|: Failed|Numerical"
    complaints = [line for line in said.splitlines() if re.search(pattern, line) and "hardware address" not in line]
    assert complaints == []
