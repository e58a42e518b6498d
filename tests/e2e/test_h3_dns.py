"""DNS servers that a server hands out, and what a client does with them where systemd-resolved can't be asked. What it is
told where it can: tests/unit/system/resolved_test.cpp.

    client ---- wan ---- server
      cr                   mt
"""

from __future__ import annotations

from lab import topology
from native import native_client, native_server
from nodes import PORT, Testbed, until

# The machine's own systemd-resolved knows nothing of namespaces: it would take the interface for one of its own.
NO_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
COMPLAINT = "cr: DNS servers: "


def test_they_are_told_of_and_set_if_the_tunnel_says_so(testbed: Testbed) -> None:
    net = topology.pair(testbed.lab)
    server = testbed.run(net.server, native_server(testbed.authority, {"box1": {}}, {"dns": ["10.200.15.254"]}))
    ignoring = native_client(testbed.authority, "box1", f"{net.server_v4}:{PORT}", {"cr": {"dns": "off"}})
    setting = native_client(testbed.authority, "box1", f"{net.server_v4}:{PORT}", {"cr": {"dns": "resolved"}})
    client = testbed.add(net.client, ignoring).start(env=NO_BUS)
    client.wait_until_up()
    assert COMPLAINT not in client.log
    assert client.reload(setting)
    until(lambda: client.log.count(COMPLAINT) == 1, 2, "they are to be set")
    # Others, without a new connection: they are told of at once.
    since = client.tunnel("cr")["connections"][0]["reconnects"]
    assert server.reload(native_server(testbed.authority, {"box1": {}}, {"dns": ["10.200.15.253", "fd00:200:15::53"]}))
    until(lambda: client.log.count(COMPLAINT) == 2, 2, "others are to be set")
    assert client.tunnel("cr")["connections"][0]["reconnects"] == since
