#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The long forms of the VM tests: 200 kills of the governor, 1,000 minutes of a hostile plan without swap and
# as many with it, 50 power cuts of the collector; or as many as fit into $SOAK_TIME seconds. SEED is said, so
# that a run can be had again.
set -u
. vmtest/guest/lib.sh
: "${SOAK_TIME:=600}" "${SEED:=1}"
export SEED
echo "# soak: seed $SEED, $(uname -r)"
least() { echo $(($1 < $2 ? $1 : $2)); }
began=$SECONDS
part() { echo "# soak: $1 begins after $((SECONDS - began)) s"; }

part kills
KILLS=200 KILLS_SECONDS=$((SOAK_TIME * 40 / 100)) bash vmtest/guest/kills.sh || failures=$((failures + 1))
# Minutes of 300 ms: the governor looks ten times in each.
part hostile
HOSTILE_LENGTH=300 HOSTILE_MINUTES=$(least 1000 $((SOAK_TIME * 18 * 10 / 300))) bash vmtest/guest/hostile.sh ||
	failures=$((failures + 1))
# A round takes about six seconds.
part powercut
ROUNDS=$(least 50 $((SOAK_TIME * 20 / 100 / 6)))
RANDOM=$SEED
. vmtest/guest/powercut.sh
part end
show_crashes
exit $((failures > 0))
