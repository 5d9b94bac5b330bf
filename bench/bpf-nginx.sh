#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What counting takes from nginx: keep-alive requests/s by wrk, counted and not, in turns, medians. One
# JSON object. usage: bpf-nginx.sh [ROUNDS]
set -u
cd "$(dirname "$0")/.." || exit 1
rounds=${1:-7}
mount=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo)
name=faasmat-bench-$$ pin=/sys/fs/bpf/faasmat-bench-$$ tmp=$PWD/build/tmp/bench-nginx
rm -rf "$tmp"
mkdir -p "$tmp" "$mount/$name/wsk0_1_guest_web" || exit 1
cat >"$tmp/nginx.conf" <<END
daemon off; pid $tmp/pid; error_log $tmp/err; worker_processes 1; events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path $tmp/body;
server { listen 127.0.0.1:18098; location / { return 200 "ok"; } } }
END
sh -c "echo \$\$ >$mount/$name/wsk0_1_guest_web/cgroup.procs; exec $PWD/build/nginx/usr/sbin/nginx -c $tmp/nginx.conf" 2>/dev/null &
nginx=$!
trap 'kill $nginx; wait $nginx 2>/dev/null; build/faasmat collect --detach --pin $pin; rmdir $pin $mount/$name/wsk0_1_guest_web $mount/$name 2>/dev/null' EXIT
rate() { wrk -t1 -c16 -d2s http://127.0.0.1:18098/ | awk '/Requests\/sec/ { print $2 }'; }
attach() {
	build/faasmat collect --root $name --pin $pin --db "$tmp/db" --port 18098 2>"$tmp/log" &
	local collector=$!
	for _ in $(seq 100); do grep -q 'collect: watching' "$tmp/log" && break; sleep 0.1; done
	# The programs stay; the collector's own work is not what is measured.
	kill $collector
	wait $collector
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for _ in $(seq 50); do
	bash -c 'exec 3<>/dev/tcp/127.0.0.1/18098' 2>/dev/null && break
	sleep 0.1
done
rate >/dev/null
for _ in $(seq "$rounds"); do
	without=$(rate)
	attach
	with=$(rate)
	build/faasmat collect --detach --pin $pin
	# The other way round next to it, so that a drift of the machine cancels out.
	attach
	again=$(rate)
	build/faasmat collect --detach --pin $pin
	last=$(rate)
	echo "$with $again $without $last"
done >"$tmp/rates"
ratio=$(awk '{ print ($1 + $2) / ($3 + $4) }' "$tmp/rates" | median)
with=$(awk '{ print ($1 + $2) / 2 }' "$tmp/rates" | median)
without=$(awk '{ print ($3 + $4) / 2 }' "$tmp/rates" | median)
echo "{\"bench\":\"bpf\",\"case\":\"nginx\",\"value\":$with,\"unit\":\"requests/s\",\"peer\":\"not counted\",\"peer_value\":$without,\"ratio\":$ratio}"
