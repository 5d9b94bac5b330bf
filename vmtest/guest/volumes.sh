#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every class and every load generator on this kernel: what was sent is what was counted, to the last request.
# Not part of `make check`: make vmtest TEST=volumes [KERNEL=...]. REQUESTS (100000) each; CASES of bench/volumes.sh.
set -u
. vmtest/guest/lib.sh
mkdir -p $RUN/bin/bench
cp build/gcc/bench/spawn build/gcc/bench/nothing $RUN/bin/bench/
export F=$FAASMAT BIN FAASMAT_TMP=$RUN
for case in ${CASES:-wrk curl rig http2 connect exec unix}; do
	bench/volumes.sh "$case=${REQUESTS:-100000}" >$RUN/volume.json 2>$RUN/volume.err
	cat $RUN/volume.json
	equal "volumes-$case" "$(jq -r '"\(.sent >= '"${REQUESTS:-100000}"') \(.lost) \(.extra) \(.unsettled) \(.quality)"' $RUN/volume.json || tail -n 3 $RUN/volume.err)" "true 0 0 0 exact"
done
exit $((failures > 0))
