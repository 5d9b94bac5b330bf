#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Copies the .BTF section of a compressed Debian kernel image. usage: extract-btf.sh IMAGE OUT
set -eu
image=$1 out=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# Debian 12 compresses with xz, Debian 13 with zstd: the kernel is the stream that begins with the
# compressor's magic number inside the image.
unpack() { # MAGIC COMMAND...
	offset=$(LC_ALL=C grep -obUaP "$1" "$image" | head -n 1 | cut -d: -f1)
	[ -n "$offset" ] || return 0
	shift
	tail -c "+$((offset + 1))" "$image" | "$@" >"$tmp/vmlinux" 2>/dev/null || true
}
unpack '\xFD7zXZ\x00' xz -dc --single-stream
[ -s "$tmp/vmlinux" ] || unpack '\x28\xB5\x2F\xFD' zstd -dc
[ -s "$tmp/vmlinux" ] || { echo "extract-btf: no xz or zstd stream in $image" >&2; exit 1; }
objcopy --only-section=.BTF "$tmp/vmlinux" "$tmp/btf" 2>/dev/null
[ -s "$tmp/btf" ] || { echo "extract-btf: $image holds no BTF" >&2; exit 1; }
mv "$tmp/btf" "$out"
