#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Counting on this machine's own kernel, which needs cgroup v2 but no memory controller: the BPF
# programs load, count exactly over keep-alive and fresh connections, and survive the collector. All
# in a cgroup and a pin directory of its own, both removed at the end.
set -u
cd "$(dirname "$0")/.." || exit 1
corners="pipelined bytes body chunked h2-bytes h2-many h2-split h2-body"
names="native-count native-fresh native-kill native-one-collector native-top native-locked native-churn native-connect native-http2 native-http2-late native-http2-alone native-exec native-unix native-deferred"
for corner in $corners; do names="$names native-$corner"; done
. tests/counting-lib.sh
watch=(--port 1024-65535)
trap clean_up EXIT
make -s build/gcc/rig build/gcc/proxy || exit 1

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

# --- top, beside the collector: live rates and containers of each function
start
build/gcc/rig count --root /$name/main --containers 4 --requests 200000 --warm 2ms >$tmp/rig.json &
rig=$!
sleep 3
top=$($F top --json --db $db --pin $pin --delay 1s)
case $(jq -c '[.live, (.functions | length), (.functions | map(.rate > 50 and .containers == 1) | all), (.functions[0].last_hour | length)]' <<<"$top") in
'[true,4,true,60]') echo "ok native-top-live" ;;
*) echo "not ok native-top-live: $(head -c 600 <<<"$top")" ;;
esac

# --- a database that another process keeps locked for three minutes: nothing is lost, no hole
sqlite3 $db "begin immediate" ".shell sleep 7" "commit"
sleep 3
kill -TERM $rig
wait $rig
stop
grep -q 'cannot be written' $tmp/log && echo "ok native-locked-says-so" || echo "not ok native-locked-says-so: $(cat $tmp/log)"
intervals=$(sqlite3 $db "select count(*) from observed")
[ "$intervals" = 1 ] && echo "ok native-locked-no-hole" || echo "not ok native-locked-no-hole: $intervals intervals"
# The rig was stopped: an answer that it did not wait for is counted all the same.
sent=$(jq .sent $tmp/rig.json)
stored=$(sqlite3 $db "select sum(invocations) from history")
[ "$sent" = "$stored" ] && echo "ok native-locked-count" || echo "not ok native-locked-count: sent $sent, stored $stored"
rm -f $db $db-*

