#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The installed units under a real systemd, and slices that it owns: a systemd of its own as process 1 of
# namespaces of its own, on a part of this kernel's cgroup tree.
# in the guest, as root
set -u
cd "$(dirname "$0")/../.." || exit 1
. vmtest/guest/lib.sh
[ -x /lib/systemd/systemd ] || { skip systemd "systemd is not installed here"; exit 0; }
work=$RUN/systemd
mkdir -p $work
. vmtest/guest/systemd-lib.sh
make_node
install_faasmat
start_systemd || { not_ok systemd-boots "$(tail -n 5 $work/systemd.log)"; exit 1; }
ok systemd-boots
echo "# $(ctl --version | head -n 1), $(ctl is-system-running)"

export FAASMAT_DB=$work/faasmat.db
one_function f 4 200
cat >$work/faasmat.conf <<CONF
db = $FAASMAT_DB
[collect]
root = /
pin = /sys/fs/bpf/systemd-test
[govern]
apply
root = faasmat.slice
memory = 1G
margin = 16M
plan-at = never
lease = 20s
CONF
slice=$machine/faasmat.slice
# The pool's slice as systemd escapes it.
pool='faasmat-pool\x2df.slice'
limit() { cat "$slice/$1/memory.max" 2>&1; }

# --- the units
ctl start faasmat-govern.service >$work/start 2>&1
check systemd-govern-starts "$(tail -n 3 $work/govern.log; cat $work/start)" [ "$(property ActiveState faasmat-govern)" = active ]
equal systemd-watchdog-comes-along "$(property ActiveState faasmat-watchdog)" active
has_status() { property StatusText faasmat-govern | grep -q pools; }
check systemd-status-line "$(property StatusText faasmat-govern)" wait_for 20 has_status
equal systemd-govern-is-watched "$(property WatchdogUSec faasmat-govern)" 1min
equal systemd-oom-score "$(cat /proc/$(pgrep -f 'faasmat-watchdog --dir' | head -n 1)/oom_score_adj)" -950

# --- slices
governed() { [ "$(limit "$pool")" = $((200 * 1048576)) ]; }
check systemd-slice-is-limited "$(limit "$pool"); $(ls $slice)" wait_for 30 governed
equal systemd-slice-knows "$(property MemoryMax "$pool")" $((200 * 1048576))
equal systemd-main-is-a-slice "$(limit faasmat-main.slice)" $((824 * 1048576))
equal systemd-root-budget "$(cat $slice/memory.max)" $((1024 * 1048576))
ctl daemon-reload
equal systemd-reload-keeps-limits "$(limit "$pool")" $((200 * 1048576))
equal systemd-nothing-adopted "$(sql $FAASMAT_DB "select count(*) from ledger where action = 'adopt'")" 0
# A container as a runtime with systemd's cgroup driver starts it.
inside systemd-run --scope --slice="$pool" --unit=c1 $BIN/hold 20 >$work/c1 2>&1 &
wait_for 30 grep -q held $work/c1
counted() { inside $BIN/ask /run/faasmat/govern.sock '{"op":"table"}' | jq -e '.pools[] | select(.pool == "pool-f") | .cgroup == "/faasmat.slice/faasmat-pool\\x2df.slice"'; }
check systemd-table-names-the-slice "$(inside $BIN/ask /run/faasmat/govern.sock '{"op":"table"}')" counted

# --- ends
inside kill -9 "$(property MainPID faasmat-govern)"
again() { [ "$(property NRestarts faasmat-govern)" = 1 ] && [ "$(property ActiveState faasmat-govern)" = active ]; }
check systemd-restarts-the-governor "$(ctl status faasmat-govern | tail -n 5)" wait_for 60 again
check systemd-stop-post-lifted "$(dmesg | grep faasmat-watchdog | tail -n 3)" grep -q 'the governor is gone: limits lifted' <(dmesg)
check systemd-governs-again "$(limit "$pool")" wait_for 60 governed
check systemd-container-lives 'it is gone' pgrep -x hold
ctl stop faasmat-govern.service
equal systemd-stop-lifts "$(limit "$pool") $(limit faasmat-main.slice)" 'max max'
equal systemd-stop-lifts-for-good "$(property MemoryMax "$pool")" infinity
check systemd-container-lives-on 'it is gone' pgrep -x hold
inside $FAASMAT restore --db $FAASMAT_DB >$work/restore 2>&1
equal systemd-restored "$(cat $slice/memory.max)" max

# A governor that hangs: only the watchdog is left, and systemd must not bring the limit back.
ctl start faasmat-govern.service >/dev/null
check systemd-governs-a-third-time "$(limit "$pool")" wait_for 60 governed
inside kill -STOP "$(property MainPID faasmat-govern)"
lifted() { [ "$(limit "$pool")" = max ]; }
check systemd-watchdog-lifts "$(limit "$pool")" wait_for 60 lifted
told() { [ "$(property MemoryMax "$pool")" = infinity ]; }
check systemd-is-told "$(property MemoryMax "$pool")" wait_for 30 told
inside kill -9 "$(property MainPID faasmat-govern)"
ctl stop faasmat-govern.service faasmat-watchdog.service

# --- the collector, with no more than its unit allows
ctl start faasmat-collect.service >$work/collect 2>&1
check systemd-collect-starts "$(tail -n 3 $work/collect.log; cat $work/collect)" [ "$(property ActiveState faasmat-collect)" = active ]
ctl stop faasmat-collect.service
$FAASMAT collect --detach --pin /sys/fs/bpf/systemd-test
pkill -x hold
kill -KILL $init
wait
[ $failures = 0 ] || { tail -n 15 $work/systemd.log $work/govern.log | sed 's/^/# /'; ctl status | tail -n 20; }
exit $((failures > 0))
