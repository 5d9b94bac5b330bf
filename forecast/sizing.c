// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/sizing.h"

#include <math.h>

#define PAGE 4096

int64_t sizing_flow(double invocations, int64_t warm_us)
{
	/* 3.0000001 that single precision left of 3 is 3. */
	double busy = invocations * (double)warm_us / 60e6;
	double whole = ceil(busy * (1 - 1e-6) - 1e-9);

	return (int64_t)CLAMP(whole, 0, SIZING_MAX_CONTAINERS);
}

int64_t sizing_bytes(int64_t containers, int64_t unit_bytes, double headroom)
{
	long double bytes = (long double)containers * (long double)unit_bytes;
	long double pages;

	bytes *= 1 + (long double)headroom;
	pages = ceill(ceill(bytes - 1e-6L) / PAGE);
	if (pages * PAGE >= (long double)INT64_MAX)
		return INT64_MAX;
	return (int64_t)pages * PAGE;
}

int64_t sizing_fit(int64_t bytes, int64_t unit_bytes, double headroom)
{
	int64_t n;

	if (bytes <= 0)
		return 0;
	if (unit_bytes <= 0)
		return SIZING_MAX_CONTAINERS;
	n = (int64_t)MIN((long double)bytes / unit_bytes / (1 + (long double)headroom) + 1,
			 SIZING_MAX_CONTAINERS);
	while (n > 0 && sizing_bytes(n, unit_bytes, headroom) > bytes)
		n--;
	return n;
}
