#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The governor against a real kernel: limits follow the plan, containers outlive a kill -9, the lease
# lifts limits, restore puts them back. Prints "ok NAME" / "not ok NAME: why" lines.
# usage: govern.sh      in the guest, as root
set -u
cd "$(dirname "$0")/../.." || exit 1
. vmtest/guest/lib.sh
tools=$PWD/build/gcc/vmtest
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

# until MINUTE TENTH: sleeps until that tenth of the (scaled) minute
until_minute() {
	local left
	left=$(awk -v at="$origin" -v m="$1" -v t="$2" -v len=$minute -v now="$(date +%s.%N)" \
		'BEGIN { print at + (m - 1000 + t / 10) * len - now }')
	case $left in -*) echo "# late by ${left#-} s for minute $1" ;; *) sleep "$left" ;; esac
}

is() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

start_governor() {
	$FAASMAT govern --root /faasmat --memory 1G --share 0.7 --margin 16M --lease 3s \
		--socket $sock --state-dir $work --minute-length ${minute}s \
		--minute-origin "1000@$origin" "$@" 2>>$work/log &
	governor=$!
	wait_for 10 test -S $sock
}

# container POOL ID MIB: a cgroup below the pool with a process that holds so much memory
container() {
	mkdir "$root/$1/$2"
	sh -c "echo \$\$ >$root/$1/$2/cgroup.procs; exec $tools/hold $3" >"$work/$2.out" &
	wait_for 20 grep -q held "$work/$2.out" || echo "# container $2 did not start"
}
alive() { [ "$(cat "$root/$1/cgroup.procs" | wc -l)" = 1 ]; }

# The plan as `faasmat plan` would have stored it, for a function whose name is a nuisance too.
odd='a b;$(x)%2F..'
oddpool='pool-a%20b%3B%24%28x%29%252F..'
printf 'function,day,minute,count\nf,0,0,1\n%s,0,0,1\n' "$odd" >$work/history.csv
printf 'function,memory_mb,warm_ms,cold_ms\nf,50,100,1000\n%s,50,100,1000\n' "$odd" >$work/functions.csv
$FAASMAT import history $work/history.csv --functions $work/functions.csv 2>$work/log ||
	not_ok govern-import "$(cat $work/log)"
# plan FIRST LAST CONTAINERS MIB FUNCTION
plan() {
	sql $FAASMAT_DB "WITH RECURSIVE m(m) AS (SELECT $1 UNION SELECT m + 1 FROM m WHERE m < $2)
		INSERT INTO plan SELECT m, id, $3, $4 * 1048576, 0 FROM m, functions WHERE name = '$5'"
}
sql $FAASMAT_DB 'INSERT INTO planned VALUES(1000, 1100)'
plan 1000 1000 2 200 f
plan 1000 1001 1 100 "$odd"
plan 1001 1001 4 400 f
plan 1002 1002 1 100 f
plan 1002 1002 3 300 "$odd"
plan 1003 1004 2 200 f
plan 1005 1005 5 500 f
plan 1006 1100 2 200 f
plan 1003 1100 2 200 "$odd"

origin=$(($(date +%s) + 3))
until_minute 1000 0
start_governor --apply
grep -q 'nothing will be governed until' $work/log && ok govern-governor-says-nothing-governed ||
	not_ok governor-says-nothing-governed "$(cat $work/log)"
$tools/sample-limits $root 1G 16M >$work/samples 2>&1 &
sampler=$!
two=$($FAASMAT govern --apply --root /faasmat --memory 1G --socket $work/sock2 \
	--state-dir $work 2>&1)
case $two in *"governed already, by process $governor"*) ok govern-two-governors ;; *) not_ok govern-two-governors "$two" ;; esac

until_minute 1000 5
want root-budget "$(mib 1024)" "$(cat $root/memory.max)"
want minute-0-f "$(mib 200)" "$(limit pool-f)"
want minute-0-odd-name "$(mib 100)" "$(limit "$oddpool")"
want minute-0-main "$(mib 724)" "$(limit main)"
want low-follows "$(mib 200) 0" "$(low pool-f) $(low main)"
answer=$($tools/ask $sock '{"op":"reserve","id":"m1","function":"rare","bytes":314572800}' \
	'{"op":"reserve","id":"f1","function":"f","bytes":157286400}')
case $answer in
*'"pool":"main","cgroup":"/faasmat/main"'*'"pool":"pool-f","cgroup":"/faasmat/pool-f"'*) ok govern-reserve ;;
*) not_ok govern-reserve "$answer" ;;
esac
container main m1 280
container pool-f f1 120

until_minute 1001 5
want grows-f "$(mib 400)" "$(limit pool-f)"
until_minute 1002 6
want shrinks-only-to-use "$(mib 150)" "$(limit pool-f)"
want others-grow-meanwhile "$(mib 300)" "$(limit "$oddpool")"
veto=$(sqlite3 $FAASMAT_DB "select count(*) from ledger where minute = 1002 and pool = 'pool-f' and action = 'veto'")
want ledger-says-why 1 "$veto"
until_minute 1004 5
want settles "$(mib 200) $(mib 200) $(mib 624)" "$(limit pool-f) $(limit "$oddpool") $(limit main)"

