#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every test, or those named: unit tests by name (test_store), the groups style, includes, clang, benches, bpf-stack,
# units, commands, adapters, fuzz, native, counting, runtime, stress, identity, vm. Prints a line a test and ends with
# "N passed, N failed, N skipped".
# usage: check.sh [NAME...]
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
log=build/check.log
mkdir -p build
: >$log
wanted=" $* "
jobs=$(nproc)

runs() { [ "$wanted" = "  " ] || [[ $wanted == *" $1 "* ]]; }
say() { echo "$*" | tee -a $log; }

# A check that only says yes or no; its output is shown when it is no.
simple() {
	local name=$1 out
	shift
	runs "$name" || return 0
	if out=$("$@" 2>&1); then
		say "ok $name"
	else
		printf '%s\n' "$out" | tail -n 40
		say "not ok $name: see above"
	fi
}

# A program that prints "ok NAME" lines itself; it must not fail without a "not ok".
lines() {
	local name=$1 status=0 out
	shift
	out=$(mktemp)
	"$@" 2>&1 | tee "$out" || status=$?
	grep -E '^(ok|not ok|skip) ' "$out" >>$log
	if [ $status != 0 ] && ! grep -q '^not ok ' "$out"; then
		say "not ok $name: exit $status"
	fi
	rm -f "$out"
}

unit() {
	local name=$1 out status=0
	runs "$name" || return 0
	out=$(CMOCKA_MESSAGE_OUTPUT=TAP ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 \
		timeout 300 build/san/tests/"$name" 2>&1) || status=$?
	if [ $status = 0 ]; then
		sed -n "s/^ok [0-9]* - /ok $name: /p" <<<"$out" | tee -a $log
	else
		printf '%s\n' "$out" | tail -n 60
		sed -n "s/^ok [0-9]* - /ok $name: /p; s/^not ok [0-9]* - \(.*\)/not ok $name: \1: see above/p" <<<"$out" | tee -a $log
		grep -q '^not ok' <<<"$out" || say "not ok $name: exit $status, see above"
	fi
}

simple style tests/check-style.sh
simple includes tests/check-includes.sh
simple clang make -s -j"$jobs" clang-build
simple benches make -s -j"$jobs" bench-build
simple bpf-stack tests/bpf-stack.py build/bpf/faasmat.o build/bpf/late.bpf.o

tests=()
for t in tests/test_*.c; do
	t=$(basename "$t" .c)
	runs "$t" && tests+=("$t")
done
if [ ${#tests[@]} -gt 0 ]; then
	if make -s -j"$jobs" VARIANT=san "${tests[@]/#/build/san/tests/}"; then
		for t in "${tests[@]}"; do unit "$t"; done
	else
		say "not ok unit-build: the sanitizer build failed, see above"
	fi
fi

runs units && lines units tests/units.sh
runs commands && lines commands tests/commands.sh
runs adapters && lines adapters tests/adapters.sh
runs fuzz && { make -s -j"$jobs" VARIANT=fuzz fuzz-build && FUZZ_RUNS=3000 lines fuzz fuzz/run.sh; }

# What needs this machine's own kernel mostly waits for minutes to end, so that the VM can run beside it.
natively() {
	runs native && lines native tests/native.sh
	runs counting && lines counting tests/counting.sh
	runs runtime && lines runtime tests/runtime.sh
	runs stress && lines stress tests/stress.sh 500
	runs identity && lines identity tests/identity.sh
}
# All on Debian 12's kernel; what depends on the kernel also on a newer one.
if runs vm; then
	make -s -j"$jobs" vm-build || say "not ok vm-build: see above"
	natively >build/check-natively.log 2>&1 &
	lines vm vmtest/run-tests.sh
	wait
	cat build/check-natively.log
	KERNEL=6.12 lines vm-6.12 vmtest/run-tests.sh collector invocations govern
else
	natively
fi

passed=$(grep -c '^ok ' $log)
failed=$(grep -c '^not ok ' $log)
skipped=$(grep -c '^skip ' $log)
if [ "$failed" != 0 ]; then
	echo
	grep '^not ok ' $log
fi
if [ "$skipped" != 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" = 0 ] && [ "$passed" != 0 ]
