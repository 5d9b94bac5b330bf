#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Draws docs/forecasting-*.svg: one judged day of a real series a kind, with the forecast made from the
# days before it. Needs gnuplot and the shared series.
# usage: forecasting-pictures.sh [SERIES_DIR]     default ../shared/data/series
set -eu -o pipefail
cd "$(dirname "$0")/.."
series=${1:-../shared/data/series}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

picture() {
	local kind=$1 name=$2 title=$3
	zcat "$series/$name.csv.gz" | sed 1d | tail -n 1440 | tr , ' ' >"$tmp/actual"
	build/faasmat forecast --input "$series/$name.csv.gz" --holdout 1 | sed 1d | tr , ' ' >"$tmp/auto"
	build/faasmat forecast --input "$series/$name.csv.gz" --holdout 1 --model prophet |
		sed 1d | tr , ' ' >"$tmp/prophet"
	gnuplot <<-PLOT
		set terminal svg size 900,300 font "sans,11" background "white"
		set output "docs/forecasting-$kind.svg"
		set title "$title" noenhanced
		set xrange [0:24]
		set xtics 3
		set xlabel "hour of the judged day"
		set yrange [0:*]
		set key outside right top
		plot "$tmp/auto" using ((int(\$1) % 1440)/60.0):5:3 every 3 with filledcurves lc rgb "#c6dbef" title "q0.5 to q0.95", \
			"$tmp/actual" using ((int(\$1) % 1440)/60.0):2 every 2 with lines lw 0.7 lc rgb "#555555" title "what came", \
			"$tmp/auto" using ((int(\$1) % 1440)/60.0):3 every 3 with lines lw 1.5 lc rgb "#08519c" title "auto, median", \
			"$tmp/prophet" using ((int(\$1) % 1440)/60.0):2 every 6 with lines lw 1.5 dt 2 lc rgb "#d95f0e" title "prophet, mean"
	PLOT
}

picture steps ms_cmd_machine-01 "Steps at exact minutes (ms_cmd_machine-01)"
picture cron azure2019_5d_3functions.1ad3a3335bb2c127 "A call every 30 minutes (azure2019 1ad3a333)"
picture weekend azure2019_14d_40d07b99.count "A business-hours function on a Sunday (azure2019 40d07b99)"
picture noise nasa_http_1995_minute.1995-07 "A noisy smooth day (nasa 1995-07)"
picture bursts azure2019_5d_3functions.24b667b07c179d44 "Bursts, 81 % of the minutes empty (azure2019 24b667b0)"
picture shift crane_input04 "After a level shift (crane_input04)"
