#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# podman, docker and containerd with faasmat-runtime in front of crun and runc, with the cgroupfs and the
# systemd cgroup driver, under a real systemd and the governor's units. Only ids and names of this test's own
# making, all plain, ever reach an engine (docs/decisions.md says why).
# in the guest, as root; some minutes, so not among the tests that run when none is named. For a part of it:
# GUEST_ENV="DRIVERS=systemd ENGINES=docker"
set -u
cd "$(dirname "$0")/../.." || exit 1
. vmtest/guest/lib.sh
work=$RUN/engines
mkdir -p $work
. vmtest/guest/systemd-lib.sh
# What packaging/deps.sh has unpacked where docker is not installed, laid over /usr in that systemd's namespace.
engines=$(realpath -e build/engines 2>/dev/null)
for program in podman conmon docker dockerd containerd ctr crun runc dbus-daemon busybox /lib/systemd/systemd; do
	PATH=$PATH:/usr/sbin:${engines:-}/usr/bin:${engines:-}/usr/sbin command -v $program >/dev/null || not_ok "engines-has-$(basename $program)" 'not installed; run make deps'
done
[ $failures = 0 ] || exit 1
make_node
for at in $CG $NODE; do
	for controller in cpu cpuset io memory pids; do echo +$controller >$at/cgroup.subtree_control; done
done

install_faasmat
install -D -m 755 build/faasmat-runtime $prefix/libexec/faasmat/faasmat-runtime
# The wrapper by other names: each stands for the runtime that its name ends in.
wrapper=$prefix/libexec/faasmat
ln -s faasmat-runtime $wrapper/faasmat-crun
ln -s faasmat-runtime $wrapper/faasmat-runc
mkdir -p $wrapper/first
ln -s ../faasmat-runtime $wrapper/first/runc

# What a container holds: one static program.
mkdir -p $work/rootfs/{bin,dev,etc,proc,run,sys,tmp}
cp "$(command -v busybox)" $work/rootfs/bin/busybox
for name in sh sleep echo; do ln -s busybox $work/rootfs/bin/$name; done
tar -C $work/rootfs -cf $work/rootfs.tar .

# --- /etc is this test's own: nothing of the machine's is read, and nothing of it written.
etc=$work/etc
mkdir -p $etc/{docker,containerd,containers,systemd/system/containerd.service.d}
echo 0123456789abcdef0123456789abcdef >$etc/machine-id
echo engines >$etc/hostname
touch $etc/.updated # nothing for systemd to bring up to date
echo '127.0.0.1 localhost' >$etc/hosts
: >$etc/resolv.conf
printf '%s\n' root:x:0:0:root:/root:/bin/sh messagebus:x:101:101::/nonexistent:/usr/sbin/nologin \
	nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin >$etc/passwd
printf '%s\n' root:x:0: adm:x:4: tty:x:5: docker:x:100: messagebus:x:101: nogroup:x:65534: >$etc/group
printf 'passwd: files\ngroup: files\n' >$etc/nsswitch.conf
# set_up DRIVER: what docs/placement.md says, and no network, of which the machine may have no more than lo
set_up() {
	cat >$etc/docker/daemon.json <<-JSON
		{
		  "runtimes": {
		    "faasmat-crun": { "path": "$wrapper/faasmat-crun" },
		    "faasmat-runc": { "path": "$wrapper/faasmat-runc" }
		  },
		  "default-runtime": "faasmat-crun",
		  "exec-opts": ["native.cgroupdriver=$1"],
		  "live-restore": true,
		  "bridge": "none", "iptables": false, "ip6tables": false, "ip-forward": false
		}
	JSON
	cat >$etc/containers/containers.conf <<-CONF
		[containers]
		log_driver = "k8s-file"
		[engine]
		cgroup_manager = "$1"
		events_logger = "file"
		runtime = "faasmat-crun"
		[engine.runtimes]
		faasmat-crun = ["$wrapper/faasmat-crun"]
		[network]
		network_backend = "cni"
	CONF
	cat >$work/faasmat.conf <<-CONF
		db = $FAASMAT_DB
		[govern]
		apply
		root = $root
		memory = 1G
		margin = 16M
		plan-at = never
	CONF
}
cat >$etc/containerd/config.toml <<'TOML'
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
TOML
# faasd names no runtime: its containers are started by the first runc in containerd's PATH.
printf '[Service]\nEnvironment=PATH=%s:/usr/sbin:/usr/bin:/sbin:/bin\n' $wrapper/first \
	>$etc/systemd/system/containerd.service.d/faasmat.conf
