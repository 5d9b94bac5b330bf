#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The governor against a real kernel: limits follow the plan, a pool grows by eviction, containers
# outlive a kill -9, the lease lifts limits, restore puts them back. Prints "ok NAME" / "not ok NAME:
# why" lines. Waits for what should come instead of looking at set times: the VM may be slow.
# usage: govern.sh      in the guest, as root
set -u
cd "$(dirname "$0")/../.." || exit 1
. vmtest/guest/lib.sh
tools=$BIN
work=$RUN/govern
mkdir -p $work
export FAASMAT_DB=$work/faasmat.db
sock=$work/sock
minute=10
root=$CG/faasmat

# want NAME WANTED GOT
want() { equal "govern-$1" "$3" "$2"; }
limit() { cat "$root/$1/memory.max" 2>&1; }
low() { cat "$root/$1/memory.low" 2>&1; }
mib() { echo $(($1 * 1024 * 1024)); }
is() { [ "$(limit "$1")" = "$2" ]; }
# becomes NAME POOL MIB: its limit does, within half a minute
becomes() {
	wait_for 30 is "$2" "$(mib "$3")"
	want "$1" "$(mib "$3")" "$(limit "$2")"
}
ledger() { sql $FAASMAT_DB "select count(*) > 0 from ledger where $1"; }

start_governor() {
	$FAASMAT govern --root /faasmat --memory 1G --share 0.7 --margin 16M --lease 3s \
		--socket $sock --state-dir $work --minute-length ${minute}s \
		--minute-origin "1000@$origin" "$@" 2>>$work/log &
	governor=$!
	wait_for 20 test -S $sock
}

# container POOL ID MIB RESERVED_MIB FUNCTION: reserved, then a cgroup below the pool with a process
# that holds so much memory
container() {
	local answer
	answer=$($tools/ask $sock '{"op":"reserve","id":"'"$2"'","function":"'"$5"'","bytes":'"$(mib "$4")"'}')
	want "reserve-$2" "true /faasmat/$1" "$(jq -r '"\(.ok) \(.cgroup)"' <<<"$answer")"
	[[ $answer == *'"ok":true'* ]] || return
	mkdir "$root/$1/$2"
	sh -c "echo \$\$ >$root/$1/$2/cgroup.procs; exec $tools/hold $3" >"$work/$2.out" &
	wait_for 30 grep -q held "$work/$2.out" || echo "# container $2 did not start"
}
alive() { [ -n "$(cat "$root/$1/cgroup.procs")" ]; }

# The plan as `faasmat plan` would have stored it, for a function whose name is a nuisance too.
odd='a b;$(x)%2F..'
oddpool='pool-a%20b%3B%24%28x%29%252F..'
printf 'function,day,minute,count\nf,0,0,1\n%s,0,0,1\n' "$odd" >$work/history.csv
printf 'function,memory_mb,warm_ms,cold_ms\nf,50,100,1000\n%s,50,100,1000\n' "$odd" >$work/functions.csv
$FAASMAT import history $work/history.csv --functions $work/functions.csv 2>$work/log ||
	not_ok govern-import "$(cat $work/log)"
sql $FAASMAT_DB 'INSERT INTO planned VALUES(1000, 3000)'
# plan FROM F_MIB ODD_MIB: the budgets of all minutes from FROM on; 0 is no row
plan() {
	sql $FAASMAT_DB "BEGIN IMMEDIATE; DELETE FROM plan WHERE minute >= $1;
		WITH RECURSIVE m(m) AS (SELECT $1 UNION SELECT m + 1 FROM m WHERE m < 3000)
		INSERT INTO plan SELECT m, id, 4, mib * 1048576, 0 FROM m, functions JOIN
			(SELECT 'f' AS n, $2 AS mib UNION SELECT '$odd', $3) ON n = name WHERE mib > 0;
		INSERT INTO meta VALUES('plan_version', 1)
			ON CONFLICT(key) DO UPDATE SET value = value + 1; COMMIT"
}

