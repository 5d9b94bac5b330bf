#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What counting takes from nginx under wrk's keep-alive requests: not counted, empty programs on the same
# hooks (the least that cgroup_skb can cost), counted, and, as a peer, a bpftrace script that counts the same
# (count.bt, package bpftrace), in turns and back. A JSON object each: ratio is that of the rates to those of
# the runs of the same round that were not counted, cpu_ratio that of the processor time a request (server and
# client), which does not depend on what else the machine does as much. Medians over the rounds; rate_quartiles
# and cpu_quartiles are the ratios' quartiles. usage: bpf-nginx.sh [ROUNDS]
set -u
cd "$(dirname "$0")/.." || exit 1
rounds=${1:-7}
mount=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo)
name=faasmat-bench-$$ pin=/sys/fs/bpf/faasmat-bench-$$ tmp=$PWD/build/tmp/bench-nginx
bpftool=$(PATH=/usr/sbin:$PATH command -v bpftool)
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
trap 'kill $nginx; wait $nginx 2>/dev/null; build/faasmat collect --detach --pin $pin; rm -f $pin-empty/*; rmdir $pin-empty $pin $server $mount/$name $client 2>/dev/null' EXIT

processor_us() { cat "$server/cpu.stat" "$client/cpu.stat" | awk '/^usage_usec/ { n += $2 } END { print n }'; }
# rate: requests a second, and processor microseconds a request
rate() {
	local before
	before=$(processor_us)
	sh -c "echo \$\$ >$client/cgroup.procs; exec wrk -t1 -c16 -d2s http://127.0.0.1:18098/" >"$tmp/wrk"
	awk -v us=$(($(processor_us) - before)) '/requests in/ { n = $1 } /Requests\/sec/ { print $2, us / n }' "$tmp/wrk"
}
attach_counted() {
	: >"$tmp/log"
	build/faasmat collect --root $name --pin $pin --db "$tmp/db" --port 18098 2>"$tmp/log" &
	local collector=$!
	for _ in $(seq 100); do grep -q 'collect: watching' "$tmp/log" && break; sleep 0.1; done
	# The programs stay; the collector's own work is not what is measured.
	kill $collector
	wait $collector
}
detach_counted() { build/faasmat collect --detach --pin $pin; }
attach_bpftrace() {
	: >"$tmp/log-bpftrace"
	# It needs tracefs, mounted for it alone where nobody has.
	unshare -m sh -c 'mount -t debugfs none /sys/kernel/debug; mount -t tracefs none /sys/kernel/tracing
		exec bpftrace bench/count.bt "$1"' - "$(stat -c %i "$server")" >"$tmp/log-bpftrace" 2>&1 &
	tracer=$!
	for _ in $(seq 100); do grep -q Attaching "$tmp/log-bpftrace" && break; sleep 0.1; done
	sleep 0.5
}
# Says which share of the requests it has counted.
detach_bpftrace() {
	wait $tracer
	awk -v sent="$(awk '/requests in/ { print $1 }' "$tmp/wrk")" '/^@requests/ { print $2 / sent }' "$tmp/log-bpftrace" >>"$tmp/share"
}
attach_empty() {
	"$bpftool" prog loadall build/bench/empty.bpf.o "$pin-empty" &&
		"$bpftool" cgroup attach "$mount/$name" cgroup_inet_ingress pinned "$pin-empty/empty_received" &&
		"$bpftool" cgroup attach "$mount/$name" cgroup_inet_egress pinned "$pin-empty/empty_sent"
}
detach_empty() {
	"$bpftool" cgroup detach "$mount/$name" cgroup_inet_ingress pinned "$pin-empty/empty_received"
	"$bpftool" cgroup detach "$mount/$name" cgroup_inet_egress pinned "$pin-empty/empty_sent"
	rm -f "$pin-empty"/*
	rmdir "$pin-empty"
}
attach_none() { :; }
detach_none() { :; }
# measure WHAT: appends "rate us"
measure() {
	"attach_$1"
	rate >>"$tmp/$1"
	"detach_$1"
}
# There and back, so that a drift of the machine cancels out: two lines a round of each.
round() {
	for what in "${kinds[@]}"; do measure "$what"; done
	for ((i = ${#kinds[@]} - 1; i >= 0; i--)); do measure "${kinds[i]}"; done
}
# The rounds' rates, times and ratios to those not counted. pairs WHAT
pairs() {
	paste -d ' ' "$tmp/$1" "$tmp/none" | paste -d ' ' - - |
		awk '{ print ($1 + $5) / 2, ($3 + $7) / 2, ($1 + $5) / ($3 + $7), ($2 + $6) / 2, ($4 + $8) / 2, ($2 + $6) / ($4 + $8) }'
}
# quantile PER_CENT, of numbers, one a line
quantile() { sort -n | awk -v p="$1" '{ v[NR] = $1 } END { print v[int((NR - 1) * p / 100 + 1.5)] }'; }
# column WHAT N [PER_CENT]
column() { pairs "$1" | cut -d ' ' -f "$2" | quantile "${3:-50}"; }
quartiles() { echo "[$(column "$1" "$2" 25),$(column "$1" "$2" 75)]"; }
# report CASE WHAT MORE
report() {
	echo "{\"bench\":\"bpf\",\"case\":\"$1\",\"value\":$(column "$2" 1),\"unit\":\"requests/s\",\"peer\":\"not counted\",\"peer_value\":$(column "$2" 2),\"ratio\":$(column "$2" 3),\"rate_quartiles\":$(quartiles "$2" 3),\"cpu_us\":$(column "$2" 4),\"peer_cpu_us\":$(column "$2" 5),\"cpu_ratio\":$(column "$2" 6),\"cpu_quartiles\":$(quartiles "$2" 6),\"rounds\":$rounds$3}"
}
for _ in $(seq 50); do
	bash -c 'exec 3<>/dev/tcp/127.0.0.1/18098' 2>/dev/null && break
	sleep 0.1
done
kinds=(none)
[ -n "$bpftool" ] && kinds+=(empty) || echo "bench bpf: empty programs are left out: bpftool is missing" >&2
kinds+=(counted)
command -v bpftrace >/dev/null && kinds+=(bpftrace) || echo "bench bpf: the peer is left out: bpftrace is missing (Debian package bpftrace)" >&2
rate >/dev/null
for _ in $(seq "$rounds"); do round; done
[ -s "$tmp/empty" ] && report nginx-empty empty ""
report nginx counted ""
if [ -s "$tmp/share" ]; then
	report nginx-bpftrace bpftrace ",\"counted_share\":$(quantile 50 <"$tmp/share")"
elif [ -s "$tmp/bpftrace" ]; then
	echo "bench bpf: the peer is left out: bpftrace counted nothing: $(tail -n 1 "$tmp/log-bpftrace")" >&2
fi
