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
for command in probe import sample collect locate forecast plan govern restore simulate status; do
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

# --- rules
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

# --- config file
printf '[import]\nday-zero = 2026-13-01\n' >"$T/conf"
refuses config-is-read 2 'takes a date' "$F" import --config "$T/conf" history "$T/counts.csv"
printf 'db = %s\n[import]\nday-zero = 2020-01-02\n[plan]\nmemory = 1\n' "$T/other.db" >"$T/conf"
works config-file '2020-01-01' "$F" import --config="$T/conf" history "$T/counts.csv"
works flags-win '2026-11-22' "$F" import --config="$T/conf" --day-zero 2026-11-23 history "$T/counts.csv"
refuses no-config 1 'nofile' "$F" import --config "$T/nofile" history "$T/counts.csv"
exit $((failures > 0))
