#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sums the history of a function (LIKE; %: of all): invocations, responses, 5xx, excluded, aborted, responses in the histogram,
unsettled, and the reasons (numbers of store/quality.h) but for those of a minute that was no whole one.

usage: outcomes.py DATABASE FUNCTION
Reads the histogram by its description in store/durations.h alone.
"""
import sqlite3
import sys


def counts(blob):
    numbers, n, shift = [], 0, 0
    for byte in (blob or b"")[1:]:
        n |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            numbers.append(n)
            n = shift = 0
    return numbers


UNWATCHED_OR_ODD = 1 | 2
rows = sqlite3.connect(sys.argv[1]).execute(
    "SELECT invocations, responses, responses_5xx, excluded, aborted, unsettled, quality, durations"
    " FROM history JOIN functions f ON f.id = function_id WHERE f.name LIKE ?",
    (sys.argv[2],),
)
total, timed, unsettled, quality = [0] * 5, 0, 0, 0
for row in rows:
    total = [a + b for a, b in zip(total, row)]
    unsettled += row[5]
    quality |= row[6]
    timed += sum(counts(row[7]))
print(*total, timed, unsettled, quality & ~UNWATCHED_OR_ODD)
