#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make demo: runs vmtest/guest/demo.sh in a VM; leaves result.json and faasmat.db in build/demo.
set -eu -o pipefail
cd "$(dirname "$0")/.."
out=build/demo
mkdir -p $out
rm -f build/vm/result.json build/vm/faasmat.db
echo "demo: booting a VM (kernel ${KERNEL:-6.1}, no KVM); about eight minutes in all" >&2
VM_TIMEOUT=${VM_TIMEOUT:-1200} vmtest/vm.sh vmtest/guest/demo.sh | grep --line-buffered -v '^guest: exit 0' | tee $out/log
cp build/vm/result.json build/vm/faasmat.db build/vm/runaway-*.json $out/
echo "demo: $out/result.json, $out/faasmat.db" >&2
