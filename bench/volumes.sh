#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whether counting is exact at full speed, class by class: N requests of a load generator against what the collector
# stored, compared with what the server (nginx's stub_status) or the generator itself counted. One JSON object a
# case; value is lost + extra.
# usage: volumes.sh [all|CASE...|CASE=N...]      default: all, 1,000,000 each
#   http: wrk, curl, h2load, rig    http2: http2 (h2load)    and connect, exec, unix
set -u
cd "$(dirname "$0")/.." || exit 1
cases=" wrk curl h2load rig http2 connect exec unix "
names=volumes
. tests/counting-lib.sh
trap clean_up EXIT
url=http://127.0.0.1:18111
BIN=${BIN:-build/gcc}
CLIENTS=4 # curls at once: one cannot keep a server busy

served() { curl -s $url/status | awk 'NR == 3 { print $3 }'; }
accepted() { curl -s $url/status | awk 'NR == 3 { print $1 }'; }

# wrk runs for a time and not for a number: it is stopped when the server has counted enough.
until_enough() {
	local wrk=$!
	while kill -0 $wrk 2>/dev/null && [ $(($($1) - first)) -lt "$n" ]; do
		sleep 0.5
	done
	kill -INT $wrk
	wait $wrk
}
# many URL [OPTION...]: n requests by several curls, each over one connection
many() {
	local k
	for k in $(seq $CLIENTS); do
		curl -s -o /dev/null "${@:2}" "$1?$k-[1-$((n / CLIENTS))]" &
		clients[k]=$!
	done
	wait "${clients[@]}"
}

# Each sends n requests and sets `sent` where the server does not count them.
run_wrk() {
	wrk -t2 -c32 -d3600s $url/ >$tmp/wrk 2>&1 &
	until_enough served
}
run_connect() {
	wrk -t2 -c32 -d3600s -H 'Connection: close' $url/ >$tmp/wrk 2>&1 &
	until_enough accepted
}
run_curl() { many $url/; }
run_h2load() { h2load --h1 -n "$n" -c 32 -t 1 $url/ >$tmp/h2load 2>&1; }
run_http2() {
	h2load -n "$n" -c 32 -m 32 -t 1 http://127.0.0.1:18112/ >$tmp/h2load 2>&1
	sent=$(sed -n 's/^requests: .* \([0-9]*\) succeeded.*/\1/p' $tmp/h2load)
}
run_unix() {
	many http://volume/ --unix-socket $tmp/web.sock
	sent=$((n / CLIENTS * CLIENTS))
}
run_exec() {
	local cgroup=$mount/$name/main/wsk0_3_guest_volume
	mkdir -p "$cgroup"
	sent=$(sh -c "echo \$\$ >$cgroup/cgroup.procs; exec $BIN/bench/spawn $n $BIN/bench/nothing")
	rmdir "$cgroup"
}
# Containers of its own, each of another function: all are summed up.
run_rig() {
	"$BIN/rig" count --root /$name/main --containers 4 --requests "$n" >$tmp/rig.json
	sent=$(jq .sent $tmp/rig.json)
	function=%
}

# prepare CASE: which class, program and ports
prepare() {
	class=http ports=18111 function=volume sent=
	case $1 in
	rig) program=$BIN/rig ports=1024-65535 ;;
	http2) class=http2 program=h2load ports=18112 ;;
	connect) class=connect program=wrk ;;
	exec) class=exec program=$BIN/bench/spawn ;;
	unix) class=unix program=curl ;;
	*) program=$1 ;;
	esac
	command -v "$program" >/dev/null && return
	echo "volumes: $program is missing (Debian packages: wrk, curl, nghttp2-client; make bench-build)" >&2
	return 1
}

# What the server has counted since `first`, without the looks at its counters.
sent_by_server() {
	if [ $class = connect ]; then
		echo $(($1 - first + 1)) # each look was a connection, too
	else
		echo $(($1 - first - excluded + 1))
	fi
}

measure() {
	local counted responses excluded timed unsettled quality begin end last lost ask=served
	prepare "$1" || return
	if [ $class = unix ] && ! $F probe | grep -q '^ok *class unix'; then
		echo "volumes: unix is left out: this kernel does not let its functions be traced" >&2
		return 0
	fi
	[ $class = connect ] && ask=accepted
	start --port $ports --exclude /status --invocations $class
	first=$($ask)
	begin=$(date +%s%N)
	"run_$1"
	end=$(date +%s%N)
	sleep 0.5
	last=$($ask)
	stop
	read -r counted responses _ excluded _ timed unsettled quality <<<"$(outcomes "$function")"
	[ -n "$sent" ] || sent=$(sent_by_server "$last")
	lost=$((sent - counted))
	jq -cn --arg generator "$1" --arg class $class --argjson sent "$sent" --argjson counted "$counted" \
		--argjson lost $lost --argjson seconds "$(((end - begin) / 1000000))" --argjson responses "$responses" \
		--argjson timed "$timed" --argjson unsettled "$unsettled" --argjson quality "$quality" \
		'{bench: "volumes", case: $generator, value: ($lost | fabs), unit: "requests wrong", $class, $sent, $counted,
		$responses, in_histogram: $timed, lost: ([$lost, 0] | max), extra: ([-$lost, 0] | max), $unsettled,
		quality: (if $quality == 0 then "exact" else "partial" end), requests_per_second: ($sent * 1000 / $seconds | floor)}'
	forget
	[ "$lost" = 0 ] && [ "$timed" = "$responses" ]
}

status=0
serve volume 18111 "} server { listen 127.0.0.1:18112 http2; location / { return 200 \"ok\"; }
	} server { listen unix:$tmp/web.sock; location / { return 200 \"ok\"; }"
[ "${*:-all}" != all ] || set -- $cases
for case; do
	n=1000000
	[[ $case != *=* ]] || n=${case#*=}
	case $cases in
	*" ${case%=*} "*) measure "${case%=*}" || status=1 ;;
	*)
		echo "volumes: there is no case '$case'; there are$cases" >&2
		exit 2
		;;
	esac
done
exit $status