plan 1000 200 100
origin=$(date +%s)
start_governor --apply
wait_for 5 grep -q 'nothing will be governed until' $work/log
check govern-says-nothing-governed "$(cat $work/log)" grep -q 'nothing will be governed until' $work/log
$tools/sample-limits $root 1G 16M >$work/samples 2>&1 &
sampler=$!
two=$($FAASMAT govern --apply --root /faasmat --memory 1G --socket $work/sock2 --state-dir $work 2>&1)
check govern-one-a-root "$two" grep -q "governed already, by process $governor" <<<"$two"

want root-budget "$(mib 1024)" "$(cat $root/memory.max)"
becomes follows-f pool-f 200
becomes follows-odd-name "$oddpool" 100
becomes follows-main main 724
container main m1 280 300 rare
container pool-f f1 120 150 f
# The working set is protected: what is reserved, at the pool, at the root above it, and (the guest's
# mount does not protect recursively) at the container.
protected() { [ "$(low pool-f) $(low .)" = "$(mib 150) $(mib 150)" ]; }
check govern-low-follows "$(low pool-f) $(low .)" wait_for 30 protected
want low-main 0 "$(low main)"
want low-container max "$(low pool-f/f1)"

plan 1000 400 100
becomes grows pool-f 400
plan 1000 100 300
becomes others-grow "$oddpool" 300
becomes shrinks-only-to-use pool-f 150
want ledger-says-why 1 "$(ledger "pool = 'pool-f' and action = 'veto'")"
plan 1000 200 200
becomes settles-f pool-f 200
becomes settles-main main 624

# The clock, not only a new plan: from the next minute but one on, or
# a little before it begins (the lead).
at=$((1000 + ($(date +%s) - origin) / minute + 2))
plan $at 240 200
becomes follows-the-clock pool-f 240
want in-time 1 "$(ledger "pool = 'pool-f' and file = 'memory.max' and after = $(mib 240) and minute between $at - 1 and $at")"

# Main is full of idle containers; a pool grows as the platform evicts them.
container main m2 180 200 rare
$tools/ask $sock -l '{"op":"subscribe"}' >$work/notices &
listener=$!
plan 1000 500 200
asked() { grep '"pool":"main"' $work/notices | jq -s -e 'any(.used_bytes > .admitted_bytes)' >/dev/null; }
check govern-asks-main-to-evict 'no such notice' wait_for 30 asked
waits() { [ "$(ledger "pool = 'pool-f' and action = 'wait' and reason like '%main still holds%'")" = 1 ]; }
check govern-waits-for-whom 'not in the ledger' wait_for 30 waits
kill "$(cat $root/main/m2/cgroup.procs)"
wait_for 30 rmdir $root/main/m2
$tools/ask $sock '{"op":"release","id":"m2"}' >/dev/null
becomes grows-by-eviction pool-f 500
want no-oom-kill 0 "$(sed -n 's/^oom_kill //p' $root/memory.events)"
kill $listener
plan 1000 200 200
becomes shrinks-again pool-f 200
becomes main-grows-again main 624
echo "# governor: $(grep VmRSS /proc/$governor/status | tr -s '\t ' ' ')," \
	"$(awk '{ print $14 + $15 }' /proc/$governor/stat) ticks of CPU in $(($(date +%s) - origin)) s"

kill -9 $governor
wait $governor 2>/dev/null
want limits-outlast-kill "$(mib 200)" "$(limit pool-f)"
kill -TERM $sampler
wait $sampler && ok govern-invariants-sampled || not_ok govern-invariants-sampled "$(tail -3 $work/samples)"
echo "# $(tail -1 $work/samples)"
lifted() { is pool-f max && is "$oddpool" max && is main max && [ "$(low pool-f)" = 0 ]; }
check govern-lease-lifts "$(limit pool-f) $(limit main)" wait_for 30 lifted
want budget-stays "$(mib 1024)" "$(cat $root/memory.max)"
check govern-containers-live 'one is gone' eval 'alive main/m1 && alive pool-f/f1'

