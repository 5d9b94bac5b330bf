#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The commands as a user meets them when something is wrong: one clear line that says what and
# where, the right exit code, and nothing half-written.
set -u
cd "$(dirname "$0")/.." || exit 1
F=$PWD/build/faasmat
T=$PWD/build/tmp/commands
rm -rf "$T"
mkdir -p "$T"
export FAASMAT_DB=$T/faasmat.db
failures=0

# refuses NAME EXIT PATTERN COMMAND...: exits so, and the one line on stderr matches
refuses() {
	local name=$1 wanted=$2 pattern=$3 status=0 lines
	shift 3
	"$@" >"$T/out" 2>"$T/err" || status=$?
	# argp breaks its last line when the command's name is long.
	lines=$(grep -vc -e "^Try \`" -e '^information\.$' "$T/err")
	if [ "$status" != "$wanted" ]; then
		echo "not ok $name: exit $status, wanted $wanted: $(head -n 3 "$T/err")"
	elif ! grep -qE -- "$pattern" "$T/err"; then
		echo "not ok $name: '$(head -n 3 "$T/err")' does not say '$pattern'"
	elif [ "$lines" != 1 ]; then
		echo "not ok $name: $lines lines: $(cat "$T/err")"
	else
		echo "ok $name"
		return
	fi
	failures=$((failures + 1))
}
# works NAME PATTERN COMMAND...: exit 0 and stdout matches
works() {
	local name=$1 pattern=$2 status=0
	shift 2
	"$@" >"$T/out" 2>"$T/err" || status=$?
	if [ "$status" = 0 ] && grep -qE -- "$pattern" "$T/out"; then
		echo "ok $name"
	else
		echo "not ok $name: exit $status: $(head -n 3 "$T/err" "$T/out")"
		failures=$((failures + 1))
	fi
}
same() {
	if [ "$2" = "$3" ]; then
		echo "ok $1"
	else
		echo "not ok $1: '$2' is not '$3'"
		failures=$((failures + 1))
	fi
}
history_rows() { sqlite3 "$FAASMAT_DB" 'select count(*) from history'; }

# --- usage
refuses no-subcommand 2 'no subcommand' "$F" nonsense
works help 'A memory governor' "$F" --help
for command in probe import sample collect top backup admit locate forecast plan govern explain restore simulate status; do
	works "help-$command" 'Usage: faasmat '$command "$F" $command --help
done
refuses bad-option-value 2 'takes a size such as 512M' "$F" plan --memory lots
refuses share-above-one 2 '.-?-share' "$F" plan --share 1.5

# --- files
cat >"$T/counts.csv" <<'CSV'
function,day,minute,count
f,-1,5,100
f,-1,6,200
CSV
works import 'f?.*1 functions, 2 minutes' "$F" import history "$T/counts.csv" --day-zero 2026-11-23
rows=$(history_rows)
refuses no-file 1 'none.csv: No such file' "$F" import history "$T/none.csv"
printf 'function,day,minute\nf,0,1\n' >"$T/bad.csv"
refuses missing-column 1 "bad.csv has no column 'count'" "$F" import history "$T/bad.csv"
printf 'function,day,minute,count\ng,-1,1,1\ng,-1,2,-4\n' >"$T/bad.csv"
refuses negative-count 1 "bad.csv, row 3, column 'count': '-4'" "$F" import history "$T/bad.csv"
printf 'function,day,minute,count\ng,-1,1,1\ng,-1,2,x\n' >"$T/bad.csv"
refuses non-numeric 1 "row 3, column 'count': 'x' is not a whole number" "$F" import history "$T/bad.csv"
printf 'function,day,minute,count\ng,-1,1,1\na/b,-1,2,3\n' >"$T/bad.csv"
refuses name-with-slash 1 "row 3, column 'function': the function's name contains '/'" "$F" import history "$T/bad.csv"
printf 'function,day,minute,count\n..,-1,2,3\n' >"$T/bad.csv"
refuses name-dotdot 1 "name is a directory's name" "$F" import history "$T/bad.csv"
printf 'function,day,minute,count\n%s,-1,2,3\n' "$(head -c 4096 /dev/zero | tr '\0' a)" >"$T/bad.csv"
refuses name-of-4096 1 "name is longer than 255 bytes" "$F" import history "$T/bad.csv"
printf 'function,day,minute,count\na\tb,-1,2,3\n' >"$T/bad.csv"
refuses name-with-control 1 "name contains a control character" "$F" import history "$T/bad.csv"
refuses azure-columns 1 "has no column 'HashFunction'" "$F" import azure-combined "$T/counts.csv"
same nothing-half-written "$(history_rows)" "$rows"

