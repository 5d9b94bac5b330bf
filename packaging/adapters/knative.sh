#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `faasmat govern --on-change` for Knative: min-scale (and max-scale) of a Service's revision that has the
# traffic, through the Kubernetes API. docs/platforms.md.
usage() {
	cat <<'USAGE'
usage: knative.sh [--dry-run] [SETTINGS-FILE]   lines of --on-change on standard input

Settings, one `name = value` a line, or as FAASMAT_NAME in the environment:
  url         the Kubernetes API (https://127.0.0.1:6443)
  token-file  a service account's token (/var/run/secrets/kubernetes.io/serviceaccount/token)
  ca-file     the cluster's certificate authority (.../ca.crt beside it)
  lever       podautoscaler: annotate the revision's PodAutoscaler, no pod restarts; service: annotate the
              Service's template, which makes a new revision with pods of its own at every change
              (podautoscaler)
  cap         yes: max-scale as well, so that a pool's function has no more pods than planned; what comes
              above waits in the activator (no)
  minimum     never a smaller min-scale (0)
  maximum     never a larger one
  shadow      act: also when the governor only watches; skip (skip)
  timeout     seconds for a request (3)
  run-time    seconds for all; less than the governor's --on-change-limit (9)
  state       what could not be told yet is kept here (/run/faasmat/knative.pending; empty: nowhere)
  dry-run     yes: read, and print what would be written (no)
USAGE
}
. "$(dirname "$(readlink -f "$0")")/adapter.sh" || exit 1
account=/var/run/secrets/kubernetes.io/serviceaccount
setting+=([url]=https://127.0.0.1:6443 [token-file]=$account/token [ca-file]=$account/ca.crt [lever]=podautoscaler
	[cap]=no [minimum]=0 [maximum]='')
settings "$@"
is_one_of lever podautoscaler service
is_one_of cap yes no
is_count minimum maximum
if [ -n "${setting[token-file]}" ]; then
	token=$(secret "${setting[token-file]}") || exit
	authorization="header = $(quoted "Authorization: Bearer $token")"
fi
[ -z "${setting[ca-file]}" ] || [ -r "${setting[ca-file]}" ] || die 2 "${setting[ca-file]}: cannot be read; set ca-file"

status=0
read_wanted || status=1
keep "$work/wanted"

# NAMESPACE.SERVICE, both DNS labels: neither holds a dot.
jq -nrc '
	[inputs] | to_entries[] | .key as $i | .value.function |
	if test("^[a-z0-9]([-a-z0-9]*[a-z0-9])?[.][a-z]([-a-z0-9]*[a-z0-9])?$") then
		split(".") | [$i, "GET", "/apis/serving.knative.dev/v1/namespaces/\(.[0] | @uri)/services/\(.[1] | @uri)"]
	else [$i, "odd"] end | map(tostring) | join("\t")' "$work/wanted" >"$work/reads"
refuse "$work/reads" odd "no NAMESPACE.SERVICE of Knative can be called so; leave it to main, or write an identity rule (docs/identity.md)"

send "$work/reads"
answers "$work/reads"
# The revision with most of the traffic. A Service whose template says so already is left alone: another
# patch would make no new revision, but count as a change in its history.
jq -rc --arg lever "${setting[lever]}" --arg cap "${setting[cap]}" \
	--arg minimum "${setting[minimum]:-0}" --arg maximum "${setting[maximum]}" '
	(.wanted.containers | [., ($minimum | tonumber)] | max
	 | if $maximum == "" then . else [., ($maximum | tonumber)] | min end) as $want |
	({"autoscaling.knative.dev/min-scale": "\($want)"}
	 + if $cap == "yes" then {"autoscaling.knative.dev/max-scale": "\([$want, 1] | max)"} else {} end) as $scale |
	(.wanted.function | split(".")) as $name |
	(try ([.answer.status.traffic[]? | select((.percent | numbers) > 0)] | max_by(.percent).revisionName) catch null) as $revision |
	if $lever == "service" then
		(try .answer.spec.template.metadata.annotations catch null) as $now |
		select(any($scale | to_entries[]; (try $now[.key] catch null) != .value)) |
		[(.i | tostring), "PATCH", "/apis/serving.knative.dev/v1/namespaces/\($name[0] | @uri)/services/\($name[1] | @uri)",
		 "application/merge-patch+json", ({spec: {template: {metadata: {annotations: $scale}}}} | tojson)]
	elif ($revision | type) == "string" and ($revision | test("^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")) then
		[(.i | tostring), "PATCH",
		 "/apis/autoscaling.internal.knative.dev/v1alpha1/namespaces/\($name[0] | @uri)/podautoscalers/\($revision | @uri)",
		 "application/merge-patch+json", ({metadata: {annotations: $scale}} | tojson)]
	else [(.i | tostring), "none"] end | join("\t")' "$work/found" >"$work/writes"
refuse "$work/writes" none "no revision of it has traffic; is the Service ready (kubectl get ksvc)?"
send "$work/writes"
finish || status=1
exit $status
