#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The demo's comparison, LRU against dynamic, at three memory sizes and two seeds; a JSON object a
# run: what dynamic served (warm + cold) beside what LRU served in the same boot.
set -u
. vmtest/guest/lib.sh
export MINUTES=${MINUTES:-10}
for seed in 1 2; do
	for memory in ${SIZES:-smallest middle largest}; do
		case $memory in
		smallest) memory=${SMALLEST:-64M} ;;
		middle) memory=${MIDDLE:-96M} ;;
		largest) memory=${LARGEST:-128M} ;;
		esac
		MEMORY=$memory SEED=$seed
		. vmtest/guest/replay.sh
		make_node
		# replay.sh sets only what is unset: the plan's options are the same at every size.
		prepare $RUN/base.db >/dev/null || exit 1
		for mode in lru dynamic; do
			cp $RUN/base.db $RUN/$mode.db
			replay $mode $RUN/$mode.db $mode-$memory-$seed 2>/dev/null
		done
		jq -c --slurp --arg case "$memory seed $seed" '
			(.[0] | .warm + .cold) as $lru | (.[1] | .warm + .cold) as $ours |
			{bench: "demo", case: $case, value: $ours, unit: "invocations served", peer: "lru",
			 peer_value: $lru, ratio: (1000 * $ours / $lru | round / 1000), of: .[1].invocations,
			 oom_kills: .[1].oom_kills, guest_cpu: ([.[].guest_cpu_share] | max)}' \
			$RUN/lru-$memory-$seed.json $RUN/dynamic-$memory-$seed.json
	done
done
