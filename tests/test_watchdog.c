// SPDX-License-Identifier: GPL-2.0-or-later
/* The watchdog as a program, on trees of plain files: one lease, a directory of them, the end of a
 * service. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/util.h"
#include "governor/lease.h"

/* FAASMAT_WATCHDOG: another one, from which tests/mutants.sh has removed something. */
static const char *watchdog(void)
{
	const char *other = getenv("FAASMAT_WATCHDOG");

	return other ? other : "build/faasmat-watchdog";
}

struct fixture {
	char dir[64]; /* of the leases; the roots are in it */
	pid_t watchdog;
};

static void put(const struct fixture *f, const char *name, const char *text)
{
	char path[256], beside[260];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	snprintf(beside, sizeof(beside), "%s.new", path);
	out = fopen(beside, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(rename(beside, path), 0);
}

static void make_root(const struct fixture *f, const char *name)
{
	static const char *const cgroups[] = { "", "/main", "/pool-f", "/other" };
	char path[256], file[300];

	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", f->dir, name, cgroups[i]);
		assert_int_equal(mkdir(path, 0755), 0);
		snprintf(file, sizeof(file), "%s%s/memory.max", name, cgroups[i]);
		put(f, file, "1000\n");
		snprintf(file, sizeof(file), "%s%s/memory.low", name, cgroups[i]);
		put(f, file, "900\n");
	}
}

static void make_lease(const struct fixture *f, const char *name, const char *root,
		       int64_t expires_ns, pid_t governor)
{
	char text[512];

	snprintf(text, sizeof(text), "faasmat-lease 1\nexpires %lld\ngovernor %ld\nroot %s/%s\n",
		 (long long)expires_ns, (long)governor, f->dir, root);
	put(f, name, text);
}

static bool holds(const struct fixture *f, const char *name, const char *wanted)
{
	char path[256], text[32] = "";
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	in = fopen(path, "r");
	if (!in)
		return false;
	if (!fgets(text, sizeof(text), in))
		text[0] = '\0';
	fclose(in);
	return strncmp(text, wanted, strlen(wanted)) == 0;
}

/* Limits of this root: lifted in main and the pool, nowhere else. */
static bool lifted(const struct fixture *f, const char *root)
{
	char name[4][64];

	snprintf(name[0], 64, "%s/main/memory.max", root);
	snprintf(name[1], 64, "%s/pool-f/memory.max", root);
	snprintf(name[2], 64, "%s/pool-f/memory.low", root);
	snprintf(name[3], 64, "%s/main/memory.low", root);
	return holds(f, name[0], "max") && holds(f, name[1], "max") && holds(f, name[2], "0") &&
	       holds(f, name[3], "0");
}

static bool untouched(const struct fixture *f, const char *root)
{
	char name[2][64];

	snprintf(name[0], 64, "%s/main/memory.max", root);
	snprintf(name[1], 64, "%s/pool-f/memory.low", root);
	return holds(f, name[0], "1000") && holds(f, name[1], "900");
}

static void start(struct fixture *f, const char *a, const char *b, const char *c)
{
	f->watchdog = fork();
	assert_true(f->watchdog >= 0);
	if (f->watchdog == 0) {
		execl(watchdog(), "faasmat-watchdog", a, b, c, (char *)NULL);
		_exit(127);
	}
}

