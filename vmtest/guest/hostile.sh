#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A plan that means harm, without swap and with it: every minute a saw-tooth, down to nothing while the
# pool is full. No container may die of it. Then memory pressure from outside faasmat: the pool's working
# set is spared, main's is not.
# usage: hostile.sh      in the guest, as root. HOSTILE_MINUTES=16 (1,000 in the soak) for each kind, of HOSTILE_LENGTH=1000 ms
set -u
cd "$(dirname "$0")/../.." || exit 1
. vmtest/guest/lib.sh
minutes=${HOSTILE_MINUTES:-16}
length=${HOSTILE_LENGTH:-1000}
work=$RUN/hostile
mkdir -p $work
export FAASMAT_DB=$work/faasmat.db
root=$NODE/faasmat
mib() { echo $(($1 * 1024 * 1024)); }
event() { sed -n "s/^$2 //p" "$1/memory.events"; }
low() { cat "$root/$1/memory.low"; }

# "The machine" has 700 MiB, faasmat 450 of them.
make_node "$(mib 700)"
echo 'function,day,minute,count
f,0,0,1' >$work/history.csv
echo 'function,memory_mb,warm_ms,cold_ms
f,50,100,1000' >$work/functions.csv
$FAASMAT import history $work/history.csv --functions $work/functions.csv 2>$work/log

# plan EXPRESSION: bytes of f's pool in MiB, minute by minute (m); nothing is no row
plan() {
	sql $FAASMAT_DB "BEGIN IMMEDIATE; DELETE FROM plan; DELETE FROM planned; INSERT INTO planned VALUES(1000, 9000);
		WITH RECURSIVE m(m) AS (SELECT 1000 UNION SELECT m + 1 FROM m WHERE m < 9000)
		INSERT INTO plan SELECT m, id, 2, ($1) * 1048576, 0 FROM m, functions WHERE name = 'f' AND ($1) > 0;
		INSERT INTO meta VALUES('plan_version', 1)
			ON CONFLICT(key) DO UPDATE SET value = value + 1; COMMIT"
}

# container POOL ID MIB FUNCTION
container() {
	$BIN/ask $work/sock '{"op":"reserve","id":"'"$2"'","function":"'"$4"'","bytes":'"$(mib $(($3 + 10)))"'}' >$work/$2.answer
	mkdir -p "$root/$1/$2"
	sh -c "echo \$\$ >$root/$1/$2/cgroup.procs; exec $BIN/hold $3" >"$work/$2.out" &
	wait_for 30 grep -q held "$work/$2.out" || echo "# container $2 did not start"
}
alive() { [ -n "$(cat "$root/$1/cgroup.procs")" ]; }

start() {
	plan 200
	$FAASMAT govern --apply --root /node/faasmat --memory 450M --share 0.7 --margin 16M --lease 5s \
		--socket $work/sock --state-dir $work --minute-length ${length}ms --minute-origin "1000@$(date +%s)" 2>>$work/log &
	governor=$!
	wait_for 30 grep -q "^$(mib 200)\$" $root/pool-f/memory.max
	container pool-f f1 80 f
	container pool-f f2 80 f
	container main m1 100 rare
}

# In the ledger: every minute of a saw-tooth has something to say.
ledger() { sql $FAASMAT_DB "select $1 from ledger"; }

# hostile NAME
hostile() {
	local first ran
	$BIN/sample-limits $root 450M 16M >$work/samples 2>&1 &
	sampler=$!
	# Full, a quarter of it, nothing at all, more than there is.
	plan 'CASE m % 4 WHEN 0 THEN 200 WHEN 1 THEN 50 WHEN 2 THEN 0 ELSE 400 END'
	first=$(ledger 'max(id)')
	sleep $((minutes * length / 1000)).$(printf %03d $((minutes * length % 1000)))
	kill -TERM $sampler
	wait $sampler && ok "hostile-$1-invariants" || not_ok "hostile-$1-invariants" "$(tail -3 $work/samples)"
	ran=$(ledger "count(distinct case when id > $first then minute end)")
	echo "# hostile-$1: $ran minutes of $length ms, $(tail -1 $work/samples), $(ledger "count(*) filter (where action = 'write' and id > $first)") writes"
	check "hostile-$1-minutes" "$ran of $minutes" [ "$ran" -ge $((minutes * 9 / 10)) ]
	equal "hostile-$1-no-kill" "$(event $root oom_kill)" 0
	check "hostile-$1-containers-live" 'one is gone' eval 'alive pool-f/f1 && alive pool-f/f2 && alive main/m1'
	plan 200
}

