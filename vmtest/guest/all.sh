#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs guest tests, all in one boot: a boot costs half a minute. usage: all.sh [NAME...]
set -u
. vmtest/guest/lib.sh

one() {
	local began=$SECONDS
	[ -r "vmtest/guest/$1.sh" ] || { not_ok "$1" "vmtest/guest/$1.sh cannot be read"; return; }
	echo "# $1"
	case $1 in
	# A program of its own, with its own idea of a root.
	engines | govern | hostile | invocations | kills | systemd | volumes) bash "vmtest/guest/$1.sh" || failures=$((failures + 1)) ;;
	*) . "vmtest/guest/$1.sh" ;;
	esac
	echo "# $1 took $((SECONDS - began)) s"
}
# Those that count what came through a bad network or a power cut, in cgroups of their own, and wait most of the time.
beside() {
	NODE=$CG/beside
	one netem
	one powercut
	exit $((failures > 0))
}

if [ $# -gt 0 ]; then
	for test; do one "$test"; done
else
	beside >$RUN/beside.log 2>&1 &
	for test in govern hostile kills; do one $test; done
	wait $! || failures=$((failures + 1))
	cat $RUN/beside.log
	# These measure processor time, or the whole path's. systemd.sh comes last: it takes mounts away as it ends.
	for test in invocations collector replay-tests systemd; do one $test; done
fi
show_crashes
exit $((failures > 0))
