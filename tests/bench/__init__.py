"""`./dev bench`: mpquic against other tunnels, and against the same data path without encryption, on one machine in one
run.

Two namespaces joined by a veth cable; every contestant has its tunnel between them from the beginning, and they are
measured in turns, round after round, so that whatever else the machine does meets them alike. Figures are medians of
the rounds; what counts are their ratios.

    contestants.py   who takes part, and how each is set up
    measurements.py  what can be measured: throughput.py, rtt.py, small.py, paced.py, isolation.py, idle.py
    shared_link.py   the network of isolation.py: a tunnel for each class on one link
    meter.py         CPU time of the tunnels and of the whole machine
    samples.py       what was measured; medians
    targets.py       what mpquic has promised
    report.py        the tables
    multipath/       another program: one tunnel over several links
    *.cpp            the relay without QUIC, the packet generator, the thousand clients
"""