for unit in containerd docker dbus; do
	mkdir -p $units/$unit.service.d
	printf '[Service]\nStandardOutput=append:%s/%s.log\nStandardError=append:%s/%s.log\n' $work $unit $work $unit \
		>$units/$unit.service.d/test.conf
done
export HOME=$work FAASMAT_DB=$work/faasmat.db
one_function hot 8 400

[ -z "$engines" ] || cp $engines/lib/systemd/system/* $units/
export engines
# Where AppArmor shows itself docker wants its parser, another package.
start_systemd 'mount --bind $1/etc /etc
	mount -t tmpfs tmpfs /sys/kernel/security
	[ -z "$engines" ] || mount -t overlay -o "lowerdir=$engines/usr:/usr" engines /usr' || { not_ok engines-systemd-boots "$(tail -n 5 $work/systemd.log)"; exit 1; }
# Commands are processes of this machine's, too: an engine looks at its own cgroup.
mkdir -p $machine/shell
echo $$ >$machine/shell/cgroup.procs
echo "# systemd after $SECONDS s: $(ctl is-system-running)"

# --- what the tests ask
# engine COMMAND...: an engine's command, which must not hang
engine() { inside timeout -k 5 240 "$@"; }
table() { $BIN/ask /run/faasmat/govern.sock '{"op":"table"}'; }
# used: containers of the pool and of main that the governor counts
used() { table | jq -r '[.pools[] | select(.pool == "pool-hot" or .pool == "main")] | sort_by(.pool) | reverse | map(.used_containers) | join(" ")'; }
uses() { [ "$(used)" = "$1" ]; }
# where NAME: the cgroups of that name with a process, below the machine's
where() {
	find $machine -type d -name "$1" -printf '%P\n' | while read -r at; do
		grep -q '^populated 1' "$machine/$at/cgroup.events" && echo "$at"
	done | tr '\n' ' '
}
gone() { [ -z "$(find $machine -type d -name "$1")" ]; }
stopped() { [ -z "$(where "$1")" ]; }
# With systemd crun makes one more cgroup, "container", below the scope, and works on that.
own() { cat "$machine/$1/$2" "$machine/$1/container/$2" 2>/dev/null; }
frozen() { own "$1" cgroup.events | sed -n 's/^frozen //p' | sort -n | tail -n 1; }
limit_of() { own "$1" memory.max | grep -v max | sort -n | head -n 1; }
is_frozen() { [ "$(frozen "$1")" = "$2" ]; }
limit=$((48 << 20))

# --- the engines, each by its own words. start ENGINE RUNTIME NAME: a container of function NAME, 48 MiB; its id
start() {
	case $1 in
	podman) engine podman --runtime $wrapper/faasmat-$2 run -d --network none -m $limit --annotation faasmat.function=$3 --name $3 --rootfs $work/rootfs /bin/sleep 10000 ;;
	docker) engine docker run -d --runtime faasmat-$2 --network none -m $limit --label faasmat.function=$3 --name $3 busybox /bin/sleep 10000 ;;
	containerd)
		local how=()
		[ $2 = runc ] || how+=(--runc-binary $wrapper/faasmat-$2)
		[ $driver = cgroupfs ] || how+=(--runc-systemd-cgroup --cgroup system.slice:$2:$3)
		engine ctr -n openfaas-fn run -d --memory-limit $limit "${how[@]}" docker.io/library/busybox:latest $3 /bin/sleep 10000 >&2 && echo $3
		;;
	esac
}
# cgroup_of ENGINE RUNTIME ID: the name of its cgroup
cgroup_of() {
	local scope=
	[ $driver = cgroupfs ] || scope=.scope
	case $1 in
	podman) echo "libpod-$3$scope" ;;
	docker) [ $driver = cgroupfs ] && echo "$3" || echo "docker-$3.scope" ;;
	containerd) [ $driver = cgroupfs ] && echo "$3" || echo "$2-$3.scope" ;;
	esac
}
# do_it ENGINE VERB NAME
do_it() {
	case $1-$2 in
	containerd-exec) engine ctr -n openfaas-fn task exec --exec-id e$((RANDOM)) $3 /bin/echo hello ;;
	*-exec) engine $1 exec $3 /bin/echo hello ;;
	containerd-pause | containerd-resume) engine ctr -n openfaas-fn task $2 $3 ;;
	*-resume) engine $1 unpause $3 ;;
	containerd-stats) engine ctr -n openfaas-fn task metrics --format json $3 | jq -r '.. | .usage_limit? // empty' | head -n 1 ;;
	*-stats) engine $1 stats --no-stream --format '{{.MemUsage}}' $3 ;;
	containerd-kill) engine ctr -n openfaas-fn task kill -s KILL $3 ;;
	containerd-rm) engine ctr -n openfaas-fn task rm $3 && engine ctr -n openfaas-fn container rm $3 ;;
	containerd-end) engine ctr -n openfaas-fn task rm -f $3 && engine ctr -n openfaas-fn container rm $3 ;;
	*-end) engine $1 rm -f $3 ;;
	*-pause | *-kill | *-rm) engine $1 $2 $3 ;;
	esac
}
stats_fit() {
	case $1 in
	podman) [[ $2 =~ ^[1-9].*/\ 50\.33MB$ ]] ;;
	docker) [[ $2 =~ ^[1-9].*/\ 48MiB$ ]] ;;
	containerd) [ "$2" = $limit ] ;;
	esac
}

