#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The adapters of packaging/adapters against the platforms' HTTP (tests/data/platform-http, played by
# platform_http.py): what they ask, to the byte, and what they do when it is refused, fails or is not answered.
# shellcheck disable=SC2016 # names are shell text on purpose
set -u
shopt -s lastpipe # `... | run` sets our $status
cd "$(dirname "$0")/.." || exit 1
T=$PWD/build/tmp/adapters
A=$PWD/packaging/adapters
D=$PWD/tests/data/platform-http
for tool in jq curl python3; do
	command -v $tool >/dev/null || { echo "skip adapters: $tool is not installed"; exit 0; }
done
rm -rf "$T"
mkdir -p "$T/bin" "$T/pools"
export no_proxy='*' TMPDIR=$T
unset "${!FAASMAT_@}"
failures=0
played=
ok() { echo "ok adapters-$1"; }
not_ok() {
	echo "not ok adapters-$1: $2"
	failures=$((failures + 1))
}
python3 tests/platform_http.py "$T/port" 2>"$T/server.log" &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null' EXIT
for _ in $(seq 200); do
	[ -e "$T/port" ] && break
	sleep 0.05
done
platform=$(cat "$T/port" 2>/dev/null) || { echo "not ok adapters-server: $(cat "$T/server.log")"; exit 1; }

# Every argument of curl and jq is written down: no secret and no function may be among them.
for tool in curl jq; do
	printf '#!/bin/sh\nprintf "%%s\\n" "$@" >>%s/argv\nexec %s "$@"\n' "$T" "$(command -v $tool)" >"$T/bin/$tool"
	chmod +x "$T/bin/$tool"
done
printf 'not-for-argv\n' >"$T/password"
printf 'not-for-argv' >"$T/token"
printf '23bc46b1:not-for-argv\n' >"$T/auth"
printf '# shortened by OpenWhisk\nmedia.makethumb   media/images/make-thumb\n' >"$T/names"

# play FIXTURE: the platform on $port answers so from now on
play() {
	port=$platform played=$1
	curl -sS --data-binary @"$1" "http://127.0.0.1:$port/.play" >/dev/null
}
# nobody listens on $port
play_nobody() { port=1 played=; }
verdict() {
	[ -n "$played" ] || { echo ok; return; }
	curl -sS "http://127.0.0.1:$platform/.verdict"
}
wanted() { # FUNCTION CONTAINERS [APPLIED [POOL]]: as the governor writes it
	jq -nc --arg f "$1" --argjson n "$2" --argjson a "${3:-true}" --arg p "${4:-pool-$1}" \
		'{function: $f, pool: $p, minute: 29923625, containers: $n, bytes: ($n * 52428800), reason: "plan", applied: $a}'
}
# settings NAME: its file, with what all runs share
settings() {
	printf 'url = http://127.0.0.1:%s\n# a comment\n\nstate = %s/state\ntimeout = %s\nrun-time = 60\n' "$port" "$T" "${wait:-20}"
	case $1 in
	openfaas) printf 'password-file = %s/password\n' "$T" ;;
	knative) printf 'token-file = %s/token\nca-file =\n' "$T" ;;
	openwhisk) printf 'auth-file = %s/auth\nnames = %s/names\npools = %s/pools\n' "$T" "$T" "$T" ;;
	esac
	printf '%s\n' ${more:-}
}
# run ADAPTER [OPTION]: with what is on standard input; $status, $T/out, $T/err
run() {
	local name=$1
	shift
	settings "$name" >"$T/$name.conf"
	status=0
	PATH=$T/bin:$PATH timeout 60 "$A/$name.sh" "$@" "$T/$name.conf" >"$T/out" 2>"$T/err" || status=$?
}
# expect CASE STATUS [PATTERN]: the run ended so, said so on one line (without a pattern: nothing), and the
# platform was asked exactly what the fixture has
expect() {
	local verdict
	verdict=$(verdict)
	if [ "$verdict" != ok ]; then
		not_ok "$1" "$verdict $(cat "$T/err")"
	elif [ "$status" != "$2" ]; then
		not_ok "$1" "exit $status, wanted $2: $(head -n 3 "$T/err")"
	elif [ "$(wc -l <"$T/err")" != $((${3:+1} + 0)) ]; then
		not_ok "$1" "said '$(cat "$T/err")', wanted ${3:+one line: }${3:-nothing}"
	elif ! grep -qE -- "${3:-^}" "$T/err" && [ -n "${3:-}" ]; then
		not_ok "$1" "'$(cat "$T/err")' does not say '$3'"
	else
		ok "$1"
	fi
}
same() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "'$2' is not '$3'"; fi; }
kept() { jq -r '"\(.function)=\(.containers)"' "$T/state" 2>/dev/null | sort | tr '\n' ' '; }