static int wait_end(struct fixture *f)
{
	int status = -1;

	assert_int_equal(waitpid(f->watchdog, &status, 0), f->watchdog);
	f->watchdog = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Up to half a minute for what must come. */
#define eventually(condition)                                 \
	do {                                                  \
		for (int i = 0; i < 600 && !(condition); i++) \
			usleep(50 * 1000);                    \
		assert_true(condition);                       \
	} while (0)

static bool is_watched(const struct fixture *f, const char *name)
{
	struct lease l = { 0 };

	snprintf(l.state, sizeof(l.state), "%s/%s", f->dir, name);
	return lease_watchdog_pid(&l) == f->watchdog;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/faasmat-watchdog-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	if (f->watchdog > 0) {
		kill(f->watchdog, SIGKILL);
		waitpid(f->watchdog, NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void one_lease_ends(void **state)
{
	struct fixture *f = *state;
	char path[128];

	make_root(f, "a");
	make_lease(f, "lease-a", "a", clock_boottime_ns() + NS_PER_S, getpid());
	snprintf(path, sizeof(path), "%s/lease-a", f->dir);
	start(f, "--state", path, NULL);
	assert_int_equal(wait_end(f), 0);
	assert_true(lifted(f, "a"));
	assert_true(holds(f, "a/memory.max", "1000"));
	assert_true(holds(f, "a/other/memory.max", "1000"));
	assert_int_equal(access(path, F_OK), -1);
}

static void one_lease_given_up(void **state)
{
	struct fixture *f = *state;
	struct lease l = { 0 };

	make_root(f, "a");
	make_lease(f, "lease-a", "a", clock_boottime_ns() + 3600 * NS_PER_S, getpid());
	snprintf(l.state, sizeof(l.state), "%s/lease-a", f->dir);
	start(f, "--state", l.state, NULL);
	eventually(is_watched(f, "lease-a"));
	/* It may be on the way from the lock to its sleep: then it is told again. */
	while (f->watchdog) {
		int status;

		lease_drop(&l);
		usleep(20 * 1000);
		if (waitpid(f->watchdog, &status, WNOHANG) == f->watchdog)
			f->watchdog = 0;
	}
	assert_true(untouched(f, "a"));
}

static void a_directory_of_leases(void **state)
{
	struct fixture *f = *state;
	struct lease a = { 0 };

	make_root(f, "a");
	make_root(f, "b");
	make_root(f, "c");
	make_lease(f, "lease-a", "a", clock_boottime_ns() + 3600 * NS_PER_S, getpid());
	start(f, "--dir", f->dir, NULL);
	eventually(is_watched(f, "lease-a"));
	/* One that comes later, one that is not a lease at all, and one that is renewed. */
	put(f, "lease-x", "nonsense");
	make_lease(f, "lease-c", "c", clock_boottime_ns() + NS_PER_S, getpid());
	make_lease(f, "lease-c", "c", clock_boottime_ns() + 3600 * NS_PER_S, getpid());
	make_lease(f, "lease-b", "b", clock_boottime_ns() + NS_PER_S / 2, getpid());
	eventually(lifted(f, "b"));
	assert_true(untouched(f, "a"));
	/* Given up: no limit is touched, and the watchdog stays for the others. */
	snprintf(a.state, sizeof(a.state), "%s/lease-a", f->dir);
	lease_drop(&a);
	make_lease(f, "lease-c", "c", clock_boottime_ns() + NS_PER_S, getpid());
	eventually(lifted(f, "c"));
	assert_true(untouched(f, "a"));
	assert_int_equal(kill(f->watchdog, 0), 0);
}

static void what_a_service_left_is_lifted_at_once(void **state)
{
	struct fixture *f = *state;
	pid_t gone = fork();

	if (gone == 0)
		_exit(0);
	waitpid(gone, NULL, 0);
	make_root(f, "a");
	make_root(f, "b");
	make_lease(f, "lease-a", "a", clock_boottime_ns() + 3600 * NS_PER_S, gone);
	make_lease(f, "lease-b", "b", clock_boottime_ns() + 3600 * NS_PER_S, getpid());
	start(f, "--dir", f->dir, "--ended");
	assert_int_equal(wait_end(f), 0);
	assert_true(lifted(f, "a"));
	assert_true(untouched(f, "b"));
}

static int has_program(void **state)
{
	(void)state;
	if (access(watchdog(), X_OK) == 0)
		return 0;
	print_error("%s is not built: run make first\n", watchdog());
	return -1;
}

#define ON_TREE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TREE(one_lease_ends),
		ON_TREE(one_lease_given_up),
		ON_TREE(a_directory_of_leases),
		ON_TREE(what_a_service_left_is_lifted_at_once),
	};

	return cmocka_run_group_tests(tests, has_program, NULL);
}
