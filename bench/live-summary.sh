#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs of the live experiment (a JSON object each, on stdin) to their summary, a JSON object a row: served share
# a load, memory and way, mean over the seeds with the 95 % confidence interval (Student's t), and the same of the
# paired differences to lru. Exit 1 when a run of `wrapper` had an OOM kill, in a pool or in main, or when all of them
# together served less than lru did (95 % confidence). Single runs differ by some points on a busy host.
# Runs of a second VM ("vm":2) are compared with that one's own lru, here called lru2.
# usage: live-summary.sh [--database FILE]     FILE: leave a database with table `run` and view `summary`, too
set -eu -o pipefail
db=:memory:
out=$(mktemp)
trap 'rm -f "$out"' EXIT
[ "${1:-}" = --database ] && db=$2
jq -r '[.load, .memory, .seed, .way + (if .vm == 2 and .way == "lru" then "2" else "" end), .value, .with_warm_up, .oom_kills_in_pools, .oom_kills_in_main, .died, .failed,
	.guest_cpu, .guest_cpu_worst, .max_lag_ms, .container_starts, .prewarmed, .in_pool, .evictions, .invocations,
	.p50_ms, .p99_ms, .late_share, (.minutes.warm[0] + .minutes.cold[0]) / .minutes.invocations[0]] | @csv' |
	sqlite3 -cmd '.mode csv' -cmd "CREATE TABLE run(load, memory, seed INT, way, served REAL, with_warm_up REAL,
		pool_kills INT, main_kills INT, died INT, failed INT, cpu REAL, cpu_worst REAL, lag_ms REAL, starts INT,
		prewarmed INT, in_pool INT, evictions INT, calls INT, p50_ms REAL, p99_ms REAL, late REAL, first REAL,
		PRIMARY KEY(load, memory, seed, way))" \
		-cmd '.import /dev/stdin run' -cmd '.mode list' $db "
	CREATE TABLE student(n INT PRIMARY KEY, t REAL);
	INSERT INTO student VALUES(2, 12.706), (3, 4.303), (4, 3.182), (5, 2.776), (6, 2.571), (7, 2.447), (8, 2.365),
		(9, 2.306), (10, 2.262), (11, 2.228), (12, 2.201), (13, 2.179), (14, 2.160), (15, 2.145), (16, 2.131), (17, 2.120), (18, 2.110);
	CREATE VIEW pair AS SELECT r.*, r.served - l.served AS more, r.served / l.served AS times, l.served AS lru_served
		FROM run r LEFT JOIN run l ON l.way = iif(r.way IN ('wrapper', 'lru2') AND EXISTS (SELECT 1 FROM run
			WHERE way = 'lru2'), 'lru2', 'lru') AND (l.load, l.memory, l.seed) = (r.load, r.memory, r.seed);
	CREATE VIEW summary AS SELECT load, memory, way, n, served, more, times, starts, in_pool, prewarmed, pool_kills, main_kills,
		died, cpu, cpu_worst, lag_ms, late, p50_ms, p99_ms, t * sqrt(max(served2 - served * served, 0) / (n - 1)) AS served_ci,
		t * sqrt(max(more2 - more * more, 0) / (n - 1)) AS more_ci, least
		FROM (SELECT load, memory, way, count(*) AS n, avg(served) AS served, avg(served * served) AS served2,
			avg(more) AS more, avg(more * more) AS more2, min(more) AS least, avg(times) AS times, avg(starts) AS starts,
			avg(in_pool) AS in_pool, avg(prewarmed) AS prewarmed, sum(pool_kills) AS pool_kills, sum(main_kills) AS main_kills,
			sum(died) AS died, avg(cpu) AS cpu, max(cpu_worst) AS cpu_worst, max(lag_ms) AS lag_ms, avg(late) AS late, avg(p50_ms) AS p50_ms,
			avg(p99_ms) AS p99_ms FROM pair GROUP BY 1, 2, 3)
		LEFT JOIN student USING(n);
	SELECT json_object('bench', 'live', 'case', printf('mean of %s %s %s', load, memory, way), 'value', round(served, 4),
		'unit', 'share of calls served', 'n', n, 'ci95', round(served_ci, 4), 'more_than_lru', round(more, 4),
		'more_than_lru_ci95', round(more_ci, 4), 'least_more', round(least, 4), 'ratio', round(times, 3), 'peer', 'lru',
		'container_starts', round(starts), 'oom_kills_in_pools', pool_kills, 'oom_kills_in_main', main_kills,
		'containers_died', died, 'guest_cpu', round(cpu, 3), 'guest_cpu_worst_minute', round(cpu_worst, 3),
		'max_lag_ms', round(lag_ms, 1), 'late_share', round(late, 4))
		FROM summary ORDER BY load DESC, CAST(memory AS INT), instr('lru aware full lru2 wrapper', iif(way = 'lru', 'lru ', way));
	SELECT json_object('bench', 'live', 'case', 'requirement: wrapper beside lru', 'value', kills + ifnull(mean + ci < 0, 0), 'unit',
		'runs with OOM kills, and 1 when it serves less than lru', 'runs', n, 'more_than_lru', round(mean, 4),
		'more_than_lru_ci95', round(ci, 4), 'least_more', round(least, 4), 'runs_below_lru', below, 'oom_kills_in_pools', pool_kills,
		'oom_kills_in_main', main_kills)
		FROM (SELECT n, kills, mean, least, below, pool_kills, main_kills, t * sqrt(max(square - mean * mean, 0) / (n - 1)) AS ci
			FROM (SELECT count(*) AS n, sum(pool_kills + main_kills > 0) AS kills, avg(more) AS mean, avg(more * more) AS square,
				min(more) AS least, sum(more < 0) AS below, sum(pool_kills) AS pool_kills, sum(main_kills) AS main_kills
				FROM pair WHERE way = 'wrapper' AND more IS NOT NULL) LEFT JOIN student USING(n) WHERE n > 0);
	SELECT json_object('bench', 'live', 'case', 'guest CPU', 'value', round(max(cpu), 3), 'unit', 'share of the guest''s CPUs, most in a run',
		'saturated_runs', sum(cpu > 0.9), 'runs_with_late_arrivals', sum(late > 0.01), 'late_share', round(avg(late), 4)) FROM run HAVING count(*);" >"$out"
cat "$out"
! grep -q '"requirement: wrapper beside lru","value":[1-9]' "$out"