# life ENGINE RUNTIME: one container of the hot function and one of another, from their start to their end
life() {
	local n=engines-$driver-$1-$2 hot cold at said
	hot=$(start $1 $2 hot 2>$work/said-hot) || echo "# $n: $(tail -n 3 $work/said-hot)"
	cold=$(start $1 $2 cold 2>$work/said-cold) || echo "# $n: $(tail -n 3 $work/said-cold)"
	hot=$(cgroup_of $1 $2 "${hot:-none}")
	cold=$(cgroup_of $1 $2 "${cold:-none}")
	at=$pool/$hot
	equal $n-in-its-pool "$(where "$hot")" "$at "
	equal $n-others-in-main "$(where "$cold")" "$main/$cold "
	equal $n-limit-stays "$(limit_of "$at")" $limit
	equal $n-counted "$(used)" '1 1'
	equal $n-exec "$(do_it $1 exec hot 2>&1)" hello
	do_it $1 pause hot >$work/said 2>&1
	check $n-pause "$(frozen "$at") $(tail -n 2 $work/said)" wait_for 60 is_frozen "$at" 1
	do_it $1 resume hot >$work/said 2>&1
	check $n-resume "$(frozen "$at") $(tail -n 2 $work/said)" wait_for 60 is_frozen "$at" 0
	said=$(do_it $1 stats hot 2>&1)
	check $n-stats "$said" stats_fit $1 "$said"
	do_it $1 kill hot >$work/said 2>&1
	check $n-kill "$(tail -n 2 $work/said)" wait_for 60 stopped "$hot"
	do_it $1 rm hot >$work/said 2>&1
	check $n-rm "$(tail -n 2 $work/said)" wait_for 60 gone "$hot"
	do_it $1 end cold >$work/said 2>&1
	check $n-released "$(used)" wait_for 60 uses '0 0'
}

start_governor() {
	ctl start faasmat-govern.service >$work/said
	wait_for 240 uses '0 0'
	check engines-$driver-governs "$(cat $work/said; tail -n 3 $work/govern.log)" uses '0 0'
}

