// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stress CREATES DIR MOUNT ROOT: that many creates and deletes through the OCI wrapper by three
 * invokers, while invokers, wrappers, runtimes and the governor's counter are killed at random. At the
 * end the reservations in use are the containers that live, and when those are deleted no reservation
 * and no cgroup is left. DIR has the programs counter, plain_runtime and faasmat-runtime.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/util.h"
#include "lib/faasmat.h"

#define INVOKERS 3
/* Containers that live at a time, about: more than both pools admit, so that some spill. */
#define LIVE 24

static char dir[1024], mount_point[1024], root[256], socket_path[1100];
static int64_t creates;
static int log_fd; /* what wrappers and runtimes say */

/* Of all processes. */
struct shared {
	int64_t next, created, deleted, failed, killed[3];
} * shared;
enum { KILLED_INVOKER, KILLED_GOVERNOR, KILLED_WRAPPER };

static uint64_t seed;

static unsigned int below(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed % n);
}

static const char *in_dir(const char *name)
{
	static char path[8][2048];
	static int i;

	i = (i + 1) % 8;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

/* Children are killed by number: -1 would be everybody. */
static pid_t fork_or_end(void)
{
	pid_t child = fork();

	if (child < 0) {
		perror("fork");
		exit(1);
	}
	return child;
}

static pid_t start(const char *program, char *const *argv)
{
	pid_t parent = getpid(), child = fork_or_end();

	if (child != 0)
		return child;
	if (strcmp(argv[0], "counter") == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (dup2(log_fd, STDERR_FILENO) >= 0)
		execv(program, argv);
	_exit(127);
}

static pid_t start_counter(void)
{
	char *argv[] = { "counter", mount_point, root, socket_path, NULL };

	return start(in_dir("counter"), argv);
}

/* Runs the wrapper; now and then it, or the runtime that it has become, is killed. */
static bool run_wrapper(char *const *argv, bool may_kill)
{
	pid_t child = start(in_dir("faasmat-runtime"), argv);
	int status;

	if (may_kill && below(20) == 0) {
		usleep(below(8000));
		kill(child, SIGKILL);
		__atomic_add_fetch(&shared->killed[KILLED_WRAPPER], 1, __ATOMIC_RELAXED);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void delete_container(const char *id)
{
	char *argv[] = { "faasmat-runtime", "delete", "-f", (char *)id, NULL };

	if (run_wrapper(argv, false))
		__atomic_add_fetch(&shared->deleted, 1, __ATOMIC_RELAXED);
}

static void write_bundle(const char *bundle, int64_t n)
{
	static const char *const functions[] = { "f", "g", "rare" };
	char path[3000];
	FILE *f;

	mkdir(bundle, 0700);
	snprintf(path, sizeof(path), "%s/config.json", bundle);
	f = fopen(path, "w");
	fprintf(f,
		"{\"annotations\":{\"faasmat.function\":\"%s\"},\"linux\":{\"resources\":{\"memory\":"
		"{\"limit\":%d}},\"cgroupsPath\":\"%s/outside/c%lld\"}}",
		functions[n % 3], 32 << 20, root, (long long)n);
	fclose(f);
}

static void create_container(const char *bundle)
{
	int64_t n = __atomic_add_fetch(&shared->next, 1, __ATOMIC_RELAXED);
	char id[32];
	char *argv[] = { "faasmat-runtime", "create", "--bundle", (char *)bundle, id, NULL };

	snprintf(id, sizeof(id), "c%lld", (long long)n);
	write_bundle(bundle, n);
	if (run_wrapper(argv, true)) {
		__atomic_add_fetch(&shared->created, 1, __ATOMIC_RELAXED);
		return;
	}
	__atomic_add_fetch(&shared->failed, 1, __ATOMIC_RELAXED);
	/* As engines do. */
	delete_container(id);
}

/* The id of a random container that the runtime knows, and how many there are. */
static int pick(char id[64])
{
	DIR *d = opendir(in_dir("state"));
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && below((unsigned int)++n) == 0)
			snprintf(id, 64, "%.63s", e->d_name);
	if (d)
		closedir(d);
	return n;
}

/* Whoever asked for admission and is killed before it starts anything. */
static void reserve_for_nothing(void)
{
	int fd = faasmat_connect(socket_path);
	char id[32];
	const struct faasmat_reservation r = { .id = id, .function = "f", .leased = below(2) };
	struct faasmat_answer answer;

	snprintf(id, sizeof(id), "n%d-%u", getpid(), below(1000000));
	if (fd < 0)
		return;
	faasmat_reserve(fd, &r, 100, &answer);
	if (!r.leased && below(2))
		faasmat_release(fd, id, 100);
	close(fd);
}

static void invoke(int number)
{
	char bundle[2048], id[64];

	snprintf(bundle, sizeof(bundle), "%s/bundle%d", dir, number);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (shared->next < creates) {
		if (pick(id) > (int)below(2 * LIVE))
			delete_container(id);
		else
			create_container(bundle);
		if (below(10) == 0)
			reserve_for_nothing();
	}
	_exit(0);
}

static pid_t start_invoker(int number)
{
	uint64_t own = seed ^ ((uint64_t)below(1u << 30) << 20);
	pid_t child = fork_or_end();

	if (child == 0) {
		seed = own | 1;
		invoke(number);
	}
	return child;
}

static void end_child(pid_t child, int signal)
{
	kill(child, signal);
	waitpid(child, NULL, 0);
}

/* --- what is there */

static bool is_populated(const char *path)
{
	char file[4200], text[256] = "";
	FILE *f;

	snprintf(file, sizeof(file), "%s/cgroup.events", path);
	f = fopen(file, "r");
	if (f && !fgets(text, sizeof(text), f))
		text[0] = '\0';
	if (f)
		fclose(f);
	return strstr(text, "populated 1");
}

/* Container cgroups below the root; those with processes into *live. */
static int count_cgroups(int *live)
{
	static const char *const parents[] = { "main", "pool-f", "pool-g", "outside" };
	int n = 0;

	*live = 0;
	for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
		char path[2048], child[4096];
		struct dirent *e;
		DIR *d;

		snprintf(path, sizeof(path), "%s%s/%s", mount_point, root, parents[i]);
		d = opendir(path);
		while (d && (e = readdir(d))) {
			if (e->d_type != DT_DIR || e->d_name[0] == '.')
				continue;
			snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
			n++;
			/* What was not placed is not in the table. */
			*live += strcmp(parents[i], "outside") != 0 && is_populated(child);
		}
		if (d)
			closedir(d);
	}
	return n;
}

static void add_used(void *arg, const struct faasmat_pool *p)
{
	*(int64_t *)arg += p->used_containers;
}

static int64_t count_reserved(void)
{
	int fd = faasmat_connect(socket_path);
	int64_t used = 0;
	int r = fd < 0 ? fd : faasmat_table(fd, 1000, add_used, &used);

	if (fd >= 0)
		close(fd);
	return r < 0 ? r : used;
}

/* Waits until the table says what the cgroups say; leases of a minute (a second here) run out first. */
static bool settles(const char *name, bool all_gone)
{
	int64_t used = 0;
	int n = 0, live = 0;

	for (int i = 0; i < 300; i++) {
		n = count_cgroups(&live);
		used = count_reserved();
		if (used == live && (!all_gone || n == 0)) {
			printf("ok %s: %lld reservations, %d live containers, %d cgroups\n", name,
			       (long long)used, live, n);
			return true;
		}
		usleep(50000);
	}
	printf("not ok %s: %lld reservations, %d live containers, %d cgroups\n", name,
	       (long long)used, live, n);
	return false;
}

static void kill_at_random(pid_t *counter, pid_t *invokers)
{
	int i = (int)below(INVOKERS + 1);

	if (i == INVOKERS) {
		end_child(*counter, below(4) ? SIGKILL : SIGTERM);
		usleep(below(30000));
		*counter = start_counter();
		shared->killed[KILLED_GOVERNOR]++;
	} else {
		end_child(invokers[i], SIGKILL);
		invokers[i] = start_invoker(i);
		shared->killed[KILLED_INVOKER]++;
	}
}

static void run(pid_t *counter)
{
	pid_t invokers[INVOKERS];

	for (int i = 0; i < INVOKERS; i++)
		invokers[i] = start_invoker(i);
	while (shared->next < creates) {
		usleep(20000 + below(150000));
		kill_at_random(counter, invokers);
	}
	for (int i = 0; i < INVOKERS; i++)
		waitpid(invokers[i], NULL, 0);
}

/* Wrappers whose invoker was killed go on for a moment: we are who they fall to. */
static void wait_for_orphans(pid_t counter)
{
	for (int i = 0; i < 100; i++) {
		pid_t child = waitpid(-1, NULL, WNOHANG);

		if (child == counter)
			abort();
		usleep(10000);
	}
}

int main(int argc, char **argv)
{
	const char *given = getenv("FAASMAT_TEST_SEED");
	pid_t counter;
	char id[64];
	bool good;

	if (argc != 5)
		return 2;
	seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_stamp_us();
	seed |= 1;
	printf("# FAASMAT_TEST_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	creates = atoll(argv[1]);
	snprintf(dir, sizeof(dir), "%s", argv[2]);
	snprintf(mount_point, sizeof(mount_point), "%s", argv[3]);
	snprintf(root, sizeof(root), "%s", argv[4]);
	snprintf(socket_path, sizeof(socket_path), "%s/sock", dir);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	log_fd = open(in_dir("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	counter = start_counter();
	usleep(200000);
	run(&counter);
	wait_for_orphans(counter);
	good = settles("stress-reservations-are-containers", false);
	while (pick(id) > 0)
		delete_container(id);
	good &= settles("stress-nothing-is-left", true);
	printf("# %lld creates (%lld failed or were killed), %lld deletes; killed: %lld invokers, %lld "
	       "governors, %lld wrappers or runtimes\n",
	       (long long)shared->next, (long long)shared->failed, (long long)shared->deleted,
	       (long long)shared->killed[0], (long long)shared->killed[1],
	       (long long)shared->killed[2]);
	end_child(counter, SIGTERM);
	return good ? 0 : 1;
}
