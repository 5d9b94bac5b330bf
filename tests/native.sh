#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Counting on this machine's own kernel, which needs cgroup v2 but no memory controller: the BPF
# programs load, count exactly over keep-alive and fresh connections, and survive the collector. All
# in a cgroup and a pin directory of its own, both removed at the end.
set -u
cd "$(dirname "$0")/.." || exit 1
corners="pipelined bytes body chunked"
names="native-count native-fresh native-kill native-one-collector native-connect"
for corner in $corners; do names="$names native-$corner"; done
skip_all() {
	for n in $names; do echo "skip $n: $1"; done
	exit 0
}
mount=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo)
[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -n "$mount" ] || skip_all "no cgroup v2 on this machine"
[ -r /sys/kernel/btf/vmlinux ] || skip_all "this kernel has no BTF"
make -s build/gcc/rig build/gcc/proxy || exit 1

F=build/faasmat
name=faasmat-check-$$
tmp=build/tmp/native
pin=/sys/fs/bpf/$name
db=$tmp/faasmat.db
rm -rf $tmp
mkdir -p $tmp
mkdir -p "$mount/$name/main" || skip_all "no cgroup can be made in $mount"
collector=
clean_up() {
	[ -z "$collector" ] || kill -9 $collector 2>/dev/null
	$F collect --detach --pin $pin
	rmdir $pin "$mount/$name/main" "$mount/$name" 2>/dev/null
}
trap clean_up EXIT

# start [OPTION...]
start() {
	: >$tmp/log
	$F collect --root $name --pin $pin --db $db --port 1024-65535 --minute-length 2s --interval 200ms "$@" 2>>$tmp/log &
	collector=$!
	for _ in $(seq 100); do
		grep -q '^faasmat collect: watching' $tmp/log && return
		sleep 0.1
	done
	echo "not ok native-start: $(cat $tmp/log)"
	exit 1
}
stop() {
	sleep 0.3
	kill -TERM $collector
	wait $collector
	collector=
}
# same NAME: what the rig sent and was answered is what the database has, function by function
same() {
	local sent stored
	sent=$(jq -r '[.containers[]] | group_by(.function)[] |
		"\(.[0].function) \(map(.sent) | add) \(map(.answered) | add) \(map(.inits) | add) \(length)"' $tmp/rig.json)
	stored=$(sqlite3 $db "select f.name || ' ' || sum(invocations) || ' ' || sum(responses) || ' ' ||
		sum(inits) || ' ' || sum(cold_starts) from history join functions f on f.id = function_id
		group by f.name order by f.name")
	if [ -n "$sent" ] && [ "$sent" = "$stored" ]; then
		echo "ok $1"
	else
		echo "not ok $1: sent, answered, inits, containers '$sent', stored '$stored'"
	fi
	rm -f $db $db-*
}

start
build/gcc/rig count --root /$name/main --containers 5 --requests 20000 >$tmp/rig.json
stop
same native-count
start
build/gcc/rig count --root /$name/main --containers 5 --requests 3000 --fresh >$tmp/rig.json
two=$($F collect --root $name --pin $pin --db $tmp/other.db 2>&1)
case $two in
*'another collector runs'*) echo "ok native-one-collector" ;;
*) echo "not ok native-one-collector: $two" ;;
esac
stop
same native-fresh
start
build/gcc/rig count --root /$name/main --containers 3 --requests 1500 --warm 1ms >$tmp/rig.json &
rig=$!
while kill -0 $rig 2>/dev/null; do
	sleep 0.$((RANDOM % 5 + 1))
	kill -9 $collector
	wait $collector 2>/dev/null
	start
done
stop
same native-kill

# --- requests that are hard to count, against nginx in a cgroup of its own, and accepted connections
web=$mount/$name/main/wsk0_9_guest_web
start_web() {
	mkdir -p "$web"
	cat >$tmp/nginx.conf <<-END
		daemon off; pid $PWD/$tmp/pid; error_log $PWD/$tmp/nginx.err; worker_processes 1;
		events { worker_connections 1024; }
		http { access_log off; keepalive_requests 1000000; client_body_temp_path $PWD/$tmp/body;
		server { listen 127.0.0.1:18099; location / { return 200 "ok"; } } }
	END
	sh -c "echo \$\$ >$web/cgroup.procs; exec nginx -c $PWD/$tmp/nginx.conf" 2>/dev/null &
	nginx=$!
	for _ in $(seq 50); do
		curl -s -o /dev/null http://127.0.0.1:18099/ && return
		sleep 0.1
	done
}
stored() {
	sqlite3 $db "select sum(invocations) || ' ' || sum(responses) from history"
}
if ! command -v nginx >/dev/null || ! command -v curl >/dev/null; then
	for corner in $corners connect; do echo "skip native-$corner: needs the packages nginx-light and curl"; done
	exit 0
fi
start_web
# The counters live on from one collector to the next, so the database must, too.
before="0 0"
gained() {
	local now
	now=$(stored)
	echo "$((${now% *} - ${before% *})) $((${now#* } - ${before#* }))"
}
start
stop
for corner in $corners; do
	before=$(stored)
	start
	sent=$(timeout 60 tests/corners.py 18099 $corner 200)
	stop
	if [ -n "$sent" ] && [ "$sent" = "$(gained)" ]; then
		echo "ok native-$corner"
	else
		echo "not ok native-$corner: sent and answered '$sent', gained '$(gained)'"
	fi
done
rm -f $db $db-*
start --invocations connect
for _ in $(seq 100); do curl -s -o /dev/null http://127.0.0.1:18099/; done
stop
if [ "$(stored)" = "100 100" ]; then
	echo "ok native-connect"
else
	echo "not ok native-connect: stored '$(stored)', sent 100"
fi
kill $nginx
wait $nginx 2>/dev/null
rmdir "$web"