# --- upgrade and downgrade in mid-load, to a build whose counters lie elsewhere in memory: each
# collector is killed or stopped, and the other version goes on; no request is lost or counted twice
other=build/tmp/other-version
mkdir -p $other/build
cp -pru Makefile bpf common identity lib store collector forecast governor simulator runtime cli packaging $other/ 2>/dev/null
[ -e $other/build/gcc ] || cp -pr build/gcc build/bpf build/.deps $other/build/
sed 's/^#define WIRE_VERSION \([0-9]*\)/#define WIRE_VERSION 9\1/; s/^struct wire_invocations {/&\n\t__u64 gained[3];/
	s/^struct wire_usage {/&\n\t__u32 gained;/' bpf/wire.h >$other/wire.new
cmp -s $other/wire.new $other/bpf/wire.h || cp $other/wire.new $other/bpf/wire.h
if make -s -C $other build/faasmat >$tmp/make.log 2>&1; then
	start
	build/gcc/rig count --root /$name/main --containers 4 --requests 200000 --warm 1ms >$tmp/rig.json &
	rig=$!
	versions=0
	for round in 1 2 3 4 5 6; do
		sleep 0.$((RANDOM % 9 + 1))
		kill -$([ $((round % 2)) = 0 ] && echo KILL || echo TERM) $collector
		wait $collector 2>/dev/null
		if [ $((round % 2)) = 1 ]; then F=$other/build/faasmat; else F=build/faasmat; fi
		start
		versions=$((versions + $(find $pin -name settings | wc -l)))
	done
	kill -TERM $rig
	wait $rig
	stop
	[ $versions = 6 ] && echo "ok native-upgrade-leaves-one" || echo "not ok native-upgrade-leaves-one: $versions generations after 6 changes"
	# Responses of requests that were under way at a change are known to be missing.
	sent=$(jq .sent $tmp/rig.json)
	stored=$(sqlite3 $db "select sum(invocations) from history")
	[ "$sent" = "$stored" ] && echo "ok native-upgrade-counts" || echo "not ok native-upgrade-counts: sent $sent, stored $stored"
	cold=$(sqlite3 $db "select sum(cold_starts) from history")
	[ "$cold" = 4 ] && echo "ok native-upgrade-cold-starts" || echo "not ok native-upgrade-cold-starts: $cold of 4"
	rm -f $db $db-*
else
	echo "not ok native-upgrade: the other version does not build: $(tail -n 3 $tmp/make.log)"
fi

# --- 50,000 containers made and removed: all counted, and nothing of them stays. The heap grows to what the
# most containers at once need and then no more: the first round holds all of its 10,000 until they are known.
start
status() { awk -v key="$1:" '$1 == key { print $2 }' /proc/$collector/status; }
for round in 1 2 3 4 5; do
	for i in $(seq 10000); do echo "$mount/$name/main/wsk0_$((round * 10000 + i))_guest_f$((i % 20))"; done >$tmp/dirs
	xargs -n 500 mkdir <$tmp/dirs
	[ $round != 1 ] || sleep 4.5
	xargs -n 500 rmdir <$tmp/dirs
	sleep 4.5
	[ $round != 3 ] || before=$(status VmRSS)
done
after=$(status VmRSS)
left=$(find $pin -name usage -exec bpftool -j map dump pinned {} \; | jq -s 'map(length) | add')
dying=$(sed -n 's/nr_dying_descendants //p' "$mount/$name/cgroup.stat")
stop
[ "$left" -le 2 ] && echo "ok native-churn-maps" || echo "not ok native-churn-maps: $left entries are left"
[ "$dying" -lt 100 ] && echo "ok native-churn-cgroups" || echo "not ok native-churn-cgroups: $dying removed cgroups are still held"
[ "$after" -le $((before + 1024)) ] && echo "ok native-churn-memory" ||
	echo "not ok native-churn-memory: $before KiB after 30,000 containers, $after KiB after 50,000"
cold=$(sqlite3 $db "select sum(cold_starts) from history")
[ "$cold" = 50000 ] && echo "ok native-churn-counted" || echo "not ok native-churn-counted: $cold of 50000; $(grep lost $tmp/log | tail -n 1)"

# --- requests that are hard to count, against nginx in a cgroup of its own, and accepted connections
web=$mount/$name/main/wsk0_9_guest_web
start_web() {
	mkdir -p "$web"
	cat >$tmp/nginx.conf <<-END
		daemon off; pid $tmp/pid; error_log $tmp/nginx.err; worker_processes 1;
		events { worker_connections 1024; }
		http { access_log off; keepalive_requests 1000000; client_body_temp_path $tmp/body;
		server { listen 127.0.0.1:18099; location / { return 200 "ok"; } }
		server { listen 127.0.0.1:18103 deferred; location / { return 200 "ok"; } }
		server { listen 127.0.0.1:18104 http2 deferred; location / { return 200 "ok"; } }
		server { listen unix:$tmp/web.sock; location / { return 200 "ok"; } }
		server { listen 127.0.0.1:18102 http2; location / { return 200 "ok"; } location /bad { return 503; } } }
	END
	sh -c "echo \$\$ >$web/cgroup.procs; exec build/nginx/usr/sbin/nginx -c $tmp/nginx.conf" 2>/dev/null &
	nginx=$!
	for _ in $(seq 50); do
		curl -s -o /dev/null http://127.0.0.1:18099/ && return
		sleep 0.1
	done
}
stored() {
	sqlite3 $db "select sum(invocations) || ' ' || sum(responses) from history"
}
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
	port=18099
	case $corner in h2-*) port=18102 ;; esac
	start --invocations http,http2
	sent=$(timeout 60 tests/corners.py $port $corner 200)
	stop
	if [ -n "$sent" ] && [ "$sent" = "$(gained)" ]; then
		echo "ok native-$corner"
	else
		echo "not ok native-$corner: sent and answered '$sent', gained '$(gained)'"
	fi
done
before=$(stored)
start --invocations connect
for _ in $(seq 100); do curl -s -o /dev/null http://127.0.0.1:18099/; done
stop
if [ "$(gained)" = "100 100" ]; then
	echo "ok native-connect"
else
	echo "not ok native-connect: gained '$(gained)', sent 100"
fi

