# SPDX-License-Identifier: GPL-2.0-or-later
# What the adapters share, sourced by them: settings, what `faasmat govern --on-change` says, and requests
# to a platform's API, all at once. docs/platforms.md.
#
# A function's name is data: jq makes a path (percent-encoded) and a body of it, files carry both, and no
# name is ever a word of a shell, a file's name or an argument. Secrets reach curl by its standard input.
# shellcheck shell=bash
set -u -o pipefail
adapter=${0##*/}
adapter=${adapter%.sh}
export LC_ALL=C

# say TEXT: one line for the operator (the governor's log)
say() { printf '%s: %s\n' "$adapter" "$1" >&2; }
die() {
	say "$2"
	exit "$1"
}

# --- settings: what is declared here, a file over it, the environment over that

declare -A setting=([dry-run]=no [shadow]=skip [timeout]=3 [run-time]=9 [ca-file]='' [state]="/run/faasmat/$adapter.pending")

set_one() { # NAME VALUE WHERE
	[[ -v setting[$1] ]] ||
		die 2 "$3: '${1@E}' is no setting; there are $(printf '%s\n' "${!setting[@]}" | sort | tr '\n' ' ')"
	setting[$1]=$2
}

read_file() {
	local line name value n=0
	[ -r "$1" ] || die 2 "$1: cannot be read; the settings of docs/platforms.md go there, one 'name = value' a line"
	while IFS= read -r line || [ -n "$line" ]; do
		n=$((n + 1))
		[[ $line =~ ^[[:space:]]*(#.*)?$ ]] && continue
		[[ $line =~ ^[[:space:]]*([a-z-]+)[[:space:]]*=[[:space:]]*(.*[^[:space:]])?[[:space:]]*$ ]] ||
			die 2 "$1, line $n: not 'name = value'"
		name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
		set_one "$name" "$value" "$1, line $n"
	done <"$1"
}

# is_one_of NAME VALUE...: what a setting may be
is_one_of() {
	local name=$1 v
	shift
	for v; do [ "${setting[$name]}" = "$v" ] && return; done
	die 2 "$name must be one of: $*; it is '${setting[$name]@E}'"
}
is_count() { # NAME...; "" stands for: none
	local name
	for name; do
		[[ ${setting[$name]} =~ ^[0-9]{0,6}$ ]] || die 2 "$name must be a whole number; it is '${setting[$name]@E}'"
	done
}

# settings [--dry-run] [FILE]
settings() {
	local name variable file=
	while [ $# -gt 0 ]; do
		case $1 in
		--dry-run) setting[dry-run]=yes ;;
		--help)
			usage
			exit 0
			;;
		-*) die 2 "unknown option '$1'; try --help" ;;
		*)
			[ -z "$file" ] || die 2 "one file of settings, not two; try --help"
			file=$1
			;;
		esac
		shift
	done
	[ -z "$file" ] || read_file "$file"
	# FAASMAT_PASSWORD_FILE is password-file.
	for name in "${!setting[@]}"; do
		variable=FAASMAT_${name^^}
		variable=${variable//-/_}
		[[ -v $variable ]] && setting[$name]=${!variable}
	done
	[ "${setting[dry-run]}" != yes ] || setting[state]=
	is_one_of dry-run yes no
	is_one_of shadow skip act
	is_count timeout run-time
	[[ ${setting[url]} =~ ^https?://[^[:space:]/?#]+(/[^[:space:]?#]*)?$ ]] ||
		die 2 "url must be like http://127.0.0.1:8080; it is '${setting[url]@E}'"
	setting[url]=${setting[url]%/}
	for name in jq curl; do
		command -v $name >/dev/null || die 1 "$name is not installed; apt-get install $name"
	done
	work=$(mktemp -d) || die 1 "cannot make a directory in ${TMPDIR:-/tmp}"
	trap 'rm -rf "$work"' EXIT
	deadline=$((SECONDS + ${setting[run-time]}))
}

# secret FILE: its first line, without what would end a line of curl's
secret() {
	local text
	{ IFS= read -r text <"$1"; } 2>/dev/null || [ -n "${text:-}" ] || die 2 "$1: cannot be read, or is empty"
	[[ $text =~ [[:cntrl:]] ]] && die 2 "$1: holds a control character"
	printf '%s' "$text"
}
quoted() { # for curl's configuration
	local text=${1//\\/\\\\}
	printf '"%s"' "${text//\"/\\\"}"
}

# --- what is wanted

# read_wanted: the latest line of each function, what an earlier run could not do before what is new, into
# $work/wanted; fails when a line cannot be understood.
read_wanted() {
	local odd
	{
		[ -z "${setting[state]}" ] || [ ! -r "${setting[state]}" ] || cat "${setting[state]}"
		cat
	} >"$work/lines"
	jq -nRc --arg shadow "${setting[shadow]}" '
		[inputs | select(. != "") | . as $text | (fromjson? // {}) |
		 if type == "object" and (.function | type) == "string" and (.pool | type) == "string"
		    and (.containers | type) == "number" and .containers >= 0 and .containers < 1e6 and .containers == (.containers | floor)
		 then {function, pool, containers, applied} else {odd: $text} end]
		| (reduce (.[] | select(.odd | not)) as $w ({}; .[$w.function] = $w)
		   | map(.) | sort_by(.function)[] | select(.applied or $shadow == "act")),
		  (.[] | select(.odd))' "$work/lines" >"$work/all" ||
		die 1 "jq failed on what is wanted"
	jq -c 'select(.odd | not)' "$work/all" >"$work/wanted"
	odd=$(jq -rc 'select(.odd) | .odd | .[:80] | tojson | gsub("[^ -~]"; "?")' "$work/all")
	[ -z "$odd" ] && return
	say "$(wc -l <<<"$odd") line(s) name no function, or no whole number of containers, and are passed over; the first: $(head -n 1 <<<"$odd")"
	return 1
}

# What is wanted and not yet done is kept until it is, so that a platform that was down is told later, also
# when this run is ended.
keep() { # FILE
	[ -n "${setting[state]}" ] || return 0
	if [ -s "$1" ]; then
		cp "$1" "${setting[state]}.new" && mv "${setting[state]}.new" "${setting[state]}"
	else
		rm -f "${setting[state]}"
	fi 2>/dev/null || say "${setting[state]}: cannot be written, so what fails now is not tried again; set state to a writable file"
}

# --- requests
#
# A list of requests is a file of lines INDEX METHOD PATH TYPE BODY, apart by tabs: INDEX is the line of
# $work/wanted, from 0. BODY is JSON on one line, or nothing.

authorization= # lines of curl's configuration

curl_config() {
	local index method path type body
	while IFS=$'\t' read -r index method path type body; do
		printf 'url = %s\nrequest = "%s"\n' "$(quoted "${setting[url]}$path")" "$method"
		printf 'path-as-is\ngloboff\nmax-filesize = 1048576\nmax-time = "%s"\noutput = "%s"\n' \
			"${setting[timeout]}" "$work/$index.answer"
		printf 'write-out = "%s %%{http_code} %%{errormsg}\\n"\nheader = "Accept: application/json"\n' "$index"
		[ -z "${setting[ca-file]}" ] || printf 'cacert = %s\n' "$(quoted "${setting[ca-file]}")"
		[ -z "$authorization" ] || printf '%s\n' "$authorization"
		if [ -n "$body" ]; then
			printf '%s' "$body" >"$work/$index.body"
			printf 'header = "Content-Type: %s"\ndata-binary = "@%s"\n' "$type" "$work/$index.body"
		fi
		printf 'next\n'
	done <"$1"
}

# attempt FILE: outcome[INDEX] = "CODE MESSAGE"; 000 where there was no answer.
attempt() {
	local index rest left=$((deadline - SECONDS))
	rm -f "$work"/*.answer
	while IFS=$'\t' read -r index rest; do outcome[$index]='000 there was no time left'; done <"$1"
	[ $left -gt 0 ] || return 0
	# The last `next` would ask for one more URL.
	while read -r index rest; do
		[[ $index =~ ^[0-9]+$ ]] && outcome[$index]=$rest
	done < <(curl_config "$1" | sed '$d' |
		timeout -k 1 $left curl -q --silent --parallel --parallel-max 32 --config - 2>/dev/null)
}

# send FILE: as attempt, and once more what may work a moment later. In a dry run requests that change
# something are said and not sent.
send() {
	local index line method path type body
	[ -s "$1" ] || return 0
	if [ "${setting[dry-run]}" = yes ] && ! grep -q $'^[0-9]*\tGET\t' "$1"; then
		while IFS=$'\t' read -r index method path type body; do
			printf '%s %s%s %s\n' "$method" "${setting[url]}" "$path" "$body"
			outcome[$index]='200 '
		done <"$1"
		return
	fi
	attempt "$1"
	: >"$work/again"
	while IFS= read -r line; do
		case ${outcome[${line%%$'\t'*}]} in
		409* | 429* | 500* | 502* | 503* | 504*) printf '%s\n' "$line" >>"$work/again" ;;
		esac
	done <"$1"
	[ -s "$work/again" ] || return 0
	sleep 0.3
	attempt "$work/again"
}

# answers FILE: of the requests of FILE that succeeded, lines of JSON {i, wanted, answer} in $work/found; i is
# the index, answer an object.
answers() {
	local index rest text
	while IFS=$'\t' read -r index rest; do
		case ${outcome[$index]} in 2*) ;; *) continue ;; esac
		text=
		IFS= read -r -d '' text <"$work/$index.answer"
		printf '%s\t%s\n' "$index" "${text//$'\n'/ }"
	done <"$1" >"$work/answers" 2>/dev/null
	jq -nRc --slurpfile wanted "$work/wanted" '
		inputs | index("\t") as $tab | {i: (.[:$tab] | tonumber), answer: ((.[$tab + 1:] | fromjson?) // null)} |
		.wanted = $wanted[.i]' "$work/answers" >"$work/parsed"
	jq -c 'select(.answer | type == "object")' "$work/parsed" >"$work/found"
	while read -r index; do
		wrong "$index" "${setting[url]} answers with what is no JSON object; is that the platform's API?"
	done < <(jq 'select(.answer | type != "object").i' "$work/parsed")
}

# --- the end

# wrong INDEX TEXT: what cannot be done for one function, and would fail again
declare -A outcome=()
wrong() { outcome[$1]="refused $2"; }

# refuse FILE MARK TEXT: lines `INDEX MARK` of a list of requests stand for functions for which nothing can be
# done; they are taken out of it.
refuse() {
	local index
	while IFS=$'\t' read -r index _; do wrong "$index" "$3"; done < <(grep $'\t'"$2\$" "$1")
	grep -v $'\t'"$2\$" "$1" >"$1.rest"
	mv "$1.rest" "$1"
}

meaning() { # CODE: what to do about it
	case $1 in
	000*) echo "no answer from ${setting[url]}; is it there, and does timeout = ${setting[timeout]} (s) suffice? Tried again with the next change" ;;
	3*) echo "${setting[url]} sends elsewhere; set url to where the API is" ;;
	400 | 422) echo "the platform refuses the request" ;;
	401 | 403) echo "not allowed; look at the credentials in the settings. Tried again with the next change" ;;
	404) echo "the platform has no such function; is it still deployed, and does \`faasmat status\` name it as the platform does?" ;;
	409) echo "someone else changes it at the same time. Tried again with the next change" ;;
	*) echo "the platform failed; look at its log. Tried again with the next change" ;;
	esac
}

# finish: says what failed, one line a kind, keeps what is to be tried again; the exit status.
finish() {
	local index text code status=0 names
	declare -A kind=() count=()
	: >"$work/keep"
	for index in "${!outcome[@]}"; do
		text=${outcome[$index]} code=${text%% *}
		case $code in
		2*) continue ;;
		refused) text=${text#refused } ;;
		*)
			text="HTTP $text" text=${text/#HTTP 000 /}
			# One line for all that waited alike.
			[[ $text =~ ^(.*)\ after\ [0-9]+\ m(illi)?s(econds)?(.*)$ ]] && text=${BASH_REMATCH[1]}${BASH_REMATCH[4]}
			text="${text% }: $(meaning "$code")"
			case $code in 400 | 404 | 422 | 3*) ;; *) echo "$index" >>"$work/keep" ;; esac
			;;
		esac
		kind[$text]+="$index "
		count[$text]=$((${count[$text]:-0} + 1))
	done
	for text in "${!kind[@]}"; do
		names=$(jq -r --arg which "${kind[$text]}" -s '
			. as $all | $which | split(" ") | map(select(. != "") | tonumber) | sort |
			map($all[.].function | .[:60] | tojson | gsub("[^ -~]"; "?")) | (.[:3] | join(", ")) + (if length > 3 then ", ..." else "" end)' \
			"$work/wanted")
		say "${count[$text]} function(s) ($names): $text"
		status=1
	done
	jq -nc --slurpfile keep "$work/keep" '[inputs] | .[($keep | sort)[]]' "$work/wanted" >"$work/kept"
	keep "$work/kept"
	return $status
}
