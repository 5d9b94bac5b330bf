#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every source file is formatted and says its licence.
cd "$(dirname "$0")/.." || exit 1
bad=0
make -s format-check || bad=1
while read -r file; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' || {
		echo "$file: no SPDX line"
		bad=1
	}
done < <(git ls-files '*.c' '*.h' '*.sh' Makefile .ci/run 2>/dev/null || find . -name '*.[ch]' -o -name '*.sh')
exit $bad
