#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The includes between folders are those that the architecture allows (docs/architecture.md): a
# folder may use the folders on its line, and itself.
cd "$(dirname "$0")/.." || exit 1
declare -A may=(
	[bpf]="bpf"
	[common]="common"
	[identity]="identity common"
	[lib]="lib"
	[store]="store common"
	[collector]="collector identity bpf store common"
	[forecast]="forecast store common"
	[governor]="governor store lib common"
	[simulator]="simulator forecast governor common"
	[runtime]="runtime identity lib common"
	[cli]="cli simulator forecast governor collector identity lib store common"
	[vmtest]="vmtest common"
	[fuzz]="fuzz bpf identity simulator forecast governor collector runtime store common"
)
bad=0
for folder in "${!may[@]}"; do
	while IFS=: read -r file line text; do
		target=$(sed -n 's/.*#include "\([a-z]*\)\/.*/\1/p' <<<"$text")
		case " ${may[$folder]} " in
		*" $target "*) ;;
		*)
			echo "$file:$line: $folder/ may not use $target/"
			bad=1
			;;
		esac
	done < <(grep -rnE '#include "[a-z]+/' "$folder" --include='*.[ch]' 2>/dev/null)
done
# The pure cores know no database.
while IFS=: read -r file line _; do
	case $file in
	forecast/job.[ch] | */README.md) ;;
	*)
		echo "$file:$line: only forecast/job.c reads and writes the store"
		bad=1
		;;
	esac
done < <(grep -rnE '#include "store/' forecast --include='*.[ch]' 2>/dev/null | grep -v 'store/plan.h')
exit $bad
