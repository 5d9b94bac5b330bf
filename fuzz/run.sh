#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs every fuzz target (or those named) and ends with "N passed, N failed". FUZZ_TIME=60: seconds a
# target; FUZZ_RUNS=N instead: so many inputs from a fixed seed, for `make check`. New inputs that reach
# new code stay in build/fuzz/corpus; one that crashes is in build/fuzz/crashes.
# usage: run.sh [NAME...]
set -u
cd "$(dirname "$0")/.." || exit 1
wanted=" $* "
passed=0 failed=0
mkdir -p build/fuzz/crashes
for source in fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	name=${name#fuzz_}
	[ "$wanted" = "  " ] || [[ $wanted == *" $name "* ]] || continue
	found=build/fuzz/corpus/$name
	mkdir -p "$found"
	how=(-max_total_time="${FUZZ_TIME:-60}")
	[ -z "${FUZZ_RUNS:-}" ] || how=(-runs="$FUZZ_RUNS" -seed=1)
	if build/fuzz/fuzz/fuzz_"$name" "${how[@]}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-verbosity=0 -artifact_prefix=build/fuzz/crashes/"$name"- "$found" fuzz/corpus/"$name" \
		>"build/fuzz/$name.log" 2>&1; then
		echo "ok fuzz-$name: $(sed -n 's/.*number_of_executed_units: *//p' "build/fuzz/$name.log") inputs"
		passed=$((passed + 1))
	else
		tail -n 30 "build/fuzz/$name.log"
		echo "not ok fuzz-$name: see build/fuzz/$name.log and build/fuzz/crashes"
		failed=$((failed + 1))
	fi
done
[ -n "${FUZZ_RUNS:-}" ] || echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