# --- databases
refuses no-database 1 "none.db: No such file.*import" "$F" locate --db "$T/none.db"
head -c 8192 /dev/urandom >"$T/corrupt.db"
refuses corrupt-database 1 'corrupt.db: .*damaged or no database' "$F" locate --db "$T/corrupt.db"
sqlite3 "$T/newer.db" 'PRAGMA user_version=99; CREATE TABLE x(y)'
refuses newer-schema 1 'newer.db: has schema version 99, newer' "$F" plan --db "$T/newer.db"
sqlite3 "$T/newer.db" 'select count(*) from x' >/dev/null && same newer-schema-untouched \
	"$(sqlite3 "$T/newer.db" 'PRAGMA user_version')" 99
sqlite3 "$FAASMAT_DB" 'BEGIN EXCLUSIVE' '.shell sleep 14' 'COMMIT' &
locker=$!
sleep 0.5
refuses locked-database 1 'another process holds it locked' "$F" import history "$T/counts.csv"
wait $locker
same locked-database-unharmed "$(history_rows)" "$rows"

# --- plan and forecast
refuses unknown-function 1 "no function 'nope'" "$F" plan --function nope
refuses forecast-unknown-function 1 "no function 'nope'" "$F" forecast --function nope
refuses forecast-no-file 1 'none.csv' "$F" forecast --input "$T/none.csv"
series() { # NAME AWK-EXPRESSION ROWS: minute,value with the expression of i
	awk -v n="$3" "BEGIN { print \"minute,value\"; for (i = 0; i < n; i++) { v = $2; print i \",\" v } }" >"$T/$1.csv"
}
# sound NAME: both models make a day of rows, without nan, inf, a negative number or a crossing
sound() {
	local name=$1 model
	for model in auto prophet; do
		works "forecast-$name-$model" 'ok' sh -c "'$F' forecast --model $model --input '$T/$name.csv' |
			awk -F, 'NR > 1 { if (NF != 6) bad = 1; for (k = 2; k <= 6; k++) if (\$k !~ /^[0-9.]+(e[-+]?[0-9]+)?\$/ || (k > 3 && \$k + 0 < \$(k - 1) + 0)) bad = 1 } END { if (NR >= 25 && !bad) print \"ok\" }'"
	done
}
series zero 0 4000
series constant 7 4000
series one 5 1
series day 'i % 60' 1440
series large 'i % 60 * 1e9' 4320
series gaps 'i % 7 == 0 ? "nan" : i % 11 == 0 ? "" : i % 100' 4320
for name in zero constant one day large gaps; do sound $name; done
same forecast-same-bytes "$("$F" forecast --input "$T/day.csv" | cksum)" "$("$F" forecast --input "$T/day.csv" | cksum)"
printf 'minute,value\n' >"$T/empty.csv"
printf 'minute,value\n0,nan\n1,\n' >"$T/unknown.csv"
printf 'minute,value\n2,1\n1,1\n' >"$T/unsorted.csv"
printf 'minute,value\n1,1\n1,1\n' >"$T/twice.csv"
printf 'minute,value\n0,-1\n' >"$T/negative.csv"
printf 'minute,value\n0,1\n7,1\n14,1\n' >"$T/step.csv"
printf 'date,holiday\n2026-02-30,x\n' >"$T/holidays.csv"
refuses forecast-empty 1 'has no rows' "$F" forecast --input "$T/empty.csv"
refuses forecast-nothing-known 1 'no value is known' "$F" forecast --input "$T/unknown.csv"
refuses forecast-unsorted 1 'row 3: .*sort the file' "$F" forecast --input "$T/unsorted.csv"
refuses forecast-twice 1 'row 3: .*again' "$F" forecast --input "$T/twice.csv"
refuses forecast-negative 1 "row 2.*'-1'" "$F" forecast --input "$T/negative.csv"
refuses forecast-odd-step 1 'does not divide a day' "$F" forecast --input "$T/step.csv"
refuses forecast-bad-holiday 1 "holidays.csv, row 2: '2026-02-30' is not a date" \
	"$F" forecast --input "$T/day.csv" --holidays "$T/holidays.csv"