# --- the same of each adapter: what it asks, and what it does when the write is refused or not answered
declare -A function=([openfaas]=thumbnail [knative]=shop.cart [openwhisk]=hello)
# tell ADAPTER: its function is to have four containers
tell() {
	if [ "$1" = openwhisk ]; then
		jq -nc '{functions: [{function: "hello", hot: true, containers_max: 4}, {function: "cold", hot: false},
			{function: "none", hot: true, containers_max: 0}]}' | run openwhisk --instances
	else
		wanted "${function[$1]}" 4 | run "$1"
	fi
}
# edited ADAPTER FILTER: its fixture, changed
edited() {
	jq "$2" "$D/$1.json" >"$T/edited.json"
	play "$T/edited.json"
}
for a in openfaas knative openwhisk; do
	# What --instances cannot do, the next day's plan says again: it keeps nothing.
	keeps="${function[$a]}=4 "
	[ $a != openwhisk ] || keeps=
	play "$D/$a.json"
	tell $a
	expect $a-success 0
	same $a-success-keeps-nothing "$(kept)" ""
	edited $a '.exchanges[1].response = {status: 404, body: "not found"}'
	tell $a
	expect $a-404 1 "^$a: 1 function\(s\) \(\"${function[$a]}\"\): HTTP 404: the platform has no such function"
	same $a-404-keeps-nothing "$(kept)" ""
	edited $a '.exchanges = [.exchanges[0], (.exchanges[1] | .response = {status: 409, body: "{}"}), .exchanges[1]]'
	tell $a
	expect $a-409-once 0
	for code in 409 500 503; do
		edited $a ".exchanges = [.exchanges[0], (.exchanges[1] | .response.status = $code | (., .))]"
		tell $a
		expect $a-$code 1 "^$a: 1 function\(s\) .*: HTTP $code: .*again"
		same $a-$code-is-kept "$(kept)" "$keeps"
		# Nothing new: only what was kept is told.
		if [ -n "$keeps" ]; then
			play "$D/$a.json"
			run $a </dev/null
			expect $a-$code-is-told-later 0
			same $a-$code-then-keeps-nothing "$(kept)" ""
		fi
	done
	edited $a '.exchanges[1].response.delay = 4'
	wait=1 tell $a
	expect $a-timeout 1 "^$a: 1 function\(s\) .*: .*timed? ?out.*no answer from http"
	rm -f "$T/state"
	edited $a '.exchanges = [.exchanges[0] | .response = {status: 401, body: "unauthorized access"}]'
	tell $a
	expect $a-401 1 "HTTP 401: not allowed; look at the credentials"
	rm -f "$T/state"
	edited $a '.exchanges = [.exchanges[0] | .response.body = "<html>no JSON"]'
	tell $a
	expect $a-no-json 1 "^$a: 1 function\(s\) .*: http.* answers with what is no JSON object"
	# JSON, and of other types everywhere.
	for body in '{"replicas":"x","status":7,"limits":[1]}' '{"replicas":{},"status":{"traffic":["a",1]},"limits":"x"}'; do
		edited $a ".exchanges = [.exchanges[0] | .response.body = ($body | tojson)]"
		tell $a
		expect "$a-odd-answer-${#body}" 1 "^$a: 1 function\(s\) "
	done
	# Nothing at all.
	edited $a '.exchanges = [.exchanges[0] | .response.body = ""]'
	tell $a
	expect $a-empty-answer 1 "answers with what is no JSON object"
	play_nobody
	tell $a
	expect $a-down 1 "^$a: 1 function\(s\) .*: Failed to connect.*no answer from http"
	rm -f "$T/state"
	edited $a '.exchanges = [.exchanges[0]]'
	if [ $a = openwhisk ]; then
		jq -nc '{functions: [{function: "hello", hot: true, containers_max: 4}]}' | run openwhisk --instances --dry-run
	else
		wanted "${function[$a]}" 4 | run $a --dry-run
	fi
	expect $a-dry-run 0
	same $a-dry-run-says "$(cat "$T/out")" "$(jq -r --arg port "$port" '.exchanges[1].request |
		"\(.method) http://127.0.0.1:\($port)\(.path) \(.body | tojson)"' "$D/$a.json")"
	play "$D/nothing.json"
	wanted "${function[$a]}" 4 false | run $a
	expect $a-shadow 0
	same $a-shadow-keeps-nothing "$(kept)" ""
	# The latest of a function, and names that no platform has: none is asked for, none is run.
	play "$D/nothing.json"
	for name in '..' '.' 'a/../../b' '$(touch '"$T"'/run)' '`touch '"$T"'/run`' 'a"b' "a'b" $'a\nb\tc' 'a b;c' '?x=y' '%2e%2e' ''; do
		wanted "$name" 4 true pool-x
	done | run $a
	expect $a-names 1 "^$a: 12 function\(s\) \(.*, \.\.\.\): no .* can be called so"
	same $a-names-run-nothing "$([ ! -e "$T/run" ] && echo nothing)" nothing
	same $a-names-keeps-nothing "$(kept)" ""
	play "$D/nothing.json"
	printf '%s\n' 'not JSON' '{"function":null,"pool":"pool-%FF","containers":1,"bytes":1,"applied":true}' '[1]' \
		'{"function":"f","pool":"p","containers":1.5,"bytes":1,"applied":true}' '{"function":"f","pool":"p","containers":-1,"applied":true}' | run $a
	expect $a-odd-lines 1 "^$a: 5 line\(s\) name no function"
