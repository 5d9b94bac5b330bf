#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# OpenWhisk has no bound that may change by the minute (docs/platforms.md): a pool's own invoker reads its
# memory when it starts, and whoever writes an action's limits makes all its warm containers stale.
# So this has two parts:
#   openwhisk.sh             for `faasmat govern --on-change`: keeps, for the invoker of each pool, the file
#                            with the memory that it should have when it is started next
#   openwhisk.sh --instances once a day, from `faasmat plan --json`: the most containers of a hot function,
#                            as its action's limit `instances`; only upwards, and with room
usage() {
	cat <<'USAGE'
usage: openwhisk.sh [--dry-run] [SETTINGS-FILE]               lines of --on-change on standard input
       openwhisk.sh --instances [--dry-run] [SETTINGS-FILE]   `faasmat plan --json` on standard input

Settings, one `name = value` a line, or as FAASMAT_NAME in the environment:
  url        the API host (https://127.0.0.1)
  auth-file  UUID:KEY, as in ~/.wskprops; the key's namespace is the one that may be changed
  names      a file of lines `FUNCTION NAMESPACE/[PACKAGE/]ACTION` for names that OpenWhisk has shortened;
             without a line, hello is _/hello and ns.hello is ns/hello
  pools      the directory of the invokers' files POOL.env; none: not written
  lower      yes: files may also go down; no: only up (no)
  room       --instances: so many times the plan's most (2)
  shadow     act: also when the governor only watches; skip (skip)
  timeout    seconds for a request (3)
  run-time   seconds for all; less than the governor's --on-change-limit (9)
  ca-file    certificates for https
  state      what could not be done yet is kept here (/run/faasmat/openwhisk.pending; empty: nowhere)
  dry-run    yes: read, and print what would be written (no)
USAGE
}
. "$(dirname "$(readlink -f "$0")")/adapter.sh" || exit 1
setting+=([url]=https://127.0.0.1 [auth-file]='' [names]='' [pools]='' [lower]=no [room]=2)
job=pools
if [ "${1:-}" = --instances ]; then
	job=instances
	shift
fi
settings "$@"
is_one_of lower yes no
is_count room
[ "${setting[room]:-0}" -ge 1 ] || die 2 "room must be at least 1"
if [ -n "${setting[auth-file]}" ]; then
	key=$(secret "${setting[auth-file]}") || exit
	authorization="user = $(quoted "$key")"
fi
names=/dev/null
if [ -n "${setting[names]}" ]; then
	names=${setting[names]}
	[ -r "$names" ] || die 2 "$names: cannot be read"
fi
if [ $job = instances ]; then
	# A day's most of every hot function, as if the governor had said so. The next plan says it again.
	setting[state]=
	jq -c '.functions[] | select(.hot and .containers_max > 0) |
		{function, pool: "", containers: .containers_max, applied: true}' >"$work/day" 2>/dev/null ||
		die 1 "standard input is not the output of \`faasmat plan --json\`"
	exec <"$work/day"
elif [ -z "${setting[pools]}" ] || [ ! -d "${setting[pools]}" ]; then
	die 2 "pools must name the directory of the invokers' files; '${setting[pools]@E}' is none"
fi

status=0
read_wanted || status=1
keep "$work/wanted"

# Entity names of OpenWhisk: docs/reference.md of theirs. More is not let into a path.
jq -nrc --rawfile names "$names" '
	(reduce ($names | split("\n")[] | select(test("^[^#[:space:]]"))) as $line ({};
		($line | capture("^(?<from>.*[^[:space:]])[[:space:]]+(?<to>[^[:space:]]+)[[:space:]]*$")) as $l | .[$l.from] = $l.to)) as $map |
	[inputs] | to_entries[] | .key as $i | .value.function as $f |
	($map[$f] // (if $f | test("^[^.]+[.].") then $f | sub("[.]"; "/") else "_/" + $f end)) |
	split("/") | . as $parts |
	if (length == 2 or length == 3) and all(.[]; test("^[A-Za-z0-9_]([A-Za-z0-9_@ .-]*[A-Za-z0-9_@.-])?$")) then
		[$i, "GET", "/api/v1/namespaces/\($parts[0] | @uri)/actions/\($parts[1:] | map(@uri) | join("/"))?code=false"]
	else [$i, "odd"] end | map(tostring) | join("\t")' "$work/wanted" >"$work/reads" ||
	die 2 "$names: not lines of FUNCTION NAMESPACE/[PACKAGE/]ACTION"
refuse "$work/reads" odd "no action of OpenWhisk can be called so; write FUNCTION NAMESPACE/[PACKAGE/]ACTION into the file that names sets"
send "$work/reads"
answers "$work/reads"

# write_pool POOL MIB: the invoker's file, in one step
write_pool() {
	local file="${setting[pools]}/$1.env" old=0
	[ ! -r "$file" ] || old=$(sed -n 's/^CONFIG_whisk_containerPool_userMemory=\([0-9]*\)m$/\1/p' "$file")
	[ "${old:-0}" != "$2" ] || return 0
	[ "${setting[lower]}" = yes ] || [ "$2" -gt "${old:-0}" ] || return 0
	if [ "${setting[dry-run]}" = yes ]; then
		printf 'WRITE %s CONFIG_whisk_containerPool_userMemory=%sm\n' "$file" "$2"
		return
	fi
	printf 'CONFIG_whisk_containerPool_userMemory=%sm\n' "$2" >"$file.new" && mv "$file.new" "$file"
}

if [ $job = pools ]; then
	# The invoker's ledger counts declared limits, so the pool's bytes are not what it needs. The pool's name
	# is the governor's (letters, digits and %xx or \x), but a path is a path.
	jq -r '[(.i | tostring), (.wanted.pool | if test("^pool-[A-Za-z0-9_.%~-]+$") then . else "" end),
		((try .answer.limits.memory catch null) as $mib |
		 if ($mib | type) == "number" and $mib >= 1 and $mib < 1e7 then .wanted.containers * $mib | floor else "unknown" end | tostring)] | join(" ")' \
		"$work/found" >"$work/memory"
	while read -r index pool mib; do
		if [ -z "$mib" ]; then
			wrong "$index" "its pool's name is no file's name; make the invoker's file yourself"
		elif [ "$mib" = unknown ]; then
			wrong "$index" "the answer names no memory limit; is that the action's?"
		elif [ "$mib" != 0 ] && ! write_pool "$pool" "$mib"; then
			wrong "$index" "${setting[pools]}: cannot be written"
		fi
	done <"$work/memory"
else
	jq -rc --arg room "${setting[room]}" --rawfile reads "$work/reads" '
		(reduce ($reads | split("\n")[] | split("\t") | select(length == 3)) as $r ({}; .[$r[0]] = $r[2])) as $path |
		(.wanted.containers * ($room | tonumber)) as $want |
		(try .answer.limits catch null) as $limits |
		if ($limits | type) != "object" then [(.i | tostring), "odd"] else
		select((($limits.instances | numbers) // 0) < .wanted.containers) |
		[(.i | tostring), "PUT", ($path[.i | tostring] | sub("[?].*"; "?overwrite=true")), "application/json",
		 ({limits: {instances: $want}} | tojson)] end | join("\t")' "$work/found" >"$work/writes"
	refuse "$work/writes" odd "the answer names no limits; is that the action's?"
	send "$work/writes"
fi
finish || status=1
exit $status