# --- traces: import, sample, simulate
azure=tests/data/simulator/azure2021.csv
day=tests/data/simulator/representative_functions.csv.gz
minutes=$(seq -s, 1 1440)
zeros=$(printf ',0%.0s' $(seq 1439))
printf 'HashOwner,HashApp,HashFunction,Trigger,%s\no,a,f,http,7%s\no,b,g,http,9%s\n' "$minutes" "$zeros" "$zeros" >"$T/inv.csv"
printf 'HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum\no,a,f,10,7,1,90\no,b,g,20,9,1,80\n' >"$T/dur.csv"
printf 'HashOwner,HashApp,SampleCount,AverageAllocatedMb\no,a,1,100\no,b,1,50\n' >"$T/mem.csv"
traces=$T/traces.db
works import-azure-day '2 functions, 2 minutes with invocations, 16 invocations, 2026-11-22 to 2026-11-22' "$F" import \
	--db "$traces" azure-day --day=-1 --day-zero 2026-11-23 "$T/inv.csv" "$T/dur.csv" "$T/mem.csv"
works import-azure-day-again '16 invocations, 2026-11-23' "$F" import --db "$traces" azure-day \
	--day-zero 2026-11-23 "$T/inv.csv" "$T/dur.csv" "$T/mem.csv"
same import-azure-day-memory "$(sqlite3 "$traces" "SELECT memory_bytes, warm_us, cold_us FROM functions WHERE name = 'f'" 2>&1)" \
	'104857600|10000|90000'
works import-invocations '"functions":[0-9]+,"rows":[0-9]+,"invocations":59' "$F" import --db "$T/inv.db" --json \
	azure-invocations "$azure" --container-memory 64M
refuses azure-day-files 2 'takes three files' "$F" import --db "$traces" azure-day "$T/inv.csv" "$T/dur.csv"
refuses import-format 2 "format 'azure' is unknown" "$F" import azure "$T/inv.csv"
works simulate-database '"policy":"lru".*"invocations":16,' "$F" simulate --db "$traces" --policy lru --json
works simulate-database-day '"invocations":16,' "$F" simulate --db "$traces" --day 2026-11-22 --policy faasmat --prediction oracle --json
FAASMAT_DB=$T/faasmat.db works simulate-unmeasured '"max_memory_mb":(6[45]|19[0-9])' "$F" simulate --policy lru --container-memory 64M --json --day 2026-11-22
refuses simulate-no-such-date 1 'there is no history of 2026-12-24; it has 2026-11-22' "$F" simulate --db "$traces" --day 2026-12-24
refuses simulate-empty-database 1 'none.db: No such file' "$F" simulate --db "$T/none.db"

