// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/plot_figures.h"

#include <ctype.h>
#include <string.h>

void plot_label(const char *name, char *label)
{
	size_t n = 0;

	/* Of the trace's hashes four digits are what the paper calls them. */
	for (size_t most = strlen(name) == 64 ? 4 : PLOT_LABEL - 1; n < most && name[n]; n++)
		label[n] = isalnum((unsigned char)name[n]) ? name[n] : '-';
	label[n] = '\0';
}

#define WARM "'#1b9e77'"
#define COLD "'#e6ab02'"
#define DROP "'#d7301f'"

/* `title` may hold "%" but no quotes: labels, policies and our own words. */
static void begin(FILE *f, const char *figure, const char *title, int width, int height)
{
	fprintf(f,
		"\nreset\nset terminal svg size %d,%d dynamic font 'sans,12' background 'white'\n",
		width, height);
	fputs("set datafile separator ','\nset grid lc rgb '#dddddd'\nset border 3 lc rgb '#888888'\n"
	      "set tics nomirror\nset key outside top right horizontal\n"
	      "set yrange [0:*]\n",
	      f);
	fprintf(f, "set output 'figure-%s.svg'\nset title '%s' noenhanced\n", figure, title);
}

/* The x axis is the minutes of the runs. */
static void by_minute(FILE *f, const struct load *l, const struct run_options *o)
{
	size_t minutes = MIN(l->n_minutes, o->minutes);

	fprintf(f, "set xrange [0:%zu]\nset xlabel 'minute'\n", MAX(minutes, (size_t)1));
	if (minutes > 600 && minutes <= MINUTES_PER_DAY)
		fputs("set xtics 120\n", f);
}

/* "dsmp, 16384 MB", and what the figure shows. */
static void run_title(const struct plot_run *run, const char *what, char *title, size_t size)
{
	snprintf(title, size, "%s: %s, %lld MB", what, run->policy, (long long)run->memory_mb);
}

/* Outcomes a minute of all (column 2..4) or of hot function i. */
static void outcome_lines(FILE *f, const struct plot_run *run, int column)
{
	fprintf(f,
		"plot 'minutes-%s.csv' using 1:%d with lines lc rgb " WARM " title 'warm', "
		"'' using 1:%d with lines lc rgb " COLD " title 'cold', "
		"'' using 1:%d with lines lc rgb " DROP " title 'drop'\n",
		run->name, column, column + 1, column + 2);
}

/* 2.3: outcomes by function. */
static void figure_totals(FILE *f, const struct plot_run *run)
{
	char figure[96], title[96];

	snprintf(figure, sizeof(figure), "2.3-%s", run->name);
	run_title(run, "Outcomes by function", title, sizeof(title));
	begin(f, figure, title, 900, 450);
	fprintf(f,
		"set style data histograms\nset style histogram rowstacked\nset style fill solid\n"
		"set boxwidth 0.7\nset xtics rotate by -30\nset ylabel 'million calls'\n"
		"plot 'totals-%s.csv' skip 1 using ($2/1e6):xtic(1) lc rgb " WARM " title 'warm', "
		"'' skip 1 using ($3/1e6) lc rgb " COLD
		" title 'cold', '' skip 1 using ($4/1e6) lc rgb " DROP " title 'drop'\n",
		run->name);
}

/* 2.4, 4.8: memory of the hot functions' containers. */
static void figure_memory(FILE *f, const struct load *l, const struct run_options *o,
			  const struct plot_run *run)
{
	char figure[96], title[96], label[PLOT_LABEL];

	if (!o->n_located)
		return;
	snprintf(figure, sizeof(figure), "4.8-%s", run->name);
	run_title(run, "Memory of the hot functions, most in a minute", title, sizeof(title));
	begin(f, figure, title, 900, 450);
	by_minute(f, l, o);
	fputs("set ylabel 'MB'\nset linetype 5 lc rgb '#66a61e'\n"
	      "set linetype 6 lc rgb '#a6761d'\nplot ",
	      f);
	for (size_t i = 0; i < o->n_located; i++) {
		plot_label(l->function[o->located[i]].name, label);
		fprintf(f, "%s'minutes-%s.csv' using 1:%zu with lines title '%s' noenhanced",
			i ? ", " : "", run->name, 9 + 4 * i, label);
	}
	fputc('\n', f);
}

