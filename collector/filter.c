// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/filter.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "collector/programs.h"
#include "common/log.h"

int filter_parse_classes(const char *text, uint32_t *ret)
{
	static const struct {
		const char *name;
		uint32_t classes;
	} known[] = {
		{ "http", WIRE_HTTP1 }, { "http2", WIRE_HTTP2 }, { "connect", WIRE_CONNECT },
		{ "exec", WIRE_EXEC },	{ "unix", WIRE_UNIX },	 { "none", 0 },
	};
	uint32_t classes = 0;

	for (;;) {
		size_t n = strcspn(text, ","), i;

		for (i = 0; i < ARRAY_SIZE(known); i++)
			if (strlen(known[i].name) == n && memcmp(text, known[i].name, n) == 0)
				break;
		if (i == ARRAY_SIZE(known))
			return -EINVAL;
		classes |= known[i].classes;
		if (!text[n])
			break;
		text += n + 1;
	}
	/* A connection, or a process, is one invocation; beside requests it would be a second one. */
	if (classes & (WIRE_CONNECT | WIRE_EXEC) && classes & (classes - 1))
		return -EINVAL;
	*ret = classes;
	return 0;
}

uint32_t filter_platform_classes(const char *platform)
{
	if (strcmp(platform, "fn") == 0)
		return WIRE_UNIX;
	if (strcmp(platform, "knative") == 0)
		return WIRE_HTTP1 | WIRE_HTTP2;
	return WIRE_HTTP1;
}

int filter_parse_hops(const char *text, enum wire_hops *ret)
{
	static const char *const names[] = {
		[WIRE_HOPS_SAME] = "same",
		[WIRE_HOPS_LOOPBACK] = "loopback",
		[WIRE_HOPS_COUNT] = "count",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

int filter_add_word(struct word_list *list, const char *word)
{
	size_t n = strlen(word);

	if (n == 0 || n >= WIRE_WORD)
		return -EINVAL;
	if (list->n == FILTER_WORDS)
		return -ENOSPC;
	/* Zeros behind it: the whole array is the key. */
	memset(list->word[list->n], 0, WIRE_WORD);
	memcpy(list->word[list->n++], word, n);
	return 0;
}

void filter_add_port(struct filter *f, uint16_t port)
{
	f->ports[port / 64] |= 1ULL << (port % 64);
}

/* Makes a pinned map hold exactly these words; *lengths gets the bit of each one's length. */
static int write_words(const struct word_list *list, const char *dir, const char *name,
		       __u64 *lengths)
{
	_cleanup_close_ int map = programs_open_pin(dir, name);
	struct wire_word key;
	uint8_t one = 1;

	*lengths = 0;
	if (map < 0)
		return map;
	while (bpf_map_get_next_key(map, NULL, &key) == 0)
		if (bpf_map_delete_elem(map, &key) < 0)
			return -errno;
	for (size_t i = 0; i < list->n; i++) {
		if (bpf_map_update_elem(map, list->word[i], &one, BPF_ANY) < 0)
			return -errno;
		*lengths |= 1ULL << strlen(list->word[i]);
	}
	return 0;
}

static int write_ports(const struct filter *f, const char *dir)
{
	_cleanup_close_ int map = programs_open_pin(dir, "ports");

	if (map < 0)
		return map;
	for (uint32_t i = 0; i < ARRAY_SIZE(f->ports); i++)
		if (bpf_map_update_elem(map, &i, &f->ports[i], BPF_ANY) < 0)
			return -errno;
	return 0;
}

int filter_write(const struct filter *f, const char *pin_dir, struct wire_config *config)
{
	int r = write_ports(f, pin_dir);

	config->hops = f->hops;
	config->counts_inits = f->counts_inits;
	if (r == 0)
		r = write_words(&f->paths, pin_dir, "excluded_paths", &config->path_lengths);
	if (r == 0)
		r = write_words(&f->agents, pin_dir, "excluded_agents", &config->agent_lengths);
	return r < 0 ? log_error_errno(r, "setting ports and exclusions") : 0;
}
