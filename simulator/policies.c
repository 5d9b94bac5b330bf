// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of policies; each is described in docs/policies.md. */
#include <errno.h>
#include <string.h>

#include "simulator/node.h"

const struct policy_ops policy_ops[N_POLICIES] = {
	[POLICY_LRU] = { .name = "lru" },
	[POLICY_TTL] = { .name = "ttl" },
	[POLICY_GREEDY_DUAL] = { .name = "greedy-dual",
				 .eviction = EVICT_GREEDY_DUAL,
				 .endless = true },
	[POLICY_LANDLORD] = { .name = "landlord", .eviction = EVICT_LANDLORD, .endless = true },
	[POLICY_FREQ] = { .name = "freq", .eviction = EVICT_FREQUENCY, .endless = true },
	[POLICY_SIZE] = { .name = "size", .eviction = EVICT_SIZE, .endless = true },
	[POLICY_HIST] = { .name = "hist",
			  .begin = hist_begin,
			  .before = hist_before,
			  .arrived = hist_arrived,
			  .end = hist_end },
	[POLICY_SSMP] = { .name = "ssmp", .begin = paper_begin, .end = paper_end },
	[POLICY_SSMP_SIMPLE] = { .name = "ssmp-simple", .begin = paper_begin, .end = paper_end },
	[POLICY_DSMP] = { .name = "dsmp",
			  .begin = paper_begin,
			  .minute = paper_minute,
			  .end = paper_end,
			  .predicts = true },
	[POLICY_FAASMAT] = { .name = "faasmat",
			     .begin = faasmat_begin,
			     .minute = faasmat_minute,
			     .run = faasmat_run,
			     .end = faasmat_end,
			     .predicts = true },
};

int policy_parse(const char *name, enum policy *ret)
{
	for (int i = 0; i < N_POLICIES; i++)
		if (strcmp(policy_ops[i].name, name) == 0) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

const char *policy_name(enum policy p)
{
	return policy_ops[p].name;
}

bool policy_predicts(enum policy p)
{
	return policy_ops[p].predicts;
}

static const char *const part_names[] = { "erlang",   "prewarm", "keep", "borrow",
					  "patience", "spill",	 "pass", "worth" };

int faasmat_parts_parse(const char *list, unsigned int *ret)
{
	unsigned int parts = 0;

	while (*list) {
		size_t n = strcspn(list, ","), i = 0;

		while (i < ARRAY_SIZE(part_names) &&
		       (strlen(part_names[i]) != n || strncmp(part_names[i], list, n) != 0))
			i++;
		if (i == ARRAY_SIZE(part_names))
			return -EINVAL;
		parts |= 1u << i;
		list += n + (list[n] == ',');
	}
	*ret = parts;
	return 0;
}
