#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The cost of watching: a pass over 1,000 and 10,000 cgroups beside opening their files; the
# collector's memory with 10,000, and its processor time with 1,000 containers' cgroups and about
# 2,000 requests a second. A JSON object a line.
set -u
. vmtest/guest/lib.sh
cp build/gcc/bench/sweep $BIN/
PIN=/sys/fs/bpf/sweep
DB=$RUN/sweep.db
make_node
mkdir -p $NODE/main
echo +memory >$NODE/main/cgroup.subtree_control

print() { echo "{\"bench\":\"sweep\",\"case\":\"$1\",\"value\":$2,\"unit\":\"$3\"}"; }
make_cgroups() {
	local i
	for ((i = $1; i < $2; i++)); do echo $NODE/main/wsk0_${i}_guest_f$((i % 50)); done | xargs mkdir
}
ticks() { awk '{ print $14 + $15 }' /proc/$collector/stat; }
start_collector() {
	: >$RUN/collector.log
	$FAASMAT collect --root /node --pin $PIN --db $DB --port 1024-65535 2>>$RUN/collector.log &
	collector=$!
	wait_for 60 grep -q "^faasmat collect: watching" $RUN/collector.log
}

make_cgroups 0 1000
$BIN/sweep $NODE $PIN || failures=1

# 1,000 cgroups and 20 containers that answer after 9 ms
mkdir -p $NODE/busy
echo +memory >$NODE/busy/cgroup.subtree_control
start_collector
started=$(date +%s%N)
$RIG count --root /node/busy --containers 20 --requests 1000000 --warm 9ms >$RUN/rig.json &
rig=$!
sleep 10
before=$(ticks) start=$(date +%s%N)
# Over one minute's end at least.
sleep 70
used=$(($(ticks) - before)) took=$((($(date +%s%N) - start) / 1000000))
kill $rig
wait $rig 2>/dev/null
rate=$(($(jq .sent $RUN/rig.json) * 1000 / (($(date +%s%N) - started) / 1000000)))
print "collector, 1000 cgroups and $rate requests/s: share of one core" \
	"$(awk "BEGIN { print $used * 10 * 100 / $took }")" percent
print "collector resident, 1000 cgroups" "$(awk '/VmRSS/ { print $2 / 1024 }' /proc/$collector/status)" MiB
kill -TERM $collector
wait $collector
rm -f $DB*

make_cgroups 1000 10000
$BIN/sweep $NODE $PIN || failures=1
start_collector
sleep 65
print "collector resident, 10000 cgroups" "$(awk '/VmRSS/ { print $2 / 1024 }' /proc/$collector/status)" MiB
print "collector resident at most, 10000 cgroups" "$(awk '/VmHWM/ { print $2 / 1024 }' /proc/$collector/status)" MiB
kill -TERM $collector
wait $collector
$FAASMAT collect --detach --pin $PIN
show_crashes
exit $failures
