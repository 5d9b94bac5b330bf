// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat probe: what this kernel and node offer. */
#include "cli/cli.h"
#include "collector/probe.h"

static const char *const words[] = {
	[PROBE_OK] = "ok",
	[PROBE_DEGRADED] = "degraded",
	[PROBE_MISSING] = "MISSING",
};

static int print_items(const struct probe_item *items, size_t n, bool json)
{
	json_t *list = json ? json_array() : NULL;

	for (size_t i = 0; i < n; i++) {
		if (json)
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:s, s:s}", "name", items[i].name,
						"state", words[items[i].state], "found",
						items[i].found, "uses", items[i].uses));
		else
			printf("%-9s %-24s %s: %s\n", words[items[i].state], items[i].name,
			       items[i].found, items[i].uses);
	}
	return json ? print_json(list) : EXIT_DONE;
}

int cmd_probe(int argc, char **argv)
{
	struct probe_item items[PROBE_ITEMS];
	struct common_options common;
	size_t n;

	common_parse_only(
		argc, argv,
		"Says what this kernel and node offer, what faasmat uses it for, and how to "
		"mend what is missing. Changes nothing. Exit 1 when something is missing.",
		&common);
	n = probe_node(items);
	if (print_items(items, n, common.json) != EXIT_DONE)
		return EXIT_FAILED;
	for (size_t i = 0; i < n; i++)
		if (items[i].state == PROBE_MISSING)
			return EXIT_FAILED;
	return EXIT_DONE;
}
