/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pools get above their plan out of the memory that main does not use: guards (pressure.h) and
 * loans. Pure.
 *
 * A pool borrows (the paper's section 5.2) when its containers need more than the plan gives it. It
 * keeps the loan as long as they do, and for what is left of that minute and the next one; then the
 * loan falls and is given back like any other shrink. Main's own needs come first: what it uses, what
 * it refused lately, and a margin; so do all the guards, for behind them is a container that was killed.
 */
#ifndef FAASMAT_GOVERNOR_BORROW_H
#define FAASMAT_GOVERNOR_BORROW_H

#include "governor/decide.h"

/* How much a pool needs above its plan; zeroed at first. Bytes or containers; minutes only ever grow. */
struct loan {
	int64_t minute;		   /* the running one */
	int64_t most, most_before; /* most needed in it, and in the minute before it */
};

/* Notes what is needed now: what containers have reserved, and what was just refused to one, above
 * the plan's bytes. Returns the bytes that the pool is to borrow, in whole pages. */
int64_t loan_need(struct loan *l, int64_t minute, int64_t bytes);
/* The same of containers. */
int64_t loan_count(struct loan *l, int64_t minute, int64_t containers);

/* One pool's wish above its plan. */
struct extra {
	int64_t guard; /* INT64_MAX: all that there is */
	int64_t borrow;
};

/*
 * A platform starts containers whatever it is told (`anyway`), and main takes what no pool admits: a limit would
 * kill them. Main gets what it needs for all that it holds and a margin, beyond its target, from what the pools
 * neither use nor work with, in proportion; of what is then left idle half as a guard, since the next start may
 * be quicker than we are, and the kernel's own part is in nobody's reservation. Pools spill the sooner. Returns the
 * bytes, whole pages, that moved.
 */
int64_t relieve_main(struct node_state *node);

/* Bytes of main's target that neither its containers nor its working set need; whole pages. `refused`:
 * what main had to refuse lately. Page cache beyond the working set is reclaimed when a pool borrows. */
int64_t main_unused(const struct node_state *node, int64_t refused);

/*
 * Grants the wishes of pools 1..n-1 (wish[0] is main's and is left out) from main_unused(): guards
 * first, then loans, which together get at most `most`. Scarce bytes are shared in proportion to the
 * wishes. Adds to target_bytes (loans) and guard_bytes, takes it all from main's target, and leaves in
 * wish[] what was granted. Returns the bytes of all loans.
 */
int64_t grant_extras(struct node_state *node, struct extra *wish, int64_t refused, int64_t most);

#endif
