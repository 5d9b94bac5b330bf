/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What counts as an invocation: classes, ports, and what is left out. */
#ifndef FAASMAT_COLLECTOR_FILTER_H
#define FAASMAT_COLLECTOR_FILTER_H

#include "bpf/wire.h"
#include "common/util.h"

/* As many as the maps have room for. */
#define FILTER_WORDS 64

/* Words that are left out: paths, or product names of user agents. */
struct word_list {
	char word[FILTER_WORDS][WIRE_WORD];
	size_t n;
};

struct filter {
	uint32_t classes; /* enum wire_class, several at once; 0: nothing is counted */
	enum wire_hops hops;
	bool counts_inits;	    /* POST /init is counted apart */
	uint64_t ports[65536 / 64]; /* one bit a TCP port */
	struct word_list paths, agents;
};

/* "http", "http2", "unix", "connect", "exec" or "none"; the first three also together, with commas between.
 * -EINVAL for anything else: a connection, or a process, is itself one invocation. */
int filter_parse_classes(const char *text, uint32_t *ret);
/* What a platform's invocations are: Fn's functions listen on a UNIX socket, Knative's speak HTTP/1.1 or
 * HTTP/2; everybody else's HTTP/1.x. */
uint32_t filter_platform_classes(const char *platform);
/* "same", "loopback" or "count". -EINVAL for anything else. */
int filter_parse_hops(const char *text, enum wire_hops *ret);
/* -EINVAL for a word that is empty or too long, -ENOSPC for one too many. */
int filter_add_word(struct word_list *list, const char *word);
void filter_add_port(struct filter *f, uint16_t port);

/* Puts all of it into the pinned maps, and its share of the settings into *config, which the caller
 * writes. Failures are logged. */
int filter_write(const struct filter *f, const char *pin_dir, struct wire_config *config);

#endif
