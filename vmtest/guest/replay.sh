# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by guest scripts (after lib.sh): one replay of the mix under one mode, with the collector
# and, but for lru, the governor beside it. Set beforehand or left at these defaults:
: "${MIX:=$PWD/tests/data/mix}" "${BACKGROUND:=$PWD/tests/data/background.csv.gz}"
: "${FUNCTIONS=peaks,steady,web-july,bursts,day-night,low-rate,ingest,social,web-august}" # empty: all
: "${MINUTE:=5s}"              # a minute lasts so long here
: "${COUNT_DIVISOR:=4}" "${MEMORY_DIVISOR:=16}"
: "${FROM:=420}" "${MINUTES:=20}"
: "${MEMORY:=96M}"             # of the node
: "${SHARE:=0.7}" "${SEED:=1}" "${RUNTIME:=clone}"
: "${TTL_MS:=50}"            # a call waits so long, here; the rig allows no less. In the model that is longer.
: "${PLAN_OPTIONS:=--sizing erlang --target-drop 0.02 --queue-ttl $((TTL_MS * 60 / ${MINUTE%s}))ms --headroom 5% --hold 5m}"
# The locator's thresholds are of a whole node: they shrink with what they measure.
: "${SCORE:=$(awk "BEGIN { print 10000 / $COUNT_DIVISOR / $MEMORY_DIVISOR }")}"
: "${PARALLELISM:=$(awk "BEGIN { print 1 / $COUNT_DIVISOR }")}"
: "${MARGIN:=1M}" "${GOVERN_OPTIONS:=--spill}"
# BUDGET: what the governor governs, when it is not MEMORY
: "${LEAD:=10}" # seconds that everybody has to start
: "${COLLECT:=1}" # 0: without the collector
DAY=2026-11-23
FIRST=$(($(date -u -d $DAY +%s) / 60 + FROM)) # minute since the epoch

scaling=(--minute-length "$MINUTE" --count-divisor "$COUNT_DIVISOR" --memory-divisor "$MEMORY_DIVISOR")
load=(--mix "$MIX" --background "$BACKGROUND" --seed "$SEED")
[ -z "$FUNCTIONS" ] || load+=(--functions "$FUNCTIONS")

# prepare DB [POLICY]: the days before day 0, scaled, as history; day 0 planned
prepare() {
	rm -rf "$RUN/mix"
	$RIG scale "${load[@]}" "${scaling[@]}" --out "$RUN/mix" &&
		$FAASMAT import history "$RUN/mix/history.csv.gz" --functions "$RUN/mix/functions.csv" \
			--day-zero $DAY --db "$1" &&
		$FAASMAT plan --db "$1" --day $DAY --memory "$MEMORY" --share "$SHARE" \
			--policy "${2:-dynamic}" --score "$SCORE" --parallelism "$PARALLELISM" $PLAN_OPTIONS
}

# replay MODE DB NAME [RIG OPTION...]: MODE of `rig run`, lru without governor; leaves $RUN/NAME.json. The
# cgroup is /node-NAME, whose limit (16 MiB more than the functions may have) stands for the machine's memory,
# of which something that is none of faasmat's has $OTHERS MiB.
replay() {
	local mode=$1 db=$2 name=$3 root=/node-$3/faasmat apply= governor= collector= others= clock
	shift 3
	mkdir -p $CG/node-$name
	echo +memory >$CG/node-$name/cgroup.subtree_control
	echo $(($(numfmt --from=iec "$MEMORY") + 16 * 1048576)) >$CG/node-$name/memory.max
	mkdir -p $CG$root
	if [ "${OTHERS:-0}" != 0 ]; then
		mkdir -p $CG/node-$name/others
		sh -c "echo \$\$ >$CG/node-$name/others/cgroup.procs; echo -1000 >/proc/self/oom_score_adj; exec $BIN/hold $OTHERS lock" >$RUN/$name.others 2>&1 &
		others=$!
		wait_for 20 grep -q held $RUN/$name.others || echo "nothing else runs: $(cat $RUN/$name.others)" >&2
	fi
	clock=(--minute-length "$MINUTE" --minute-origin "$FIRST@$(($(date +%s) + LEAD))")
	echo "${clock[3]}" >"$RUN/$name.origin"
	if [ "$COLLECT" = 1 ]; then
		$FAASMAT collect --root /node-$name --pin /sys/fs/bpf/$name --db "$db" \
			--port 1024-65535 --interval 500ms "${clock[@]}" 2>"$RUN/$name.collect" &
		collector=$!
	fi
	if [ "$mode" != lru ]; then
		[ "$mode" = shadow ] || apply=--apply
		$FAASMAT govern --root $root --memory "${BUDGET:-$MEMORY}" --share "$SHARE" --margin "$MARGIN" \
			--db "$db" --socket $RUN/$name.sock --state-dir $RUN/$name $apply \
			$GOVERN_OPTIONS "${clock[@]}" 2>"$RUN/$name.govern" &
		governor=$!
		wait_for 20 test -S $RUN/$name.sock || echo "no governor: $(cat $RUN/$name.govern)" >&2
	fi
	$RIG run --mode "$mode" --root $root "${load[@]}" "${scaling[@]}" --day 0 --from "$FROM" \
		--minutes "$MINUTES" --queue-ttl $((TTL_MS * 60 / ${MINUTE%s}))ms --memory "$MEMORY" --runtime "$RUNTIME" "${clock[@]:2}" \
		--socket $RUN/$name.sock --json "$RUN/$name.json" "$@"
	local status=$?
	if [ -n "$collector" ]; then
		# Its last sweep must see what came last.
		sleep 1
		kill -TERM $collector
		wait $collector
	fi
	if [ -n "$governor" ]; then
		kill -TERM $governor
		wait $governor
	fi
	[ -z "$others" ] || kill $others
	[ -z "$collector" ] || $FAASMAT collect --detach --pin /sys/fs/bpf/$name
	return $status
}

# counted DB: invocations that eBPF counted in the replayed minutes
counted() {
	sql "$1" "select coalesce(sum(invocations), 0) from history where minute >= $FIRST"
}
