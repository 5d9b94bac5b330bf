#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Benchmarks, one JSON object a line: {"bench","case","value","unit"[,"peer","peer_value","ratio"]}.
# usage: run.sh [NAME]     demo, governor or sweep (in a VM), volumes, or NAME of bench/bench_NAME.c; without NAME all;
#                          live: the live experiment (an hour in a VM, only when named)
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
name=${1:-}
status=0
ran=0
for program in build/gcc/bench/bench_*; do
	[ -x "$program" ] && [[ $program != *.d ]] || continue
	case $name in "" | "${program##*/bench_}") ;; *) continue ;; esac
	"$program" || status=1
	ran=1
done
if [ -z "$name" ] || [ "$name" = bpf ]; then
	bench/bpf-nginx.sh || status=1
fi
if [ -z "$name" ] || [ "$name" = runtime ]; then
	bench/runtime.sh || status=1
	ran=1
fi
if [ -z "$name" ] || [ "$name" = volumes ]; then
	bench/volumes.sh || status=1
	ran=1
fi
if [ "$name" = live ]; then
	bench/live.sh || status=1
	ran=1
fi
# Those that need a VM.
for guest in demo governor sweep; do
	case $name in "" | "$guest") ;; *) continue ;; esac
	VM_TIMEOUT=3600 vmtest/vm.sh "vmtest/guest/bench-$guest.sh" | grep --line-buffered '^{' || status=1
	ran=1
done
[ $ran = 1 ] || {
	echo "bench: there is no '$name'; there are demo, governor, live, runtime, sweep, volumes and $(ls bench/bench_*.c 2>/dev/null | sed 's/.*bench_\(.*\)\.c/\1/' | tr '\n' ' ')" >&2
	exit 2
}
exit $status