# What a file of a trace may have wrong: pattern, how the line is spoilt, by whom it is read.
spoilt() { # spoilt NAME PATTERN FILE SED COMMAND... (@ is the spoilt file)
	local name=$1 pattern=$2 file=$3 edit=$4
	shift 4
	case $file in *.gz) zcat "$file" ;; *) cat "$file" ;; esac | sed -E "$edit" >"$T/spoilt.csv"
	refuses "$name" 1 "spoilt.csv, row $pattern" "${@/@/$T/spoilt.csv}"
}
sim="$F simulate --policy lru"
for reader in 'simulate --policy lru --functions @' "import azure-combined @"; do
	kind=${reader%% *}
	spoilt "$kind-day-negative" "4, column '1440': '-3'" "$day" '4s/^(([^,]*,){1444})[^,]*/\1-3/' "$F" $reader
	spoilt "$kind-day-huge" "2, column '7'" "$day" '2s/^(([^,]*,){11})[^,]*/\199999999999999/' "$F" $reader
	spoilt "$kind-day-short" "3: column 'divvied' is missing" "$day" '3s/,.*//' "$F" $reader
done
spoilt day-header "1: there is no column 'divvied'" "$day" '1s/divvied/other/' $sim --functions @
spoilt day-minutes "1: columns 1 to 1440 must follow one another" "$day" '1s/,700,/,x,/' $sim --functions @
spoilt trace-header '1: needs the columns app, func' "$azure" '1s/func/f/' $sim --invocations @
spoilt trace-negative "5, column 'duration': '-6.236'" "$azure" '5s/[^,]*$/-6.236/' $sim --invocations @
spoilt trace-huge "5, column 'end_timestamp'" "$azure" '5s/,[^,]*,([^,]*)$/,1e30,\1/' $sim --invocations @
spoilt trace-short "3: column 'duration' is missing" "$azure" '3s/,[^,]*$//' "$F" import --db "$T/inv.db" azure-invocations @
spoilt sample-counts "2, column '2': '-1'" "$T/inv.csv" '2s/7,0/7,-1/' "$F" sample @ "$T/dur.csv" "$T/mem.csv"
spoilt sample-short "3: column '1440' is missing" "$T/inv.csv" '3s/,0$//' "$F" sample @ "$T/dur.csv" "$T/mem.csv"
spoilt sample-header "1: there is no column 'Maximum'" "$T/dur.csv" '1s/Maximum/x/' "$F" sample "$T/inv.csv" @ "$T/mem.csv"
spoilt sample-twice "3, column 'HashFunction': 'f' of this app is there twice" "$T/dur.csv" '3s/b,g/a,f/' "$F" sample "$T/inv.csv" @ "$T/mem.csv"
spoilt sample-memory "2, column 'AverageAllocatedMb': 'much'" "$T/mem.csv" '2s/100/much/' "$F" sample "$T/inv.csv" "$T/dur.csv" @
spoilt import-day-huge "2, column '1'" "$T/inv.csv" '2s/http,7/http,70000000000/' "$F" import --db "$traces" azure-day @ "$T/dur.csv" "$T/mem.csv"
same import-day-nothing-written "$(sqlite3 "$traces" 'SELECT sum(invocations) FROM history')" 32
refuses sample-no-file 1 'none.csv: .*No such file' "$F" sample "$T/none.csv" "$T/dur.csv" "$T/mem.csv"
refuses sample-kind 2 'representative, rare or frequent' "$F" sample --kind odd "$T/inv.csv" "$T/dur.csv" "$T/mem.csv"
works sample 'HashFunction,1,2,' "$F" sample --count 1 "$T/inv.csv" "$T/dur.csv" "$T/mem.csv"

mkdir -p "$T/mix"
printf 'function,memory_mb,warm_ms,cold_ms\na,10,1,2\n' >"$T/mix/functions.csv"
mix() { # mix NAME PATTERN HISTORY-ROW
	printf 'function,day,minute,count\na,0,0,5\n%s\n' "$3" >"$T/mix/history.csv"
	refuses "mix-$1" 1 "$2" "$F" simulate --policy lru --mix "$T/mix"
}
mix negative "history.csv, row 3, column 'count': '-1'" a,0,1,-1
mix huge "history.csv, row 3, column 'count'" a,0,1,99999999999
mix minute "history.csv, row 3, column 'minute'" a,0,1440,1
mix short "history.csv, row 3: column 'count' is missing" a,0,1
mix unknown "history.csv, row 3, column 'function': functions.csv does not have 'b'" b,0,1,1
refuses mix-no-such-day 1 "history.csv.gz, column 'day': no function has day -40" "$F" simulate --mix tests/data/mix --day=-40
refuses mix-day-word 1 "takes a number.*not 'monday'" "$F" simulate --mix tests/data/mix --day monday
refuses mix-no-directory 1 'nowhere/functions.csv' "$F" simulate --mix "$T/nowhere"
refuses trace-no-such-day 1 'there is no day 0; the trace has 0 whole days' "$F" simulate --invocations "$azure" --day 0

