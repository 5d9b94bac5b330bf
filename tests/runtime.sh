#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The OCI wrapper in front of crun and runc on this machine, in a cgroup of its own: containers land in
# their pools, every other verb passes through. And hostile bundles: the runtime is started all the same,
# with a config.json in which nothing but a valid cgroupsPath was changed, or nothing.
set -u
cd "$(dirname "$0")/.." || exit 1
mount=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo)
# Only ids and paths of this test's own making ever reach a real runtime (docs/decisions.md says why): hostile
# bundles are given to one that only says what it was given.
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
	for _ in $(seq 20); do
		grep -q '^frozen 1' "$mount/$name/pool-f/$id/cgroup.events" && break
		sleep 0.1
	done
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
	bundle stranger "/$name/outside/$id"
	v2 "$W" --root "$dir/root" create --bundle "$dir/b" "$id" </dev/null >"$dir/out" 2>&1
	equal runtime-$r-name-taken "$(cgroups)" "main/$id outside/$id "
	v2 "$W" --root "$dir/root" delete -f "$id"
	v2 "$W" delete -f "$id"
done

# --- hostile bundles, before a runtime that copies what it is given and ends with 0
id=$name-hostile
printf '#!/bin/sh\ncp -L "%s/at/config.json" "%s/seen" 2>/dev/null\necho "$*" >"%s/argv"\n' "$dir" "$dir" "$dir" >"$dir/recorder"
chmod +x "$dir/recorder"
settings "$dir/recorder"
# passes CASE [changed]: the recorder was started with our argv, the bundle $dir/at is as it was, or (changed)
# differs in the cgroupsPath alone
passes() {
	local argv="create --bundle $dir/at $id"
	rm -f "$dir/seen" "$dir/argv"
	cp -L "$dir/at/config.json" "$dir/before" 2>/dev/null || : >"$dir/before"
	"$W" $argv </dev/null >"$dir/out" 2>&1
	equal "runtime-hostile-$1-starts" "$? $(cat "$dir/argv" 2>&1)" "0 $argv"
	[ -e "$dir/seen" ] || : >"$dir/seen"
	if [ "${2:-}" = changed ]; then
		equal "runtime-hostile-$1-path" "$(sed "s|/$name/pool-f/|/$name/outside/|" "$dir/seen" | cmp - "$dir/before" 2>&1)" ""
	else
		equal "runtime-hostile-$1-untouched" "$(cmp "$dir/seen" "$dir/before" 2>&1)" ""
	fi
	build/faasmat admit --socket "$dir/sock" --json f >/dev/null
}
mkdir -p "$dir/at"
make_bundle() { # as bundle(), in $dir/at
	bundle "$@"
	rm -rf "$dir/at"
	cp -r "$dir/b" "$dir/at"
}
for path in "/$name/../../x" "../../../x" "/$name/outside/../../x"; do
	make_bundle f "$path"
	"$W" create --bundle "$dir/at" "$id" </dev/null >"$dir/out" 2>&1
	case $(jq -r .linux.cgroupsPath "$dir/at/config.json") in
	"$path") ok "runtime-hostile-dots-$path-as-without-us" ;;
	/$name/pool-f/* | /$name/main/*)
		grep -q '\.\.' <(jq -r .linux.cgroupsPath "$dir/at/config.json") &&
			not_ok "runtime-hostile-dots-$path" "leads out of our root" || ok "runtime-hostile-dots-$path-in-our-root" ;;
	*) not_ok "runtime-hostile-dots-$path" "$(jq -c .linux.cgroupsPath "$dir/at/config.json")" ;;
	esac
done
make_bundle f "/$name/outside/$id"
python3 - "$dir/at/config.json" <<'PY'
import sys
p = sys.argv[1]
t = open(p).read()
open(p, "w").write(t.replace('"kept":"1.50"', '"kept":"' + "x" * (64 << 20) + '"'))
PY
passes large
make_bundle f "/$name/outside/$id"
python3 - "$dir/at/config.json" <<'PY'
import sys
p = sys.argv[1]
t = open(p).read()
open(p, "w").write(t.replace('"x-unknown":', '"x-deep":' + "[" * 100000 + "]" * 100000 + ',"x-unknown":'))
PY
passes deep
make_bundle f "/$name/outside/$id" ',"cgroupsPath":"/'"$name"'/main/twice"'
passes twice
make_bundle f "/$name/outside/$id"
truncate -s -20 "$dir/at/config.json"
passes cut
: >"$dir/at/config.json"
passes empty
make_bundle f "/$name/outside/$id"
printf '\0\0' >>"$dir/at/config.json"
passes nul
make_bundle f "/$name/outside/$id"
mv "$dir/at/config.json" "$dir/elsewhere.json"
ln -s "$dir/elsewhere.json" "$dir/at/config.json"
sum=$(cksum <"$dir/elsewhere.json")
passes linked-config
equal runtime-hostile-linked-config-kept "$(cksum <"$dir/elsewhere.json")" "$sum"
rm -rf "$dir/at"
passes no-bundle
# Every byte that a name can have.
settings /bin/true
make_bundle f "/$name/outside/$id"
worst=
for byte in $(seq 1 255); do
	c=$(printf "\\x$(printf %02x "$byte")_")
	"$W" create --bundle "$dir/at" "n${c%_}-$$" </dev/null >"$dir/out" 2>&1 || worst="$worst $byte"
done
equal runtime-hostile-every-byte "$worst" ""
exit $((failures > 0))
