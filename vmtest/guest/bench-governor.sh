#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the governor costs with 500 pools: CPU of a minute in which every limit changes, of a minute in
# which none does, its memory, and what wakes it while nothing happens. One JSON object a line.
set -u
. vmtest/guest/lib.sh
make_node
POOLS=${POOLS:-500}
work=$RUN/bench
mkdir -p $work
export FAASMAT_DB=$work/faasmat.db
root=$CG/node/faasmat
CHANGING=${CHANGING:-20} # minutes in which everything changes, 2 s each
IDLE=${IDLE:-12}         # minutes of the idle part, 5 s each

report() { printf '{"bench":"governor","case":"%s","value":%s,"unit":"%s"%s}\n' "$1" "$2" "$3" "${4:-}"; }
# Nanoseconds on a CPU so far; the accounting of /proc/PID/stat is in ticks of 4 ms.
cpu_ns() { cut -d' ' -f1 /proc/$1/schedstat; }

# $POOLS functions; odd and even ones change places every minute up to minute 1999, then nothing changes.
{
	echo function,day,minute,count
	for i in $(seq $POOLS); do echo "f$i,0,0,1"; done
} >$work/history.csv
{
	echo function,memory_mb,warm_ms,cold_ms
	for i in $(seq $POOLS); do echo "f$i,1,100,1000"; done
} >$work/functions.csv
$FAASMAT import history $work/history.csv --functions $work/functions.csv 2>/dev/null || exit 1
sql $FAASMAT_DB "BEGIN; INSERT INTO planned VALUES(1000, 3000);
	WITH RECURSIVE m(m) AS (SELECT 1000 UNION SELECT m + 1 FROM m WHERE m < 1100)
	INSERT INTO plan SELECT m, id, 2, (2 + ((m + id) % 2)) * 1048576, 1048576 FROM m, functions;
	WITH RECURSIVE m(m) AS (SELECT 1500 UNION SELECT m + 1 FROM m WHERE m < 1600)
	INSERT INTO plan SELECT m, id, 2, (2 + (id % 20 = m % 2)) * 1048576, 1048576 FROM m, functions;
	WITH RECURSIVE m(m) AS (SELECT 2000 UNION SELECT m + 1 FROM m WHERE m < 2100)
	INSERT INTO plan SELECT m, id, 2, 2 * 1048576, 1048576 FROM m, functions;
	INSERT INTO meta VALUES('plan_version', 1); COMMIT"

# start FIRST LENGTH LEASE: the governor, with minute FIRST a second ago
start() {
	$FAASMAT govern --verbose --apply --root /node/faasmat --memory 2G --share 0.8 --margin 64K --lease "$3" \
		--socket $work/sock --state-dir $work --minute-length "$2" \
		--minute-origin "$1@$(($(date +%s) - 1))" 2>>$work/log &
	governor=$!
	wait_for 60 test -S $work/sock
}
stop() {
	kill -TERM $governor
	wait $governor
}

start 1000 2s 30s
made() { [ "$(ls $root | grep -c ^pool-)" = "$POOLS" ]; }
wait_for 120 made || { echo "bench: pools were not made: $(tail -n 2 $work/log)" >&2; exit 1; }
sleep 5
# How the governor's own account of a minute splits up: the mean of the last $1 minutes, in milliseconds.
phases() {
	grep -o 'CPU of the last minute.*' $work/log | tail -n "$1" | tr -d ',' | awk '
		{ plan += $8; read += $10; decide += $12; record += $14; write += $16 }
		END { printf ",\"read_plan\":%.1f,\"read_memory\":%.1f,\"decide\":%.1f,\"record\":%.1f,\"write\":%.1f",
			plan / NR / 1000, read / NR / 1000, decide / NR / 1000, record / NR / 1000, write / NR / 1000 }'
}
writes() { sql $FAASMAT_DB "select count(*) from ledger where action = 'write' and file = 'memory.max' and applied"; }
# measure CASE MINUTES: CPU a minute of 2 s, over so many
measure() {
	local w c t
	w=$(writes)
	c=$(cpu_ns $governor)
	t=${EPOCHREALTIME/[.,]/}
	sleep $((2 * $2))
	c=$(($(cpu_ns $governor) - c))
	t=$((${EPOCHREALTIME/[.,]/} - t))
	w=$(($(writes) - w))
	report "$1" "$(awk "BEGIN { printf \"%.1f\", $c / 1e6 / ($t / 2e6) }")" 'ms of CPU' \
		",\"limit_writes_a_minute\":$(awk "BEGIN { printf \"%.0f\", $w / ($t / 2e6) }")$(phases $2),\"bound\":50"
}
measure "$POOLS pools, a minute in which every limit changes" $CHANGING
report "$POOLS pools, resident memory" "$(awk '/VmRSS/ { print $2 }' /proc/$governor/status)" KiB ',"bound":10240'
stop

start 1500 2s 30s
sleep 6
measure "$POOLS pools, a minute in which one limit in ten changes" $CHANGING
stop

start 2000 5s 15s
sleep 12
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
c=$(cpu_ns $governor)
sleep $((5 * IDLE))
c=$(($(cpu_ns $governor) - c))
report "$POOLS pools, a minute in which nothing changes" "$(awk "BEGIN { printf \"%.1f\", $c / 1e6 / $IDLE }")" 'ms of CPU'
stop
sed 's/^/# /' $work/log >&2
