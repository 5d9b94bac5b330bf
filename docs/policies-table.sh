#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes the tables of docs/policies.md: every policy on the mix with background, days 0, -1 and -2,
# three seeds, four memories; then faasmat with each part left out. Needs sqlite3. Results are kept in
# build/policies/, and what is there is not run again: remove what shall be measured anew.
# usage: [MIX=DIR] [THREADS=N] policies-table.sh [FAASMAT]     default ../shared/data/mix, 1, build/faasmat
set -eu -o pipefail
cd "$(dirname "$0")/.."
faasmat=${1:-build/faasmat}
mix=${MIX:-../shared/data/mix}
out=build/policies
mkdir -p "$out"

# measure FILE DAY SEED OPTION...
measure() {
	local file=$out/$1.json day=$2 seed=$3
	shift 3
	[ -s "$file" ] && return
	"$faasmat" simulate --mix "$mix" --day="$day" \
		--background tests/data/simulator/representative_functions.csv.gz --arrivals poisson \
		--seed "$seed" --memory 4G,8G,16G,32G --threads "${THREADS:-1}" --json "$@" \
		>"$file.part" 2>/dev/null
	mv "$file.part" "$file"
}

policies="lru ttl greedy-dual landlord freq size hist ssmp ssmp-simple dsmp faasmat"
parts="erlang prewarm keep borrow patience spill pass worth"
for day in 0 -1 -2; do
	for seed in 1 2 3; do
		for policy in $policies; do
			measure "policy,$policy,$day,$seed" "$day" "$seed" --policy "$policy"
		done
	done
	for part in $parts; do
		measure "part,$part,$day,1" "$day" 1 --policy faasmat --without "$part"
	done
	measure "part,main,$day,1" "$day" 1 --policy faasmat --main greedy-dual
	measure "part,patience+pass,$day,1" "$day" 1 --policy faasmat --without patience,pass
	[ -e "$out/part,nothing,$day,1.json" ] ||
		cp "$out/policy,faasmat,$day,1.json" "$out/part,nothing,$day,1.json"
done

{
	echo 'CREATE TABLE run(kind, name, j);'
	for file in "$out"/*.json; do
		IFS=, read -r kind name _ <<<"$(basename "$file" .json)"
		sed "s/'/''/g; s/.*/INSERT INTO run VALUES('$kind','$name','&');/" "$file"
	done
	cat <<-'SQL'
	CREATE VIEW mean AS SELECT kind, name, j->>'memory_mb' AS mb, count(*) AS runs,
		100*avg(j->>'throughput') AS served, 100*min(j->>'throughput') AS lowest,
		avg(j->>'drop') AS drops, avg(j->>'container_starts') AS starts,
		avg(j->>'cold') AS cold, avg(j->>'prewarms') AS prewarms,
		avg(j->>'idle_mb_minutes') AS idle FROM run GROUP BY 1, 2, 3;
	.mode list
	SELECT '';
	SELECT '| GB | policy | served % | drops | container starts | cold | prewarmed | idle MB-minutes | lowest served % |';
	SELECT '|---|---|---|---|---|---|---|---|---|';
	SELECT printf('| %d | %s | %.4f | %,d | %,d | %,d | %,d | %,d | %.4f |', mb / 1024, name, served,
		round(drops), round(starts), round(cold), round(prewarms), round(idle), lowest)
		FROM mean WHERE kind = 'policy' ORDER BY mb, instr(
		'lru ttl greedy-dual landlord freq size hist ssmp-simple ssmp, dsmp faasmat',
		iif(name = 'ssmp', 'ssmp,', name));
	SELECT '';
	SELECT '| GB | faasmat''s drops to dsmp''s | best other, served % | policies that serve as much (within 0.05 %) with fewer starts |';
	SELECT '|---|---|---|---|';
	SELECT printf('| %d | %.3f | %s %.4f | %s |', f.mb / 1024, f.drops / d.drops,
		(SELECT name FROM mean m WHERE m.kind = 'policy' AND m.mb = f.mb AND name != 'faasmat'
			ORDER BY served DESC LIMIT 1),
		(SELECT max(served) FROM mean m WHERE m.kind = 'policy' AND m.mb = f.mb AND name != 'faasmat'),
		ifnull((SELECT group_concat(name) FROM mean m WHERE m.kind = 'policy' AND m.mb = f.mb AND
			name != 'faasmat' AND m.served >= f.served - 0.05 AND m.starts < f.starts), 'none'))
		FROM mean f JOIN mean d ON d.mb = f.mb AND d.kind = 'policy' AND d.name = 'dsmp'
		WHERE f.kind = 'policy' AND f.name = 'faasmat' ORDER BY f.mb;
	SELECT '';
	SELECT '| left out | 4 GB | 8 GB | 16 GB | 32 GB |';
	SELECT '|---|---|---|---|---|';
	SELECT printf('| %s | %s |', name, group_concat(printf('%.4f / %,d', served, round(starts)), ' | '))
		FROM (SELECT * FROM mean WHERE kind = 'part' ORDER BY name != 'nothing', name, mb) GROUP BY name
		ORDER BY name != 'nothing', name;
	SQL
} | sqlite3
