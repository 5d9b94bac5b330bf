#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The OCI wrapper in front of crun and runc on this machine: containers land in their pools, every other
# verb passes through; and hostile bundles start as without us or get the runtime's own error, with
# nothing touched outside our root. In a cgroup of its own.
set -u
cd "$(dirname "$0")/.." || exit 1
mount=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo)
# Real runtimes follow ".." in what they are given: crun 1.8.1 `delete -f ../../etc` removes /etc. Hostile
# input goes to a real runtime only where there is nothing to lose.
[ "${FAASMAT_THROWAWAY_VM:-}" = 1 ] || {
	echo "skip runtime: only in a throw-away VM (FAASMAT_THROWAWAY_VM=1)"
	exit 0
}
skip_all() {
	for r in crun runc; do echo "skip runtime-$r: $1"; done
	exit 0
}
[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -n "$mount" ] || skip_all "no cgroup v2 on this machine"
[ -x /bin/busybox ] || skip_all "needs busybox-static"
make -s build/gcc/tests/counter build/faasmat-runtime || exit 1
name=faasmat-runtime-$$
dir=$PWD/build/tmp/runtime
rm -rf "$dir"
mkdir -p "$dir/b/rootfs/"{bin,proc,dev} "$mount/$name/outside"
cp /bin/busybox "$dir/b/rootfs/bin/sh"
W=$PWD/build/faasmat-runtime
counter=
failures=0
ok() { echo "ok $1"; }
not_ok() {
	echo "not ok $1: $2"
	failures=$((failures + 1))
}
equal() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', wanted '$3'"; fi; }
# v2 COMMAND...: where crun and runc see nothing but cgroup v2
v2() { unshare -m sh -c 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' - "$@"; }
clean_up() {
	[ -z "$counter" ] || kill -9 "$counter" 2>/dev/null
	find "$mount/$name" -name cgroup.kill -mindepth 3 -exec sh -c 'echo 1 >"$1"' - {} \; 2>/dev/null
	sleep 0.2
	find "$mount/$name" -depth -type d -exec rmdir {} \; 2>/dev/null
}
trap clean_up EXIT
build/gcc/tests/counter "$mount" "/$name" "$dir/sock" 2>"$dir/counter.log" &
counter=$!
for _ in $(seq 100); do
	[ -S "$dir/sock" ] && break
	sleep 0.05
done
export FAASMAT_RUNTIME_CONF=$dir/runtime.conf
# settings RUNTIME
settings() { printf 'runtime = %s\nsocket = %s/sock\ntimeout = 1s\n' "$1" "$dir" >"$dir/runtime.conf"; }
# bundle FUNCTION CGROUPSPATH [MORE]: a container that sleeps; 64M
bundle() {
	rm -f "$dir/b/config.json"
	cat >"$dir/b/config.json" <<JSON
{"ociVersion":"1.0.2","process":{"user":{"uid":0,"gid":0},"args":["/bin/sh","-c","while :; do read x </dev/zero; done"],"cwd":"/"},
"root":{"path":"rootfs","readonly":true},"annotations":{"faasmat.function":"$1","kept":"1.50"},
"mounts":[{"destination":"/proc","type":"proc","source":"proc"}],"x-unknown":[18446744073709551615,{"a":null}],
"linux":{"namespaces":[{"type":"pid"},{"type":"mount"}]${3:-},"cgroupsPath":"$2"}}
JSON
}
cgroups() { find "$mount/$name" -mindepth 2 -maxdepth 2 -type d -printf '%P ' | tr ' ' '\n' | sort | tr '\n' ' '; }
used() { build/faasmat admit --socket "$dir/sock" f --json | jq .used_containers; }

for r in crun runc; do
	real=$(command -v $r) || {
		echo "skip runtime-$r: $r is not installed"
		continue
	}
	settings "$real"
	id=$name-$r
	bundle f "/$name/outside/$id"
	cp "$dir/b/config.json" "$dir/before"
	v2 "$W" create --bundle "$dir/b" "$id" </dev/null >"$dir/out" 2>&1 || echo "# $(tail -n 2 "$dir/out")"
	equal runtime-$r-in-its-pool "$(cgroups)" "pool-f/$id "
	equal runtime-$r-one-value-changed "$(sed "s|/$name/pool-f/|/$name/outside/|" "$dir/b/config.json" | cmp - "$dir/before" 2>&1)" ""
	equal runtime-$r-state "$(v2 "$W" state "$id" | jq -r .status)" created
	v2 "$W" start "$id"
	equal runtime-$r-exec "$(v2 "$W" exec "$id" /bin/sh -c 'echo hello')" hello
	# The freezer works on the cgroup that the runtime knows.
	v2 "$W" pause "$id"
	equal runtime-$r-pause "$(sed -n 's/^frozen //p' "$mount/$name/pool-f/$id/cgroup.events")" 1
	v2 "$W" resume "$id"
	equal runtime-$r-counted "$(used)" 1
	v2 "$W" kill "$id" KILL
	sleep 0.2
	v2 "$W" delete -f "$id"
	equal runtime-$r-gone "$(cgroups)" ""
	sleep 0.3
	equal runtime-$r-released "$(used)" 0
	bundle stranger "/$name/outside/$id"
	v2 "$W" create --bundle "$dir/b" "$id" </dev/null >"$dir/out" 2>&1
	equal runtime-$r-others-in-main "$(cgroups)" "main/$id "
	# Another runtime's container of that name is not joined.
	v2 "$W" --root "$dir/root" create --bundle "$dir/b" "$id" </dev/null >"$dir/out" 2>&1
	equal runtime-$r-name-taken "$(cgroups)" "main/$id outside/$id "
	v2 "$W" --root "$dir/root" delete -f "$id"
	v2 "$W" delete -f "$id"

	# --- hostile: with us as without us. same NAME: creates the bundle both ways.
	same() {
		local case=$1 with without
		cp -a "$dir/b/config.json" "$dir/kept"
		# What differs from run to run: times, process ids, temporary names.
		mend() { sed -E 's/^time="[^"]*"/time/; s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[^ ]*//; s/(process|pid)[ _:=]*[0-9]+/\1/g' "$dir/out" | head -c 2000; }
		v2 "$real" create --bundle "$dir/${2:-b}" "${3:-$id}" </dev/null >"$dir/out" 2>&1
		without="$? $(mend)"
		v2 "$real" delete -f "${3:-$id}" 2>/dev/null >&2
		cp -a "$dir/kept" "$dir/b/config.json"
		v2 "$W" create --bundle "$dir/${2:-b}" "${3:-$id}" </dev/null >"$dir/out" 2>&1
		with="$? $(mend)"
		v2 "$real" delete -f "${3:-$id}" 2>/dev/null >&2
		equal "runtime-$r-hostile-$case" "$with" "$without"
	}
	outside_before=$(find "$mount" -maxdepth 2 -type d -not -path "$mount/$name*" | sort | cksum)
	bundle f "/$name/outside/$id"
	# 64 MB of an annotation.
	python3 - "$dir/b/config.json" <<'PY'
import sys
p = sys.argv[1]
t = open(p).read()
open(p, "w").write(t.replace('"kept":"1.50"', '"kept":"' + "x" * (64 << 20) + '"'))
PY
	same large
	bundle f "/$name/outside/$id"
	python3 - "$dir/b/config.json" <<'PY'
import sys
p = sys.argv[1]
t = open(p).read()
open(p, "w").write(t.replace('[18446744073709551615', '[' * 3000 + ']' * 3000 + ',[1'.replace(',[1', ',[1'), 1).replace('"x-unknown":' + '[' * 3000, '"x-unknown":[' + '[' * 3000, 1).replace(',[1,{"a":null}]', ',{"a":null}]', 1))
PY
	same deep
	bundle f "/$name/outside/$id" ',"cgroupsPath":"/'"$name"'/main/twice"'
	same twice
	bundle f "/$name/outside/$id"
	sed -i 's/"linux":{/"Linux":{"cgroupsPath":"\/x"},"linux":{/' "$dir/b/config.json"
	same other-case
	bundle f "/$name/outside/$id"
	truncate -s -20 "$dir/b/config.json"
	same cut
	: >"$dir/b/config.json"
	same empty
	bundle f "/$name/outside/$id"
	printf '\0\0' >>"$dir/b/config.json"
	same nul
	bundle f "/$name/outside/$id"
	ln -sfn b "$dir/link"
	same linked-bundle link
	[ "$(cmp "$dir/kept" "$dir/b/config.json" 2>&1)" = "" ] && ok runtime-$r-hostile-link-untouched || not_ok runtime-$r-hostile-link-untouched "config.json was changed through a link"
	mv "$dir/b/config.json" "$dir/elsewhere.json"
	ln -s "$dir/elsewhere.json" "$dir/b/config.json"
	sum=$(cksum <"$dir/elsewhere.json")
	same linked-config
	equal runtime-$r-hostile-config-untouched "$(cksum <"$dir/elsewhere.json")" "$sum"
	rm -f "$dir/b/config.json"
	bundle f "/$name/outside/$id"
	same no-bundle nowhere
	# Every byte that a name can have.
	worst=
	for byte in $(seq 1 255); do
		c=$(printf "\\x$(printf %02x "$byte")_")
		c=${c%_}
		n="n$c-$r"
		bundle f "/$name/outside/x"
		cp "$dir/b/config.json" "$dir/kept"
		settings /bin/true
		"$W" create --bundle "$dir/b" "$n" </dev/null >"$dir/out" 2>&1 || worst="$worst $byte"
	done
	equal runtime-$r-hostile-every-byte "$worst" ""
	settings "$real"
	equal runtime-$r-hostile-nothing-outside "$(find "$mount" -maxdepth 2 -type d -not -path "$mount/$name*" | sort | cksum)" "$outside_before"
done
exit $((failures > 0))