# --- HTTP/2 with prior knowledge: many connections, many streams in each, failures told by their status
counters() { find $pin -name invocations -exec bpftool -j map dump pinned {} \; | jq "[.[].formatted.value.$1] | add // 0"; }
before=$(stored)
start --invocations http,http2
failed=$(counters responses_5xx)
h2load -n 100000 -c 40 -m 100 http://127.0.0.1:18102/ >$tmp/h2load 2>&1
h2load -n 1000 -c 2 -m 1 http://127.0.0.1:18102/bad >>$tmp/h2load 2>&1
for _ in 1 2 3; do curl -s -o /dev/null http://127.0.0.1:18099/; done
failed=$(($(counters responses_5xx) - ${failed:-0}))
stop
if [ "$(gained)" = "101003 101003" ] && [ "$failed" = 1000 ]; then
	echo "ok native-http2"
else
	echo "not ok native-http2: gained '$(gained)', sent 101003; $failed failed of 1000; $(grep requests: $tmp/h2load | tr '\n' ' ')"
fi
# The first data come with the handshake's last packet: the kernel has no socket for it yet.
before=$(stored)
start --invocations http,http2
for _ in $(seq 50); do curl -s -o /dev/null http://127.0.0.1:18103/; done
h2load -n 2000 -c 500 -m 4 http://127.0.0.1:18104/ >$tmp/h2load 2>&1
stop
[ "$(gained)" = "2050 2050" ] && echo "ok native-deferred" || echo "not ok native-deferred: gained '$(gained)', sent 2050"
# A connection that was there before: not guessed, but the doubt is bounded.
$F collect --detach --pin $pin
rm -f $db $db-*
before="0 0"
mkfifo $tmp/go
tests/corners.py 18102 h2-late 105 <$tmp/go >$tmp/late &
late=$!
exec 9>$tmp/go
sleep 0.5
start --invocations http2
echo >&9
wait $late
exec 9>&-
doubt=$(counters unsettled)
stop
if [ "$(cat $tmp/late)" = "105 105" ] && [ "$(gained)" = "0 0" ] && [ "${doubt:-0}" -ge 100 ]; then
	echo "ok native-http2-late"
else
	echo "not ok native-http2-late: sent '$(cat $tmp/late)', gained '$(gained)', in doubt ${doubt:-0} of 100"
fi
# Without http beside it, HTTP/1 on the same ports is nothing.
before=$(stored)
start --invocations http2
curl -s -o /dev/null http://127.0.0.1:18099/
sent=$(tests/corners.py 18102 h2-many 10)
stop
[ "$(gained)" = "$sent" ] && echo "ok native-http2-alone" || echo "not ok native-http2-alone: gained '$(gained)', sent '$sent'"
# --- UNIX sockets, where the kernel lets functions be traced
if $F probe | grep -q '^ok *class unix'; then
	before=$(stored)
	start --invocations unix
	for corner in keep-alive pipelined bytes body chunked; do
		tests/corners.py $tmp/web.sock $corner 200
	done >$tmp/unix
	stop
	sent=$(awk '{ n += $1; m += $2 } END { print n, m }' $tmp/unix)
	[ "$(gained)" = "$sent" ] && echo "ok native-unix" || echo "not ok native-unix: gained '$(gained)', sent '$sent'"
else
	$F collect --root $name --pin $pin --db $db --invocations unix 2>$tmp/refused && echo "not ok native-unix: neither probed nor refused"
	grep -q 'does not let its functions be traced' $tmp/refused || echo "not ok native-unix: $(cat $tmp/refused)"
	echo "skip native-unix: this kernel refuses fexit; vmtest/guest/invocations.sh has the test"
fi
kill $nginx
wait $nginx 2>/dev/null

# --- a process per request: the server's commands count, also those that its worker starts; what such a
# command starts itself does not
before=$(stored)
start --invocations exec
cat >$tmp/server.sh <<-'END'
	i=0
	while [ $i -lt 500 ]; do /bin/true; i=$((i + 1)); done
	(for j in 1 2 3; do /bin/true; done; :)
	/bin/sh -c '/bin/true; /bin/true; :'
	/bin/sh -c 'exec /bin/false'
	/bin/true & /bin/true & wait
END
sh -c "echo \$\$ >$web/cgroup.procs; exec dash $tmp/server.sh"
failed=$(counters responses_5xx)
stop
if [ "$(gained)" = "507 507" ] && [ "$failed" = 1 ]; then
	echo "ok native-exec"
else
	echo "not ok native-exec: gained '$(gained)', started 507; $failed failed of 1"
fi
rmdir "$web"
