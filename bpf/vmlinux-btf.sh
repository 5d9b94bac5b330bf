#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Prints vmlinux.h: the kernel's types, from the running kernel's BTF, else from the VM kernel's
# (Debian ships it inside the image; CO-RE makes either good for all kernels from 6.1 on).
# usage: vmlinux-btf.sh BPFTOOL BUILD_DIR
set -eu
bpftool=$1 build=$2
btf=/sys/kernel/btf/vmlinux
if [ ! -r "$btf" ]; then
	image=$(ls /boot/vmlinuz-*-amd64 2>/dev/null | sort -V | tail -n 1)
	[ -n "$image" ] || { echo "vmlinux.h: no kernel BTF and no kernel image in /boot; run make deps" >&2; exit 1; }
	btf=$build/vmlinux-$(basename "$image").btf
	# The BTF lies in the compressed kernel as a section: unpack it, then copy the section out.
	[ -r "$btf" ] || "$(dirname "$0")/extract-btf.sh" "$image" "$btf"
fi
exec "$bpftool" btf dump file "$btf" format c
