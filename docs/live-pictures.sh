#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes the tables (on stdout) and pictures of docs/live.md from the runs in docs/live.jsonl.gz, which are those that
# `make bench BENCH=live` left in build/vm/live: cat build/vm/live/*.json | gzip -9n >docs/live.jsonl.gz
# Needs gnuplot, jq and sqlite3.
# usage: live-pictures.sh
set -eu -o pipefail
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
zcat docs/live.jsonl.gz >"$tmp/runs"
bench/live-summary.sh --database "$tmp/db" <"$tmp/runs" >"$tmp/summary" || true
# lru2: lru in the second VM, beside wrapper.
ways="lru aware full lru2 wrapper"
colours=("#999999" "#2171b5" "#08306b" "#bbbbbb" "#fd8d3c")

sql() { sqlite3 -cmd '.mode list' "$tmp/db" "$1"; }
order="load DESC, CAST(memory AS INT), instr('$ways', iif(way = 'lru', 'lru ', way))"

# --- tables
echo '| load, memory | way | n | served % | more than lru, points | times lru | starts | in a pool | OOM kills in pools / main | guest CPU %, worst minute | late arrivals % |'
echo '|---|---|---|---|---|---|---|---|---|---|---|'
sql "SELECT printf('| %s %s | %s | %d | %.1f%s | %s | %s | %d | %d | %d / %d | %d, %d | %.1f |', load, memory, way, n, 100 * served,
	ifnull(' ± ' || round(100 * served_ci, 1), ''), iif(way LIKE 'lru%', '', printf('%+.1f%s', 100 * more, ifnull(' ± ' || round(100 * more_ci, 1), ''))),
	iif(way LIKE 'lru%', '', printf('%.2f', times)), round(starts), round(in_pool), pool_kills, main_kills, round(100 * cpu),
	round(100 * cpu_worst), 100 * late) FROM summary ORDER BY $order"
echo
echo '| load, memory | wrapper - lru | aware - lru | full - aware | the same in the first minute | full - lru |'
echo '|---|---|---|---|---|---|'
sql "WITH p AS (SELECT load, memory, seed, max(iif(way = 'lru', served, NULL)) AS l, max(iif(way = 'wrapper', more, NULL)) AS w,
		max(iif(way = 'aware', served, NULL)) AS a, max(iif(way = 'full', served, NULL)) AS f,
		max(iif(way = 'full', first, NULL)) - max(iif(way = 'aware', first, NULL)) AS g FROM pair GROUP BY 1, 2, 3),
	d AS (SELECT load, memory, 1 AS k, w AS v FROM p UNION ALL SELECT load, memory, 2, a - l FROM p
		UNION ALL SELECT load, memory, 3, f - a FROM p UNION ALL SELECT load, memory, 4, g FROM p UNION ALL SELECT load, memory, 5, f - l FROM p),
	d2 AS (SELECT * FROM d UNION ALL SELECT 'all', 'together', k, v FROM d),
	m AS (SELECT load, memory, k, count(v) AS n, avg(v) AS mean, avg(v * v) AS square FROM d2 GROUP BY 1, 2, 3)
	SELECT printf('| %s %s | %s |', load, memory, group_concat(iif(mean IS NULL, '', printf('%+.1f%s', 100 * mean,
		ifnull(' ± ' || round(100 * t * sqrt(max(square - mean * mean, 0) / (n - 1)), 1), ''))), ' | '))
	FROM (SELECT * FROM m LEFT JOIN student USING(n) ORDER BY k) GROUP BY load, memory ORDER BY load = 'all', load DESC, CAST(memory AS INT)"
