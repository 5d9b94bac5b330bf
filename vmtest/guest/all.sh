#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs guest tests, all in one boot: a boot costs half a minute. usage: all.sh [NAME...]
set -u
. vmtest/guest/lib.sh
for test in ${*:-collector invocations netem powercut govern hostile kills replay-tests systemd}; do
	began=$SECONDS
	# (systemd.sh comes last: it takes mounts away as it ends.)
	[ -r "vmtest/guest/$test.sh" ] || { not_ok "$test" "vmtest/guest/$test.sh cannot be read"; continue; }
	echo "# $test"
	case $test in
	# A program of its own, with its own idea of a root.
	govern | hostile | invocations | kills | systemd | volumes) bash "vmtest/guest/$test.sh" || failures=$((failures + 1)) ;;
	*) . "vmtest/guest/$test.sh" ;;
	esac
	echo "# $test took $((SECONDS - began)) s"
done
show_crashes
exit $((failures > 0))
