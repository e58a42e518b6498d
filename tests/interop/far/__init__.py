"""An end of CONNECT-IP (RFC 9484) that shares nothing with mpquic: aioquic's QUIC and HTTP/3 below, and above that its
own reading of the RFCs, in Python. It runs on Debian 13, in a root directory of its own (../chroot.py).

`python3 -m far ROLE HABITS` is told what to do by a JSON object a line on standard input, and answers and tells what
happens by such lines on standard output (control.py). What the other end does that no RFC allows it tells as
`violation`: it goes on, and the test fails at its end.

    control     commands in, events out           habits      how lazy, strict or strange this end is
    client      dials, asks for tunnels           server      accepts, refuses, hands out
    connection  one QUIC connection of either     tunnel      one CONNECT-IP request
    http3       HTTP/3 with habits                capsules    RFC 9297 and RFC 9484 on the wire
    packets     IP and ICMP                       device      TUN
"""
