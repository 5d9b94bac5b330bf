#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Copies the .BTF section of a compressed Debian kernel image. usage: extract-btf.sh IMAGE OUT
set -eu
image=$1 out=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# Debian 12 and 13 compress with xz; its stream begins with FD 37 7A 58 5A 00 inside the image.
offset=$(LC_ALL=C grep -obUaP '\xFD7zXZ\x00' "$image" | head -n 1 | cut -d: -f1)
[ -n "$offset" ] || { echo "extract-btf: no xz stream in $image" >&2; exit 1; }
tail -c "+$((offset + 1))" "$image" | xz -dc --single-stream >"$tmp/vmlinux" 2>/dev/null || true
objcopy --only-section=.BTF "$tmp/vmlinux" "$tmp/btf" 2>/dev/null
[ -s "$tmp/btf" ] || { echo "extract-btf: $image holds no BTF" >&2; exit 1; }
mv "$tmp/btf" "$out"
