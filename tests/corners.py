#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends requests in a way that is hard to count, and prints how many it sent and had answered.

usage: corners.py PORT|SOCKET WAY N [HOST]    SOCKET: the path of a UNIX socket
  keep-alive  one head a write
  pipelined  ten heads in one write          bytes    a head by single bytes
  body       a body full of heads            chunked  the same in chunks
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


WAYS = {
    "keep-alive": keep_alive,
    "pipelined": pipelined,
    "bytes": single_bytes,
    "body": body,
    "chunked": chunked,
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
    sent = got = 0
    for _ in range(n):
        k = way(s)
        sent += k
        got += answers(s, k)
    print(sent, got)


main()
