#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Power cuts and kills while the collector writes: the database lies on ext4 over a device that, from
# one moment on, drops every write that has not reached it yet (dm-flakey). Then the database is whole,
# has every minute but the one that ran, and the next collector makes the counts exact.
# Sourced by all.sh, after lib.sh. ROUNDS=5 of each (50 in the soak).
PIN=/sys/fs/bpf/powercut
IMAGE=$RUN/disk.img
MOUNT=$RUN/disk
DB=$MOUNT/faasmat.db
ROUNDS=${ROUNDS:-5}
LENGTH=2 # seconds a minute

sectors=$((96 * 2048))
table() { # table FEATURES...: from now on; writes that wait in the page cache do not get through
	dmsetup suspend --noflush --nolockfs cut && dmsetup load cut --table "0 $sectors $*" && dmsetup resume cut
}
cut_power() { table "flakey $loop 0 0 3600 1 drop_writes"; }
power_on() { table "linear $loop 0"; }

start_collector() {
	: >$RUN/powercut.log
	$FAASMAT collect --root ${NODE#$CG} --pin $PIN --db $DB --port 1024-65535 --minute-length ${LENGTH}s \
		--interval 200ms 2>>$RUN/powercut.log &
	collector=$!
	wait_for 20 grep -q "^faasmat collect: watching" $RUN/powercut.log ||
		not_ok powercut-start "$(tail -n 1 $RUN/powercut.log)"
	since=$(now)
}
now() { echo $(($(date +%s%N) / 1000000)); } # ms
whole_minute() {
	local minute
	minute=$(sql $DB "select value from meta where key = 'collector_whole_minute'")
	echo ${minute:-0}
}
kill_collector() {
	kill -9 $collector
	wait $collector 2>/dev/null
}

powercut() {
	local round bad=0 rig whole committed at into due rounds=0 lost=0 judged=0 late=0
	truncate -s $((sectors * 512)) $IMAGE
	loop=$(losetup -f --show $IMAGE)
	dmsetup create cut --table "0 $sectors linear $loop 0" || return 1
	mkfs.ext4 -q /dev/mapper/cut
	mkdir -p $MOUNT
	mount /dev/mapper/cut $MOUNT
	make_node
	mkdir -p $NODE/main
	echo +memory >$NODE/main/cgroup.subtree_control
	start_collector
	# All containers live to the end: what a lost commit had taken out of the kernel's maps would be
	# lost with the machine in truth, too.
	$RIG count --root ${NODE#$CG}/main --containers 4 --requests 3000000 --warm 5ms \
		>$RUN/powercut.json 2>$RUN/powercut.err &
	rig=$!
	sleep 2
	for round in $(seq $ROUNDS); do
		sleep $((2 + RANDOM % 3)).$((RANDOM % 10))
		committed=$(whole_minute)
		at=$(now)
		cut_power || bad=1
		# The machine is dead; this process does not know yet.
		sleep 0.$((RANDOM % 5))
		kill_collector
		umount $MOUNT
		power_on
		mount /dev/mapper/cut $MOUNT || { not_ok powercut-mount "round $round"; return; }
		[ "$(sql $DB 'pragma integrity_check')" = ok ] || bad=1
		whole=$(whole_minute)
		# A minute is told whole when it is committed, and then it stays.
		[ $whole -ge $committed ] || { lost=$((lost + 1)); echo "# round $round: whole until $whole, was $committed"; }
		# The commit of a minute that had just ended may have been under way; and of a minute that ended before
		# this collector watched (a busy machine takes seconds to start one) there is nothing to be said.
		into=$((at % (LENGTH * 1000)))
		due=$((at / (LENGTH * 1000) - 1 - (into < 1000)))
		if [ $due -ge $((since / (LENGTH * 1000))) ]; then
			judged=$((judged + 1))
			[ $whole -ge $due ] || { late=$((late + 1)); echo "# round $round: cut $into ms into a minute, whole until $whole, not $due"; }
		fi
		rounds=$((rounds + 1))
		start_collector
		# A kill between two cuts.
		sleep 0.$((RANDOM % 10))
		kill_collector
		[ "$(sql $DB 'pragma quick_check')" = ok ] || bad=1
		start_collector
	done
	equal powercut-database-intact-after-$rounds-cuts $bad 0
	equal powercut-no-committed-minute-lost $lost 0
	# This machine may be late, too.
	[ $judged -gt 0 ] && [ $late -le $((judged / 4)) ] && ok powercut-at-most-the-running-minute-lost ||
		not_ok powercut-at-most-the-running-minute-lost "in $late of $judged cuts an older minute was not yet stored"
	kill -TERM $rig
	wait $rig
	sleep $((LENGTH + 1))
	kill -TERM $collector
	wait $collector
	equal powercut-counts-are-exact "$(sql $DB 'select sum(invocations) from history')" "$(jq .sent $RUN/powercut.json)"
	umount $MOUNT
	dmsetup remove cut
	losetup -d $loop
	$FAASMAT collect --detach --pin $PIN
}

if modprobe dm-flakey 2>/dev/null && modprobe loop 2>/dev/null; then
	powercut
else
	skip powercut "this kernel has no dm-flakey or no loop devices"
fi
