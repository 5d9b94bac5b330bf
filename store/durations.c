// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/durations.h"

#include <errno.h>
#include <math.h>

size_t durations_encode(const struct durations *d, uint8_t *out)
{
	int first = 0, last = DURATION_BUCKETS - 1;
	size_t used = 1;

	while (first < DURATION_BUCKETS && !d->n[first])
		first++;
	if (first == DURATION_BUCKETS)
		return 0;
	while (!d->n[last])
		last--;
	out[0] = (uint8_t)first;
	for (int b = first; b <= last; b++) {
		uint32_t n = d->n[b];

		for (; n > 127; n >>= 7)
			out[used++] = (uint8_t)(n | 128);
		out[used++] = (uint8_t)n;
	}
	return used;
}

/* One count; the bytes it took, 0 when it is none. */
static size_t decode_count(const uint8_t *from, size_t size, uint32_t *ret)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size && i < 5; i++) {
		n |= (uint64_t)(from[i] & 127) << (7 * i);
		if (from[i] & 128)
			continue;
		*ret = (uint32_t)n;
		return n > UINT32_MAX ? 0 : i + 1;
	}
	return 0;
}

int durations_decode(const void *from, size_t size, struct durations *d)
{
	const uint8_t *bytes = from;
	size_t at = 1;

	*d = (struct durations){ 0 };
	if (size == 0)
		return 0;
	for (int b = bytes[0]; at < size; b++) {
		size_t used = b < DURATION_BUCKETS ? decode_count(bytes + at, size - at, &d->n[b])
						   : 0;

		if (!used) {
			*d = (struct durations){ 0 };
			return -EBADMSG;
		}
		at += used;
	}
	return 0;
}

static uint32_t sum(uint32_t a, uint32_t b)
{
	return b > UINT32_MAX - a ? UINT32_MAX : a + b;
}

void durations_add(struct durations *to, const struct durations *from)
{
	for (int b = 0; b < DURATION_BUCKETS; b++)
		to->n[b] = sum(to->n[b], from->n[b]);
}

void durations_shift(struct durations *d, int shift)
{
	struct durations moved = { 0 };

	if (shift == 0)
		return;
	for (int b = 0; b < DURATION_BUCKETS; b++) {
		int to = CLAMP(b + shift, 0, DURATION_BUCKETS - 1);

		moved.n[to] = sum(moved.n[to], d->n[b]);
	}
	*d = moved;
}

int64_t durations_total(const struct durations *d)
{
	int64_t total = 0;

	for (int b = 0; b < DURATION_BUCKETS; b++)
		total += d->n[b];
	return total;
}

double durations_quantile_us(const struct durations *d, double q)
{
	double rank = q * (double)durations_total(d), below = 0;

	for (int b = 0; b < DURATION_BUCKETS; b++) {
		double from = b ? ldexp(1, b) : 0, to = ldexp(1, b + 1);

		if (d->n[b] && below + d->n[b] >= rank)
			return from + (to - from) * (rank - below) / d->n[b];
		below += d->n[b];
	}
	return NAN;
}
