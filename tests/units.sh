#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `make install` and the systemd units: everything is where the units say, and systemd understands them.
set -u
cd "$(dirname "$0")/.." || exit 1
T=$PWD/build/tmp/units
rm -rf "$T"
make -s install prefix="$T/usr" sysconfdir="$T/etc" >/dev/null || { echo "not ok units-install: make install fails"; exit 1; }
units=("$T"/usr/lib/systemd/system/*.service)
failures=0
check() {
	local name=$1 why=$2
	shift 2
	if "$@"; then
		echo "ok $name"
	else
		echo "not ok $name: $why"
		failures=$((failures + 1))
	fi
}
check units-installed "${#units[@]} units" [ ${#units[@]} = 3 ]
check units-complete "$(grep -n '@' "${units[@]}")" [ -z "$(grep '@[a-z]*@' "${units[@]}")" ]
echo '# mine' >"$T/etc/faasmat.conf"
make -s install prefix="$T/usr" sysconfdir="$T/etc" >/dev/null
install -D -m 644 "$T/usr/share/doc/faasmat/on-change.conf" "$T/usr/lib/systemd/system/faasmat-govern.service.d/on-change.conf"
check units-keep-config "it was overwritten" grep -q mine "$T/etc/faasmat.conf"
# From where they are installed they find what they share.
for adapter in openfaas knative openwhisk; do
	check "adapter-$adapter-installed" "it does not run" grep -q '^usage' <("$T/usr/libexec/faasmat/adapters/$adapter.sh" --help 2>&1)
done
if ! command -v systemd-analyze >/dev/null; then
	echo "skip units-verify: systemd-analyze (package systemd) is not here"
	exit $((failures > 0))
fi
# Warnings count: an option that systemd ignores is one that does not protect.
said=$(systemd-analyze verify --man=no "${units[@]}" 2>&1 | grep -F "$T")
check units-verify "$(head -n 3 <<<"$said")" [ -z "$said" ]
for unit in "${units[@]}"; do
	for setting in KillMode=process OOMScoreAdjust=- MemoryMin= CapabilityBoundingSet= ProtectSystem=strict; do
		grep -q "^$setting" "$unit" || said+="$(basename "$unit") has no $setting; "
	done
done
check units-protect "$said" [ -z "$said" ]
exit $((failures > 0))
