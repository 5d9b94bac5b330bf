#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs a guest script in a throw-away VM (virtme-ng: the host's files, read-only, on another kernel).
# usage: vm.sh SCRIPT [ARG...]
#   KERNEL=6.1     which kernel: one of /boot (the newest that begins so), or 6.12 or 7.x, which
#                  packaging/deps.sh unpacks into build/kernels when it is first asked for
#   GUEST_ENV="MINUTES=5 SEED=2"   variables for the script
#   VM_MEMORY=3G   VM_CPUS=2   VM_TIMEOUT=600 (seconds)   VM_KVM=1 (only where KVM really works)
# The guest finds the repository at the same path, and the one directory it may write and we can read
# afterwards, build/vm, in $VM_SHARE. Databases belong on /run (tmpfs): the share cannot hold WAL.
set -eu -o pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
script=$(realpath "${1:?usage: vm.sh SCRIPT [ARG...]}")
shift
kernel=${KERNEL:-6.1}
newest() { find "$1/boot" -name "vmlinuz-${2%x}*-amd64" 2>/dev/null | sort -V | tail -n 1; }
virtme=$top/build/virtme/usr
share=$top/build/vm
guest_share=/tmp/faasmat-share # a share's mount point must lie in one of virtme's overlays

fail() { echo "vm: $*" >&2; exit 1; }
# 6.1 is no beginning of 6.12.
case $kernel in *.*.*) ;; *.x) ;; *) kernel=$kernel. ;; esac
image=$(newest "" "$kernel")
if [ -z "$image" ]; then
	"$top/packaging/deps.sh" "$top/build" "${kernel%.}" || fail "no kernel ${kernel%.} in /boot; make deps installs Debian's 6.1"
	image=$(newest "$top/build/kernels/${kernel%.}" "$kernel")
fi
[ -r "$image" ] || fail "$image may not be read; chmod +r it, or run as root"
[ -x "$virtme/bin/virtme-ng" ] || fail "virtme-ng is missing; run make deps"
mkdir -p "$share"

command="cd '$top'; export VM_SHARE='$guest_share' KERNEL='${kernel%.}' ${GUEST_ENV:-}; '$script'"
for arg; do command+=" '$arg'"; done
command+="; echo \"guest: exit \$?\""
# Emulated: no mitigations to pay for, and no rep movs/stos, which TCG runs byte by byte (a container's
# start takes half the CPU time without them).
how=(--disable-kvm -a mitigations=off -a clearcpuid=erms,fsrm,rep_good)
[ "${VM_KVM:-0}" = 1 ] && how=()

# One VM at a time: two would share two processors, and every time measured in them would lie.
exec 9>"${TMPDIR:-/tmp}/faasmat-vm.lock"
flock 9

# Debian's own python3, for which the package was made. The output goes through a file since a dying VM must not
# take the log with it. timeout is the head of a process group of its own, so that qemu ends with it.
log=$share/console.log
status=0
PYTHONPATH=$virtme/lib/python3/dist-packages PATH=$virtme/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	timeout -k 10 "${VM_TIMEOUT:-600}" /usr/bin/python3 "$virtme/bin/virtme-ng" \
	"${how[@]}" -r "$image" --cpus "${VM_CPUS:-2}" -m "${VM_MEMORY:-3G}" --user root \
	--rwdir "$guest_share=$share" -- "$command" </dev/null >"$log" 2>&1 9>&- &
vm=$!
trap 'kill -TERM -- -$vm 2>/dev/null' INT TERM
tail -n +1 -f --pid=$vm "$log" 9>&- &
wait $vm || status=$?
wait
[ $status = 124 ] && fail "no end after ${VM_TIMEOUT:-600} s; see $log"
code=$(sed -n 's/^guest: exit \([0-9]*\).*/\1/p' "$log" | tail -n 1)
[ -n "$code" ] || fail "the guest did not finish; see $log"
exit "$code"
