#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The classes http2, exec and unix on this kernel: what was sent and answered is what the database has.
set -u
. vmtest/guest/lib.sh
make_node
mkdir -p $NODE/main
DB=$RUN/invocations.db
PIN=/sys/fs/bpf/invocations
web=$NODE/main/wsk0_9_guest_web

# start_collector CLASSES
start_collector() {
	: >$RUN/collector.log
	rm -f $DB $DB-*
	$FAASMAT collect --root /node --pin $PIN --db $DB --port 18099 --invocations "$1" \
		--minute-length 2s --interval 250ms 2>>$RUN/collector.log &
	collector=$!
	wait_for 30 grep -q "^faasmat collect: watching" $RUN/collector.log ||
		not_ok "invocations-$1-starts" "$(tail -n 2 $RUN/collector.log)"
}
stop_collector() {
	sleep 1
	kill -TERM $collector
	wait $collector
	$FAASMAT collect --detach --pin $PIN
}
stored() { sql $DB "select sum(invocations) || ' ' || sum(responses) from history"; }

mkdir -p $web
cat >$RUN/nginx.conf <<END
daemon off; pid $RUN/pid; error_log $RUN/nginx.err; worker_processes 1;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 1000000; client_body_temp_path $RUN/body;
server { listen 127.0.0.1:18099 http2; location / { return 200 "ok"; } }
server { listen unix:$RUN/web.sock; location / { return 200 "ok"; } } }
END
sh -c "echo \$\$ >$web/cgroup.procs; exec build/nginx/usr/sbin/nginx -c $RUN/nginx.conf" 2>/dev/null &
nginx=$!
wait_for 10 test -S $RUN/web.sock

start_collector http,http2
sent=$(h2load -n ${H2_REQUESTS:-20000} -c 10 -m 20 http://127.0.0.1:18099/ 2>&1 | sed -n 's/^requests: .* \([0-9]*\) done, \([0-9]*\) succeeded.*/\1 \2/p')
stop_collector
equal invocations-http2 "$(stored)" "${sent:-h2load failed}"

# Five commands one by one, and two that commands start: those are no requests of their own.
start_collector exec
sh -c "echo \$\$ >$web/cgroup.procs; exec dash -c 'i=0; while [ \$i -lt 300 ]; do /bin/true; i=\$((i + 1)); done; /bin/sh -c \"/bin/true; /bin/true; :\"; :'"
stop_collector
equal invocations-exec "$(stored)" "301 301"

start_collector unix
for way in keep-alive pipelined bytes body chunked; do
	before=$(stored)
	sent=$(timeout 60 tests/corners.py $RUN/web.sock $way 100)
	echo "$way $sent"
done >$RUN/sent
stop_collector
equal invocations-unix "$(stored)" "$(awk '{ n += $2; m += $3 } END { print n, m }' $RUN/sent)"

kill $nginx
wait $nginx 2>/dev/null
exit $((failures > 0))
