#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The governor is killed at random moments while limits change every minute and containers come and go: no
# container dies of it, invariants 1 and 2 hold in every sample, and at the end the lease lifts what is left.
# Then faults around one that runs: a clock that is set, a full disk, a command that hangs.
# KILLS=8 (200 in the soak) KILLS_SECONDS=n (at most) SEED=n      in the guest, as root
set -u
cd "$(dirname "$0")/../.." || exit 1
. vmtest/guest/lib.sh
KILLS=${KILLS:-8}
end=$((SECONDS + ${KILLS_SECONDS:-100000}))
RANDOM=${SEED:=$RANDOM}
echo "# kills: seed $SEED"
work=$RUN/kills
log=$RUN/kills.log
# The database has a disk of its own, which can be filled.
mkdir -p $work
mount -t tmpfs -o size=24m tmpfs $work
export FAASMAT_DB=$work/faasmat.db
sock=$work/sock
make_node
root=$CG/node/faasmat
mib() { echo $(($1 * 1048576)); }

start_governor() {
	rm -f $sock
	$FAASMAT govern --apply --root /node/faasmat --memory 300M --share 0.7 --margin 4M --lease 10s \
		--socket $sock --state-dir $work --minute-length 1s --minute-origin "1000@$origin" \
		"$@" 2>>$log &
	governor=$!
	wait_for 30 test -S $sock
}

printf 'function,day,minute,count\nf,0,0,1\ng,0,0,1\n' >$work/history.csv
printf 'function,memory_mb,warm_ms,cold_ms\nf,20,100,1000\ng,20,100,1000\n' >$work/functions.csv
$FAASMAT import history $work/history.csv --functions $work/functions.csv 2>$log || not_ok kills-import "$(cat $log)"
# A saw-tooth: what one pool gets the other loses, every minute, sometimes down to nothing.
sql $FAASMAT_DB "INSERT INTO planned VALUES(1000, 9000);
	WITH RECURSIVE m(m) AS (SELECT 1000 UNION SELECT m + 1 FROM m WHERE m < 9000)
	INSERT INTO plan SELECT m, id, 4, CASE (m + id) % 3 WHEN 0 THEN 0 WHEN 1 THEN 60 ELSE 140 END * 1048576, 20971520
	FROM m, functions; INSERT INTO meta VALUES('plan_version', 1)"

# reserve POOL ID MIB
reserve() {
	answer=$($BIN/ask $sock '{"op":"reserve","id":"'"$2"'","function":"'"$1"'","bytes":'"$(mib $(($3 + 2)))"'}' 2>/dev/null)
	[[ $answer == *'"ok":true'* ]]
}
# container POOL ID MIB: reserved where the table says, started there; 0 when it runs
container() {
	local answer cgroup
	reserve "$@" || return 1
	cgroup=$CG$(jq -r .cgroup <<<"$answer")/$2
	mkdir "$cgroup" 2>/dev/null || return 1
	(echo $BASHPID >"$cgroup/cgroup.procs" && exec $BIN/hold $3) >"$work/$2.out" 2>&1 &
	echo "$cgroup" >"$work/$2.where"
	wait_for 20 grep -q held "$work/$2.out"
}
# Ends it in order, as a platform would.
end_container() {
	local cgroup
	cgroup=$(cat "$work/$1.where")
	kill "$(cat "$cgroup/cgroup.procs")" 2>/dev/null
	wait_for 10 rmdir "$cgroup"
	$BIN/ask $sock '{"op":"release","id":"'"$1"'"}' >/dev/null 2>&1
	rm -f "$work/$1".*
}
lifted() { [ "$(cat $root/*/memory.max | sort -u)" = max ]; }
governed() { ! grep -q max $root/*/memory.max; }
runs() { [ -n "$(cat "$(cat "$work/$1.where")/cgroup.procs" 2>/dev/null)" ]; }
oom_kills() { sed -n 's/^oom_kill //p' $root/memory.events; }

origin=$(($(date +%s) - 1))
start_governor
$BIN/sample-limits $root 300M 4M >$work/samples 2>&1 &
sampler=$!
# Two containers of main stay all the time; others come and go.
container rare stay1 30 && container rare stay2 30 || not_ok kills-containers "main has no room"
# Minutes are short here and a start is as slow as ever: who asked is gone, the plan goes down to nothing and
# up again, and then the container comes.
check kills-late-reserved 'f has no room' wait_for 20 reserve f late 16
sleep 4
container f late 16
check kills-late-start-lives "pool-f had $(cat $root/pool-f/memory.max)" runs late
end_container late
churned=0
died=0
restarts=0
for i in $(seq "$KILLS"); do
	if [ $SECONDS -ge $end ]; then
		echo "# kills: the time is over after $((i - 1)) kills"
		KILLS=$((i - 1))
		break
	fi
	for f in f g; do
		if [ -e "$work/$f$i.where" ]; then continue; fi
		container $f "$f$i" 16 && churned=$((churned + 1))
	done
	sleep 0.$((RANDOM % 9))$((RANDOM % 10))
	kill -9 $governor
	wait $governor 2>/dev/null
	for c in stay1 stay2 f$i g$i; do
		if [ -e "$work/$c.where" ]; then runs $c || died=$((died + 1)); fi
	done
	# Sometimes nobody comes back before the lease ends.
	if [ $((i % 25)) = 3 ]; then
		kill -USR1 $sampler
		wait_for 30 lifted || not_ok kills-lapse "$(cat $root/*/memory.max | tr '\n' ' ')"
		start_governor && restarts=$((restarts + 1))
		wait_for 30 governed || not_ok kills-governed-again "$(cat $root/*/memory.max | tr '\n' ' ')"
		kill -USR1 $sampler
	else
		start_governor && restarts=$((restarts + 1))
	fi
	[ -e "$work/f$i.where" ] && end_container f$i
	[ -e "$work/g$i.where" ] && end_container g$i
