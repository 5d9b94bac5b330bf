#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whether counting is exact at full speed: N requests of a load generator to nginx, which counts them too
# (stub_status), against what the collector stored. One JSON object a generator; value is lost + extra.
# usage: volumes.sh [wrk|curl|h2load|all [N]]      default: all, 1,000,000 each
set -u
cd "$(dirname "$0")/.." || exit 1
which=${1:-all} n=${2:-1000000}
names=volumes
. tests/counting-lib.sh
trap clean_up EXIT
url=http://127.0.0.1:18111

served() { curl -s $url/status | awk 'NR == 3 { print $3 }'; }

# wrk runs for a time and not for a number: it is stopped when nginx has had enough.
run_wrk() {
	wrk -t2 -c32 -d600s $url/ >$tmp/wrk 2>&1 &
	local wrk=$! asked=0
	while kill -0 $wrk 2>/dev/null && [ $(($(served) - first)) -lt "$n" ]; do
		asked=$((asked + 1))
		sleep 0.5
	done
	kill -INT $wrk
	wait $wrk
}
run_curl() { curl -s -o /dev/null "$url/[1-$n]"; }
run_h2load() { h2load --h1 -n "$n" -c 32 -t 1 $url/ >$tmp/h2load 2>&1; }

measure() {
	local generator=$1 first last counted responses sent lost quality begin end
	command -v "$generator" >/dev/null || {
		echo "volumes: $generator is missing (Debian packages: wrk, curl, nghttp2-client)" >&2
		return 1
	}
	start --port 18111 --exclude /status
	first=$(served)
	begin=$(date +%s%N)
	"run_$generator"
	end=$(date +%s%N)
	sleep 0.5
	last=$(served)
	stop
	# All that nginx served between the two looks, which are themselves left out.
	read -r counted responses _ excluded _ timed unsettled quality <<<"$(outcomes volume)"
	sent=$((last - first - excluded + 1))
	lost=$((sent - counted))
	jq -cn --arg generator "$generator" --argjson sent $sent --argjson counted "$counted" --argjson lost $lost \
		--argjson seconds "$(((end - begin) / 1000000))" --argjson responses "$responses" --argjson timed "$timed" \
		--argjson unsettled "$unsettled" --argjson quality "$quality" \
		'{bench: "volumes", case: $generator, value: ($lost | fabs), unit: "requests wrong", $sent, $counted, $responses,
		in_histogram: $timed, lost: ([$lost, 0] | max), extra: ([-$lost, 0] | max), $unsettled,
		quality: (if $quality == 0 then "exact" else "partial" end), requests_per_second: ($sent * 1000 / $seconds | floor)}'
	forget
	[ "$lost" = 0 ] && [ "$timed" = "$responses" ]
}

status=0
serve volume 18111
for generator in wrk curl h2load; do
	case $which in all | "$generator") measure $generator || status=1 ;; esac
done
exit $status