refuses memory-below-largest 1 'is less than one container of function .* which takes' "$F" simulate --functions "$day" --memory 100M
refuses compat-memory 1 'leaves no pool for hot function' "$F" simulate --functions "$day" --compat thesis --policy ssmp --memory 3000M
printf 'function,%s\n' "$minutes" >"$T/prediction.csv"
refuses prediction-lacks 1 "prediction.csv: column 'function' lacks hot function 'f1de" "$F" simulate --functions "$day" --prediction "$T/prediction.csv"
printf 'nobody,1%s\n' "$zeros" >>"$T/prediction.csv"
refuses prediction-unknown 1 "prediction.csv, row 2, column 'function': function 'nobody' is not in the load" "$F" simulate --functions "$day" --prediction "$T/prediction.csv"
printf 'function,1,2\n' >"$T/prediction.csv"
refuses prediction-short 1 "prediction.csv, row 1: .*1,...,1440; this has 3" "$F" simulate --functions "$day" --prediction "$T/prediction.csv"
refuses prediction-no-past 1 'needs days before the judged one' "$F" simulate --functions "$day" --prediction model
refuses arrivals-no-trace 1 'arrivals trace needs a trace of single invocations' "$F" simulate --functions "$day" --arrivals trace
refuses two-loads 2 'exclude one another' "$F" simulate --functions "$day" --mix tests/data/mix
refuses no-policy 2 "no policy 'fifo'" "$F" simulate --policy fifo
refuses compat-policy 2 'knows lru, ssmp, ssmp-simple and dsmp' "$F" simulate --functions "$day" --compat thesis --policy faasmat
refuses per-function-text 2 'goes with --json or --csv' "$F" simulate --functions "$day" --per-function
refuses plot-no-directory 1 'nowhere/plots: cannot make the directory' "$F" simulate --functions "$day" --policy lru --plot "$T/nowhere/plots"

# One thread and several, twice with the same seed: the same bytes but for the times.
outcome() { "$F" simulate --invocations "$azure" --arrivals poisson --memory 1G,2G --policy all --seed "$2" --json \
	--per-function --threads "$1" | sed 's/"wall_seconds":[^,}]*//' | md5sum; }
same threads-same "$(outcome 1 5)" "$(outcome 4 5)"
[ "$(outcome 1 5)" != "$(outcome 1 6)" ] && echo "ok seeds-differ" || { echo "not ok seeds-differ"; failures=$((failures + 1)); }
works simulate-csv '^faasmat,2048,10,1,59,' "$F" simulate --invocations "$azure" --memory 2G --csv

# --- explain and status: a minute of shadow mode that would have hurt
m=29923625 # 2026-11-23 07:05
sqlite3 "$FAASMAT_DB" "insert into planned values($m - 10, $m + 10);
	insert into plan select $m, id, 4, 4 * 50 * 1048576, 50 * 1048576 from functions where name = 'f';
	insert into forecasts select id, $m, 120, 118, 140, 150, 180 from functions where name = 'f';
	insert into ledger(minute, time_us, pool, action, file, before, after, reason, applied) values
		($m - 1, 1795417485000000, 'pool-f', 'write', 'memory.max', 157286400, 209715200, 'the target is 200M', 0),
		($m, 1795417500000000, 'pool-f', 'veto', 'memory.max', 209715200, 209715200, 'keeps 20M', 0);
	insert into outcomes values($m, 'pool-f', 209715200, 209715200, 220200960, 10485760, 1048576, 10485760, 0)"