echo
# The same minutes in the simulator, with the queue TTL of the rig: calls served in the minutes that count. Once whole,
# once with calls and node divided as on the rig: what is left of the difference is the kernel and the processor.
bench/live.sh ls >/dev/null
. build/live/settings
rounded='BEGIN { srand(1) } function rounded(n) { n /= c; return int(n) + (rand() < n - int(n)) }'
shifted() { # LOAD DIR DIVISOR: the day begins at minute FROM, so that --minutes can end it
	mkdir -p "$tmp/load-$1"
	zcat tests/data/background.csv.gz | awk -F, -v OFS=, -v c=$3 "$rounded"'
		NR == 1 { for (i = NF; i; i--) at[$i] = i }
		NR > 1 { for (i = at["1"]; i <= at["1440"]; i++) $i = rounded($i) } { print }' >"$tmp/load-$1/background.csv"
	(cd "$2" && if [ -e history.csv ]; then cat history.csv; else zcat history.csv.gz; fi) | awk -F, -v OFS=, -v from=$FROM -v c=$3 -v keep=",$4," "$rounded"'
		NR > 1 && (keep == ",," || index(keep, "," $1 ",")) {
			m = $3 - from; d = $2; n = rounded($4); if (m < 0) { m += 1440; d-- } if (n) print $1, d, m, n }' | sort -t, -s -k1,1 -k2,2n -k3,3n |
		sed '1i function,day,minute,count' >"$tmp/load-$1/history.csv"
}
# simulated LABEL DIVISOR
simulated() {
	local load sizes dir=build/live/paper keep=
	for load in paper mix; do
		[ $load = paper ] || dir=tests/data/mix keep=$MIX_FUNCTIONS
		shifted $load $dir $2 "$keep"
		awk -F, -v keep=",$keep," 'NR == 1 || keep == ",," || index(keep, "," $1 ",")' $dir/functions.csv >"$tmp/load-$load/functions.csv"
		sizes=$(sql "SELECT group_concat(mb, 'M,') FROM (SELECT DISTINCT CAST(memory AS INT) * $COUNT_DIVISOR * $MEMORY_DIVISOR / $2 AS mb
			FROM run WHERE load = '$load' ORDER BY mb)")M
		build/faasmat simulate --mix "$tmp/load-$load" --background "$tmp/load-$load/background.csv" --arrivals poisson --memory "$sizes" \
			--queue-ttl $((TTL_MS * 60 / ${MINUTE%s}))ms --minutes $MINUTES --policy lru,ssmp,dsmp,faasmat --prediction model \
			--threads 1 --csv --per-minute "$tmp/minutes" >/dev/null 2>"$tmp/error" || { cat "$tmp/error" >&2; return 1; }
		awk -F, -v skip=$WARM_UP -v last=$((MINUTES - 1)) -v load=$load -v label="$1" -v factor=$(($2 == 1 ? COUNT_DIVISOR * MEMORY_DIVISOR : MEMORY_DIVISOR)) '
			NR > 1 && $4 >= skip && $4 < last && $5 == "" { got[$2, $1] += $6 + $7; all[$2, $1] += $6 + $7 + $8; seen[$2] }
			END { n = split("lru ssmp dsmp faasmat", p, " ")
				for (mb in seen) { line = sprintf("| %s | %s %dM |", label, load, mb / factor)
					for (i = 1; i <= n; i++) line = line sprintf(" %.1f |", 100 * got[mb, p[i]] / all[mb, p[i]])
					print mb "\t" line } }' "$tmp/minutes" | sort -n | cut -f 2
	done
}
echo '| simulated | load, memory | lru | ssmp | dsmp | faasmat |'
echo '|---|---|---|---|---|---|'
simulated 'calls and node / '$COUNT_DIVISOR $COUNT_DIVISOR
simulated whole 1
echo
tail -n 2 "$tmp/summary"

# --- served share, by memory and way
for load in paper mix; do
	sql "SELECT memory, group_concat(printf('%.6f %.6f', served, ifnull(served_ci, 0)), ' ') FROM
		(SELECT * FROM summary WHERE load = '$load' ORDER BY $order) GROUP BY memory ORDER BY CAST(memory AS INT)" |
		tr '|' ' ' >"$tmp/$load"
