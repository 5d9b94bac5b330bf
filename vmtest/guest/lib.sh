# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the guest scripts: mounts, a "node" cgroup that stands for the machine, and the lines
# that every test prints.
CG=/sys/fs/cgroup
NODE=$CG/node
RUN=/run/faasmat-test
mkdir -p $RUN/bin
# Copies: a program that is built anew on the host would change under the feet of one that runs here.
cp build/faasmat build/faasmat-watchdog build/faasmat-runtime build/gcc/rig build/gcc/proxy build/gcc/bare build/gcc/vmtest/* $RUN/bin/ 2>/dev/null
BIN=$RUN/bin
FAASMAT=$BIN/faasmat
RIG=$BIN/rig
mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf

failures=0
ok() { echo "ok $1"; }
not_ok() {
	echo "not ok $1: $2"
	failures=$((failures + 1))
}
skip() { echo "skip $1: $2"; }
# check NAME WHY COMMAND...: ok when the command succeeds
check() {
	local name=$1 why=$2
	shift 2
	if "$@"; then ok "$name"; else not_ok "$name" "$why"; fi
}
# equal NAME GOT WANTED
equal() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', wanted '$3'"; fi
}

# make_node [BYTES]: the cgroup below which everything happens, with a limit as if it were the machine. What an
# earlier test of the same boot left goes, its counts of events above all.
make_node() {
	[ ! -d $NODE ] || find $NODE -depth -type d -exec rmdir {} \; 2>/dev/null
	[ ! -d $NODE ] || echo "# $NODE is still in use: $(cat $NODE/cgroup.stat $NODE/*/*/cgroup.procs 2>/dev/null | tr '\n' ' ')"
	echo +memory >$CG/cgroup.subtree_control
	mkdir -p $NODE
	echo +memory >$NODE/cgroup.subtree_control
	echo "${1:-max}" >$NODE/memory.max
}

sql() { sqlite3 -cmd '.timeout 10000' "$1" "$2"; }

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" 2>/dev/null; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

# A program that crashes says where: called at the end.
echo "$RUN/core.%e.%p" >/proc/sys/kernel/core_pattern
ulimit -c unlimited
show_crashes() {
	local core
	for core in $RUN/core.*; do
		[ -e "$core" ] || continue
		not_ok "crash-$(basename "$core")" "a program crashed"
		command -v gdb >/dev/null && gdb -q -batch -ex bt "$BIN/$(basename "$core" | cut -d. -f2)" "$core" 2>&1 | grep '^#' | head -n 20
	done
}
