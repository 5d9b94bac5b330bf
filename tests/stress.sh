#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Creates and deletes through the OCI wrapper with random kills of invoker, governor, wrapper and runtime,
# in a cgroup of its own: at the end every reservation is a live container, and nothing is left.
# usage: stress.sh [CREATES]     (500; the soak runs 10000)
set -u
cd "$(dirname "$0")/.." || exit 1
creates=${1:-500}
names="stress-reservations-are-containers stress-nothing-is-left"
skip_all() {
	for n in $names; do echo "skip $n: $1"; done
	exit 0
}
mount=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo)
[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -n "$mount" ] || skip_all "no cgroup v2 on this machine"
make -s build/gcc/tests/counter build/gcc/tests/plain_runtime build/gcc/tests/stress build/faasmat-runtime || exit 1

name=faasmat-stress-$$
dir=$PWD/build/tmp/stress
rm -rf "$dir"
mkdir -p "$dir/state"
mkdir -p "$mount/$name/outside" || skip_all "no cgroup can be made in $mount"
clean_up() {
	for c in "$mount/$name"/*/*/cgroup.kill; do [ -e "$c" ] && echo 1 >"$c"; done
	sleep 0.2
	find "$mount/$name" -depth -type d -exec rmdir {} \; 2>/dev/null
}
trap clean_up EXIT
cp build/gcc/tests/counter build/gcc/tests/plain_runtime build/faasmat-runtime "$dir/"
cat >"$dir/runtime.conf" <<CONF
runtime = $dir/plain_runtime
socket = $dir/sock
cgroups = $mount
CONF
export FAASMAT_RUNTIME_CONF=$dir/runtime.conf PLAIN_STATE=$dir/state PLAIN_MOUNT=$mount PLAIN_PAUSE=2000
status=0
build/gcc/tests/stress "$creates" "$dir" "$mount" "/$name" || status=$?
exit $status