done
plot_bars() {
	local k=0 way
	printf 'plot "%s" using 0:(-1):xtic(1) with points notitle, ' "$tmp/$1"
	for way in $ways; do
		printf '"%s" using ($0 + %s):(100 * $%d):(100 * $%d) with boxerrorbars lc rgb "%s" title "%s", ' \
			"$tmp/$1" "$(awk "BEGIN { print ($k - 2) * 0.16 }")" $((2 + 2 * k)) $((3 + 2 * k)) "${colours[$k]}" $way
		k=$((k + 1))
	done
	echo
}
gnuplot <<-PLOT
	set terminal svg size 900,340 font "sans,11" background "white"
	set output "docs/live-served.svg"
	set multiplot layout 1,2
	set style fill solid 0.9
	set boxwidth 0.15
	set yrange [0:115]
	set ytics 0,20,100
	set xrange [-0.6:2.6]
	set ylabel "calls served, %"
	set xlabel "the functions' memory (x 96 = of the model)"
	set key top left horizontal samplen 0.5 width -2 font "sans,9"
	set grid y
	set title "the paper's hot functions"
	$(plot_bars paper)
	set title "the mix"
	$(plot_bars mix)
	unset multiplot
PLOT

# --- minute by minute, the middle memory of each load
plot_minutes() {
	local k=0 way memory
	memory=$(sql "SELECT DISTINCT memory FROM run WHERE load = '$1' ORDER BY CAST(memory AS INT) LIMIT 1 OFFSET 1")
	printf 'set title "%s, %s"\nplot ' "$2" "$memory"
	for way in $ways; do
		jq -rs --arg l $1 --arg m "$memory" --arg w $way '[.[] | select(.load == $l and .memory == $m and .way + (if .vm == 2 and .way == "lru" then "2" else "" end) == $w) | .minutes] |
			if length == 0 then "" else (.[0].invocations | length) as $n | range($n) as $i |
			"\($i) \(100 * ([.[] | .warm[$i] + .cold[$i]] | add) / ([.[].invocations[$i]] | add))" end' "$tmp/runs" >"$tmp/$1-$way"
		printf '"%s" using 1:2 with linespoints lw 2 pt 7 ps 0.4 lc rgb "%s" title "%s", ' "$tmp/$1-$way" "${colours[$k]}" $way
		k=$((k + 1))
	done
	echo
}
gnuplot <<-PLOT
	set terminal svg size 900,320 font "sans,11" background "white"
	set output "docs/live-minutes.svg"
	set multiplot layout 1,2
	set yrange [0:105]
	set ylabel "calls served, %"
	set xlabel "model minute"
	set xtics 1
	set key bottom right samplen 1
	set grid y
	$(plot_minutes paper "the paper's hot functions")
	$(plot_minutes mix "the mix")
	unset multiplot
PLOT

# --- who is served: by function, lru beside full, the middle memory
plot_functions() {
	local memory
	memory=$(sql "SELECT DISTINCT memory FROM run WHERE load = '$1' ORDER BY CAST(memory AS INT) LIMIT 1 OFFSET 1")
	jq -rs --arg l $1 --arg m "$memory" '[.[] | select(.load == $l and .memory == $m)] |
		def share($w; $f): [.[] | select(.way == $w) | .functions[] | select(.function == $f)] |
			if length == 0 then 0 else 100 * ([.[] | .warm + .cold] | add) / ([.[].invocations] | add) end;
		. as $runs | [.[].functions[]] | group_by(.function) | map({f: .[0].function, n: ([.[].invocations] | add)}) | sort_by(-.n)[:9][] |
		.f as $f | "\($f) \($runs | share("lru"; $f)) \($runs | share("aware"; $f)) \($runs | share("full"; $f))"' \
		"$tmp/runs" >"$tmp/functions-$1"
	printf 'set title "%s, %s"\nplot ' "$2" "$memory"
	local k=0 way
	for way in lru aware full; do
		printf '"%s" using %d:xtic(1) with histogram lc rgb "%s" title "%s", ' "$tmp/functions-$1" $((k + 2)) "${colours[$k]}" $way
		k=$((k + 1))
	done
	echo
}
gnuplot <<-PLOT
	set terminal svg size 900,340 font "sans,11" background "white"
	set output "docs/live-functions.svg"
	set multiplot layout 1,2
	set style data histogram
	set style histogram clustered gap 1
	set style fill solid 0.9
	set yrange [0:115]
	set ytics 0,20,100
	set ylabel "calls served, %"
	set xtics rotate by -35 noenhanced
	set key top right horizontal samplen 1
	set grid y
	$(plot_functions paper "the paper's hot functions")
	$(plot_functions mix "the mix")
	unset multiplot
PLOT
