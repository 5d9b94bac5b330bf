// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/node.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/util.h"
#include "vmtest/rig/cgroup.h"
#include "vmtest/rig/client.h"
#include "vmtest/rig/proxy.h"
#include "vmtest/rig/runtime_clone.h"

#define INSTANCE_OF(source, member) \
	((struct instance *)((char *)(source)-offsetof(struct instance, member)))
#define LINGER_NS (1 * NS_PER_MS)

int node_watch(struct node *n, struct event_source *source, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = source };

	if (epoll_ctl(n->epoll, EPOLL_CTL_ADD, source->fd, &e) == 0)
		return 0;
	if (errno == EEXIST && epoll_ctl(n->epoll, EPOLL_CTL_MOD, source->fd, &e) == 0)
		return 0;
	return -errno;
}

/*
 * Taken off epoll by hand: a child that is between fork and exec holds a copy of the descriptor for a
 * moment, so closing ours does not yet end the watch, and an event could come for what is freed.
 */
void node_close_source(struct node *n, struct event_source *source)
{
	if (source->fd < 0)
		return;
	if (n->epoll >= 0)
		epoll_ctl(n->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	close(source->fd);
	source->fd = -1;
}

/* --- instances by number, for the ready notice */

static struct instance **find_slot(struct node *n, uint32_t number)
{
	struct instance **slot = &n->bucket[number % NODE_BUCKETS];

	while (*slot && (*slot)->number != number)
		slot = &(*slot)->next_of_number;
	return slot;
}

static void forget(struct instance *i)
{
	struct instance **slot = find_slot(i->node, i->number);

	if (*slot)
		*slot = i->next_of_number;
	i->node->n_instances--;
}

static void discard(struct instance *i)
{
	node_close_source(i->node, &i->process);
	node_close_source(i->node, &i->helper);
	node_close_source(i->node, &i->connection);
	/* Events of this turn may still name it. */
	i->next_free = i->node->garbage;
	i->node->garbage = i;
}

/* --- the end of an instance */

void node_tell_died(struct instance *i)
{
	if (i->told || i->phase == INSTANCE_ENDING)
		return;
	i->told = true;
	i->node->events->died(i->node->arg, i);
}

static void delete_with_crun(struct instance *i)
{
	struct node *n = i->node;

	i->helper_is_delete = true;
	i->helper.fd = crun_delete(&n->crun, i->id);
	if (i->helper.fd < 0) {
		if (n->crun.keeps_state)
			log_error_errno(i->helper.fd, "crun delete %s", i->id);
		i->helper.fd = -1;
		return;
	}
	n->helpers++;
	node_watch(n, &i->helper, EPOLLIN);
}

static void finish(struct instance *i)
{
	struct node *n = i->node;

	node_close_source(i->node, &i->connection);
	node_close_source(i->node, &i->process);
	n->events->gone(n->arg, i);
	forget(i);
	/* Nothing of it uses memory any more; crun's files are cleared away behind its back. */
	if (n->kind != RUNTIME_CLONE)
		delete_with_crun(i);
	if (i->helper.fd < 0)
		discard(i);
}

static void linger(struct instance *i)
{
	i->next_free = i->node->lingering;
	i->node->lingering = i;
}

static void try_to_finish(struct instance *i)
{
	int r;

	if (i->phase != INSTANCE_ENDING || !i->dead)
		return;
	r = cgroup_remove(i->node->mount, i->cgroup);
	if (r == -EBUSY)
		linger(i);
	else
		finish(i);
}

static void finish_lingering(struct node *n)
{
	struct instance *list = n->lingering, *next;

	n->lingering = NULL;
	for (; list; list = next) {
		next = list->next_free;
		try_to_finish(list);
	}
}

static void kill_process(struct instance *i)
{
	if (i->process.fd >= 0)
		syscall(SYS_pidfd_send_signal, i->process.fd, SIGKILL, NULL, 0);
}

void node_remove(struct instance *i)
{
	if (i->phase == INSTANCE_ENDING)
		return;
	i->phase = INSTANCE_ENDING;
	node_close_source(i->node, &i->connection);
	if (i->dead)
		try_to_finish(i);
	else
		kill_process(i); /* with crun still at work: when it has ended */
}

static void process_ended(struct event_source *source, _unused_ uint32_t events)
{
	struct instance *i = INSTANCE_OF(source, process);
	siginfo_t info;

	/* ECHILD when a container's process is not our child: nothing to reap then. */
	waitid(P_PIDFD, source->fd, &info, WEXITED | WNOHANG);
	node_close_source(i->node, source);
	i->dead = true;
	if (i->phase == INSTANCE_ENDING)
		try_to_finish(i);
	else
		node_tell_died(i);
}

/* --- the start of an instance */

static void crun_started(struct instance *i, bool well)
{
	struct node *n = i->node;

	crun_container_cgroup(&n->crun, i->id, i->cgroup, sizeof(i->cgroup));
	i->process.fd = well ? crun_container_pidfd(&n->crun, i->id) : -1;
	if (i->process.fd >= 0) {
		node_watch(n, &i->process, EPOLLIN);
		if (i->phase == INSTANCE_ENDING)
			kill_process(i);
		return;
	}
	i->process.fd = -1;
	i->dead = true;
	if (!well && i->phase != INSTANCE_ENDING)
		log_warning("crun run %s: %s", i->id, crun_last_words(&n->crun));
	if (i->phase == INSTANCE_ENDING)
		try_to_finish(i);
	else
		node_tell_died(i);
}

static void helper_ended(struct event_source *source, _unused_ uint32_t events)
{
	struct instance *i = INSTANCE_OF(source, helper);
	siginfo_t info = { 0 };

	waitid(P_PIDFD, source->fd, &info, WEXITED | WNOHANG);
	node_close_source(i->node, source);
	i->node->helpers--;
	if (i->helper_is_delete)
		discard(i);
	else
		crun_started(i, info.si_code == CLD_EXITED && info.si_status == 0);
}

static int start_with_crun(struct instance *i, const struct node_start *start, char *const *argv)
{
	struct node *n = i->node;
	struct crun_start s = { .id = i->id,
				.function = start->function,
				.cgroup = i->cgroup,
				.bytes = start->declared_bytes,
				.argv = argv,
				.notify = n->notify,
				.log = n->log };

	i->helper.fd = crun_run(&n->crun, &s);
	if (i->helper.fd < 0)
		return i->helper.fd;
	n->helpers++;
	return node_watch(n, &i->helper, EPOLLIN);
}

static int start_with_clone(struct instance *i, char *const *argv)
{
	struct node *n = i->node;
	struct clone_start s = { .program = n->program,
				 .argv = argv,
				 .null = n->null,
				 .log = n->log,
				 .notify = n->notify };
	_cleanup_close_ int cgroup = -1;
	int r;

	if (mkdirat(n->mount, i->cgroup + 1, 0755) < 0)
		return -errno;
	cgroup = openat(n->mount, i->cgroup + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = cgroup < 0 ? -errno : 0;
	if (r == 0) {
		/* A container is killed whole. Without memory controller there is no such file. */
		cgroup_write(n->mount, i->cgroup, "memory.oom.group", "1");
		s.cgroup = cgroup;
		r = runtime_clone_start(&s);
	}
	if (r < 0) {
		cgroup_remove(n->mount, i->cgroup);
		return r;
	}
	i->process.fd = r;
	return node_watch(n, &i->process, EPOLLIN);
}

static int begin(struct instance *i, const struct node_start *s)
{
	char number[16], touch[24], start[24], init[24], warm[24];
	char *const argv[PROXY_ARGUMENTS + 1] = { "proxy", number, touch, start, init, warm, "3" };
	int64_t touch_bytes = MAX(s->declared_bytes - PROXY_OVERHEAD_BYTES, 0);

	snprintf(number, sizeof(number), "%u", s->number);
	snprintf(touch, sizeof(touch), "%lld", (long long)touch_bytes);
	snprintf(start, sizeof(start), "%lld", (long long)clock_monotonic_ns());
	/* The first run, which takes the warm time, ends the cold time. */
	snprintf(init, sizeof(init), "%lld", (long long)MAX(s->cold_ns - s->warm_ns, 0));
	snprintf(warm, sizeof(warm), "%lld", (long long)s->warm_ns);
	if (i->node->kind != RUNTIME_CLONE)
		return start_with_crun(i, s, argv);
	return start_with_clone(i, argv);
}

void node_instance_id(char out[INSTANCE_ID_BYTES], uint32_t number, const char *function)
{
	char name[INSTANCE_ID_BYTES - 24];

	escape_component(function, name, sizeof(name));
	snprintf(out, INSTANCE_ID_BYTES, "wsk0_%u_guest_%s", number, name);
}

struct instance *node_start(struct node *n, const struct node_start *s, int *err)
{
	struct instance *i = calloc(1, sizeof(*i)), **slot;

	*err = -ENOMEM;
	if (!i)
		return NULL;
	i->node = n;
	i->owner = s->owner;
	i->number = s->number;
	i->process = (struct event_source){ process_ended, -1 };
	i->helper = (struct event_source){ helper_ended, -1 };
	i->connection = (struct event_source){ client_ready, -1 };
	node_instance_id(i->id, s->number, s->function);
	snprintf(i->cgroup, sizeof(i->cgroup), "%s/%s", s->parent, i->id);
	*err = begin(i, s);
	if (*err < 0) {
		log_error_errno(*err, "%s could not be started", i->cgroup);
		free(i);
		return NULL;
	}
	slot = find_slot(n, i->number);
	i->next_of_number = NULL;
	*slot = i;
	n->n_instances++;
	return i;
}

/* --- the notify pipe */

static void proxies_ready(struct event_source *source, _unused_ uint32_t events)
{
	struct node *n = (struct node *)((char *)source - offsetof(struct node, notified));
	struct proxy_ready ready[64];
	ssize_t bytes = read(source->fd, ready, sizeof(ready));

	for (ssize_t k = 0; k < bytes / (ssize_t)sizeof(*ready); k++) {
		struct instance *i = *find_slot(n, ready[k].index);

		if (!i || i->phase != INSTANCE_STARTING)
			continue;
		i->phase = INSTANCE_RUNNING;
		i->port = ready[k].port;
		n->events->ready(n->arg, i);
	}
}

static int open_notify(struct node *n)
{
	int pipe[2];

	if (pipe2(pipe, O_CLOEXEC) < 0)
		return -errno;
	n->notified = (struct event_source){ proxies_ready, pipe[0] };
	n->notify = pipe[1];
	return node_watch(n, &n->notified, EPOLLIN);
}

/* --- the whole */

/* The proxy in memory of our own: were it read from a file in the container, its page cache would be
 * charged to whichever container touched it first. */
static int load_program(const char *path)
{
	_cleanup_close_ int in = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = -1;
	ssize_t r;

	if (in < 0)
		return -errno;
	out = memfd_create("proxy", MFD_CLOEXEC);
	if (out < 0)
		return -errno;
	while ((r = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	return r < 0 ? -errno : TAKE_FD(out);
}

/* A program that lies beside this one. */
static const char *beside(const char *name, char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 16);

	if (n < 0)
		return name;
	path[n] = '\0';
	snprintf(strrchr(path, '/') + 1, 16, "%s", name);
	return path;
}

static int open_oci(struct node *n, const struct node_options *o, const char *proxy)
{
	int r;

	/* Containers that it leaves behind become ours to reap. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	n->crun = (struct crun){
		.program = n->kind == RUNTIME_CRUN ? "crun" : beside("bare", n->bare),
		.keeps_state = n->kind == RUNTIME_CRUN,
		.limits = o->wrapper,
	};
	if (o->wrapper)
		n->crun.program = o->wrapper;
	r = crun_open(&n->crun, proxy, cgroup_has_memory(n->mount, "/"));
	return r < 0 ? log_error_errno(r, "cannot set up bundles below /tmp") : 0;
}

static int open_runtime(struct node *n, const struct node_options *o)
{
	char path[PATH_MAX];
	const char *proxy = o->proxy ? o->proxy : beside("proxy", path);

	n->program = load_program(proxy);
	if (n->program < 0)
		return log_error_errno(n->program, "%s (the proxy)", proxy);
	return n->kind == RUNTIME_CLONE ? 0 : open_oci(n, o, proxy);
}

int node_open(struct node *n, const struct node_options *o, const struct node_events *events,
	      void *arg)
{
	int r;

	*n = (struct node){ .program = -1,
			    .notify = -1,
			    .mount = -1,
			    .epoll = -1,
			    .null = -1,
			    .notified.fd = -1,
			    .log = o->log,
			    .kind = o->kind,
			    .fresh = o->fresh,
			    .events = events,
			    .arg = arg };
	signal(SIGPIPE, SIG_IGN);
	n->mount = cgroup_open_mount();
	if (n->mount < 0)
		return log_error_errno(n->mount, "no cgroup2 is mounted");
	n->epoll = epoll_create1(EPOLL_CLOEXEC);
	n->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (n->epoll < 0 || n->null < 0)
		return log_error_errno(-errno, "epoll or /dev/null");
	r = open_notify(n);
	if (r < 0)
		return log_error_errno(r, "pipe");
	return open_runtime(n, o);
}

static void free_garbage(struct node *n)
{
	struct instance *i;

	while ((i = n->garbage)) {
		n->garbage = i->next_free;
		free(i);
	}
}

int node_wait(struct node *n, int64_t timeout_ns)
{
	struct epoll_event events[256];
	struct timespec ts;
	int r;

	if (n->lingering)
		timeout_ns = MIN(timeout_ns, LINGER_NS);
	timeout_ns = MAX(timeout_ns, 0);
	ts = (struct timespec){ timeout_ns / NS_PER_S, timeout_ns % NS_PER_S };
	r = epoll_pwait2(n->epoll, events, ARRAY_SIZE(events), &ts, NULL);
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	for (int k = 0; k < r; k++) {
		struct event_source *source = events[k].data.ptr;

		/* Closed by an earlier event of this turn. */
		if (source->fd >= 0)
			source->ready(source, events[k].events);
	}
	if (n->lingering)
		finish_lingering(n);
	free_garbage(n);
	return 0;
}

void node_close(struct node *n)
{
	int64_t until = clock_monotonic_ns() + 20 * NS_PER_S;

	for (int b = 0; b < NODE_BUCKETS && n->epoll >= 0; b++)
		for (struct instance *i = n->bucket[b]; i; i = i->next_of_number)
			if (i->phase != INSTANCE_ENDING) {
				i->told = true;
				node_remove(i);
			}
	while (n->epoll >= 0 && (n->n_instances || n->helpers) && clock_monotonic_ns() < until)
		node_wait(n, 100 * NS_PER_MS);
	free_garbage(n);
	if (n->crun.dir[0])
		crun_close(&n->crun);
	node_close_source(n, &n->notified);
	close_fd(&n->notify);
	close_fd(&n->program);
	close_fd(&n->null);
	close_fd(&n->epoll);
	close_fd(&n->mount);
	*n = (struct node){ .program = -1, .notify = -1, .mount = -1, .epoll = -1, .null = -1 };
}
