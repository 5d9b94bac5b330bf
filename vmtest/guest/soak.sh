#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The long forms of the VM tests, each for its part of $SOAK_TIME seconds. SEED is said, so that a run can
# be had again.
set -u
. vmtest/guest/lib.sh
: "${SOAK_TIME:=600}" "${SEED:=1}"
export SEED
echo "# soak: seed $SEED, $(uname -r)"
# Kills of the governor: 200, or as many as fit.
KILLS=200 KILLS_SECONDS=$((SOAK_TIME / 2)) bash vmtest/guest/kills.sh || failures=$((failures + 1))
# A hostile plan without swap and with it: 1,000 minutes of a second each, or as many as fit.
HOSTILE_MINUTES=$((SOAK_TIME / 4 < 1000 ? SOAK_TIME / 4 : 1000)) bash vmtest/guest/hostile.sh || failures=$((failures + 1))
show_crashes
exit $((failures > 0))
