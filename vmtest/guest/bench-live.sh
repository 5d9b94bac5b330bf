#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The live experiment, inside the VM: the runs that bench/live.sh listed in build/live/todo ("LOAD MEMORY
# SEED WAY" a line), in that order. One JSON object a run, on stdout and as $VM_SHARE/live/NAME.json.
# Ways:	lru	no governor; what the machine does without us
#	wrapper	the same invoker, which knows nothing; each container starts through faasmat-runtime
#	aware	the invoker asks the governor before each start (admission), nothing is borrowed
#	full	aware, and containers ahead of calls (--on-change), and borrowing
set -u
. vmtest/guest/lib.sh
LOAD=paper SEED=1 MEMORY=64M COLLECT=0
. build/live/settings
. vmtest/guest/replay.sh
make_node
results=$VM_SHARE/live
mkdir -p $results

# What the wrapper is told: the rig's own runtime, this run's governor.
export FAASMAT_RUNTIME_CONF=$RUN/runtime.conf
fifo=$RUN/prewarm
mkfifo $fifo
printf '#!/bin/sh\nexec cat >%s\n' $fifo >$RUN/on-change
chmod +x $RUN/on-change

# kills NAME: OOM kills in main, and in all pools together
kills() {
	local root=$CG/node-$1/faasmat pools
	pools=$(cat $root/pool-*/memory.events 2>/dev/null | awk '$1 == "oom_kill" { n += $2 } END { print n + 0 }')
	echo "$(awk '$1 == "oom_kill" { print $2 }' $root/main/memory.events 2>/dev/null || echo 0) $pools"
}

# run LOAD MEMORY SEED WAY
run() {
	local name=$1-$2-$3-$4 base=build/live/base/$1-$2-$3.db mode=dynamic how=() main pools lru
	MEMORY=$2 SEED=$3
	FUNCTIONS=
	[ "$1" = paper ] && MIX=$PWD/build/live/paper
	[ "$1" = mix ] && MIX=$PWD/tests/data/mix FUNCTIONS=$MIX_FUNCTIONS
	load=(--mix "$MIX" --background "$BACKGROUND" --seed "$SEED")
	[ -z "$FUNCTIONS" ] || load+=(--functions "$FUNCTIONS")
	# A container is a sixth of this node: a step smaller than that would hold up the way of its bytes.
	GOVERN_OPTIONS="--spill --borrow 0 --shrink-step $MEMORY" BUDGET=
	case $4 in
	lru) mode=lru ;;
	wrapper)
		# Who does not ask fills all that it may; its kernel's part and each pool's margin come beside that. The
		# machine has 16 MiB more than the functions in every way.
		BUDGET=$(($(numfmt --from=iec $MEMORY) + 8 * 1048576))
		mode=unaware how=(--runtime bare --wrapper $BIN/faasmat-runtime)
		# An emulated CPU is ten times slower, and shared: the answer may take longer than the usual 12 ms.
		printf 'runtime = %s\nsocket = %s\nplatform = crun\ntimeout = 500ms\n' $BIN/bare $RUN/$name.sock >$FAASMAT_RUNTIME_CONF
		;;
	full)
		how=(--prewarm $fifo)
		GOVERN_OPTIONS="--spill --shrink-step $MEMORY --on-change $RUN/on-change"
		;;
	esac
	# A guest that gets little of its host may need longer until everybody runs.
	for LEAD in $LEAD_S $((LEAD_S * 3)) 0; do
		[ $LEAD != 0 ] || return
		cp $base $RUN/$name.db || return
		replay $mode $RUN/$name.db $name --verbose --drain 2s --log $RUN/$name.log "${how[@]}" 2>$RUN/$name.rig && break
		echo "# $name failed: $(tail -n 1 $RUN/$name.rig)"
		rm -rf ${RUN:?}/$name $RUN/$name.*
	done
	read -r main pools < <(kills $name)
	lru=$(jq .value $results/$1-$2-$3-lru.json 2>/dev/null)
	jq -c --arg load $1 --arg memory $2 --argjson seed $3 --arg way $4 --argjson skip $WARM_UP --argjson last $((MINUTES - 1)) \
		--argjson main ${main:-0} --argjson pools ${pools:-0} --argjson lru ${lru:-null} '
		def share($from): (.minutes.warm[$from:$last] + .minutes.cold[$from:$last] | add) / (.minutes.invocations[$from:$last] | add);
		{bench: "live", case: "\($load) \($memory) seed \($seed) \($way)", value: share($skip), unit: "share of calls served"
		} + (if $lru and $way != "lru" then {peer: "lru", peer_value: $lru, ratio: (share($skip) / $lru)} else {} end) + {
		 load: $load, memory: $memory, seed: $seed, way: $way, with_warm_up: share(0)} +
		(. | {invocations, warm, cold, drop, failed, pending, container_starts, prewarmed, evictions, in_pool, died}) +
		{oom_kills_in_pools: $pools, oom_kills_in_main: $main, guest_cpu: .guest_cpu_share,
		 guest_cpu_worst: (.minutes.guest_cpu_share | max), max_lag_ms, late_share: (.late / .invocations), p50_ms, p99_ms, peak_memory_bytes,
		 minutes: (.minutes | {invocations, warm, cold, drop, container_starts, memory_bytes, guest_cpu_share}),
		 functions: [.functions[] | select(.invocations > 20) | {function, invocations, warm, cold, drop, container_starts, in_pool}]}' \
		$RUN/$name.json >$results/$name.part && mv $results/$name.part $results/$name.json && cat $results/$name.json
	find $CG/node-$name -depth -type d -exec rmdir {} \; 2>/dev/null
	mkdir -p $results/logs
	[ ! -e $RUN/$name.govern ] || cp $RUN/$name.govern $results/logs/
	cp $RUN/$name.rig $results/logs/
	rm -f $RUN/$name.*
}

# From the host's files into the guest's memory, before it counts.
for program in "$FAASMAT" "$RIG" $BIN/faasmat-runtime; do $program --help >/dev/null 2>&1; done
jq . </dev/null && sqlite3 :memory: 'select 1' >/dev/null
n=0 all=$(wc -l <build/live/todo)
while read -r load_name memory seed way; do
	n=$((n + 1)) began=$SECONDS
	run $load_name $memory $seed $way </dev/null
	echo "# $n of $all: $load_name $memory seed $seed $way, $((SECONDS - began)) s"
done <build/live/todo
show_crashes
exit $failures
