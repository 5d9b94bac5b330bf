# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by all.sh. A network that loses, duplicates and reorders (netem on the loopback device of a
# network namespace): what was answered was counted once, and what the kernel could not settle it says.
work=$RUN/netem
web=$CG/netem/wsk0_1_guest_web
port=18097
mkdir -p $work "$web"
ip netns add netem
inside() { ip netns exec netem "$@"; }
inside ip link set lo up
cat >$work/nginx.conf <<-END
	daemon off; pid $work/pid; error_log $work/err; worker_processes 1; events { worker_connections 512; }
	http { access_log off; keepalive_requests 1000000; client_body_temp_path $work/body;
	server { listen 127.0.0.1:$port; location / { return 200 "ok"; }
	location = /status { stub_status; } } }
END
# Into the cgroup first: `ip netns exec` has a /sys of its own, without cgroups.
sh -c "echo \$\$ >$web/cgroup.procs; exec ip netns exec netem $PWD/build/nginx/usr/sbin/nginx -c $work/nginx.conf" 2>/dev/null &
nginx=$!
wait_for 20 inside curl -s -o /dev/null http://127.0.0.1:$port/
$FAASMAT collect --root /netem --pin /sys/fs/bpf/netem --db $work/db --port $port --exclude /status \
	--minute-length 3s 2>$work/log &
collector=$!
wait_for 60 grep -q 'collect: watching' $work/log || cat $work/log
# sum COLUMN: of all that the collector has stored
sum() { sql $work/db "SELECT coalesce(sum($1), 0) FROM history"; }
# served: requests that nginx has begun to read, this question with them
served() { inside curl -s http://127.0.0.1:$port/status | awk 'NR == 3 { print $3 }'; }
inside tc qdisc add dev lo root netem 2>/dev/null || skip netem "this kernel has no netem"
# Stored up to here: the next whole minute.
settle() {
	local first
	wait_for 30 sh -c "[ \$(sqlite3 $work/db 'SELECT count(*) FROM meta WHERE key = \"collector_whole_minute\"') = 1 ]"
	first=$(sql $work/db "SELECT coalesce(max(value), 0) FROM meta WHERE key = 'collector_whole_minute'")
	wait_for 60 sh -c "[ \$(sqlite3 $work/db \"SELECT coalesce(max(value), 0) FROM meta WHERE key = 'collector_whole_minute'\") -gt $((first + 1)) ]"
}
# try NAME NETEM...
try() {
	local name=$1 before=$(sum invocations) unsettled=$(sum unsettled) seen=$(served) sent got
	shift
	inside tc qdisc change dev lo root netem "$@"
	for way in pipelined bytes body chunked; do
		timeout 300 ip netns exec netem tests/corners.py $port $way 20 >>$work/sent
	done
	inside curl -s -o /dev/null "http://127.0.0.1:$port/[1-1000]"
	inside tc qdisc change dev lo root netem delay 0ms
	settle
	sent=$(($(served) - seen - 1))
	got=$(($(sum invocations) - before))
	unsettled=$(($(sum unsettled) - unsettled))
	if [ $sent -gt 1200 ] && [ $((got - sent)) -le $unsettled ] && [ $((sent - got)) -le $unsettled ]; then
		ok "netem-$name"
		echo "# netem-$name: nginx served $sent, counted $got, unsettled $unsettled"
	else
		not_ok "netem-$name" "nginx served $sent, counted $got, unsettled $unsettled"
	fi
}
if inside tc qdisc show dev lo | grep -q netem; then
	try clean delay 0ms
	try loss loss 3%
	try duplicate duplicate 5%
	try reorder delay 2ms reorder 25% 50%
	try everything delay 1ms 1ms loss 1% duplicate 2% reorder 10%
fi
kill -TERM $collector $nginx
wait $collector $nginx 2>/dev/null
$FAASMAT collect --detach --pin /sys/fs/bpf/netem
ip netns del netem
rmdir "$web" $CG/netem /sys/fs/bpf/netem 2>/dev/null
