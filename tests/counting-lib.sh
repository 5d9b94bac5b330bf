# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the scripts that count on this machine's own kernel: a cgroup, a pin directory and a database
# of their own, a collector in them (with options `watch`), and nginx in a container's cgroup. The caller
# has set `names` (its tests) and removes all of it with clean_up.
skip_all() {
	for n in $names; do echo "skip $n: $1"; done
	exit 0
}
mount=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo)
[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -n "$mount" ] || skip_all "no cgroup v2 on this machine"
[ -r /sys/kernel/btf/vmlinux ] || skip_all "this kernel has no BTF"

F=${F:-build/faasmat}
name=faasmat-check-$$
tmp=${FAASMAT_TMP:-$PWD/build/tmp}/$name
pin=/sys/fs/bpf/$name
db=$tmp/faasmat.db
mkdir -p $tmp
mkdir -p "$mount/$name/main" || skip_all "no cgroup can be made in $mount"
collector=
servers=
watch=()
inside=() # what runs a program in a network namespace: servers and their clients

clean_up() {
	local s
	[ -z "$collector" ] || kill -9 $collector 2>/dev/null
	for s in $servers; do
		kill "$s" 2>/dev/null
		wait "$s" 2>/dev/null
	done
	$F collect --detach --pin $pin 2>/dev/null
	[ ${#inside[@]} = 0 ] || ip netns del $name
	rmdir $pin "$mount/$name"/main/* "$mount/$name/main" "$mount/$name" 2>/dev/null
	rm -rf $tmp
}

# start [OPTION...]: a collector with minutes of two seconds
start() {
	: >$tmp/log
	$F collect --root $name --pin $pin --db $db --minute-length 2s --interval 200ms "${watch[@]}" "$@" 2>>$tmp/log &
	collector=$!
	for _ in $(seq 100); do
		grep -q '^faasmat collect: watching' $tmp/log && return
		sleep 0.1
	done
	echo "not ok $name-start: $(cat $tmp/log)"
	exit 1
}
stop() {
	sleep 0.3
	kill -TERM $collector
	wait $collector
	collector=
}
# The next collector begins with nothing.
forget() {
	$F collect --detach --pin $pin
	rm -f $db $db-*
}

# serve FUNCTION PORT SERVER: nginx, with SERVER in its server block, in a container of the function
serve() {
	local cgroup=$mount/$name/main/wsk0_$2_guest_$1
	mkdir -p "$cgroup"
	cat >"$tmp/nginx-$1.conf" <<-END
		daemon off; pid $tmp/pid-$1; error_log $tmp/nginx-$1.err; worker_processes 1;
		events { worker_connections 4096; }
		http { access_log off; keepalive_requests 100000000; client_body_temp_path $tmp/body-$1;
		large_client_header_buffers 4 128k;
		server { listen 127.0.0.1:$2 backlog=4096; location / { return 200 "ok"; }
		location = /status { stub_status; } ${3:-} } }
	END
	sh -c "echo \$\$ >$cgroup/cgroup.procs; exec ${inside[*]} build/nginx/usr/sbin/nginx -c $tmp/nginx-$1.conf" 2>/dev/null &
	servers="$servers $!"
	for _ in $(seq 50); do
		"${inside[@]}" bash -c "exec 3<>/dev/tcp/127.0.0.1/$2" 2>/dev/null && return
		sleep 0.1
	done
	echo "not ok $name-serve: nginx does not answer on port $2"
}

# outcomes FUNCTION: "invocations responses 5xx excluded aborted histogram unsettled quality" of all its
# stored minutes; of the quality only what the kernel could not settle
outcomes() {
	python3 tests/outcomes.py $db "$1"
}
