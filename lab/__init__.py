"""Network namespaces, emulated links and topologies, for the demo, the end-to-end tests and the benchmarks.

>>> with Lab() as lab:
...     net = topology.pair(lab, LinkSpec.both("delay=20ms,rate=100mbit"))
...     print(net.client.ping(net.server_v4).rtt_ms)
"""

from .lab import Lab
from .leftovers import clean
from .link import Direction, Link, LinkSpec
from .measure import Iperf, Ping
from .node import CommandFailed, Node
from .process import Process

__all__ = ["CommandFailed", "Direction", "Iperf", "Lab", "Link", "LinkSpec", "Node", "Ping", "Process", "clean"]