# Main is full of idle containers; a pool grows as the platform evicts them.
$tools/ask $sock '{"op":"reserve","id":"m2","function":"rare","bytes":209715200}' >/dev/null
container main m2 180
$tools/ask $sock -l '{"op":"subscribe"}' >$work/notices &
listener=$!
until_minute 1005 4
grep '"pool":"main"' $work/notices | jq -s -e 'any(.used_bytes > .admitted_bytes)' >/dev/null &&
	ok govern-asks-main-to-evict || not_ok govern-asks-main-to-evict "$(cat $work/notices)"
waits=$(sql $FAASMAT_DB "select count(*) from ledger where minute = 1005 and pool = 'pool-f' and action = 'wait' and reason like '%main still holds%'")
want waits-for-whom 1 "$waits"
kill "$(cat $root/main/m2/cgroup.procs)"
wait_for 5 rmdir $root/main/m2
$tools/ask $sock '{"op":"release","id":"m2"}' >/dev/null
wait_for 4 is $root/pool-f/memory.max "$(mib 500)"
want grows-by-eviction "$(mib 500)" "$(limit pool-f)"
want no-oom-kill 0 "$(cat $root/memory.events | sed -n 's/^oom_kill //p')"
kill $listener
until_minute 1006 5

kill -9 $governor
wait $governor 2>/dev/null
want limits-outlast-kill "$(mib 200)" "$(limit pool-f)"
kill -TERM $sampler
wait $sampler && ok govern-invariants-sampled || not_ok govern-invariants-sampled "$(tail -3 $work/samples)"
echo "# $(tail -1 $work/samples)"
if wait_for 10 is $root/pool-f/memory.max max; then ok govern-lease-lifts; else not_ok govern-lease-lifts "$(limit pool-f)"; fi
sleep 0.5
want lease-lifts-all "max max max 0" "$(limit pool-f) $(limit "$oddpool") $(limit main) $(low pool-f)"
want budget-stays "$(mib 1024)" "$(cat $root/memory.max)"
alive main/m1 && alive pool-f/f1 && ok govern-containers-live || not_ok govern-containers-live "one is gone"

start_governor --apply
if wait_for 20 is $root/pool-f/memory.max "$(mib 200)"; then ok govern-successor-governs; else not_ok govern-successor-governs "$(limit pool-f)"; fi
table=$($tools/ask $sock '{"op":"table"}' | jq -c '[.pools[] | [.pool, .used_containers]]')
want successor-counts-containers '[["main",1],["pool-f",1],["'"$oddpool"'",0]]' "$table"
echo "$(mib 190)" >$root/pool-f/memory.max
sleep $minute
want foreign-write-is-left "$(mib 190)" "$(limit pool-f)"
kill -TERM $governor
wait $governor
want stop-is-orderly 0 $?
want stop-lifts "$(mib 190) max" "$(limit pool-f) $(limit main)"
ls $work/lease-* 2>/dev/null | grep -qv lock && not_ok govern-lease-given-up "$(ls $work)" || ok govern-lease-given-up
wait_for 3 sh -c '! pidof faasmat-watchdog >/dev/null' && ok govern-watchdog-ends || not_ok govern-watchdog-ends "still there"

json=$($FAASMAT restore --json --state-dir $work)
want restore-exit 0 $?
want restore-lists-changed '["/faasmat/pool-f"]' \
	"$(echo "$json" | jq -c '[.[] | select(.outcome == "changed") | .cgroup]')"
want restore-root max "$(cat $root/memory.max)"
want restore-forgets 0 "$(sqlite3 $FAASMAT_DB 'select count(*) from journal')"
alive main/m1 && alive pool-f/f1 && ok govern-containers-live-on || not_ok govern-containers-live-on "one is gone"

echo max >$root/pool-f/memory.max
start_governor
sleep 3
want shadow-writes-nothing "max max" "$(limit pool-f) $(cat $root/memory.max)"
shadow=$(sqlite3 $FAASMAT_DB "select count(*) > 0, sum(applied) from ledger where minute >= 1000 and action = 'write' and id > (select max(id) from ledger where action = 'restore')")
want shadow-decides '1|0' "$shadow"
kill -TERM $governor
wait $governor

# A function that no plan names any more: its empty pool is removed and its margin is main's again.
sql $FAASMAT_DB 'INSERT INTO planned VALUES(2000, 2100)'
plan 2000 2001 2 200 "$odd"
minute=1
origin=$(($(date +%s) - 1000)) # minute 2000 is now
$FAASMAT restore --state-dir $work >/dev/null
start_governor --apply
wait_for 10 is "$root/$oddpool/memory.max" "$(mib 200)"
want plans-again "$(mib 200)" "$(limit "$oddpool")"
wait_for 40 test ! -d "$root/$oddpool"
want removes-idle-pool gone "$([ -d "$root/$oddpool" ] && echo there || echo gone)"
has_grown() { [ "$(limit main)" -gt "$(mib 870)" ]; }
check govern-main-has-it-again "$(limit main)" wait_for 10 has_grown
kill -TERM $governor
wait $governor
for c in main/m1 pool-f/f1; do kill "$(cat $root/$c/cgroup.procs)"; done
sed 's/^/# /' $work/log
[ $failures = 0 ] || sqlite3 $FAASMAT_DB 'select * from ledger' | sed 's/^/# /'
exit $((failures > 0))