works explain-forecast '120.0 invocations were expected' "$F" explain f 2026-11-23T07:05
works explain-plan '4 containers of 50.0M, 200M in all' "$F" explain f
works explain-write 'would have written memory.max 150M -> 200M; the target' "$F" explain f $m
works explain-outcome 'would have hurt: 210M was used, 10.0M more' "$F" explain f '2026-11-23 07:05'
same explain-json "$("$F" explain f --json | jq -c '[.minute, .outcome.hurt, (.ledger | length), .plan.containers]')" "[$m,true,2,4]"
works explain-main 'pool main' "$F" explain main $m
# Every action of the ledger is a sentence, as done and as in shadow mode.
sentence() { # sentence ACTION APPLIED WANTED
	sqlite3 "$FAASMAT_DB" "delete from ledger; insert into ledger(minute, time_us, pool, action, file, before, after, reason, applied)
		values($m, 1795417500000000, 'pool-f', '$1', 'memory.max', 104857600, 209715200, 'the reason', $2)"
	works "explain-$1-$2" "$3; the reason" "$F" explain f $m
	works "status-$1-$2" "$3; the reason" "$F" status --state-dir "$T"
}
kept=$(sqlite3 "$FAASMAT_DB" ".dump ledger" | grep '^INSERT')
sentence reclaim 1 'asked the kernel to reclaim 100M -> 200M'
sentence reclaim 0 'would have asked the kernel to reclaim 100M -> 200M'
sentence borrow 1 'changed what main lends it, 100M -> 200M'
sentence oom 1 'saw an OOM kill at its limit of 100M'
sentence oom 0 'saw an OOM kill under a limit of 100M'
sentence full 1 'found it full at its limit of 100M'
sentence quarantine 1 'put it in quarantine at its limit of 100M'
sentence calm 1 'found it calm at its limit of 100M'
sentence breaker 1 'stopped acting'
sentence wait 1 'kept the limit of 100M'
sentence adopt 1 'left what someone else wrote, memory.max 100M -> 200M'
sqlite3 "$FAASMAT_DB" "delete from ledger; $kept"
refuses explain-no-function 1 "no function 'nope'; .*locate" "$F" explain nope
refuses explain-no-minute 2 "MINUTE is UTC" "$F" explain f 25:00
refuses explain-nothing 2 "name a function" "$F" explain
sqlite3 "$FAASMAT_DB" "insert or replace into meta values('governor_effects', 9), ('governor_time_us', $(date +%s)000000)"
works status-isolate 'isolate    no: no container is in a pool; docs/placement.md' "$F" status --state-dir "$T"
works status-keep-alive 'keep alive yes: --on-change tells the platform' "$F" status --state-dir "$T"
same status-effects-json "$("$F" status --json --state-dir "$T" | jq -c '.governor.effects | [.isolate, .keep_alive]')" '[false,true]'
# What a governor that is gone left says nothing of now.
sqlite3 "$FAASMAT_DB" "update meta set value = value - 600000000 where key = 'governor_time_us'"
same status-effects-gone "$("$F" status --json --state-dir "$T" | jq -c '.governor.effects')" null
works status-limits 'would have hurt in 1 of 1 pool-minutes' "$F" status --state-dir "$T"
same status-json "$("$F" status --json --state-dir "$T" | jq -c '[.governor.actions[].action, .governor.outcomes.shadow.minutes_hurt]')" '["veto","write",1]'
printf 'faasmat-lease 1\nexpires 1\ngovernor 1\nroot /sys/fs/cgroup/x\n' >"$T/lease-0"
works status-lease '/sys/fs/cgroup/x: ends in 0 s.*watchdog IS MISSING' "$F" status --state-dir "$T"
rm "$T/lease-0"*
sqlite3 "$FAASMAT_DB" "delete from plan; delete from planned; delete from ledger; delete from outcomes; delete from forecasts"