# The pool's low and the root's hold all of the pool.
protected() { [ "$(low pool-f)" -ge "$(mib 160)" ] && [ "$(low .)" -ge "$(mib 160)" ]; }
# pressed MIB: "the machine" is full of memory that cannot be moved; who of the others gives way?
pressed() {
	mkdir -p $NODE/other
	sh -c "echo \$\$ >$NODE/other/cgroup.procs; exec $BIN/hold $1 lock" >$work/other.out 2>&1 &
	wait_for 60 grep -q held $work/other.out || not_ok hostile-pressed "$(cat $work/other.out)"
}
released() {
	kill "$(cat $NODE/other/cgroup.procs)"
	wait_for 10 rmdir $NODE/other
}

# spared NAME: with swap, anonymous memory gives way
spared() {
	local pool main
	check "hostile-$1-protects" "$(low pool-f) of $(low .)" wait_for 20 protected
	pressed 480
	pool=$(cat $root/pool-f/memory.swap.current) main=$(cat $root/main/memory.swap.current)
	check "hostile-$1-spares-the-pool" "swapped out: pool $pool, main $main" \
		[ "$main" -gt "$(mib 10)" -a "$pool" -lt $((main / 10)) ]
	echo "# $1: swapped out under pressure from outside: pool $pool, main $main"
	released
}

# spared_cache: without swap, only page cache can. Of main there is more than has to go.
cached() { sed -n 's/^file //p' "$root/$1/memory.stat"; }
spared_cache() {
	local pool main pool_then main_then
	modprobe loop
	truncate -s 160M $work/disk.img
	mkfs.ext4 -q $work/disk.img
	mkdir -p $work/disk
	mount -o loop $work/disk.img $work/disk
	head -c 12M /dev/zero >$work/disk/f
	head -c 90M /dev/zero >$work/disk/m
	# Nothing of it stays in memory on whoever wrote it.
	umount $work/disk
	mount -o loop $work/disk.img $work/disk
	sh -c "echo \$\$ >$root/pool-f/f1/cgroup.procs; exec cat $work/disk/f" >/dev/null
	sh -c "echo \$\$ >$root/main/m1/cgroup.procs; exec cat $work/disk/m" >/dev/null
	check "hostile-no-swap-protects" "$(low pool-f) of $(low .)" wait_for 20 protected
	pool_then=$(cached pool-f) main_then=$(cached main)
	pressed 380
	pool=$((pool_then - $(cached pool-f))) main=$((main_then - $(cached main)))
	check hostile-no-swap-spares-the-pool "page cache lost: pool $pool of $pool_then, main $main of $main_then" \
		[ "$pool_then" -ge "$(mib 10)" -a "$main" -gt "$(mib 10)" -a "$pool" -lt $((main / 10)) ]
	echo "# no-swap: page cache lost under pressure from outside: pool $pool of $pool_then, main $main of $main_then"
	equal hostile-no-swap-pressure-kills-nobody "$(event $NODE oom_kill)" 0
	dmesg | grep -E 'oom-kill:|Killed process' | sed 's/^/# /' | tail -n 12
	released
	umount $work/disk
}

stop() {
	kill -TERM $governor
	wait $governor
	for c in pool-f/f1 pool-f/f2 main/m1; do kill "$(cat $root/$c/cgroup.procs)"; done
	wait_for 10 rmdir $root/pool-f/f1 $root/pool-f/f2 $root/main/m1
	wait_for 10 rmdir $root/pool-f
}

start
hostile no-swap
spared_cache
stop
modprobe zram && echo 512M >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null && swapon /dev/zram0 ||
	not_ok hostile-swap 'no zram'
start
hostile swap
spared each-container
stop
# The other way to protect: the mount does it for all that is below. The next test of this boot gets it as it was.
options=$(findmnt -no FS-OPTIONS $CG)
mount -o remount,memory_recursiveprot $CG
start
spared recursive
equal hostile-recursive-leaves-containers "$(low pool-f/f1)" 0
stop
mount -t cgroup2 -o "remount,$options" cgroup2 $CG
equal hostile-mount-as-before "$(findmnt -no FS-OPTIONS $CG)" "$options"
swapoff /dev/zram0
sed 's/^/# /' $work/log | tail -20
exit $((failures > 0))
