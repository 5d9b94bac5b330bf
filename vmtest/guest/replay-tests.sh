# SPDX-License-Identifier: GPL-2.0-or-later
# The whole path on a replay: limits equal the plan minute by minute, invariants 1 and 2 in every
# sample, exact counts, no kill; and a main pool full of idle containers gives its memory to a pool
# that grows. Sourced by all.sh, after lib.sh.
. vmtest/guest/replay.sh
# What is lent is not in the plan: hostile.sh and test_governor_borrow judge that.
GOVERN_OPTIONS="${GOVERN_OPTIONS:-} --borrow 0"
make_node

# watch_limits NAME FILE: the limits of all pools of /node-NAME/faasmat, as "minute pool bytes", five
# times between a fifth and two thirds of each minute: before that limits may still move to it, after
# that to the next one.
# Bash alone, no process but sleep: a watcher that falls behind would report another minute's limits,
# so one that is late says nothing.
watch_limits() {
	local root=$CG/node-$1/faasmat length=$((${MINUTE%s} * 1000000)) m at due now p limit
	wait_for 30 test -S "$RUN/$1.sock"
	local origin=$(($(sed 's/.*@//' "$RUN/$1.origin") * 1000000))
	for ((m = 0; m < MINUTES; m++)); do
		for at in 20 30 40 50 65; do
			due=$((origin + m * length + at * length / 100))
			now=${EPOCHREALTIME/[.,]/}
			[ $now -ge $due ] || sleep $(((due - now) / 1000000)).$(printf %06d $(((due - now) % 1000000)))
			now=${EPOCHREALTIME/[.,]/}
			[ $now -lt $((due + length / 10)) ] || continue
			for p in $root/pool-*; do
				read -r limit 2>/dev/null <"$p/memory.max" && echo "$((FIRST + m)) ${p##*/} $limit"
			done
		done
	done >"$2"
}

# judge_limits NAME DB FILE: every pool had its planned limit in every minute, or the ledger says why not
judge_limits() {
	local wrong
	sqlite3 "$2" >"$RUN/judged" <<SQL
create temp table seen(minute integer, pool, bytes integer);
.separator ' '
.import $3 seen
select count(distinct minute || pool) from seen;
select group_concat(p.minute || ' ' || s.pool || ' was ' || s.bytes || ', planned ' || p.bytes, '; ')
	from (select minute, pool, group_concat(distinct bytes) as bytes from seen group by minute, pool) s
	join functions f on s.pool = 'pool-' || f.name
	join plan p on p.function_id = f.id and p.minute = s.minute
	where p.bytes > 0 and not exists (select 1 from seen x
		where x.minute = s.minute and x.pool = s.pool and x.bytes = p.bytes)
	and not exists (select 1 from ledger l where l.pool = s.pool and l.minute in (s.minute, s.minute - 1)
		and l.action in ('wait', 'veto', 'adopt', 'cut', 'plan', 'fail'));
SQL
	wrong=$(sed -n 2p "$RUN/judged")
	check "$1-limits-sampled" "only $(head -n 1 "$RUN/judged") minutes of pools" \
		[ "$(head -n 1 "$RUN/judged")" -ge $((MINUTES / 2)) ]
	equal "$1-limits-equal-plan" "$wrong" ""
}

# governed NAME DB [RIG OPTION...]: a replay in dynamic with both samplers beside it
governed() {
	local name=$1 db=$2
	watch_limits "$name" "$RUN/$name.limits" &
	local watcher=$!
	mkdir -p $CG/node-$name/faasmat
	$BIN/sample-limits $CG/node-$name/faasmat "$MEMORY" "$MARGIN" >"$RUN/$name.samples" 2>&1 &
	local sampler=$!
	shift 2
	replay dynamic "$db" "$name" "$@" >/dev/null || not_ok "$name-rig" "failed"
	wait $watcher
	kill -TERM $sampler
	wait $sampler && ok "$name-invariants" || not_ok "$name-invariants" "$(tail -n 2 "$RUN/$name.samples")"
	echo "# $name: $(tail -n 1 "$RUN/$name.samples"), $(jq -c '[.invocations, .warm, .cold, .drop, .evictions, .guest_cpu_share]' "$RUN/$name.json")"
	judge_limits "$name" "$db" "$RUN/$name.limits"
	equal "$name-no-kill" "$(jq '.oom_kills + .failed' "$RUN/$name.json")" 0
	equal "$name-counted" "$(counted "$db")" "$(jq .sent "$RUN/$name.json")"
}

# --- the mix, six minutes
MINUTES=6
prepare $RUN/mix.db >/dev/null || not_ok replay-plan "faasmat plan failed"
governed mix $RUN/mix.db
check mix-has-hot-functions "$(sql $RUN/mix.db "select count(distinct function_id) from plan")" \
	[ "$(sql $RUN/mix.db 'select count(distinct function_id) from plan')" -ge 3 ]

# --- main full of idle containers, then a pool that needs most of it
full=$RUN/full
mkdir -p $full
{
	echo function,memory_mb,warm_ms,cold_ms
	echo hot,2,6000,3000
	for i in $(seq 40); do echo "rare$i,2,1000,2000"; done
} >$full/functions.csv
{
	echo function,day,minute,count
	for i in $(seq 40); do echo "rare$i,0,$((FROM + 1)),1"; done
	for m in 3 4 5; do echo "hot,0,$((FROM + m)),250"; done
} | gzip >$full/history.csv.gz
MIX=$full MEMORY=80M COUNT_DIVISOR=1 MEMORY_DIVISOR=1 SHARE=0.9
scaling=(--minute-length "$MINUTE" --count-divisor 1 --memory-divisor 1)
load=(--mix "$MIX" --seed "$SEED" --background-functions 0)
# The functions and a database by import; a plan that begins in the fourth minute.
sed 's/^hot,0,/hot,-1,/' <(zcat $full/history.csv.gz) >$full/before.csv
rm -f $RUN/full.db
$FAASMAT import history $full/before.csv --functions $full/functions.csv --day-zero $DAY --days -1..-1 \
	--db $RUN/full.db >/dev/null || not_ok full-import "failed"
sql $RUN/full.db "INSERT INTO planned VALUES($FIRST, $((FIRST + 8)));
	WITH RECURSIVE m(m) AS (SELECT $((FIRST + 3)) UNION SELECT m + 1 FROM m WHERE m < $((FIRST + 8)))
	INSERT INTO plan SELECT m, id, 30, 64 * 1048576, 0 FROM m, functions WHERE name = 'hot';
	INSERT INTO meta VALUES('plan_version', 1)"
governed full $RUN/full.db
check full-evicts "$(jq .evictions $RUN/full.json) evictions" [ "$(jq .evictions $RUN/full.json)" -ge 24 ]
equal full-pool-has-its-budget "$(awk -v m=$((FIRST + 5)) '$1 == m && $2 == "pool-hot" { print $3 }' $RUN/full.limits | sort -u)" $((64 * 1048576))
check full-hot-is-served "$(jq -c '.functions[] | select(.function == "hot")' $RUN/full.json)" \
	[ "$(jq '.functions[] | select(.function == "hot") | (.warm + .cold) / .invocations > 0.5' $RUN/full.json)" = true ]