start_governor --apply
becomes successor-governs pool-f 200
table=$($tools/ask $sock '{"op":"table"}' | jq -c '[.pools[] | [.pool, .used_containers]]')
want successor-counts-containers '[["main",1],["pool-f",1],["'"$oddpool"'",0]]' "$table"
echo "$(mib 190)" >$root/pool-f/memory.max
adopted() { [ "$(ledger "pool = 'pool-f' and action = 'adopt'")" = 1 ]; }
check govern-adopts 'not in the ledger' wait_for 30 adopted
sleep 3
want foreign-write-is-left "$(mib 190)" "$(limit pool-f)"
kill -TERM $governor
wait $governor
want stop-is-orderly 0 $?
want stop-lifts "$(mib 190) max" "$(limit pool-f) $(limit main)"
want lease-given-up '' "$(ls $work | grep '^lease-' | grep -v lock)"
gone() { ! pidof faasmat-watchdog; }
check govern-watchdog-ends 'it still runs' wait_for 10 gone

json=$($FAASMAT restore --json --state-dir $work)
want restore-exit 0 $?
want restore-lists-changed '["/faasmat/pool-f"]' \
	"$(jq -c '[.[] | select(.outcome == "changed") | .cgroup]' <<<"$json")"
want restore-root max "$(cat $root/memory.max)"
want restore-forgets 0 "$(sql $FAASMAT_DB 'select count(*) from journal')"
check govern-containers-live-on 'one is gone' eval 'alive main/m1 && alive pool-f/f1'

echo max >$root/pool-f/memory.max
restored=$(sql $FAASMAT_DB 'select max(id) from ledger')
start_governor
decided() { [ "$(ledger "id > $restored and action = 'write'")" = 1 ]; }
check govern-shadow-decides 'nothing in the ledger' wait_for 30 decided
want shadow-writes-nothing "max max max" "$(limit pool-f) $(limit main) $(cat $root/memory.max)"
want shadow-says-so 0 "$(ledger "id > $restored and applied")"
kill -TERM $governor
wait $governor

# A function that no plan names any more: its empty pool is removed and its margin is main's again.
minute=1
origin=$(($(date +%s) - 1000)) # minute 2000 is now
start_governor --apply
becomes plans-again "$oddpool" 200
plan 1000 200 0
removed() { [ ! -d "$root/$oddpool" ]; }
check govern-removes-idle-pool "$(ls $root)" wait_for 60 removed
becomes main-has-its-margin main 824

# The kernel kills in a full pool, twice: the governor sees it and gives more, as far as there is.
ooms() { sql $FAASMAT_DB "select count(*) from ledger where pool = 'pool-f' and action = 'oom'"; }
seen() { [ "$(ooms)" -gt $before ]; }
for mib in 150 400; do
	before=$(ooms)
	sh -c "echo \$\$ >$root/pool-f/f1/cgroup.procs; echo 1000 >/proc/self/oom_score_adj; exec $tools/hold $mib" >/dev/null 2>&1
	check govern-oom-of-$mib-is-seen "$(cat $root/pool-f/memory.events.local)" wait_for 30 seen
done
raised() { [ "$(limit pool-f)" -ge "$(mib 300)" ]; }
check govern-oom-raises "$(limit pool-f)" wait_for 30 raised
check govern-oom-takes-no-other 'one is gone' eval 'alive main/m1 && alive pool-f/f1'
kill -TERM $governor
wait $governor
for c in main/m1 pool-f/f1; do kill "$(cat $root/$c/cgroup.procs)"; done
sed 's/^/# /' $work/log
[ $failures = 0 ] || sql $FAASMAT_DB 'select * from ledger' | sed 's/^/# /'
exit $((failures > 0))
