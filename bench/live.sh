#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The live experiment (docs/live.md): real containers on a real kernel, in a VM, in four ways: lru, wrapper
# (unaware invoker), aware, full (vmtest/guest/bench-live.sh tells what they are), on the paper's hot functions
# and on the mix. One JSON object a run, then a summary (bench/live-summary.sh) with exit 1 when a container of
# `wrapper` was killed for memory or it did worse than lru. What has been run is kept in build/vm/live and not run again.
# usage: live.sh [ls]       ls: only say what would be run
#   LOADS="paper mix"  SEEDS="1 2 3"  WAYS="lru wrapper aware full"  PAPER_SIZES=...  MIX_SIZES=...
#   MINUTES=4 WARM_UP=1    replayed minutes, and how many of them do not count; nor does the last, whose calls
#                          may be still on their way at the end
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
: "${LOADS:=paper mix}" "${SEEDS:=1 2 3}" "${WAYS:=lru wrapper aware full}"
: "${PAPER_SIZES:=32M 48M 64M}" "${MIX_SIZES:=32M 48M 64M}"
out=build/live
results=build/vm/live
mkdir -p $out/base $results

# Everything but what is chosen above; the guest reads it, too.
settings() {
	cat <<-END
	MINUTE=${MINUTE:=6s} TTL_MS=${TTL_MS:=200} COUNT_DIVISOR=${COUNT_DIVISOR:=6} MEMORY_DIVISOR=${MEMORY_DIVISOR:=16}
	FROM=${FROM:=420} MINUTES=${MINUTES:=4} WARM_UP=${WARM_UP:=1} LEAD_S=${LEAD_S:=5} MARGIN=${MARGIN:=256K}
	MIX_FUNCTIONS=${MIX_FUNCTIONS:=peaks,steady,bursts,low-rate,ingest,social}
	END
}
settings >$out/settings.now
if [ -e $out/settings ] && ! cmp -s $out/settings.now $out/settings; then
	echo "bench live: $results has runs of other settings ($out/settings): remove both to measure anew" >&2
	exit 2
fi
mv $out/settings.now $out/settings
. $out/settings

# The paper's load: its hot functions but 5608, whose 7,000 calls of 30 ms a minute would measure the emulated CPU.
# There is one day of them only, so the day before is the same one, as in the paper, whose "day 13" is training
# day 1 again. For the same reason the mix is without its functions of many short calls.
paper_load() {
	mkdir -p $out/paper
	zcat tests/data/simulator/representative_functions.csv.gz | awk -F, -v dir=$out/paper '
		BEGIN { print "function,memory_mb,warm_ms,cold_ms" >dir "/functions.csv"
			print "function,day,minute,count" >dir "/history.csv" }
		NR == 1 { for (i = NF; i; i--) at[$i] = i; next }
		substr($1, 1, 4) ~ /^(f1de|6dc1|3a7e|f4dc)$/ {
			name = substr($1, 1, 4)
			print name "," $at["divvied"] "," $at["Average"] "," $at["Maximum"] + 0 >dir "/functions.csv"
			for (day = -1; day <= 0; day++)
				for (m = 0; m < 1440; m++)
					if ($(at["1"] + m))
						print name "," day "," m "," $(at["1"] + m) >dir "/history.csv"
		}'
}

# The database with history and plan of one load, memory and seed: the same for all ways, made out here.
base() {
	[ -s $out/base/$1-$2-$3.db ] && return
	(
		RUN=$PWD/$out/tmp RIG=build/gcc/rig FAASMAT=build/faasmat MEMORY=$2 SEED=$3 FUNCTIONS=$MIX_FUNCTIONS
		[ $1 = paper ] && MIX=$PWD/$out/paper FUNCTIONS=
		mkdir -p $RUN
		. vmtest/guest/replay.sh
		rm -f $RUN/base.db*
		prepare $RUN/base.db >$out/base/$1-$2-$3.plan 2>&1 || { cat $out/base/$1-$2-$3.plan >&2; exit 1; }
		sqlite3 $RUN/base.db "vacuum into '$RUN/whole.db'" && mv $RUN/whole.db $out/base/$1-$2-$3.db
	)
}

[ -s $out/paper/history.csv ] || paper_load
todo() {
	local seed load sizes memory way
	for seed in $SEEDS; do
		for load in $LOADS; do
			sizes=$PAPER_SIZES
			[ $load = mix ] && sizes=$MIX_SIZES
			for memory in $sizes; do
				for way in $WAYS; do
					[ -s $results/$load-$memory-$seed-$way.json ] || echo "$load $memory $seed $way"
				done
			done
		done
	done
}
if [ "${1:-}" = ls ]; then
	todo
	exit
fi
todo >$out/todo
status=0
if [ -s $out/todo ]; then
	while read -r load memory seed _; do
		base $load $memory $seed || exit 1
	done <$out/todo
	echo "bench live: $(wc -l <$out/todo) runs of about $((MINUTES * ${MINUTE%s} + 12)) s; results in $results" >&2
	VM_TIMEOUT=${VM_TIMEOUT:-7200} vmtest/vm.sh vmtest/guest/bench-live.sh |
		while IFS= read -r line; do
			case $line in
			'{'*) printf '%s\n' "$line" ;;
			*) printf '%s\n' "$line" >&2 ;;
			esac
		done || status=1
fi
cat $results/*.json | bench/live-summary.sh || status=1
exit $status
