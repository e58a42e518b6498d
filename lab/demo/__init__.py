"""`./dev demo`: a box with three links, a tunnel over each, and one link cut before the viewer's eyes.

    plan.py      the three links, and how long each act takes
    scene.py     the network, the certificates and configurations, mpquic at both ends
    watcher.py   what mpquic's own status says, sample by sample
    probes.py    ping, calls and iperf3 from the LAN through each tunnel, and what they measure
    voice.py     the program that makes and takes the calls
    screen.py    sentences, and the table below them
    story.py     the acts, one after the other
    report.py    what was measured, and what had to hold

Every number shown comes from one of the two: the status of mpquic, or the probes.
"""
