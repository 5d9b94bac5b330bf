#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `faasmat govern --on-change` for OpenFaaS and faasd: as many replicas of a function as its pool is to
# hold, by the gateway's /system/scale-function. docs/platforms.md says why not by the labels
# com.openfaas.scale.min and max: writing them restarts every container of the function.
usage() {
	cat <<'USAGE'
usage: openfaas.sh [--dry-run] [SETTINGS-FILE]   lines of --on-change on standard input

Settings, one `name = value` a line, or as FAASMAT_NAME in the environment:
  url            the gateway (http://127.0.0.1:8080)
  user           of its basic authentication (admin)
  password-file  its password; none: no authentication is sent
  namespace      of the functions, where the gateway has several
  minimum        never fewer replicas (1: the community editions refuse 0)
  maximum        never more; faasd's community edition runs 1
  lower          yes: also down to what the pool is to hold, where a busy replica may be the one that
                 ends; no: only up, and leave the way down to the platform (no)
  shadow         act: also when the governor only watches; skip (skip)
  timeout        seconds for a request (3)
  run-time       seconds for all; less than the governor's --on-change-limit (9)
  ca-file        certificates for https
  state          what could not be told yet is kept here (/run/faasmat/openfaas.pending; empty: nowhere)
  dry-run        yes: read, and print what would be written (no)
USAGE
}
. "$(dirname "$(readlink -f "$0")")/adapter.sh" || exit 1
setting+=([url]=http://127.0.0.1:8080 [user]=admin [password-file]='' [namespace]='' [minimum]=1 [maximum]='' [lower]=no)
settings "$@"
is_one_of lower yes no
is_count minimum maximum
[[ ${setting[namespace]} =~ ^[a-z0-9-]*$ ]] || die 2 "namespace: '${setting[namespace]@E}' is none"
if [ -n "${setting[password-file]}" ]; then
	password=$(secret "${setting[password-file]}") || exit
	authorization="user = $(quoted "${setting[user]}:$password")"
fi

status=0
read_wanted || status=1
keep "$work/wanted"

# The path of the API, for the name that the gateway's routes accept; null for others.
jq -nrc --arg namespace "${setting[namespace]}" '
	[inputs] | to_entries[] | .key as $i | .value.function |
	if test("^[A-Za-z0-9]([-A-Za-z0-9_]*[A-Za-z0-9])?$") then
		[$i, "GET", "/system/function/" + @uri + (if $namespace == "" then "" else "?namespace=" + ($namespace | @uri) end)]
	else [$i, "odd"] end | map(tostring) | join("\t")' "$work/wanted" >"$work/reads"
refuse "$work/reads" odd "no function of OpenFaaS can be called so; leave it to main, or write an identity rule (docs/identity.md)"

send "$work/reads"
answers "$work/reads"
jq -rc --arg lower "${setting[lower]}" --arg minimum "${setting[minimum]:-0}" --arg maximum "${setting[maximum]}" \
	--arg namespace "${setting[namespace]}" '
	(.wanted.containers | [., ($minimum | tonumber)] | max
	 | if $maximum == "" then . else [., ($maximum | tonumber)] | min end) as $want |
	(.answer.replicas // 0) as $have |
	if ($have | type) != "number" then [(.i | tostring), "odd"] else
	select($want > $have or ($lower == "yes" and $want < $have)) |
	[(.i | tostring), "POST",
	 "/system/scale-function/" + (.wanted.function | @uri)
	 + (if $namespace == "" then "" else "?namespace=" + ($namespace | @uri) end), "application/json",
	 ({serviceName: .wanted.function} + (if $namespace == "" then {} else {namespace: $namespace} end)
	  + {replicas: $want} | tojson)] end | join("\t")' "$work/found" >"$work/writes"
refuse "$work/writes" odd "the gateway does not say how many replicas it has; is it one that docs/platforms/openfaas.md names?"
send "$work/writes"
finish || status=1
exit $status
