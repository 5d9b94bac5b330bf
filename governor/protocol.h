/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of docs/admission.md: JSON in, the admission table asked, JSON out. No I/O. */
#ifndef FAASMAT_GOVERNOR_PROTOCOL_H
#define FAASMAT_GOVERNOR_PROTOCOL_H

#include <jansson.h>

#include "governor/admission.h"

/* Largest message that a client may send. */
#define MESSAGE_MAX (64 * 1024)

/* What a message made happen, beside its answer. */
struct protocol_effect {
	bool subscribe; /* the client wants change notices */
	bool released;	/* bytes became free */
	bool reserved;	/* a container was admitted */
	bool refused;	/* one was not, for want of room */
	bool table;	/* the whole table was given */
};

/* Who asks. */
struct protocol_peer {
	uint32_t user;	    /* 0: root */
	int64_t creator;    /* number of its process (creators.h); 0: not known */
	int64_t expires_ns; /* of what it reserves, when its process is not known */
};

/* The answer to one message of `size` bytes; any bytes are allowed. NULL only when out of memory. */
json_t *protocol_answer(struct admission *a, const char *message, size_t size,
			const struct protocol_peer *peer, struct protocol_effect *ret);

/* {"ok":false,"reason":...} */
json_t *protocol_error(const char *reason);

/* The change notice of one pool. */
json_t *protocol_change(const struct admission_pool *p);

#endif
