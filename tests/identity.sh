#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Identity on this machine's own kernel: an OpenWhisk prewarm container is named by the request that
# makes it an action's, also when the request comes in pieces; containers of crun and runc by their
# annotation, also when the same id is used again for another function; a stranger is listed.
set -u
cd "$(dirname "$0")/.." || exit 1
names="identity-prewarm identity-prewarm-pieces identity-forged identity-crun identity-runc identity-id-again identity-unknown-listed"
skip_all() {
	for n in $names; do echo "skip $n: $1"; done
	exit 0
}
mount=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo)
[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -n "$mount" ] || skip_all "no cgroup v2 on this machine"
[ -r /sys/kernel/btf/vmlinux ] || skip_all "this kernel has no BTF"

F=build/faasmat
name=faasmat-identity-$$
tmp=$PWD/build/tmp/identity
pin=/sys/fs/bpf/$name
db=$tmp/faasmat.db
root=$mount/$name
rm -rf "$tmp"
mkdir -p "$tmp/bundle/rootfs/bin" "$tmp/bundle/rootfs/proc"
mkdir -p "$root/main" || skip_all "no cgroup can be made in $mount"
pids=()
# in_cgroup2 COMMAND...: where crun and runc see nothing but cgroup v2
in_cgroup2() {
	unshare -m sh -c 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' - "$@"
}
clean_up() {
	[ ${#pids[@]} = 0 ] || kill -9 "${pids[@]}" 2>/dev/null
	for r in crun runc; do
		command -v $r >/dev/null && in_cgroup2 $r delete -f $name-$r
	done 2>/dev/null
	$F collect --detach --pin $pin
	find "$root" -depth -type d -exec rmdir {} \; 2>/dev/null
	rmdir $pin 2>/dev/null
}
trap clean_up EXIT

cat >"$tmp/serve.py" <<'PY'
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
PY
cat >"$tmp/ask.py" <<'PY'
import socket, sys, time
port, path, body, pieces = int(sys.argv[1]), sys.argv[2], sys.argv[3].encode(), int(sys.argv[4])
head = ("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path, len(body))).encode()
s = socket.create_connection(("127.0.0.1", port))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
text = head + body if pieces == 1 else body
if pieces > 1:
    s.sendall(head)
    time.sleep(0.05)
step = -(-len(text) // pieces)
for i in range(0, len(text), step):
    s.sendall(text[i:i + step])
    time.sleep(0.02 if pieces > 1 else 0)
s.recv(1000)
PY
# serve CGROUP PORT: a server in a cgroup of that name below main
serve() {
	mkdir -p "$root/main/$1"
	sh -c "echo \$\$ >'$root/main/$1/cgroup.procs'; exec python3 $tmp/serve.py $2" 2>>"$tmp/serve.log" &
	pids+=($!)
	for _ in $(seq 50); do
		grep -q "$(printf ':%04X 00000000:0000 0A' "$2")" /proc/net/tcp && return
		sleep 0.1
	done
}
ask() { python3 "$tmp/ask.py" "$@"; }
# In model minutes of 2 s: the function's invocations so far
count() { sqlite3 "$db" "select coalesce(sum(invocations), 0) from history join functions f on f.id = function_id where f.name = '$1'"; }
equal() {
	if [ "$2" = "$3" ]; then echo "ok $1"; else echo "not ok $1: got '$2', wanted '$3'"; fi
}
# run RUNTIME FUNCTION: a container called NAME-RUNTIME
run() {
	jq --arg f "$2" --arg c "/$name/main/$name-$1" '.process.terminal = false | .process.args = ["/bin/sleep", "60"] |
		.annotations = {"faasmat.function": $f} | .linux.cgroupsPath = $c | del(.linux.resources) | del(.process.rlimits)' \
		"$tmp/spec.json" >"$tmp/bundle/config.json"
	in_cgroup2 $1 run -d --bundle "$tmp/bundle" $name-$1 </dev/null >"$tmp/$1.log" 2>&1 ||
		echo "# $1: $(tail -n 1 "$tmp/$1.log")"
}
containers() { sqlite3 "$db" "select count(*) from containers join functions f on f.id = function_id where f.name = '$1' and path = '/$name/main/$2'"; }

serve wsk0_1_prewarm_nodejs20 18471
serve wsk0_2_prewarm_nodejs20 18472
serve wsk0_3_prewarm_nodejs20 18473
serve stranger 18474
: >"$tmp/log"
$F collect --root $name --pin $pin --db "$db" --port 18000-18999 --minute-length 2s --interval 200ms 2>"$tmp/log" &
collector=$!
pids+=($collector)
for _ in $(seq 100); do
	grep -q '^faasmat collect: watching' "$tmp/log" && break
	sleep 0.1
done
sleep 0.5
ask 18471 /init '{"value":{"name":"hello","code":"x","env":{"__OW_ACTION_NAME":"/guest/pkg/hello"}}}' 1
ask 18471 /run '{"value":{},"action_name":"/guest/pkg/hello"}' 1
ask 18471 /run '{"value":{},"action_name":"/guest/pkg/hello"}' 1
ask 18472 /run '{"value":{"text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},"namespace":"alice","action_name":"/alice/pieces"}' 7
ask 18473 /run '{"value":{"action_name":"/guest/hello"},"x":1}' 1
ask 18474 /run '{"action_name":"/guest/hello"}' 1
cp /bin/busybox "$tmp/bundle/rootfs/bin/sleep"
(cd "$tmp/bundle" && crun spec && mv config.json ../spec.json)
run crun from-crun
if command -v runc >/dev/null; then run runc from-runc; fi
sleep 1.5
in_cgroup2 crun delete -f $name-crun
sleep 0.5
run crun other-function
sleep 2.5
kill -TERM $collector
wait $collector
sed 's/^/# /' "$tmp/log"

equal identity-prewarm "$(count hello)" 2
equal identity-prewarm-pieces "$(count alice.pieces)" 1
equal identity-forged "$(sqlite3 "$db" "select function_id from containers where path like '%wsk0_3%'")" 0
equal identity-crun "$(containers from-crun $name-crun)" 1
if command -v runc >/dev/null; then
	equal identity-runc "$(containers from-runc $name-runc)" 1
else
	echo "skip identity-runc: package runc is not installed"
fi
equal identity-id-again "$(containers other-function $name-crun)" 1
equal identity-unknown-listed "$($F status --db "$db" --json | jq -c '[.unknown[].cgroup] | sort')" \
	"[\"/$name/main/stranger\",\"/$name/main/wsk0_3_prewarm_nodejs20\"]"
