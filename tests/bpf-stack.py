#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The stack that the BPF programs of objects take, by kernel 6.1's rule: all functions that call one another share
512 bytes, each rounded up to 32. Newer kernels round up to 16, so they load what 6.1 refuses.
usage: bpf-stack.py OBJECT...     exit 1 when a program takes more, or no program is found"""
import re
import subprocess
import sys

LIMIT, UNIT = 512, 32
PSEUDO_CALL = (0x85, 1)


def objdump(*args):
    return subprocess.run(["llvm-objdump", *args], capture_output=True, text=True, check=True).stdout.splitlines()


def read_functions(path):
    """By section: (begin, end, name)."""
    found = {}
    for line in objdump("-t", path):
        m = re.match(r"([0-9a-f]{16}) (.{7}) (\S+)\s+([0-9a-f]+) (?:\.hidden )?(\S+)$", line)
        if m and "F" in m[2]:
            begin = int(m[1], 16)
            found.setdefault(m[3], []).append((begin, begin + int(m[4], 16), m[5]))
    return found


def read_programs(path):
    """As libbpf finds them: every function of an executable section but .text, where those are that are called."""
    functions, programs = read_functions(path), []
    for line in objdump("-h", path):
        m = re.match(r"\s*\d+ (\S+)\s+([0-9a-f]+) [0-9a-f]+ TEXT$", line.rstrip())
        if m and m[1] != ".text" and int(m[2], 16):
            if m[1] not in functions:
                sys.exit(f"{path}: no program found in section {m[1]}")
            programs += [name for _, _, name in functions[m[1]]]
    if not programs:
        sys.exit(f"{path}: no program found")
    return programs


def read_frames(path):
    """Of each function: bytes of stack, and whom it calls or gives to bpf_loop()."""
    functions = read_functions(path)
    names = {name for section in functions.values() for _, _, name in section}
    frames, section, name, text, at = {}, None, None, "", 0

    def at_place(where, place):
        return next((n for begin, end, n in functions.get(where, []) if begin <= place < end), None)

    for line in objdump("-dr", path):
        if m := re.match(r"Disassembly of section (\S+):", line):
            section = m[1]
        elif m := re.match(r"\s+(\d+):\t([0-9a-f ]+)\t(.*)", line):
            at, raw, text = int(m[1]) * 8, bytes.fromhex(m[2].replace(" ", "")), m[3].strip()
            name = at_place(section, at)
            frame = frames.setdefault(name, {"bytes": 0, "calls": set(), "of_stack": set()})
            places = [int(n) for n in re.findall(r"r10 - (\d+)", text)]
            if m := re.match(r"(r\d) = r10$", text):
                frame["of_stack"].add(m[1])
            elif (m := re.match(r"(r\d) \+= -(\d+)$", text)) and m[1] in frame["of_stack"]:
                frame["of_stack"].discard(m[1])
                places.append(int(m[2]))
            frame["bytes"] = max([frame["bytes"], *places])
            immediate = int.from_bytes(raw[4:8], "little", signed=True)
            if (raw[0], raw[1] >> 4) == PSEUDO_CALL and immediate != -1:
                frame["calls"].add(at_place(section, at + 8 * (immediate + 1)))
        elif m := re.match(r"\s+[0-9a-f]+:\s+R_BPF_\S+\s+(\S+)", line):
            if m[1] in names:
                frames[name]["calls"].add(m[1])
            elif m[1] == ".text":
                call, load = re.match(r"call (-?\d+)$", text), re.search(r"= (\d+) ll", text)
                place = (int(call[1]) + 1) * 8 if call else int(load[1])
                frames[name]["calls"].add(at_place(".text", place))
    return frames


def deepest(frames, name):
    here = max(1, frames[name]["bytes"])
    here += -here % UNIT
    below = max((deepest(frames, n) for n in frames[name]["calls"] if n in frames and n != name), default=(0, ""))
    return here + below[0], f"{name}:{frames[name]['bytes']}" + (f" > {below[1]}" if below[1] else "")


if not sys.argv[1:]:
    sys.exit(__doc__)
depths = []
for path in sys.argv[1:]:
    frames = read_frames(path)
    depths += [deepest(frames, program) for program in read_programs(path)]
for depth, chain in depths:
    print(f"{depth} of {LIMIT}: {chain}")
sys.exit(any(depth > LIMIT for depth, _ in depths))
