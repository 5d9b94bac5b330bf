/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An invoker of the governor on its tree of plain files (governor_tree.h): asks its socket, and lets it answer. */
#ifndef FAASMAT_TESTS_GOVERNOR_CLIENT_H
#define FAASMAT_TESTS_GOVERNOR_CLIENT_H

#include "tests/governor_tree.h"

#include <sys/socket.h>
#include <sys/un.h>

/* Asks the governor's socket; the answer is in a static buffer. Notices are passed over. */
static inline const char *ask(struct fixture *f, int fd, const char *message)
{
	static char answer[65536];
	ssize_t n = -1;

	assert_int_equal(send(fd, message, strlen(message), 0), (ssize_t)strlen(message));
	for (int i = 0; i < 500 && n < 0; i++) {
		assert_int_equal(governor_events(f->governor, 10), 1);
		n = recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
	}
	assert_true(n > 0);
	answer[n] = '\0';
	return answer;
}

static inline int client(const struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static inline void reserve(struct fixture *f, int fd, const char *id, const char *function, int mib,
			   const char *pool)
{
	char message[256], wanted[64];
	const char *answer;

	snprintf(message, sizeof(message),
		 "{\"op\":\"reserve\",\"id\":\"%s\",\"function\":\"%s\",\"bytes\":%lld}", id,
		 function, (long long)M(mib));
	snprintf(wanted, sizeof(wanted), "\"ok\":%s", pool ? "true" : "false");
	/* On a busy machine a write may take longer than the answer may. */
	for (int i = 0; i < 50; i++) {
		answer = ask(f, fd, message);
		if (!pool || strstr(answer, wanted))
			break;
		usleep(20 * 1000);
	}
	if (!strstr(answer, wanted) || (pool && !strstr(answer, pool)))
		fail_msg("%s: %s", id, answer);
}

static inline void release(struct fixture *f, int fd, const char *id)
{
	char message[128];

	snprintf(message, sizeof(message), "{\"op\":\"release\",\"id\":\"%s\"}", id);
	assert_non_null(strstr(ask(f, fd, message), "true"));
}

#endif