# --- restore: what a governor published is gone, too
: >"$T/gone.sock.table"
"$F" restore --socket "$T/gone.sock" --state-dir "$T" >/dev/null 2>&1
same restore-removes-the-table "$? $(ls "$T"/gone.sock*)" '0 '

# --- govern: what it does not start with
refuses govern-share 2 'share from 0 to 1' "$F" govern --share 1.5
refuses govern-nan 2 'share from 0 to 1' "$F" govern --share nan
refuses govern-margin 2 'takes a size' "$F" govern --margin=-1
refuses govern-step 2 'takes a size' "$F" govern --shrink-step=-1M
refuses govern-machine 1 "is more than the machine's" "$F" govern --memory 1000000G
refuses govern-lease 1 'at least 1s' "$F" govern --memory 1G --lease 10ms
refuses govern-root-name 1 'is not named main' "$F" govern --memory 1G --root /x/main
mkdir -p "$T/v1"
refuses govern-root-elsewhere 1 'is a directory, but not on the cgroup2 hierarchy|no cgroup2' "$F" govern --memory 1G --root "$T/v1"

# --- top and backup
works top-once '^f +' "$F" top --once
same top-json "$("$F" top --json --sort name | jq -c '[.live, (.functions[] | select(.function == "f") | .last_hour | length)]')" '[false,60]'
same top-filter "$("$F" top --json --filter nothing-like-it | jq -c .functions)" '[]'
refuses top-sort 2 'rate, memory, containers' "$F" top --sort colour
refuses top-pipe 1 'needs a terminal; --once or --json' "$F" top
refuses top-no-database 1 'none.db: .*makes a database' "$F" top --once --db "$T/none.db"
# On a terminal of its own: drawn, filtered, sorted, left with q, and the terminal as it was.
screen=$( (sleep 1; printf 's'; sleep 0.3; printf '/f\n'; sleep 0.5; printf 'q') | TERM=xterm LANG=C.UTF-8 \
	timeout 20 script -qec "stty rows 20 cols 140; exec $F top --delay 200ms" /dev/null)
case $screen in
*FUNCTION*'LAST HOUR'*'filter: '*'q quit'*) echo "ok top-on-a-terminal" ;;
*) echo "not ok top-on-a-terminal: $(tail -c 300 <<<"$screen" | tr -cd '[:print:]')"; failures=$((failures + 1)) ;;
esac
works backup 'rows of history' "$F" backup "$T/copy.db"
same backup-is-whole "$(sqlite3 "$T/copy.db" 'select count(*) from history')" "$(history_rows)"
refuses backup-never-replaces 1 'copy.db exists already' "$F" backup "$T/copy.db"
refuses backup-nowhere 1 'no/such/copy.db' "$F" backup "$T/no/such/copy.db"
refuses backup-no-file 2 'FILE is missing' "$F" backup

# --- rules
refuses unknown-class 2 "http, http2 and unix, also together, or one of connect, exec and none, not 'http3'" "$F" collect --invocations http3
refuses classes-that-exclude 2 "not 'http,exec'" "$F" collect --invocations http,exec
works probe-classes 'class http, http2.*class connect.*class exec.*class unix' sh -c "'$F' probe --json | tr '\\n' ' '"
refuses unknown-platform 2 "'lambda' has no built-in rules; there are: auto" "$F" collect --platform lambda
printf '^/ok x\n(((broken y\n' >"$T/rules"
if [ "$(id -u)" = 0 ]; then
	refuses bad-rules 1 'rules, line 2: ' "$F" collect --rules "$T/rules"
	refuses no-rules-file 1 'nope: No such file' "$F" collect --rules "$T/nope"
	refuses no-root-cgroup 1 'nowhere.*No such file' "$F" collect --root nowhere-$$
	refuses not-root 1 'needs root' setpriv --reuid 65534 --clear-groups "$F" collect
	refuses govern-not-root 1 'root' setpriv --reuid 65534 --clear-groups "$F" govern \
		--root /faasmat-test --memory 1G
	refuses old-kernel 1 'too old' setarch "$(uname -m)" --uname-2.6 "$F" collect
	# In a mount namespace of its own: what a node without these things would show.
	refuses no-cgroup2 1 'cgroup v2 is not mounted' unshare -m sh -c \
		'grep " - cgroup2 " /proc/self/mountinfo | cut -d" " -f5 | sort -r | xargs -n1 umount -l; exec "$@"' - "$F" collect
	mkdir -p "$T/empty"
	refuses no-btf 1 'no BTF' unshare -m sh -c \
		'mount --bind "$1" /sys/kernel/btf; mount -t bpf bpf /sys/fs/bpf; shift; exec "$@"' - "$T/empty" \
		"$F" collect --pin /sys/fs/bpf/commands-test
	if [ ! -e /sys/fs/cgroup/cgroup.controllers ] || ! grep -qw memory /sys/fs/cgroup/cgroup.controllers; then
		refuses no-memory-controller 1 'memory controller' "$F" govern --apply \
			--root /faasmat-test-$$ --memory 1G --state-dir "$T" --socket "$T/sock"
	else
		echo "skip no-memory-controller: this machine has the controller on cgroup v2"
	fi
