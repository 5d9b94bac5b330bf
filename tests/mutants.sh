#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Removes one safety rule of the governor at a time (tests/mutants.txt), builds that one file anew and
# runs the tests that must notice. Prints rule -> file -> the test that caught it; fails when a mutant
# survives or can no longer be made.
# usage: mutants.sh [WORD]     only the rules that have this word in their line
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
export CMOCKA_MESSAGE_OUTPUT=TAP FAASMAT_SEQUENCES=${FAASMAT_SEQUENCES:-3000}
out=build/mutants
rm -rf $out
mkdir -p $out/objects

flags=$(make -s print-compile)
libs=$(make -s print-libs)

# What a line of the table says, in the variables rule, file, change and tests.
split() {
	rule=${1%% :: *}
	local rest=${1#* :: }
	file=${rest%% :: *}
	rest=${rest#* :: }
	change=${rest%% :: *}
	tests=${rest#* :: }
}

# decide: test_governor_decide, where there is one; watchdog: test_watchdog.
program_of() {
	if [ -e "tests/test_governor_$1.c" ]; then echo "governor_$1"; else echo "$1"; fi
}

# The test's first "not ok" of this mutant, or nothing when all pass.
caught_by() {
	local dir=$1 test=$2 log=$1/$2.log status=0

	# What is given before the archive takes the place of what is in it; a program takes no part in it.
	if [ -e "$dir/program" ]; then
		gcc -o "$dir/$test" "$out/objects/test_$test.o" $libs 2>"$log" || return
	else
		gcc -o "$dir/$test" "$out/objects/test_$test.o" "$dir/mutant.o" $libs 2>"$log" || return
	fi
	FAASMAT_WATCHDOG=$dir/program timeout 120 "$dir/$test" >"$log" 2>&1 || status=$?
	if [ $status = 124 ]; then
		echo "test_$test: no end"
	elif [ $status != 0 ]; then
		sed -n "s/^not ok [0-9]* - \(.*\)/test_$test: \1/p" "$log" | head -n 1 | grep . ||
			echo "test_$test: exit $status"
	fi
}

# One mutant; a line of the result.
mutant() {
	local dir=$out/$1 by build
	split "$2"
	mkdir -p "$dir"
	perl -0777 -pe "$change" "$file" >"$dir/mutant.c"
	if cmp -s "$file" "$dir/mutant.c"; then
		echo "not ok mutant $rule: its change no longer applies to $file"
		return
	fi
	if [ "$file" = governor/watchdog.c ]; then
		build=(gcc $flags -w -Os -static -o "$dir/program")
	else
		build=(gcc $flags -w -c -o "$dir/mutant.o")
	fi
	if ! "${build[@]}" "$dir/mutant.c" 2>"$dir/gcc.log"; then
		echo "not ok mutant $rule: it does not compile; see $dir/gcc.log"
		return
	fi
	for test in $tests; do
		by=$(caught_by "$dir" "$(program_of "$test")")
		if [ ! -x "$dir/$(program_of "$test")" ]; then
			echo "not ok mutant $rule: $(program_of "$test") does not link with it; see $dir"
			return
		fi
		if [ -n "$by" ]; then
			printf 'ok mutant %-60s %-24s %s\n' "$rule" "$file" "$by"
			rm -rf "$dir"
			return
		fi
	done
	echo "not ok mutant $rule: it survives ($file)"
}

for test in $(sed -n 's/^[^#].* :: //p' tests/mutants.txt | tr ' ' '\n' | sort -u); do
	test=$(program_of "$test")
	gcc $flags -w -c -o "$out/objects/test_$test.o" "tests/test_$test.c" || exit 1
done
n=0
while IFS= read -r line; do
	[[ -z $line || $line == \#* || $line != *"${1:-}"* ]] && continue
	n=$((n + 1))
	# As many at a time as there are processors.
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
	mutant $n "$line" >"$out/$n.result" &
done <tests/mutants.txt
wait
for i in $(seq $n); do cat "$out/$i.result"; done | tee $out/table.txt
bad=$(grep -c '^not ok' $out/table.txt)
echo "$n rules, $bad of them not caught"
[ "$bad" = 0 ]
