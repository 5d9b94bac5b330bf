#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The governor against a real kernel: limits follow the plan, containers outlive a kill -9, the lease
# lifts limits, restore puts them back. Prints "ok NAME" / "not ok NAME: why" lines.
# usage: govern.sh [BUILD_DIR]      in the guest, as root
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$top/build}
tools=$build/gcc/vmtest
work=/run/govern-test
export FAASMAT_DB=$work/faasmat.db
sock=$work/sock
minute=10
root=/sys/fs/cgroup/faasmat
failed=0

ok() { echo "ok $1"; }
not_ok() {
	echo "not ok $1: $2"
	failed=1
}
# check NAME WANT GOT
check() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted '$2', got '$3'"; fi; }
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

# wait_for SECONDS COMMAND...: until it is true
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}
is() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

start_governor() {
	"$build/faasmat" govern --root /faasmat --memory 1G --share 0.7 --margin 16M --lease 3s \
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

mkdir -p $work
odd='a b;$(x)%2F..'
oddpool='pool-a%20b%3B%24%28x%29%252F..'
"$tools/make-plan" $FAASMAT_DB 1000 1100 <<PLAN
1000 2 200M f
1000 1 100M $odd
1001 4 400M f
1001 1 100M $odd
1002 1 100M f
1002 3 300M $odd
$(for m in $(seq 1003 1100); do echo "$m 2 200M f"; echo "$m 2 200M $odd"; done)
PLAN

origin=$(($(date +%s) + 3))
until_minute 1000 0
start_governor --apply
grep -q 'nothing will be governed until' $work/log && ok governor-says-nothing-governed ||
	not_ok governor-says-nothing-governed "$(cat $work/log)"
"$tools/sample-limits" $root 1G 16M >$work/samples 2>&1 &
sampler=$!
two=$("$build/faasmat" govern --apply --root /faasmat --memory 1G --socket $work/sock2 \
	--state-dir $work 2>&1)
case $two in *"governed already, by process $governor"*) ok two-governors ;; *) not_ok two-governors "$two" ;; esac

until_minute 1000 5
check root-budget "$(mib 1024)" "$(cat $root/memory.max)"
check minute-0-f "$(mib 200)" "$(limit pool-f)"
check minute-0-odd-name "$(mib 100)" "$(limit "$oddpool")"
check minute-0-main "$(mib 724)" "$(limit main)"
check low-follows "$(mib 200) 0" "$(low pool-f) $(low main)"
answer=$("$tools/ask" $sock '{"op":"reserve","id":"m1","function":"rare","bytes":314572800}' \
	'{"op":"reserve","id":"f1","function":"f","bytes":157286400}')
case $answer in
*'"pool":"main","cgroup":"/faasmat/main"'*'"pool":"pool-f","cgroup":"/faasmat/pool-f"'*) ok reserve ;;
*) not_ok reserve "$answer" ;;
esac
container main m1 280
container pool-f f1 120

until_minute 1001 5
check grows-f "$(mib 400)" "$(limit pool-f)"
until_minute 1002 6
check shrinks-only-to-use "$(mib 150)" "$(limit pool-f)"
check others-grow-meanwhile "$(mib 300)" "$(limit "$oddpool")"
veto=$(sqlite3 $FAASMAT_DB "select count(*) from ledger where minute = 1002 and pool = 'pool-f' and action = 'veto'")
check ledger-says-why 1 "$veto"
until_minute 1004 5
check settles "$(mib 200) $(mib 200) $(mib 624)" "$(limit pool-f) $(limit "$oddpool") $(limit main)"

kill -9 $governor
wait $governor 2>/dev/null
check limits-outlast-kill "$(mib 200)" "$(limit pool-f)"
kill -TERM $sampler
wait $sampler && ok invariants-sampled || not_ok invariants-sampled "$(tail -3 $work/samples)"
echo "# $(tail -1 $work/samples)"
if wait_for 10 is $root/pool-f/memory.max max; then ok lease-lifts; else not_ok lease-lifts "$(limit pool-f)"; fi
sleep 0.5
check lease-lifts-all "max max max 0" "$(limit pool-f) $(limit "$oddpool") $(limit main) $(low pool-f)"
check budget-stays "$(mib 1024)" "$(cat $root/memory.max)"
alive main/m1 && alive pool-f/f1 && ok containers-live || not_ok containers-live "one is gone"

start_governor --apply
if wait_for 20 is $root/pool-f/memory.max "$(mib 200)"; then ok successor-governs; else not_ok successor-governs "$(limit pool-f)"; fi
table=$("$tools/ask" $sock '{"op":"table"}' | jq -c '[.pools[] | [.pool, .used_containers]]')
check successor-counts-containers '[["main",1],["pool-f",1],["'"$oddpool"'",0]]' "$table"
echo "$(mib 190)" >$root/pool-f/memory.max
sleep $minute
check foreign-write-is-left "$(mib 190)" "$(limit pool-f)"
kill -TERM $governor
wait $governor
check stop-is-orderly 0 $?
check stop-lifts "$(mib 190) max" "$(limit pool-f) $(limit main)"
ls $work/lease-* 2>/dev/null | grep -qv lock && not_ok lease-given-up "$(ls $work)" || ok lease-given-up
wait_for 3 sh -c '! pidof faasmat-watchdog >/dev/null' && ok watchdog-ends || not_ok watchdog-ends "still there"

json=$("$build/faasmat" restore --json --state-dir $work)
check restore-exit 0 $?
check restore-lists-changed '["/faasmat/pool-f"]' \
	"$(echo "$json" | jq -c '[.[] | select(.outcome == "changed") | .cgroup]')"
check restore-root max "$(cat $root/memory.max)"
check restore-forgets 0 "$(sqlite3 $FAASMAT_DB 'select count(*) from journal')"
alive main/m1 && alive pool-f/f1 && ok containers-live-on || not_ok containers-live-on "one is gone"

echo max >$root/pool-f/memory.max
start_governor
sleep 3
check shadow-writes-nothing "max max" "$(limit pool-f) $(cat $root/memory.max)"
shadow=$(sqlite3 $FAASMAT_DB "select count(*) > 0, sum(applied) from ledger where minute >= 1000 and action = 'write' and id > (select max(id) from ledger where action = 'restore')")
check shadow-decides '1|0' "$shadow"
kill -TERM $governor
wait $governor
for c in main/m1 pool-f/f1; do kill "$(cat $root/$c/cgroup.procs)"; done
sed 's/^/# /' $work/log
[ $failed = 0 ] || sqlite3 $FAASMAT_DB 'select * from ledger' | sed 's/^/# /'
exit $failed
