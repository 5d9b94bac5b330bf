#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client that means harm. Prints how many connections it made.

usage: hostile.py PORT WAY N [SEED]
  random   bytes at random               heads    heads that are torn, endless, or lie about lengths
  flood    connections, nothing else     line     request lines of 64 KiB
  aborted  a request, and gone before the answer; one that never gets any
"""
import random
import socket
import struct
import sys

port, way, n = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
rng = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
PARTS = [
    b"GET / HTTP/1.1\r\n", b"POST /run HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n", b"\r\n", b"\n\n", b"\r",
    b"Content-Length: 99999999999999999999\r\n", b"Content-Length: -1\r\n", b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n", b"ffffffffffffffff\r\n", b"0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"User-Agent: " + b"A" * 300 + b"\r\n", b"Host: \x00\xff'\"<script>\r\n", b" " * 200, b"X" * 5000,
]


def connect():
    s = socket.create_connection(("127.0.0.1", port), timeout=2)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Closed by a reset: no port is left waiting.
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return s


def talk(s):
    if way == "random":
        for _ in range(rng.randrange(1, 8)):
            s.send(rng.randbytes(rng.randrange(1, 4000)))
    elif way == "heads":
        for _ in range(rng.randrange(1, 30)):
            part = rng.choice(PARTS)
            s.send(part[: rng.randrange(1, len(part) + 1)] if rng.random() < 0.3 else part)
    elif way == "line":
        s.send(b"GET /" + b"a" * 65536 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    elif way == "aborted":
        s.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        # The server reads it and closes, or the reset comes first.
        try:
            s.recv(1)
        except OSError:
            pass


made = 0
for _ in range(n):
    try:
        s = connect()
    except OSError:
        continue
    made += 1
    try:
        talk(s)
    except OSError:
        pass
    s.close()
print(made)
