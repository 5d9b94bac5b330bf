#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the OCI wrapper costs: beside the runtime that it hands over to, interleaved, medians. Creates of
# real containers with the governor up, dead, hung and flooding; verbs that pass straight through.
# The cases `create-alone...` hand over to a program that does nothing: the wrapper's own cost, without what
# a runtime's creates differ by on a busy machine. Bounds: 3 ms added to a create, 20 ms without an answer, 1 ms for the other verbs.
# usage: runtime.sh [ROUNDS]
set -u
cd "$(dirname "$0")/.." || exit 1
rounds=${1:-41}
mount=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo)
missing() {
	echo "bench runtime: $1" >&2
	exit 1
}
[ "$(id -u)" = 0 ] || missing "needs root"
[ -n "$mount" ] || missing "no cgroup v2 on this machine"
command -v crun >/dev/null || command -v runc >/dev/null || missing "needs crun or runc"
make -s build/gcc/tests/counter build/gcc/tests/time_creates build/gcc/tests/flood build/faasmat-runtime || exit 1
name=faasmat-bench-$$
dir=$PWD/build/tmp/bench-runtime
rm -rf "$dir"
mkdir -p "$dir/bundle/rootfs/bin" "$dir/bundle/rootfs/"{proc,dev} "$mount/$name/outside"
pids=()
clean_up() {
	[ ${#pids[@]} = 0 ] || kill -9 "${pids[@]}" 2>/dev/null
	for c in "$mount/$name"/*/*/cgroup.kill; do [ -e "$c" ] && echo 1 >"$c"; done
	sleep 0.2
	find "$mount/$name" -depth -type d -exec rmdir {} \; 2>/dev/null
}
trap clean_up EXIT
cp /bin/busybox "$dir/bundle/rootfs/bin/sh" 2>/dev/null || missing "needs busybox-static"
cat >"$dir/config.json" <<JSON
{"ociVersion":"1.0.2","process":{"user":{"uid":0,"gid":0},"args":["/bin/sh","-c","exit"],"cwd":"/"},
"root":{"path":"rootfs","readonly":true},"annotations":{"faasmat.function":"f"},
"mounts":[{"destination":"/proc","type":"proc","source":"proc"}],
"linux":{"cgroupsPath":"/$name/outside/ID","namespaces":[{"type":"pid"},{"type":"mount"}]}}
JSON
export FAASMAT_RUNTIME_CONF=$dir/runtime.conf
status=0
# measure CASE RUNTIME BOUND_MS VERB...
measure() {
	local case=$1 runtime=$2 bound=$3
	shift 3
	printf 'runtime = %s\nsocket = %s/sock\n' "$runtime" "$dir" >"$dir/runtime.conf"
	unshare -m sh -c 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' - \
		build/gcc/tests/time_creates "$case" "$runtime" build/faasmat-runtime "$bound" "$rounds" "$dir" "$@" || status=1
}
start_counter() {
	build/gcc/tests/counter "$mount" "/$name" "$dir/sock" 2>"$dir/counter.log" &
	counter=$!
	pids+=($counter)
	for _ in $(seq 100); do
		[ -S "$dir/sock" ] && return
		sleep 0.05
	done
	missing "the counter does not start: $(cat "$dir/counter.log")"
}
echo 'int main(void) { return 0; }' | gcc -O2 -static -x c -o "$dir/alone" - || missing "needs gcc"
for runtime in alone crun runc; do
	path=$dir/alone
	[ $runtime = alone ] || path=$(command -v $runtime) || continue
	start_counter
	measure "create-$runtime" "$path" 3 create
	measure "version-$runtime" "$path" 1 --version
	[ $runtime = crun ] || measure "features-$runtime" "$path" 1 features
	measure "state-$runtime" "$path" 1 state nobody
	kill -STOP $counter
	measure "create-$runtime-hung" "$path" 20 create
	kill -CONT $counter
	build/gcc/tests/flood "$dir/sock" &
	flood=$!
	pids+=($flood)
	measure "create-$runtime-flooded" "$path" 20 create
	kill $flood
	kill -9 $counter
	wait $counter $flood 2>/dev/null
	measure "create-$runtime-dead" "$path" 20 create
done
exit $status
