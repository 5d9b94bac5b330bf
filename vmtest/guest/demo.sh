#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The demo, inside the VM: import the days before day 0, plan day 0, then replay the same stretch of
# day 0 under lru, shadow and dynamic; then a container that takes three times its memory, with and
# without limits. Results go to $VM_SHARE.
set -u
. vmtest/guest/lib.sh
. vmtest/guest/replay.sh
make_node
say() { printf '\n== %s\n' "$*"; }

say "history of the days before $DAY, and the plan of that day ($MEMORY of memory; a minute lasts $MINUTE, invocations / $COUNT_DIVISOR, memory / $MEMORY_DIVISOR)"
prepare $RUN/base.db || exit 1

status=0
reports=()
for mode in lru shadow dynamic; do
	say "$MINUTES minutes from $(($FROM / 60)):$(printf %02d $((FROM % 60))) under $mode (containers by $RUNTIME)"
	cp $RUN/base.db $RUN/$mode.db
	replay $mode $RUN/$mode.db $mode || status=1
	reports+=(--counted $mode=$(counted $RUN/$mode.db) $RUN/$mode.json)
done
say "the comparison (sent: requests the rig wrote to containers; counted: what eBPF saw)"
$RIG report --result $RUN/result.json --minutes $MINUTES "${reports[@]}" || status=1

say "budgets of the pools that were planned and written (memory.max, dynamic)"
sqlite3 -header -column $RUN/dynamic.db "
	select f.name as function, min(p.containers) || ' - ' || max(p.containers) as containers,
		printf('%.1fM', min(p.bytes) / 1048576.0) as 'least', printf('%.1fM', max(p.bytes) / 1048576.0) as 'most',
		(select count(*) from ledger l where l.action = 'write' and l.file = 'memory.max' and l.applied
			and l.pool = 'pool-' || f.name and l.minute between $FIRST - 5 and $FIRST + $MINUTES - 1) as writes
	from plan p join functions f on f.id = p.function_id
	where p.minute between $FIRST and $FIRST + $MINUTES - 1 group by f.name"

# Something else has taken of the machine of this part what the first minutes above did not need, but for 1.5 MiB.
runaway=${RUNAWAY:-web-july}
MINUTES=6
room=$(jq -s '[.[].minutes.memory_bytes[:6] | max] | max + 1572864' $RUN/shadow.json $RUN/dynamic.json)
OTHERS=$(($(cat $CG/node-dynamic/memory.max) - room >> 20))
say "one container of $runaway takes three times its memory where something else has left $((room >> 20))M of the machine: shadow has no limits, dynamic has"
for mode in shadow dynamic; do
	cp $RUN/base.db $RUN/runaway-$mode.db
	replay $mode $RUN/runaway-$mode.db runaway-$mode --runaway $runaway@$((FROM + 2)) || status=1
	jq -r --arg f $runaway --arg m $mode '"\($m): \(.oom_kills) OOM kills; containers lost by \($f): \(
		[.functions[] | select(.function == $f) | .died] | add // 0), by other functions: \(
		[.functions[] | select(.function != $f) | .died] | add // 0), of \(.invocations) calls failed: \(.failed)"' $RUN/runaway-$mode.json
done

cp $RUN/result.json $RUN/runaway-shadow.json $RUN/runaway-dynamic.json $VM_SHARE/
sqlite3 $RUN/dynamic.db "vacuum into '$RUN/faasmat.db'" && cp $RUN/faasmat.db $VM_SHARE/
show_crashes
exit $((status | failures))
