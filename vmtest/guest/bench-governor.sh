#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the governor costs with 500 pools: CPU of a minute in which every limit changes, of one in which one
# in ten does, of one in which none does, its memory, and what wakes it while nothing happens; and what the
# kernel alone takes for such a minute's files. One JSON object a line.
# BEFORE=DIR: another faasmat (with its watchdog beside it) is measured in turn with this one; emulated time
# grows with the host's load, so that only figures of one run compare.
set -u
. vmtest/guest/lib.sh
make_node
POOLS=${POOLS:-500}
work=$RUN/bench
root=$CG/node/faasmat
CHANGING=${CHANGING:-12} # minutes of 2 s a measurement
ROUNDS=${ROUNDS:-2}      # measurements of each case and program
IDLE=${IDLE:-12}         # minutes of the idle part, 5 s each
programs=(after)
[ -z "${BEFORE:-}" ] || programs=(before after)

report() { printf '{"bench":"governor","case":"%s","value":%s,"unit":"%s"%s}\n' "$1" "$2" "$3" "${4:-}"; }
# Milliseconds on a CPU so far, of all threads, those that have ended too; in steps of 10.
cpu_ms() { awk '{ print ($14 + $15) * 10 }' /proc/$1/stat; }
resident() { awk -v what="$1:" '$1 == what { print $2 }' /proc/$governor/status; }
# use PROGRAM: before or after; each has a database of its own, for theirs may be of different schemas.
use() {
	program=$1
	faasmat=$FAASMAT
	[ "$program" = after ] || faasmat=$BEFORE/faasmat
	state=$work/$program
	export FAASMAT_DB=$state/faasmat.db
}

# $POOLS functions; odd and even ones change places every minute up to minute 1999, then nothing changes.
mkdir -p $work
{
	echo function,day,minute,count
	for i in $(seq $POOLS); do echo "f$i,0,0,1"; done
} >$work/history.csv
{
	echo function,memory_mb,warm_ms,cold_ms
	for i in $(seq $POOLS); do echo "f$i,1,100,1000"; done
} >$work/functions.csv
make_plan() {
	mkdir -p $state
	$faasmat import history $work/history.csv --functions $work/functions.csv 2>/dev/null || exit 1
	sql $FAASMAT_DB "BEGIN; INSERT INTO planned VALUES(1000, 3000);
		WITH RECURSIVE m(m) AS (SELECT 1000 UNION SELECT m + 1 FROM m WHERE m < 1100)
		INSERT INTO plan SELECT m, id, 2, (2 + ((m + id) % 2)) * 1048576, 1048576 FROM m, functions;
		WITH RECURSIVE m(m) AS (SELECT 1500 UNION SELECT m + 1 FROM m WHERE m < 1600)
		INSERT INTO plan SELECT m, id, 2, (2 + (id % 20 = m % 2)) * 1048576, 1048576 FROM m, functions;
		WITH RECURSIVE m(m) AS (SELECT 2000 UNION SELECT m + 1 FROM m WHERE m < 2100)
		INSERT INTO plan SELECT m, id, 2, 2 * 1048576, 1048576 FROM m, functions;
		INSERT INTO meta VALUES('plan_version', 1); COMMIT"
}

# start FIRST LENGTH LEASE: the governor, with minute FIRST a second ago
start() {
	$faasmat govern --verbose --apply --root /node/faasmat --memory 2G --share 0.8 --margin 64K --lease "$3" \
		--socket $state/sock --state-dir $state --minute-length "$2" \
		--minute-origin "$1@$(($(date +%s) - 1))" 2>>$state/log &
	governor=$!
	wait_for 60 test -S $state/sock
}
stop() {
	kill -TERM $governor
	wait $governor
}
# How the governor's own account of a minute splits up: the mean of the last $1 minutes, in milliseconds.
phases() {
	grep -o 'CPU of the last minute.*' $state/log | tail -n "$1" | tr -d ',' | awk '
		{ plan += $8; read += $10; decide += $12; record += $14; write += $16 }
		END { printf ",\"read_plan\":%.1f,\"read_memory\":%.1f,\"decide\":%.1f,\"record\":%.1f,\"write\":%.1f",
			plan / NR / 1000, read / NR / 1000, decide / NR / 1000, record / NR / 1000, write / NR / 1000 }'
}
writes() { sql $FAASMAT_DB "select count(*) from ledger where action = 'write' and file = 'memory.max' and applied"; }
# measure CASE MINUTES: CPU a minute of 2 s, over so many
measure() {
	local w c t
	w=$(writes)
	c=$(cpu_ms $governor)
	t=${EPOCHREALTIME/[.,]/}
	sleep $((2 * $2))
	c=$(($(cpu_ms $governor) - c))
	t=$((${EPOCHREALTIME/[.,]/} - t))
	w=$(($(writes) - w))
	report "$1" "$(awk "BEGIN { printf \"%.1f\", $c / ($t / 2e6) }")" 'ms of CPU' \
		",\"program\":\"$program\",\"limit_writes_a_minute\":$(awk "BEGIN { printf \"%.0f\", $w / ($t / 2e6) }")$(phases $2),\"bound\":50"
}

for program in "${programs[@]}"; do
	use $program
	make_plan
done
start 1000 2s 30s
made() { [ "$(ls $root | grep -c ^pool-)" = "$POOLS" ]; }
wait_for 120 made || { echo "bench: pools were not made: $(tail -n 2 $state/log)" >&2; exit 1; }
sleep 5
stop

for round in $(seq $ROUNDS); do
	for program in "${programs[@]}"; do
		use $program
		start 1000 2s 30s
		sleep 6
		measure "$POOLS pools, a minute in which every limit changes" $CHANGING
		report "$POOLS pools, resident memory" "$(resident VmRSS)" KiB \
			",\"program\":\"$program\",\"of_it_the_heap\":$(resident RssAnon),\"of_it_the_program\":$(resident RssFile),\"bound\":10240"
		stop
		start 1500 2s 30s
		sleep 6
		measure "$POOLS pools, a minute in which one limit in ten changes" $CHANGING
		stop
	done
	# The same files, by a program that does nothing else: no governor does it for less.
	for changed in $POOLS $((POOLS / 10)); do
		echo "# bound, $changed limits written: $($BIN/governor-bound $root $changed 20)" >&2
	done
done
start 2000 5s 15s
sleep 12
[ $IDLE != 0 ] || exit 0
strace -f -p $governor -e trace=epoll_wait -o $work/trace 2>$work/strace.log &
tracer=$!
wait_for 20 grep -q . $work/strace.log
sleep $((5 * IDLE))
# strace writes out what it has when it ends.
kill -INT $tracer
wait $tracer 2>/dev/null
n=$(grep -c 'epoll_wait.*= [1-9]' $work/trace)
report "$POOLS pools, idle: wakeups in $IDLE minutes of 5 s with a lease of 15 s" "$n" wakeups \
	",\"minutes_and_heartbeats\":$((2 * IDLE))"
c=$(cpu_ms $governor)
sleep $((5 * IDLE))
c=$(($(cpu_ms $governor) - c))
report "$POOLS pools, a minute in which nothing changes" "$(awk "BEGIN { printf \"%.1f\", $c / $IDLE }")" 'ms of CPU'
stop
sed "s/^/# /" $work/*/log >&2
