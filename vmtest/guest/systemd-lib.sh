# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced after lib.sh by tests that need a systemd: one of its own as process 1 of namespaces of its own, on
# a part of this kernel's cgroup tree, with faasmat installed. `work` is the test's directory.
machine=$NODE/machine
prefix=$work/usr
units=$work/units

# install_faasmat: what `make install` leaves, from the copies that the guest tests use. Our units, and a target
# to boot into; what else a test puts into $units is read in the place of the machine's own.
install_faasmat() {
	local unit
	install -D -m 755 $BIN/faasmat $prefix/bin/faasmat
	install -D -m 755 $BIN/faasmat-watchdog $prefix/libexec/faasmat/faasmat-watchdog
	mkdir -p $units
	for unit in packaging/systemd/*.in; do
		sed "s|@prefix@|$prefix|g; s|@sysconfdir@|$work|g" $unit >$units/$(basename ${unit%.in})
	done
	cat >$units/test.target <<-'UNIT'
		[Unit]
		Description=nothing but what the test starts
		DefaultDependencies=no
		AllowIsolate=yes
	UNIT
	# What sysinit.target would bring along, and nobody here needs: minutes in an emulated machine.
	for unit in ldconfig systemd-{hwdb-update,journal-catalog-update,udevd,udev-trigger,sysusers,firstboot,random-seed,pstore}; do
		ln -sf /dev/null $units/$unit.service
	done
	# What only a test needs: its database is not in the state directory, and there is no journal.
	for unit in govern watchdog collect; do
		mkdir -p $units/faasmat-$unit.service.d
		printf '[Service]\nReadWritePaths=%s\nStandardError=append:%s\n' $work $work/$unit.log \
			>$units/faasmat-$unit.service.d/test.conf
	done
}

# one_function NAME CONTAINERS MIB: a database ($FAASMAT_DB) in which NAME is planned from five minutes ago on
one_function() {
	local now=$(($(date +%s) / 60))
	printf 'function,day,minute,count\n%s,0,0,1\n' $1 >$work/history.csv
	printf 'function,memory_mb,warm_ms,cold_ms\n%s,50,100,1000\n' $1 >$work/functions.csv
	$FAASMAT import history $work/history.csv --functions $work/functions.csv 2>/dev/null
	sql $FAASMAT_DB "INSERT INTO planned VALUES($now - 5, $now + 1000);
		WITH RECURSIVE m(m) AS (SELECT $now - 5 UNION SELECT m + 1 FROM m WHERE m < $now + 1000)
		INSERT INTO plan SELECT m, id, $2, $3 * 1048576, 52428800 FROM m, functions; INSERT INTO meta VALUES('plan_version', 1)"
}

# inside COMMAND...: in the namespaces of that systemd
inside() { nsenter -t $init -m -p -C "$@"; }
ctl() { inside systemctl --no-pager "$@" 2>&1; }
property() { ctl show -P "$1" "$2"; }

# start_systemd [COMMAND]: boots it; COMMAND is run in its mount namespace before, by bash with $1 = $work.
# Sets init, its process.
start_systemd() {
	mkdir -p $machine
	echo +memory >$CG/cgroup.subtree_control
	echo +memory >$NODE/cgroup.subtree_control
	(
		echo $BASHPID >$machine/cgroup.procs
		exec unshare --mount --pid --cgroup --fork --kill-child bash -c '
			mount --make-rprivate /
			mount -t proc proc /proc
			umount /sys/fs/cgroup
			mount -t cgroup2 -o memory_recursiveprot cgroup2 /sys/fs/cgroup
			mkdir -p /run/systemd
			mount -t tmpfs tmpfs /run/systemd
			mkdir -p /run/systemd/system
			cp -r "$1"/units/* /run/systemd/system/
			mount -t tmpfs tmpfs /var/lib
			[ -z "$2" ] || eval "$2"
			exec env -i container=faasmat PATH="$PATH" SYSTEMD_LOG_TARGET=console SYSTEMD_UNIT_PATH=/run/systemd/system: \
				/lib/systemd/systemd --system --unit=test.target --log-level=notice' - $work "${1:-}"
	) >$work/systemd.log 2>&1 &
	wait_for 240 eval 'init=$(pgrep -f "^/lib/systemd/systemd --system")'
	init=$(pgrep -f '^/lib/systemd/systemd --system' | head -n 1)
	# Who began it leaves: a cgroup that holds processes itself has no controllers for those below it.
	echo $! >$CG/cgroup.procs
	wait_for 240 eval 'ctl is-active test.target >/dev/null'
}