/* 2.9, 2.10, 4.1, 4.7: outcomes a minute, of all and of each hot function. */
static void figure_minutes(FILE *f, const struct load *l, const struct run_options *o,
			   const struct plot_run *run)
{
	size_t rows = 1 + MIN(o->n_located, (size_t)8);
	char figure[96], title[96], label[PLOT_LABEL];

	snprintf(figure, sizeof(figure), "4.1-%s", run->name);
	run_title(run, "Calls a minute", title, sizeof(title));
	begin(f, figure, title, 900, 230 * rows + 60);
	by_minute(f, l, o);
	fprintf(f,
		"set multiplot layout %zu,1 title '%s' noenhanced\nset key inside top right\n"
		"set lmargin 9\nunset xlabel\nset title 'all' offset 0,-0.5\n",
		rows, title);
	outcome_lines(f, run, 2);
	fputs("unset key\n", f);
	for (size_t i = 0; i + 1 < rows; i++) {
		plot_label(l->function[o->located[i]].name, label);
		fprintf(f, "set title '%s' noenhanced\n%s", label,
			i + 2 == rows ? "set xlabel 'minute'\n" : "");
		outcome_lines(f, run, 6 + 4 * i);
	}
	fputs("unset multiplot\n", f);
}

/* 2.8, 4.9: outcomes by memory, one curve a policy. */
static void figure_sizes(FILE *f, const struct plot_run *runs, size_t n)
{
	static const char *const what[] = { "warm", "cold", "drop" };

	begin(f, "4.9", "Outcomes by memory", 900, 1000);
	fputs("set multiplot layout 3,1\nset xrange [0:*]\nset lmargin 9\n"
	      "set ylabel 'million calls'\n",
	      f);
	for (int k = 0; k < 3; k++) {
		const char *comma = "";

		fprintf(f, "set title '%s'\n%splot ", what[k],
			k == 1	 ? "unset key\n"
			: k == 2 ? "set xlabel 'memory, GB'\n"
				 : "");
		for (size_t i = 0; i < n; i++) {
			size_t before = 0;

			while (before < i && strcmp(runs[before].policy, runs[i].policy) != 0)
				before++;
			if (before < i)
				continue;
			fprintf(f,
				"%s'sizes-%s.csv' using ($1/1024):($%d/1e6) with linespoints title '%s'",
				comma, runs[i].policy, 2 + k, runs[i].policy);
			comma = ", ";
		}
		fputc('\n', f);
	}
	fputs("unset multiplot\n", f);
}

/* 3.3, 3.4: how memory and calls are distributed over functions. */
static void figure_distributions(FILE *f, const struct load *l)
{
	begin(f, "3.3", "", 900, 400);
	fprintf(f,
		"set multiplot layout 1,2\nunset key\nset yrange [0:1]\n"
		"set title 'Share of functions by memory'\nset xlabel 'MB'\n"
		"plot 'functions.csv' using 1:(1.0/%zu) smooth cumulative lw 2\n"
		"set title 'Share of functions by calls'\nset xlabel 'calls'\n"
		"set logscale x\nset format x '10^{%%L}'\n"
		"plot 'functions.csv' using ($2 > 0 ? $2 : 1):(1.0/%zu) smooth cumulative lw 2\n"
		"unset multiplot\n",
		l->n_functions, l->n_functions);
	begin(f, "3.4", "Memory of a container", 900, 400);
	fprintf(f,
		"unset key\nset style fill solid border rgb 'white'\nwidth = 10\nset boxwidth width\n"
		"set xlabel 'MB'\nset ylabel 'share of functions a MB'\n"
		"plot 'functions.csv' using (floor($1 / width) * width + width / 2):"
		"(1.0 / %zu / width) smooth freq with boxes lc rgb '#7570b3'\n",
		l->n_functions);
}

