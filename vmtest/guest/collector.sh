# SPDX-License-Identifier: GPL-2.0-or-later
# The collector against a real memory controller: exact counts, memory events as the kernel has
# them, kills and restarts, its own cost. Sourced by all.sh, after lib.sh.

DB=$RUN/collector.db
PIN=/sys/fs/bpf/collector
ORIGIN=

start_collector() {
	: >$RUN/collector.log
	$FAASMAT collect --root /node --pin $PIN --db $DB --port 1024-65535 \
		${@:---minute-length 3s --interval 500ms} 2>>$RUN/collector.log &
	collector=$!
	wait_for 20 grep -q "^faasmat collect: watching" $RUN/collector.log
}
stop_collector() {
	# The last minute that has traffic in it must end first: what is unfinished adds up later.
	sleep 0.7
	kill -TERM $collector
	wait $collector
}
# compare NAME RIG_JSON: what the rig sent each function is what the database has gained
compare() {
	local sent stored
	sent=$(jq -r '[.containers[]] | group_by(.function)[] | "\(.[0].function) \(map(.sent) | add)"' "$2" | sort)
	stored=$(sql $DB "select f.name || ' ' || sum(invocations) from history h join functions f
		on f.id = h.function_id group by f.name having sum(invocations) > 0 order by 1")
	equal "$1" "$stored" "$sent"
}
forget() { sql $DB 'delete from history; delete from pools'; }

make_node
mkdir -p $NODE/main
echo +memory >$NODE/main/cgroup.subtree_control

# --- exactness, per function, by connection and runtime
start_collector
for way in keep-alive fresh crun; do
	options=(--containers 5 --requests 5000)
	[ $way = fresh ] && options=(--containers 5 --requests 1000 --fresh)
	[ $way = crun ] && options=(--containers 2 --requests 500 --runtime crun)
	$RIG count --root /node/main "${options[@]}" >$RUN/count.json 2>$RUN/count.err ||
		not_ok count-$way "rig: $(tail -n 2 $RUN/count.err)"
	stop_collector
	compare count-$way $RUN/count.json
	equal count-$way-inits "$(sql $DB 'select sum(inits) from history')" "$(jq .inits $RUN/count.json)"
	equal count-$way-responses "$(sql $DB 'select sum(responses) from history')" "$(jq .answered $RUN/count.json)"
	equal count-$way-cold-starts "$(sql $DB 'select sum(cold_starts) from history')" \
		"$(jq '.containers | length' $RUN/count.json)"
	forget
	start_collector
done

# --- kill -9 in mid-minute, again and again, while requests come
$RIG count --root /node/main --containers 4 --requests 6000 --warm 2ms >$RUN/count.json 2>$RUN/count.err &
rig=$!
kills=0
while kill -0 $rig 2>/dev/null; do
	sleep 0.$((RANDOM % 9 + 1))
	kill -9 $collector
	wait $collector 2>/dev/null
	kills=$((kills + 1))
	start_collector
done
wait $rig
stop_collector
compare "count-over-$((kills > 3 ? kills : 0))-kills" $RUN/count.json
[ $kills -gt 3 ] || not_ok count-over-kills "only $kills kills"
forget

# --- memory.events of a pool, also after a group OOM kill
start_collector
mkdir -p $NODE/pool-f
echo +memory >$NODE/pool-f/cgroup.subtree_control
echo 40M >$NODE/pool-f/memory.max
for i in 1 2; do
	mkdir $NODE/pool-f/wsk0_$i''_guest_f
	echo 1 >$NODE/pool-f/wsk0_$i''_guest_f/memory.oom.group
	# Three processes, so that a group kill counts three for one kill.
	sh -c "echo \$\$ >$NODE/pool-f/wsk0_$i''_guest_f/cgroup.procs; sleep 60 & sleep 60 & \
		exec $BIN/hold 30" >/dev/null 2>&1 &
	sleep 1
done
# 7.x adds sock_throttled, which is no event of memory's own.
events() { sed '/^sock_throttled/d; s/ /=/' $NODE/pool-f/memory.events | tr '\n' ' '; }
stored_events() {
	sql $DB "select 'low=' || low || ' high=' || high || ' max=' || max || ' oom=' || oom ||
		' oom_kill=' || oom_kill || ' oom_group_kill=' || oom_group_kill || ' '
		from pools where path = '/node/pool-f' order by minute desc limit 1"
}
stop_collector
equal events-after-group-kill "$(stored_events)" "$(events)"
case $(events) in *oom_group_kill=0*) not_ok events-group-kill "there was none: $(events)" ;; *) ok events-group-kill ;; esac
equal events-of-function "$(sql $DB 'select sum(events_oom_kill) from history')" \
	"$(sed -n 's/oom_kill //p' $NODE/pool-f/memory.events)"
equal victim-is-named "$(sql $DB "select count(*) > 0 from victims where path like '/node/pool-f/wsk0_%' and comm = 'hold' and oom_path = '/node/pool-f'")" 1
for c in $NODE/pool-f/wsk*; do
	echo 1 >$c/cgroup.kill
	wait_for 5 rmdir $c
done
forget

# --- containers that no rule knows are listed, not guessed
start_collector
mkdir $NODE/main/stranger
sh -c "echo \$\$ >$NODE/main/stranger/cgroup.procs; exec sleep 4" &
sleep 1
stop_collector
equal unknown-is-listed "$($FAASMAT status --db $DB --json | jq -r '.unknown[].cgroup')" /node/main/stranger
equal unknown-is-no-function "$(sql $DB "select count(*) from functions where name like '%stranger%'")" 0
wait_for 6 rmdir $NODE/main/stranger

# --- a share that cannot hold a WAL database: refused, in one line
rm -f $VM_SHARE/wal.db*
$FAASMAT collect --root /node --pin $PIN --db $VM_SHARE/wal.db >$RUN/out 2>&1
equal no-wal-exit $? 1
grep -q 'cannot hold a WAL database' $RUN/out && ok no-wal-says-so || not_ok no-wal-says-so "$(cat $RUN/out)"

[ -e $VM_SHARE/wal.db ] && not_ok no-wal-leaves-nothing "a file" || ok no-wal-leaves-nothing

# --- cost with 200 containers: resident memory, and CPU while nothing happens
for i in $(seq 200); do mkdir $NODE/main/wsk0_$((1000 + i))_guest_f$((i % 10)); done
start_collector --minute-length 60s
sleep 4
ticks() { awk '{ print $14 + $15 }' /proc/$collector/stat; }
before=$(ticks)
sleep 12
used=$(($(ticks) - before))
equal collector-has-one-thread "$(ls /proc/$collector/task | wc -l)" 1
rss=$(awk '/VmRSS/ { print $2 }' /proc/$collector/status)
echo "# collector with 200 containers: $rss KiB resident, $used ticks of 10 ms in 12 s"
check collector-resident-below-20M "$rss KiB" [ "$rss" -lt 20480 ]
check collector-idle-below-1-percent "$used ticks in 12 s" [ "$used" -le 12 ]
stop_collector
for i in $(seq 200); do rmdir $NODE/main/wsk0_$((1000 + i))_guest_f$((i % 10)); done
$FAASMAT collect --detach --pin $PIN
equal detach-leaves-nothing "$(ls $PIN)" ""
