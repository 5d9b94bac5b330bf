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

static void begin(FILE *f, const char *figure, const char *title, int width, int height)
{
	fprintf(f, "\nreset\nset terminal svg size %d,%d dynamic background 'white'\n", width,
		height);
	fputs("set datafile separator ','\nset grid\nset key outside top horizontal\n", f);
	fprintf(f, "set output 'figure-%s.svg'\nset title '%s'\n", figure, title);
}

/* Outcomes a minute of all (column 2..4) or of hot function i. */
static void outcome_lines(FILE *f, const struct plot_run *run, int column)
{
	fprintf(f,
		"plot 'minutes-%s.csv' using 1:%d with lines lc 'dark-green' title 'warm', "
		"'' using 1:%d with lines lc 'blue' title 'cold', "
		"'' using 1:%d with lines lc 'red' title 'drop'\n",
		run->name, column, column + 1, column + 2);
}

/* 2.3: outcomes by function. */
static void figure_totals(FILE *f, const struct plot_run *run)
{
	char figure[96];

	snprintf(figure, sizeof(figure), "2.3-%s", run->name);
	begin(f, figure, "Outcomes by function", 900, 450);
	fprintf(f,
		"set style data histograms\nset style histogram rowstacked\nset style fill solid\n"
		"set boxwidth 0.7\nset xtics rotate by -30\nset yrange [0:*]\n"
		"plot 'totals-%s.csv' skip 1 using 2:xtic(1) lc 'dark-green' title 'warm', "
		"'' skip 1 using 3 lc 'blue' title 'cold', '' skip 1 using 4 lc 'red' title 'drop'\n",
		run->name);
}

/* 2.4, 4.8: memory of the hot functions' containers. */
static void figure_memory(FILE *f, const struct load *l, const struct run_options *o,
			  const struct plot_run *run)
{
	char figure[96], label[PLOT_LABEL];

	if (!o->n_located)
		return;
	snprintf(figure, sizeof(figure), "4.8-%s", run->name);
	begin(f, figure, "Memory of the hot functions (most in a minute)", 900, 450);
	fputs("set xlabel 'minute'\nset ylabel 'MB'\nplot ", f);
	for (size_t i = 0; i < o->n_located; i++) {
		plot_label(l->function[o->located[i]].name, label);
		fprintf(f, "%s'minutes-%s.csv' using 1:%zu with lines title '%s'", i ? ", " : "",
			run->name, 9 + 4 * i, label);
	}
	fputc('\n', f);
}

/* 2.9, 2.10, 4.1, 4.7: outcomes a minute, of all and of each hot function. */
static void figure_minutes(FILE *f, const struct load *l, const struct run_options *o,
			   const struct plot_run *run)
{
	size_t rows = 1 + MIN(o->n_located, (size_t)8);
	char figure[96], label[PLOT_LABEL];

	snprintf(figure, sizeof(figure), "4.1-%s", run->name);
	begin(f, figure, "", 900, 260 * rows);
	fprintf(f, "set multiplot layout %zu,1\nset title 'all'\n", rows);
	outcome_lines(f, run, 2);
	for (size_t i = 0; i + 1 < rows; i++) {
		plot_label(l->function[o->located[i]].name, label);
		fprintf(f, "set title '%s'\n", label);
		outcome_lines(f, run, 6 + 4 * i);
	}
	fputs("unset multiplot\n", f);
}

/* 2.8, 4.9: outcomes by memory, one curve a policy. */
static void figure_sizes(FILE *f, const struct plot_run *runs, size_t n)
{
	static const char *const what[] = { "warm", "cold", "drop" };

	begin(f, "4.9", "", 900, 1000);
	fputs("set multiplot layout 3,1\nset xlabel 'memory (GB)'\n", f);
	for (int k = 0; k < 3; k++) {
		const char *comma = "";

		fprintf(f, "set title '%s'\nplot ", what[k]);
		for (size_t i = 0; i < n; i++) {
			size_t before = 0;

			while (before < i && strcmp(runs[before].policy, runs[i].policy) != 0)
				before++;
			if (before < i)
				continue;
			fprintf(f,
				"%s'sizes-%s.csv' using ($1/1024):%d with linespoints title '%s'",
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
		"set multiplot layout 1,2\nunset key\nset yrange [0:1]\nset title 'memory, MB'\n"
		"plot 'functions.csv' using 1:(1.0/%zu) smooth cumulative\n"
		"set title 'calls a day'\nset logscale x\n"
		"plot 'functions.csv' using ($2 > 0 ? $2 : 1):(1.0/%zu) smooth cumulative\n"
		"unset multiplot\n",
		l->n_functions, l->n_functions);
	begin(f, "3.4", "Memory of a container, MB", 900, 400);
	fprintf(f,
		"unset key\nset style fill solid\nwidth = 10\nset boxwidth width\n"
		"plot 'functions.csv' using (floor($1 / width) * width + width / 2):"
		"(1.0 / %zu / width) smooth freq with boxes\n",
		l->n_functions);
}

/* 3.2 (the past) and 4.2 to 4.6 (the forecast), one a hot function. */
static void figure_forecast(FILE *f, const struct load *l, const struct run_options *o, size_t i)
{
	const struct load_function *hot = &l->function[o->located[i]];
	char figure[64], label[PLOT_LABEL];

	plot_label(hot->name, label);
	snprintf(figure, sizeof(figure), "3.2-%s", label);
	begin(f, figure, label, 900, 350);
	fprintf(f,
		"set xlabel 'day'\nunset key\nplot 'hot-%zu.csv' using ($1/1440.0):2 with lines\n",
		i);
	if (!o->prediction)
		return;
	snprintf(figure, sizeof(figure), "4.2-%s", label);
	begin(f, figure, label, 900, 350);
	fprintf(f,
		"set xlabel 'minute'\nset xrange [0:*]\n"
		"plot 'hot-%zu.csv' using 1:2 with lines lc 'gray' title 'calls', "
		"'' using 1:3 with lines lc 'blue' title 'expected', "
		"'' using 1:4 with lines lc 'red' title 'sized for'\n",
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
