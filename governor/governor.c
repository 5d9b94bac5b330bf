// SPDX-License-Identifier: GPL-2.0-or-later
/* The governor's life: opened with every check made, run by one epoll loop, closed without leaving a
 * limit behind. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "common/log.h"
#include "common/service.h"
#include "governor/internal.h"
#include "governor/preconditions.h"
#include "governor/restore.h"
#include "governor/setup.h"

/* Longest that a locked database may hold up a tick. */
#define PATIENCE_MS 100
/* The pages that a minute touches; what is resident is promised to be below 10 MB. */
#define CACHE_BYTES (1 * MIB)
/* MAX_POOLS with all their files, and clients. */
#define DESCRIPTORS 16384

static int setup_failed(int r, const char *path)
{
	if (r == -EACCES || r == -EPERM)
		return log_error_errno(r, "%s: cannot make cgroups here; run as root", path);
	return log_error_errno(r, "%s: cannot be made a cgroup with the memory controller", path);
}

/* One governor a root. The lock is on the directory itself, so that no other --state-dir gets around
 * it. */
static int take_root(struct governor *g)
{
	pid_t holder;
	int r;

	g->lock = TEMP_FAILURE_RETRY(open(g->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (g->lock < 0)
		return log_error_errno(-errno, "%s", g->root_path);
	if (flock(g->lock, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		holder = restore_lock_holder(g->lock);
		log_error("%s is governed already, by process %ld: stop that one first",
			  g->root_path, (long)holder);
		return r;
	}
	r = cgroup_dir_open(AT_FDCWD, g->root_path, &g->root);
	if (r == 0)
		r = cgroup_dir_read(&g->root, "memory.max", &g->root_limit);
	if (r < 0)
		return log_error_errno(r,
				       "%s/memory.max cannot be read: is it a cgroup2 with the "
				       "memory controller?",
				       g->root_path);
	return 0;
}

static int make_state_dir(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return log_error_errno(-errno, "--state-dir %s cannot be made", path);
	return 0;
}

static int watch_fd(struct governor *g, int fd, void *ptr)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = ptr };

	return fd < 0 || epoll_ctl(g->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* Each pool keeps some files open. More than the hard limit only the superuser may. */
static void allow_descriptors(void)
{
	const struct rlimit wanted = { DESCRIPTORS, DESCRIPTORS };
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
		return;
	if (limit.rlim_max < DESCRIPTORS && setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return;
	limit.rlim_cur = MIN(limit.rlim_max, DESCRIPTORS);
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_loop(struct governor *g)
{
	sigset_t signals;
	int r;

	/* One heap for the writers' threads, too: each of its own would stay with us. */
	mallopt(M_ARENA_MAX, 1);
	/* Whoever read our stderr may go away. */
	signal(SIGPIPE, SIG_IGN);
	allow_descriptors();
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	g->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	g->heartbeat = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	g->clock_set = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	g->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (g->epoll < 0)
		return log_error_errno(-errno, "epoll");
	r = watch_fd(g, g->timer, &g->timer);
	if (r == 0)
		r = watch_fd(g, g->heartbeat, &g->heartbeat);
	if (r == 0)
		r = watch_fd(g, g->clock_set, &g->clock_set);
	/* Without it every pool is looked over at every tick. */
	g->inotify = watch_open();
	if (r == 0 && g->inotify >= 0)
		r = watch_fd(g, g->inotify, &g->inotify);
	if (r == 0)
		r = watch_fd(g, g->signals, &g->signals);
	return r < 0 ? log_error_errno(r, "timers and signals") : 0;
}

/* The node's budget on the root, journalled like every other file. */
static int write_root_budget(struct governor *g)
{
	_cleanup_free_ struct journal_row *row = calloc(1, sizeof(*row));
	int64_t current, budget = g->o->memory / LIMIT_PAGE * LIMIT_PAGE;
	int r;

	if (!row)
		return -ENOMEM;
	r = cgroup_dir_read(&g->root, "memory.current", &current);
	if (r < 0)
		return log_error_errno(r, "%s/memory.current", g->root_path);
	if (budget < g->root_limit && current + g->o->margin > budget) {
		log_error("%s uses %s: a budget of %s would kill; give more --memory, or stop some "
			  "containers first",
			  g->root_path, format_size(current), format_size(budget));
		return -EBUSY;
	}
	row->cgroup = g->root.id;
	row->first_value = g->root_limit;
	snprintf(row->path, sizeof(row->path), "%s", g->o->root);
	strcpy(row->file, "memory.max");
	record_journal_first(g->record, row);
	record_journal_last(g->record, g->root.id, "memory.max", budget);
	ledger_say(g, NULL, "write", "memory.max", g->root_limit, budget, "the node's budget");
	r = record_flush(g->record);
	if (r < 0)
		return log_error_errno(r, "the root's limit cannot be journalled: not touched");
	r = cgroup_dir_write(&g->root, "memory.max", budget);
	if (r < 0)
		return log_error_errno(r, "%s/memory.max cannot be written", g->root_path);
	g->root_limit = budget;
	return 0;
}

static int begin_to_govern(struct governor *g)
{
	char watchdog[CGROUP_PATH_MAX];
	int r = 0;

	/* Whole, because the watchdog is started from "/". */
	if (g->o->watchdog)
		r = realpath(g->o->watchdog, watchdog) ? 0 : -errno;
	else
		r = lease_find_watchdog(watchdog, sizeof(watchdog));
	if (r < 0)
		return log_error_errno(r, "faasmat-watchdog is not beside this program: without it "
					  "limits would outlive a crash, so none is written");
	r = lease_init(&g->lease, g->o->state_dir, g->root_path, g->root.id, watchdog,
		       g->o->lease_ns);
	if (r == 0)
		r = lease_renew(&g->lease);
	if (r < 0)
		return log_error_errno(r, "the lease %s cannot be taken", g->lease.state);
	g->governing = true;
	r = write_root_budget(g);
	if (r == 0 && protect_begin(g) < 0)
		r = log_error_errno(-EIO, "%s/memory.low or the journal cannot be read",
				    g->root_path);
	return r;
}

static void say_start(struct governor *g, size_t containers)
{
	log_info("%s %s: budget %s, %zu pools, %zu containers, socket %s",
		 g->apply ? "governing" : "watching (shadow mode, no limit is written)",
		 g->root_path, format_size(g->o->memory), g->n - 1, containers, g->o->socket);
	if (containers == 0 && g->apply)
		log_warning("no container is below %s: nothing will be governed until containers "
			    "are placed there. Make each container's cgroup below the path that "
			    "`reserve` answers on %s, or give the platform %s as its cgroup "
			    "parent; see docs/admission.md",
			    g->root_path, g->o->socket,
			    admission_pool(g->table, MAIN_POOL)->cgroup);
}

static int prepare(struct governor *g)
{
	char path[CGROUP_PATH_MAX + 300], directory[256];
	int r = check_root(g->root_path, g->o->memory);

	if (r == 0)
		r = check_plan(g->store, clock_minute(&g->o->clock));
	if (r < 0)
		return r;
	r = setup_make(g->o->mount, g->o->root);
	if (r < 0)
		return setup_failed(r, g->root_path);
	r = take_root(g);
	if (r < 0)
		return r;
	r = pool_name_to_directory(g->o->root, "main", directory, sizeof(directory));
	if (r < 0)
		return log_error_errno(r, "--root %s: its name is too long", g->o->root);
	snprintf(path, sizeof(path), "%s/%s", g->o->root, directory);
	r = setup_make(g->o->mount, path);
	if (r < 0)
		return setup_failed(r, path);
	g->node.budget = MIN(g->o->memory, g->root_limit) / LIMIT_PAGE * LIMIT_PAGE;
	g->node.margin = g->o->margin;
	g->node.step = MAX(g->o->step ? g->o->step : g->o->memory / 8, LIMIT_PAGE);
	g->table = admission_new(g->node.budget, g->o->spill);
	g->record = record_new(g->store);
	if (!g->table || !g->record)
		return log_error_errno(-ENOMEM, "starting");
	r = pools_find_existing(g);
	if (r < 0)
		return log_error_errno(r, "%s", g->root_path);
	return g->apply ? reconcile(g) : 0;
}

static int start(struct governor *g)
{
	size_t containers;
	int r = check_options(g->o);

	if (r == 0)
		r = make_state_dir(g->o->state_dir);
	if (r == 0)
		r = open_loop(g);
	if (r == 0)
		r = prepare(g);
	if (r < 0)
		return r;
	containers = pools_scan_containers(g);
	admission_set_make_room(g->table, extras_make_room, g);
	r = writes_open(g);
	if (r < 0)
		return log_error_errno(r, "the threads that write limits");
	r = admit_open(g);
	if (r == 0 && g->o->on_change)
		r = on_change_open(g->o->on_change, g->o->on_change_limit_ns, g->epoll,
				   &g->on_change);
	if (r == 0 && g->apply)
		r = begin_to_govern(g);
	if (r == 0)
		say_start(g, containers);
	return r;
}

int governor_open(const struct governor_options *o, struct store *s, struct governor **ret)
{
	struct governor *g = calloc(1, sizeof(*g));
	int r;

	*ret = NULL;
	if (!g)
		return log_error_errno(-ENOMEM, "starting");
	g->o = o;
	g->store = s;
	g->root = CGROUP_DIR_CLOSED;
	g->planner = PLANNER_IDLE;
	g->ended = g->lock = g->epoll = g->timer = g->heartbeat = g->clock_set = g->signals =
		g->inotify = -1;
	g->apply = o->apply;
	g->began_ns = clock_monotonic_ns();
	g->minute = g->plan_minute = g->cut_minute = g->outcome_minute = INT64_MIN;
	snprintf(g->root_path, sizeof(g->root_path), "%s%s", o->mount, o->root);
	store_set_cache(s, CACHE_BYTES);
	r = start(g);
	store_set_patience(s, PATIENCE_MS);
	/* A start reads more than the governor ever does again; without this the heap stays as large. */
	malloc_trim(0);
	if (r < 0) {
		governor_close(g);
		return r;
	}
	*ret = g;
	return 0;
}

static void close_fds(struct governor *g)
{
	int *fds[] = { &g->timer,   &g->heartbeat, &g->clock_set, &g->signals,
		       &g->inotify, &g->epoll,	   &g->lock };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close_fd(fds[i]);
}

void governor_close(struct governor *g)
{
	if (!g)
		return;
	admit_close(g);
	on_change_close(g->on_change);
	planner_stop(&g->planner);
	/* An orderly end leaves what the end of a lease leaves: no limit below the root's. */
	if (g->governing) {
		writes_lift(g, "the governor stops");
		protect_end(g);
		lease_drop(&g->lease);
	}
	writes_close(g);
	record_free(g->record);
	pools_free(g);
	admission_free(g->table);
	cgroup_dir_close(&g->root);
	/* Not by closing alone: a watchdog that is just being started has a copy for a moment. */
	if (g->lock >= 0)
		flock(g->lock, LOCK_UN);
	close_fds(g);
	free(g);
}

static void arm(int fd, int64_t at_ns, int64_t every_ns)
{
	struct itimerspec t = {
		.it_value = { at_ns / NS_PER_S, at_ns % NS_PER_S },
		.it_interval = { every_ns / NS_PER_S, every_ns % NS_PER_S },
	};

	timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL);
}

static void plan_if_due(struct governor *g)
{
	bool has_plan = g->plan_minute == g->minute;
	int r;

	if (!g->o->plan_argv || !planner_reap(&g->planner) ||
	    !planner_is_due(&g->o->plan_rule, &g->planner, g->minute,
			    planner_minute_of_day(g->minute), has_plan))
		return;
	r = planner_start(&g->planner, g->minute, g->o->plan_argv);
	if (r < 0)
		log_error_errno(r, "%s cannot be started for a plan", g->o->plan_argv[0]);
}

/* A timer that tells when someone has set the clock; it expires in the year 2255. */
static void watch_clock(struct governor *g)
{
	struct itimerspec never = { .it_value = { .tv_sec = 9000000000 } };
	uint64_t expirations;

	if (read(g->clock_set, &expirations, sizeof(expirations)) < 0)
		expirations = 0;
	timerfd_settime(g->clock_set, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void tick_at(struct governor *g, int64_t at_ns)
{
	g->next_tick_ns = at_ns;
	arm(g->timer, at_ns, 0);
}

static void tick(struct governor *g)
{
	int64_t minute = g->minute;
	uint64_t expirations;

	/* Only to make it quiet; how often it expired does not matter. */
	if (read(g->timer, &expirations, sizeof(expirations)) < 0)
		expirations = 0;
	governor_tick(g);
	if (minute != g->minute)
		admit_look_over(g);
	plan_if_due(g);
	tick_at(g, schedule_next_tick_ns(g));
}

static void heartbeat(struct governor *g)
{
	uint64_t expirations;
	int r;

	if (read(g->heartbeat, &expirations, sizeof(expirations)) < 0)
		return;
	service_alive();
	if (!g->governing || lease_ended(&g->lease))
		return;
	r = lease_renew(&g->lease);
	if (r < 0)
		log_error_errno(r, "the lease %s cannot be renewed", g->lease.state);
}

static int64_t soon_ns(const struct governor *g)
{
	return clock_monotonic_ns() + clock_scale_ns(&g->o->clock, NS_PER_S);
}

/* Someone asked. Bytes that came free while a pool waits, or a refusal (a container may be gone that
 * nobody released): a second of model time is soon enough. Else the table is looked over a tenth of a
 * minute later. */
static void look_soon(struct governor *g, enum server_effect effect)
{
	int64_t at = schedule_soon_ns(g);

	if ((effect == SERVER_RELEASED && g->waiting) || effect == SERVER_REFUSED)
		at = MIN(at, soon_ns(g));
	if (effect != SERVER_NOTHING && at < g->next_tick_ns)
		tick_at(g, at);
}

/* False when it is time to go. */
static bool handle(struct governor *g, const struct epoll_event *event)
{
	void *ptr = event->data.ptr;
	bool worth_a_tick;

	if (ptr == &g->signals)
		return false;
	if (ptr == &g->timer) {
		tick(g);
	} else if (ptr == &g->heartbeat) {
		heartbeat(g);
	} else if (ptr == &g->clock_set) {
		watch_clock(g);
		tick(g);
	} else if (writes_event(g, ptr, &worth_a_tick)) {
		if (worth_a_tick)
			tick(g);
	} else if (sense_event(g, ptr, event->events)) {
		/* As soon as for bytes that came free: an alarm may mean a raise. */
		tick_at(g, MIN(g->next_tick_ns, soon_ns(g)));
	} else if (on_change_event(g->on_change, ptr)) {
		return true;
	} else if (ptr == &g->inotify) {
		look_soon(g, pools_watch(g) ? SERVER_RELEASED : SERVER_RESERVED);
	} else {
		look_soon(g, server_event(g->server, ptr, event->events));
	}
	if (g->root_gone)
		log_error("%s was removed: nothing left to govern", g->root_path);
	return !g->root_gone;
}

/* One timer for both: whoever started us (systemd's WatchdogSec) and the lease. */
static void start_heartbeat(struct governor *g)
{
	int64_t every = service_alive_every_ns();

	if (g->governing)
		every = every ? MIN(every, g->o->lease_ns / 3) : g->o->lease_ns / 3;
	if (every)
		arm(g->heartbeat, clock_boottime_ns() + every, every);
}

int governor_events(struct governor *g, int timeout_ms)
{
	struct epoll_event events[32];
	int n = epoll_wait(g->epoll, events, ARRAY_SIZE(events), timeout_ms);
	bool going = true;

	if (n < 0)
		return errno == EINTR ? 1 : log_error_errno(-errno, "epoll");
	for (int i = 0; i < n && going; i++)
		going = handle(g, &events[i]);
	admit_publish(g);
	return going;
}

int governor_run(struct governor *g)
{
	int r = 1;

	watch_clock(g);
	start_heartbeat(g);
	tick_at(g, clock_monotonic_ns());
	service_ready();
	while (r > 0)
		r = governor_events(g, -1);
	if (r < 0)
		return r;
	service_stopping();
	if (g->root_gone)
		return -ENODEV;
	if (g->governing)
		log_info("stopping: limits below %s are lifted, its own budget stays until "
			 "`faasmat restore`",
			 g->root_path);
	return 0;
}
