"""`./dev bench multipath`: one tunnel over several links, against what it does over each of them alone.

Links are emulated, with a queue of one bandwidth-delay product. All tunnels that are compared are up all the time, and
take turns; figures are medians of the rounds. TCP is that of lab/bulk.py, UDP that of lab/stream.py, on the two ends of
the tunnel, with buffers that are large enough for any of these links.

    command.py     options, the order of things, output
    cells.py       everything that is measured, by name
    cell.py        what a cell is, and the lines that it results in
    wan.py         a link's figures, in the emulator's words
    rig.py         the box, its links, the server, and tunnels between them
    turns.py       tunnels that take turns
    together.py    many flows, one flow, a repaired link, sixteen pairs of links: throughput
    failing.py     links that fail and come back under traffic
    steady.py      copies on two links; what the machinery costs on one
"""
