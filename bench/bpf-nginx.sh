#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What counting takes from nginx under wrk's keep-alive requests: counted and not, in turns; and, as a peer,
# what a bpftrace script takes that counts the same (count.bt, package bpftrace). A JSON object each; its
# ratio is that of the rates to those of the runs beside it that were not counted, cpu_ratio that of the
# processor time a request (server and client), which does not depend on what else the machine does as
# much. Medians. usage: bpf-nginx.sh [ROUNDS]
set -u
cd "$(dirname "$0")/.." || exit 1
rounds=${1:-7}
mount=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo)
name=faasmat-bench-$$ pin=/sys/fs/bpf/faasmat-bench-$$ tmp=$PWD/build/tmp/bench-nginx
server=$mount/$name/wsk0_1_guest_web client=$mount/$name-client
rm -rf "$tmp"
mkdir -p "$tmp" "$server" "$client" || exit 1
cat >"$tmp/nginx.conf" <<END
daemon off; pid $tmp/pid; error_log $tmp/err; worker_processes 1; events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path $tmp/body;
server { listen 127.0.0.1:18098; location / { return 200 "ok"; } } }
END
sh -c "echo \$\$ >$server/cgroup.procs; exec $PWD/build/nginx/usr/sbin/nginx -c $tmp/nginx.conf" 2>/dev/null &
nginx=$!
trap 'kill $nginx; wait $nginx 2>/dev/null; build/faasmat collect --detach --pin $pin; rmdir $pin $server $mount/$name $client 2>/dev/null' EXIT

processor_us() { cat "$server/cpu.stat" "$client/cpu.stat" | awk '/^usage_usec/ { n += $2 } END { print n }'; }
# rate: requests a second, and processor microseconds a request
rate() {
	local before
	before=$(processor_us)
	sh -c "echo \$\$ >$client/cgroup.procs; exec wrk -t1 -c16 -d2s http://127.0.0.1:18098/" >"$tmp/wrk"
	awk -v us=$(($(processor_us) - before)) '/requests in/ { n = $1 } /Requests\/sec/ { print $2, us / n }' "$tmp/wrk"
}
attach() {
	: >"$tmp/log"
	build/faasmat collect --root $name --pin $pin --db "$tmp/db" --port 18098 2>"$tmp/log" &
	local collector=$!
	for _ in $(seq 100); do grep -q 'collect: watching' "$tmp/log" && break; sleep 0.1; done
	# The programs stay; the collector's own work is not what is measured.
	kill $collector
	wait $collector
}
detach() { build/faasmat collect --detach --pin $pin; }
attach_peer() {
	: >"$tmp/bpftrace"
	# It needs tracefs, mounted for it alone where nobody has.
	unshare -m sh -c 'mount -t debugfs none /sys/kernel/debug; mount -t tracefs none /sys/kernel/tracing
		exec bpftrace bench/count.bt "$1"' - "$(stat -c %i "$server")" >"$tmp/bpftrace" 2>&1 &
	tracer=$!
	for _ in $(seq 100); do grep -q Attaching "$tmp/bpftrace" && break; sleep 0.1; done
	sleep 0.5
}
# Says which share of the requests it has counted.
detach_peer() {
	wait $tracer
	awk -v sent="$(awk '/requests in/ { print $1 }' "$tmp/wrk")" '/^@requests/ { print $2 / sent }' "$tmp/bpftrace" >>"$tmp/share"
}
# round WHAT ATTACH DETACH: with, without; and the other way round next to it, so that a drift of the
# machine cancels out
round() {
	local a b c d
	a=$(rate)
	$2
	b=$(rate)
	$3
	$2
	c=$(rate)
	$3
	d=$(rate)
	echo "$b $c $a $d" >>"$tmp/$1"
}
column() { awk "{ print $2 }" "$tmp/$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# report WHAT MORE
report() {
	echo "{\"bench\":\"bpf\",\"case\":\"$1\",\"value\":$(column "$1" '($1 + $3) / 2'),\"unit\":\"requests/s\",\"peer\":\"not counted\",\"peer_value\":$(column "$1" '($5 + $7) / 2'),\"ratio\":$(column "$1" '($1 + $3) / ($5 + $7)'),\"cpu_us\":$(column "$1" '($2 + $4) / 2'),\"peer_cpu_us\":$(column "$1" '($6 + $8) / 2'),\"cpu_ratio\":$(column "$1" '($2 + $4) / ($6 + $8)')$2}"
}
for _ in $(seq 50); do
	bash -c 'exec 3<>/dev/tcp/127.0.0.1/18098' 2>/dev/null && break
	sleep 0.1
done
rate >/dev/null
for _ in $(seq "$rounds"); do
	round nginx attach detach
	command -v bpftrace >/dev/null && round nginx-bpftrace attach_peer detach_peer
done
report nginx ""
if [ -s "$tmp/share" ]; then
	report nginx-bpftrace ",\"counted_share\":$(column share '$1')"
elif command -v bpftrace >/dev/null; then
	echo "bench bpf: the peer is left out: bpftrace counted nothing: $(tail -n 1 "$tmp/bpftrace")" >&2
else
	echo "bench bpf: the peer is left out: bpftrace is missing (Debian package bpftrace)" >&2
fi
