/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Execution times of a function's minute as a log-scale histogram. Bucket 0 has times below 2 us,
 * bucket b those of [2^b, 2^(b+1)) us, the last (31) all from 2^31 us (36 minutes) on. Pure.
 *
 * In the database it is a BLOB: nothing at all when every bucket is empty; else one byte with the
 * number of the first bucket that is not, and the counts from that one to the last that is not, each
 * as LEB128 (7 bits a byte, the low ones first, bit 7 set where more follow). Most minutes take four to
 * ten bytes.
 */
#ifndef FAASMAT_STORE_DURATIONS_H
#define FAASMAT_STORE_DURATIONS_H

#include "common/util.h"

#define DURATION_BUCKETS 32
#define DURATIONS_BYTES (1 + 5 * DURATION_BUCKETS) /* at most */

struct durations {
	uint32_t n[DURATION_BUCKETS];
};

/* The number of bytes written to out[DURATIONS_BYTES]; 0 when all is empty. */
size_t durations_encode(const struct durations *d, uint8_t *out);
/* -EBADMSG for bytes that durations_encode() does not write; *d is empty then. */
int durations_decode(const void *from, size_t size, struct durations *d);

/* to += from; a count that would not fit stays at its largest. */
void durations_add(struct durations *to, const struct durations *from);
/* Multiplies all times by 2^shift (shift may be negative). */
void durations_shift(struct durations *d, int shift);
int64_t durations_total(const struct durations *d);
/* Quantile q (0..1] in microseconds, NAN without any: in the bucket where it lies, the times are taken
 * to be spread evenly over the bucket. Never off by more than the bucket is wide, a factor of 2. */
double durations_quantile_us(const struct durations *d, double q);

#endif