/* 3.2 (the past) and 4.2 to 4.6 (the forecast), one a hot function. */
static void figure_forecast(FILE *f, const struct load *l, const struct run_options *o, size_t i)
{
	const struct load_function *hot = &l->function[o->located[i]];
	char figure[64], title[64], label[PLOT_LABEL];

	plot_label(hot->name, label);
	snprintf(figure, sizeof(figure), "3.2-%s", label);
	snprintf(title, sizeof(title), "%s: calls a minute", label);
	begin(f, figure, title, 900, 350);
	fprintf(f,
		"set xlabel 'day (the judged one is 0 to 1)'\nset xrange [*:1]\nunset key\n"
		"plot 'hot-%zu.csv' using ($1/1440.0):2 with lines lc rgb '#7570b3'\n",
		i);
	if (!o->prediction)
		return;
	snprintf(figure, sizeof(figure), "4.2-%s", label);
	snprintf(title, sizeof(title), "%s: calls a minute, expected and come", label);
	begin(f, figure, title, 900, 350);
	by_minute(f, l, o);
	fprintf(f,
		"plot 'hot-%zu.csv' using 1:2 with lines lc rgb '#aaaaaa' title 'came', "
		"'' using 1:4 with lines lc rgb " DROP " title 'sized for (faasmat)', "
		"'' using 1:3 with lines lc rgb '#1f4e9e' title 'expected'\n",
		i);
}

void plot_figures(FILE *f, const struct load *l, const struct run_options *o,
		  const struct plot_run *runs, size_t n_runs)
{
	fputs("# The paper's figures 2.3, 2.4, 2.8-2.10, 3.2-3.4 and 4.1-4.9 for this load.\n", f);
	figure_distributions(f, l);
	for (size_t i = 0; i < o->n_located; i++)
		figure_forecast(f, l, o, i);
	for (size_t i = 0; i < n_runs; i++) {
		figure_totals(f, &runs[i]);
		figure_memory(f, l, o, &runs[i]);
		figure_minutes(f, l, o, &runs[i]);
	}
	figure_sizes(f, runs, n_runs);
}

static void index_image(FILE *f, const char *numbers, const char *name)
{
	fprintf(f, "<figure><figcaption>%s</figcaption><img src=\"figure-%s.svg\"></figure>\n",
		numbers, name);
}

void plot_index(FILE *f, const struct load *l, const struct run_options *o,
		const struct plot_run *runs, size_t n_runs)
{
	char name[96], label[PLOT_LABEL];

	fputs("<!DOCTYPE html><meta charset=\"utf-8\"><title>faasmat simulate</title>\n"
	      "<style>body { font-family: sans-serif } img { max-width: 900px }</style>\n",
	      f);
	index_image(f, "2.8, 4.9: outcomes by memory", "4.9");
	for (size_t i = 0; i < n_runs; i++) {
		snprintf(name, sizeof(name), "2.3-%s", runs[i].name);
		index_image(f, "2.3: outcomes by function", name);
		snprintf(name, sizeof(name), "4.8-%s", runs[i].name);
		if (o->n_located)
			index_image(f, "2.4, 4.8: memory of the hot functions", name);
		snprintf(name, sizeof(name), "4.1-%s", runs[i].name);
		index_image(f, "2.9, 2.10 (with --pool-factor 2), 4.1, 4.7: outcomes a minute",
			    name);
	}
	for (size_t i = 0; i < o->n_located; i++) {
		plot_label(l->function[o->located[i]].name, label);
		snprintf(name, sizeof(name), "3.2-%s", label);
		index_image(f, "3.2: a hot function's calls", name);
		snprintf(name, sizeof(name), "4.2-%s", label);
		if (o->prediction)
			index_image(f, "4.2 to 4.6: the forecast", name);
	}
	index_image(f, "3.3: distributions", "3.3");
	index_image(f, "3.4: memory", "3.4");
}