else
	for t in bad-rules no-rules-file no-root-cgroup not-root govern-not-root old-kernel \
		no-cgroup2 no-btf no-memory-controller; do
		echo "skip $t: needs root"
	done
fi

# --- admit: against the governor's own counter, without a governor, and with nothing
refuses admit-no-function 2 'FUNCTION is missing' "$F" admit
refuses admit-release-alone 2 'goes with nothing else' "$F" admit f --release c1
refuses admit-anyway-alone 2 'goes with --reserve' "$F" admit f --anyway
refuses admit-nobody 1 'no governor answers' "$F" admit f --socket "$T/nobody.sock"
refuses admit-reserve-nobody 1 'no governor answers' "$F" admit f --reserve c1 --socket "$T/nobody.sock"
make -s build/gcc/tests/counter
mkdir -p "$T/tree"
build/gcc/tests/counter "$T/tree" /node "$T/admit.sock" 2>"$T/counter.log" &
counter=$!
for _ in $(seq 100); do
	[ -S "$T/admit.sock" ] && break
	sleep 0.05
done
A() { "$F" admit --socket "$T/admit.sock" "$@"; }
works admit-pool '^pool-f: .* 0 of 8 containers; cgroup /node/pool-f$' A f
works admit-main 'no pool in this minute' A stranger
works admit-json '"pool": ?"pool-f".*"room": ?true' A f --json
works admit-reserve '^/node/pool-f$' A f --reserve c1 --bytes 64M
works admit-counted '1 of 8 containers' A f
refuses admit-full 1 'not admitted: .*full' A stranger --reserve c2 --bytes 600M
works admit-anyway '^/node/main$' A stranger --reserve c2 --bytes 600M --anyway
A --release c1 >"$T/out" 2>&1
same admit-release "$?$(cat "$T/out")" 0
refuses admit-release-again 1 'nothing of ours' A --release c1
works admit-json-refusal '"op"|"ok": ?true' A f --reserve c3 --json
kill -9 $counter
wait $counter 2>/dev/null
works admit-published 'does not answer' A f
works admit-published-json '"governor_answers": ?false' A f --json
refuses admit-reserve-dead 1 'no governor answers' A f --reserve c4

# --- config file
printf '[import]\nday-zero = 2026-13-01\n' >"$T/conf"
refuses config-is-read 2 'takes a date' "$F" import --config "$T/conf" history "$T/counts.csv"
printf 'db = %s\n[import]\nday-zero = 2020-01-02\n[plan]\nmemory = 1\n' "$T/other.db" >"$T/conf"
works config-file '2020-01-01' "$F" import --config="$T/conf" history "$T/counts.csv"
works flags-win '2026-11-22' "$F" import --config="$T/conf" --day-zero 2026-11-23 history "$T/counts.csv"
refuses no-config 1 'nofile' "$F" import --config "$T/nofile" history "$T/counts.csv"
exit $((failures > 0))