# restarts: a container of docker's and one of containerd's live through both, and know nothing of it
restarts() {
	local n=engines-$driver-restart hot faasd cold before daemon engine
	hot=$(cgroup_of docker crun "$(start docker crun hot 2>$work/said)")
	faasd=$(cgroup_of containerd runc "$(start containerd runc hot 2>>$work/said)")
	before=$(state "$hot" "$faasd")
	equal $n-two-in-the-pool "$(used) $(where "$hot")$(where "$faasd")" "2 0 $pool/$hot $pool/$faasd "
	for daemon in docker containerd; do
		ctl restart $daemon.service >>$work/said
		equal $n-of-$daemon "$(state "$hot" "$faasd")" "$before"
		for engine in docker containerd; do
			check $n-of-$daemon-$engine-exec "$(do_it $engine exec hot 2>&1)" wait_for 120 says_hello $engine
		done
	done
	equal $n-no-file-of-ours "$(inside find /run /var/lib -name '.config.json.faasmat*')" ''
	cold=$(cgroup_of docker runc "$(start docker runc cold 2>>$work/said)")
	equal $n-next-is-placed "$(where "$cold")" "$main/$cold "
	for engine in docker containerd; do
		do_it $engine end hot >>$work/said 2>&1
	done
	do_it docker end cold >>$work/said 2>&1
	check $n-released "$(used); $(tail -n 3 $work/said)" wait_for 60 uses '0 0'
}
says_hello() { [ "$(do_it $1 exec hot)" = hello ]; }
# state CGROUP...: which cgroups they are, and their processes and limits
state() {
	local name
	for name; do
		stat -c '%n %i' "$machine/$pool/$name"
		own "$pool/$name" cgroup.procs
		limit_of "$pool/$name"
	done 2>&1 | tr '\n' ' '
	used
}

# other_driver: a container of the cgroupfs driver beside a governor of slices stays where its engine wants it
other_driver() {
	local n=engines-$driver-other-driver
	engine ctr -n openfaas-fn run -d --memory-limit $limit docker.io/library/busybox:latest hot /bin/sleep 10000 >$work/said 2>&1
	equal $n-left-alone "$(where hot)" 'openfaas-fn/hot '
	equal $n-limit-stays "$(limit_of openfaas-fn/hot)" $limit
	do_it containerd end hot >>$work/said 2>&1
	check $n-released "$(used); $(tail -n 3 $work/said)" wait_for 60 uses '0 0'
}

# nothing_left: no container's cgroup, no process
nothing_left() {
	local n=engines-$driver-left
	equal $n-cgroups "$(find "$machine/$pool" "$machine/$main" -mindepth 1 -type d)" ''
	equal $n-processes "$(pgrep -l '^(faasmat-runtime|faasmat-crun|faasmat-runc|sleep)$')" ''
}

# The same image for docker and, as faasd has it, in containerd's namespace openfaas-fn.
make_image() {
	engine docker import --change 'CMD ["/bin/sleep","10000"]' $work/rootfs.tar busybox:latest && engine docker save -o $work/image.tar busybox:latest &&
		engine ctr -n openfaas-fn image import $work/image.tar
}

for driver in ${DRIVERS:-systemd cgroupfs}; do
	case $driver in
	cgroupfs) root=/faasmat pool=faasmat/pool-hot main=faasmat/main ;;
	systemd) root=faasmat.slice pool='faasmat.slice/faasmat-pool\x2dhot.slice' main=faasmat.slice/faasmat-main.slice ;;
	esac
	set_up $driver
	start_governor
	ctl start dbus.service >$work/said
	ctl restart containerd.service docker.service >>$work/said
	check engines-$driver-daemons "$(cat $work/said; tail -n 5 $work/docker.log $work/containerd.log)" [ "$(property ActiveState docker)" = active ]
	echo "# engines are up after $SECONDS s"
	if [ ! -e $work/image.log ]; then
		make_image >$work/image.log 2>&1 && ok engines-image || not_ok engines-image "$(tail -n 5 $work/image.log)"
	fi
	for engine in ${ENGINES:-docker containerd podman}; do
		for runtime in crun runc; do
			began=$SECONDS
			life $engine $runtime
			echo "# $engine $runtime took $((SECONDS - began)) s"
		done
	done
	[ $driver = cgroupfs ] || other_driver
	restarts
	nothing_left
	ctl stop faasmat-govern.service faasmat-watchdog.service >$work/said
	inside $FAASMAT restore >$work/said 2>&1
	check engines-$driver-restored "$(cat $work/said; ls /run/faasmat)" [ ! -e /run/faasmat/govern.sock.table ]
done

echo $$ >$CG/cgroup.procs
ctl stop docker.service docker.socket containerd.service >$work/said
kill -KILL $init
wait
[ $failures = 0 ] || tail -n 15 $work/{systemd,govern,docker,containerd}.log | sed 's/^/# /'
exit $((failures > 0))
