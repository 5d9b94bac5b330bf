// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/plot.h"
int plot_new(const char *d, const struct load *l, const struct run_options *o, struct plot **ret)
{
	(void)d;
	(void)l;
	(void)o;
	*ret = NULL;
	return 0;
}
int plot_add(struct plot *p, const struct sweep_run *run)
{
	(void)p;
	(void)run;
	return 0;
}
int plot_finish(struct plot *p)
{
	(void)p;
	return 0;
}
void plot_free(struct plot *p)
{
	(void)p;
}