done

# Ended in the middle (--on-change-limit): the next run knows what is left to do.
jq '.exchanges |= .[:1] | .exchanges[0].response.delay = 4' "$D/openfaas.json" >"$T/edited.json"
play "$T/edited.json"
settings openfaas >"$T/openfaas.conf"
wanted thumbnail 4 >"$T/line"
"$A/openfaas.sh" "$T/openfaas.conf" <"$T/line" 2>/dev/null &
for _ in $(seq 600); do
	[ -e "$T/state" ] && break
	sleep 0.05
done
{ kill -9 $!; wait $!; } 2>/dev/null
same killed-is-kept "$(kept)" "thumbnail=4 "
rm -rf "$T"/tmp.* # which it could not
play "$D/openfaas.json"
run openfaas </dev/null
expect killed-is-told-later 0

# --- what each has of its own
play "$D/openfaas-enough.json"
{ wanted thumbnail 9; wanted resize 3; wanted thumbnail 4; } | run openfaas
expect openfaas-enough 0
play "$D/openfaas-lower.json"
{ wanted thumbnail 9; wanted resize 0; } | more='lower=yes maximum=3 namespace=team-a' run openfaas
expect openfaas-lower 0
play "$D/openfaas-missing.json"
{ wanted thumbnail 4; wanted gone 2; } | run openfaas
expect openfaas-one-missing 1 '1 function\(s\) \("gone"\): HTTP 404'
more='cap=yes lever=service'
play "$D/knative-service.json"
{ wanted shop.cart 4; wanted shop.pay 0; } | run knative
expect knative-service 0
more=
play "$D/knative-no-traffic.json"
{ wanted shop.cart 4; wanted shop.pay 2; } | run knative
expect knative-no-traffic 1 '^knative: 2 function\(s\) \("shop.cart", "shop.pay"\): no revision of it has traffic'
pools() { (cd "$T/pools" && grep -H . ./*) 2>/dev/null | tr '\n' ' '; }
play "$D/openwhisk-pools.json"
{ wanted hello 4; wanted media.makethumb 2; } | run openwhisk
expect openwhisk-pools 0
both='./pool-hello.env:CONFIG_whisk_containerPool_userMemory=1024m ./pool-media.makethumb.env:CONFIG_whisk_containerPool_userMemory=1024m '
same openwhisk-pools-written "$(pools)" "$both"
play "$D/openwhisk-pools.json"
{ wanted hello 1; wanted media.makethumb 1; } | run openwhisk
expect openwhisk-pools-again 0
same openwhisk-pools-not-lowered "$(pools)" "$both"
play "$D/openwhisk-pools.json"
{ wanted hello 1; wanted media.makethumb 1; } | more=lower=yes run openwhisk
expect openwhisk-pools-lower 0
same openwhisk-pools-lowered "$(pools)" "$(sed 's/=1024m /=256m /; s/=1024m /=512m /' <<<"$both")"
jq '.exchanges |= .[:1] | .exchanges[0].response.body.limits.memory = 1e300' "$D/openwhisk-pools.json" >"$T/edited.json"
play "$T/edited.json"
wanted hello 9 | run openwhisk
expect openwhisk-pools-absurd 1 'names no memory limit'
jq '.exchanges |= .[:1]' "$D/openwhisk-pools.json" >"$T/edited.json"
play "$T/edited.json"
wanted hello 9 true '../../evil' | run openwhisk
expect openwhisk-pools-hostile 1 "its pool's name is no file's name"
play "$D/nothing.json"
printf 'not JSON' | run openwhisk --instances
expect openwhisk-no-plan 1 'is not the output of .faasmat plan --json.'
rm -f "$T/state"

# --- settings
play_nobody
wrong_setting() { # CASE TEXT PATTERN
	more=$2
	wanted thumbnail 1 | run openfaas
	expect "settings-$1" 2 "$3"
	more=
}
wrong_setting unknown 'colour=red' "openfaas.conf, line 8: 'colour' is no setting; there are .*url"
wrong_setting line 'nonsense' "openfaas.conf, line 8: not 'name = value'"
wrong_setting url 'url=127.0.0.1:8080' '^openfaas: url must be like http'
wrong_setting lower 'lower=maybe' "^openfaas: lower must be one of: yes no; it is 'maybe'"
wrong_setting number 'maximum=-1' '^openfaas: maximum must be a whole number'
wrong_setting secret "password-file=$T/none" "$T/none: cannot be read, or is empty"
status=0
"$A/openfaas.sh" "$T/none" </dev/null >"$T/out" 2>"$T/err" || status=$?
expect settings-no-file 2 'none: cannot be read'
status=0
"$A/openfaas.sh" --nonsense </dev/null >"$T/out" 2>"$T/err" || status=$?
expect settings-option 2 "unknown option '--nonsense'; try --help"
for a in openfaas knative openwhisk; do
	# Every setting that there is, is explained.
	same settings-help-$a "$(for s in $(: | more='x=1' run $a; sed -n 's/.*there are //p' "$T/err"); do
		"$A/$a.sh" --help | grep -qE "^  $s " || echo "$s"
	done)" ""
done
play "$D/openfaas.json"
wanted thumbnail 4 | FAASMAT_URL=http://127.0.0.1:$port FAASMAT_STATE='' FAASMAT_PASSWORD_FILE=$T/password \
	PATH=$T/bin:$PATH "$A/openfaas.sh" 2>"$T/err"
status=$?
expect settings-environment 0

same secrets-not-in-arguments "$(grep -c not-for-argv "$T/argv")" 0
same functions-not-in-arguments "$(grep -cE 'thumbnail|touch|makethumb|shop\.' "$T/argv")" 0
same directories-removed "$(find "$T" -maxdepth 1 -name 'tmp.*' | wc -l)" 0
exit $((failures > 0))
