#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends requests in a way that is hard to count, and prints how many it sent and had answered.

usage: corners.py PORT|SOCKET WAY N [HOST]    SOCKET: the path of a UNIX socket
  keep-alive  one head a write
  pipelined  ten heads in one write          bytes    a head by single bytes
  body       a body full of heads            chunked  the same in chunks
and over HTTP/2:
  h2-bytes   a frame by single bytes         h2-many  streams with padding and priority in one write
  h2-split   a block in three frames         h2-body  a body full of frames
  h2-late    nothing of the connection but its first 5 streams before a line on standard input
"""
import socket
import sys
import time

HEAD = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /y HTTP/1.1\r\nHost: a\r\n"


def answers(s, wanted):
    got = b""
    while got.count(b"HTTP/1.1 ") < wanted:
        piece = s.recv(65536)
        if not piece:
            break
        got += piece
    return got.count(b"HTTP/1.1 ")


def keep_alive(s):
    s.sendall(HEAD)
    return 1


def pipelined(s):
    s.sendall(HEAD * 10)
    return 10


def single_bytes(s):
    for c in HEAD:
        s.sendall(bytes([c]))
    return 1


def body(s):
    text = HEAD * 200
    s.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(text))
    time.sleep(0.001)
    for at in range(0, len(text), 300):
        s.sendall(text[at : at + 300])
    return 1


def chunked(s):
    text = HEAD * 20
    s.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(3):
        s.sendall(b"%x\r\n" % len(text))
        s.sendall(text + b"\r\n")
    s.sendall(b"0\r\n\r\n")
    return 1


def frame(kind, flags, stream, payload=b""):
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags])
    return head + stream.to_bytes(4, "big") + payload


class H2:
    """HTTP/2 by hand: all that a server needs to answer GET / or POST /."""

    GET = b"\x82\x86\x84\x01\x01a"
    POST = b"\x83\x86\x84\x01\x01a"

    def __init__(self, s):
        self.s = s
        self.stream = -1
        self.got = b""
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))

    def next(self):
        self.stream += 2
        return self.stream

    def one(self):
        self.s.sendall(frame(1, 5, self.next(), self.GET))
        return 1

    def bytes(self):
        for c in frame(1, 5, self.next(), self.GET):
            self.s.sendall(bytes([c]))
        return 1

    def many(self):
        block = b"\3" + b"\0\0\0\0\7" + self.GET + b"\0\0\0"
        self.s.sendall(b"".join(frame(1, 0x2D, self.next(), block) for _ in range(20)))
        return 20

    def split(self):
        n = self.next()
        self.s.sendall(frame(1, 1, n, self.GET[:1]))
        self.s.sendall(frame(9, 0, n, self.GET[1:2]) + frame(9, 4, n, self.GET[2:]))
        return 1

    def body(self):
        n = self.next()
        text = frame(1, 5, n + 2, self.GET) * 100
        self.s.sendall(frame(1, 4, n, self.POST) + frame(0, 1, n, text[:1200]))
        return 1

    def late(self):
        if self.stream == 9:
            sys.stdin.readline()
        return self.one()

    def answers(self, wanted):
        """Streams that have ended; settings are acknowledged, windows opened again."""
        n = 0
        while n < wanted:
            while len(self.got) >= 9 and len(self.got) >= 9 + int.from_bytes(self.got[:3], "big"):
                size = int.from_bytes(self.got[:3], "big")
                kind, flags, odd = self.got[3], self.got[4], self.got[8] & 1
                if kind == 4 and not flags & 1:
                    self.s.sendall(frame(4, 1, 0))
                if kind == 0 and size:
                    self.s.sendall(frame(8, 0, 0, size.to_bytes(4, "big")))
                n += kind in (0, 1) and flags & 1 and odd
                self.got = self.got[9 + size :]
            if n < wanted:
                piece = self.s.recv(65536)
                if not piece:
                    break
                self.got += piece
        return n


WAYS = {
    "keep-alive": keep_alive,
    "pipelined": pipelined,
    "bytes": single_bytes,
    "body": body,
    "chunked": chunked,
    "h2-bytes": H2.bytes,
    "h2-many": H2.many,
    "h2-split": H2.split,
    "h2-body": H2.body,
    "h2-late": H2.late,
}


def main():
    port, way, n = sys.argv[1], WAYS[sys.argv[2]], int(sys.argv[3])
    if port.startswith("/"):
        s = socket.socket(socket.AF_UNIX)
        s.connect(port)
    else:
        host = sys.argv[4] if len(sys.argv) > 4 else "127.0.0.1"
        s = socket.create_connection((host, int(port)))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    h2 = H2(s) if sys.argv[2].startswith("h2-") else None
    sent = got = 0
    for _ in range(n):
        k = way(h2 or s)
        sent += k
        got += h2.answers(k) if h2 else answers(s, k)
    print(sent, got)


main()