done
equal kills-restarted $restarts "$KILLS"
equal kills-containers-live $died 0
equal kills-no-oom "$(oom_kills)" 0
check kills-under-load "$churned containers came and went" [ $churned -ge $((KILLS / 2)) ]
adopted=$(sql $FAASMAT_DB "select count(*) from ledger where action = 'adopt'")
equal kills-nothing-taken-for-foreign "$adopted" 0
kill -9 $governor
wait $governor 2>/dev/null
kill -USR1 $sampler
check kills-lease-lifts "$(cat $root/*/memory.max | tr '\n' ' ')" wait_for 30 lifted
equal kills-budget-stays "$(cat $root/memory.max)" "$(mib 300)"
check kills-containers-outlive 'one is gone' eval 'runs stay1 && runs stay2'
kill -TERM $sampler
wait $sampler && ok kills-invariants || not_ok kills-invariants "$(tail -n 3 $work/samples)"
echo "# kills: $KILLS kills, $churned containers came and went; $(tail -n 1 $work/samples)"

# --- faults around one that runs
start_governor --on-change 'echo run >>'$work'/hook; sleep 1000' --on-change-limit 2s
written() { sql $FAASMAT_DB "select max(id) from ledger where action in ('write', 'admit')"; }
moves() { [ "$(written)" -gt "$last" ]; }
last=$(written)
check faults-hook-hangs-nothing-waits 'no decision' wait_for 10 moves
many_hooks() { [ "$(wc -l <$work/hook)" -ge 3 ]; }
check faults-hook-is-ended-and-run-again "$(cat $work/hook 2>&1)" wait_for 30 many_hooks
equal faults-one-hook-at-a-time "$(pgrep -c -x -f 'sleep 1000')" 1
for step in '+1 day' '-1 day' '-1 hour' '+1 hour'; do
	date -s "$step" >/dev/null
	sleep 2
	kill -0 $governor || not_ok faults-clock "it died at $step"
	[ "$(cat $root/main/memory.max)" != max ] || not_ok faults-clock "limits were lifted at $step"
done
last=$(written)
check faults-clock-set 'no decision after the clock was set back and forth' wait_for 10 moves
full=$(wc -l <$log)
# What the log has of the disk already, it may go on using for long.
sql $FAASMAT_DB 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
head -c 30M /dev/zero >$work/filler 2>/dev/null
says_full() { tail -n +$((full + 1)) $log | grep -q 'takes nothing now'; }
check faults-disk-full-is-said "$(tail -n 3 $log)" wait_for 30 says_full
sleep 3
check faults-disk-full-lives "$(tail -n 3 $log)" kill -0 $governor
check faults-disk-full-limits-hold "$(cat $root/main/memory.max)" [ "$(cat $root/main/memory.max)" != max ]
rm $work/filler
back() { grep -q 'the database is back' $log; }
check faults-disk-full-ends "$(tail -n 3 $log)" wait_for 30 back
check faults-disk-full-lease "$(grep -c 'cannot be renewed' $log) renewals failed" eval '! grep -q -e "cannot be renewed" -e "the lease had ended" $log'
check faults-explain "$($FAASMAT explain main 2>&1)" $FAASMAT explain main
$FAASMAT status --state-dir $work | sed 's/^/# /'
check faults-status "$($FAASMAT status --state-dir $work 2>&1)" grep -q 'governor runs' <($FAASMAT status --state-dir $work)
check faults-no-oom "$(oom_kills)" [ "$(oom_kills)" = 0 ]
kill -TERM $governor
wait $governor
equal faults-stop 0 $?
end_container stay1
end_container stay2
$FAASMAT restore --state-dir $work | sed 's/^/# /'
equal faults-restored "$(cat $root/memory.max)" max
[ $failures = 0 ] || tail -n 40 $log | sed 's/^/# /'
exit $((failures > 0))
