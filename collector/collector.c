// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/collector.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "collector/baselines.h"
#include "collector/identify.h"
#include "collector/minutes.h"
#include "collector/record.h"
#include "collector/samples.h"
#include "common/cgroupfs.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/service.h"
#include "store/history.h"
#include "store/plan.h"
#include "store/retention.h"

/* OOM kills that are kept until the minute is stored; a storm beyond that is only in the counts. */
#define MAX_VICTIMS 256

/* How long storing waits for a lock: sweeps wait meanwhile, and it is tried again the next second. */
#define PATIENCE_MS 250

struct collector {
	const struct collector_options *o;
	struct sensor *sensor;
	struct tally *tally;
	struct identifier *identifier;
	struct store *store;
	char *root_path; /* relative to the cgroup mount */
	struct minutes minutes;
	int64_t stop_minute;
	bool catching_up; /* the first row takes in what came while no collector ran */
	int64_t catch_up_minute;
	bool store_failed; /* said so already */
	uint64_t lost_said[WIRE_LOST_KINDS];
	uint64_t lost_noted; /* cgroups and invocations, of minutes that are closed */
	int64_t rows_lost_said;
	struct victim victims[MAX_VICTIMS];
	size_t n_victims;
	struct samples samples;
	int timer_fd, signal_fd, epoll_fd;
};

/* Path of an open cgroup directory below its mount, from /proc: "/" for the mount's root. */
static char *path_below_mount(int dir_fd, uint32_t level)
{
	char link[64], path[4096];
	ssize_t n;
	char *p;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir_fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return NULL;
	path[n] = '\0';
	if (level == 0)
		return strdup("/");
	/* The last `level` components. */
	for (p = path + n; p > path && level; level--)
		do
			p--;
		while (p > path && *p != '/');
	return strdup(p);
}

/* Cgroups that were there before the programs: their names by walking the directories. */
static void walk(struct collector *c, int dir_fd, uint64_t parent)
{
	DIR *d = fdopendir(dir_fd);
	struct dirent *e;

	if (!d) {
		close(dir_fd);
		return;
	}
	while ((e = readdir(d))) {
		uint64_t id;
		int fd;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			continue;
		if (cgroup_id_of(fd, &id) < 0) {
			close(fd);
			continue;
		}
		tally_add_cgroup(c->tally, id, parent, e->d_name);
		walk(c, fd, id);
	}
	closedir(d);
}

static void walk_all(struct collector *c)
{
	int fd = openat(sensor_root_fd(c->sensor), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		walk(c, fd, sensor_root_id(c->sensor));
}

/* Makes cgroup `id` known: what was made under our eyes has its name in a map, with that of its
 * parents. */
static int learn(struct collector *c, uint64_t id, int depth)
{
	struct wire_cgroup who;
	int r;

	if (tally_knows(c->tally, id))
		return 0;
	if (depth > 64)
		return -ELOOP;
	r = sensor_read_cgroup(c->sensor, id, &who);
	if (r < 0)
		return r;
	r = learn(c, who.parent, depth + 1);
	return r < 0 ? r : tally_add_cgroup(c->tally, id, who.parent, who.name);
}

struct usages {
	const struct wire_usage *usage;
	const uint64_t *ids;
	size_t n;
};

/* All that the pass saw becomes known. */
static void learn_all(struct collector *c, const struct usages *seen)
{
	bool walked = false;

	for (size_t i = 0; i < seen->n; i++)
		if (learn(c, seen->ids[i], 0) < 0 && !walked) {
			walk_all(c);
			walked = true;
		}
}

/* Removed; or gone without our having seen it go: made before the pass, which did not see it. */
static bool is_gone(const struct collector *c, uint64_t id, const struct wire_usage *u,
		    uint64_t pass_ns)
{
	return u->removed_ns || (u->made_ns < pass_ns && !tally_has_seen(c->tally, id));
}

static void take_changes(struct collector *c, const struct usages *changed, uint64_t pass_ns)
{
	for (size_t i = 0; i < changed->n; i++) {
		uint64_t id = changed->ids[i];

		if (is_gone(c, id, &changed->usage[i], pass_ns))
			tally_usage(c->tally, id, &changed->usage[i]);
		else if (changed->usage[i].has_processes)
			tally_populated(c->tally, id);
	}
}

static int sweep(struct collector *c)
{
	uint64_t pass_ns = (uint64_t)clock_monotonic_ns();
	const struct wire_invocations *counters;
	struct usages seen, changed;
	const uint64_t *ids;
	size_t n;
	int r = sensor_sweep(c->sensor);

	if (r == 0)
		r = sensor_read_changes(c->sensor, &changed.ids, &changed.usage, &changed.n);
	if (r < 0)
		return log_error_errno(r, "reading the cgroups");
	sensor_read_usage(c->sensor, &seen.ids, &seen.usage, &seen.n);
	tally_begin(c->tally, sensor_sweep_number(c->sensor));
	learn_all(c, &seen);
	/* Those that came and went between two passes; and who cannot be told any more, since its name
	 * found the map full, is forgotten. */
	for (size_t i = 0; i < changed.n; i++)
		if (learn(c, changed.ids[i], 0) < 0 && changed.usage[i].removed_ns)
			sensor_forget(c->sensor, changed.ids[i]);
	identify(c->identifier, c->tally);
	for (size_t i = 0; i < seen.n; i++)
		tally_usage(c->tally, seen.ids[i], &seen.usage[i]);
	take_changes(c, &changed, pass_ns);
	if (!sensor_pass_is_full(c->sensor))
		tally_find_gone(c->tally);
	r = sensor_read_invocations(c->sensor, &ids, &counters, &n);
	if (r < 0)
		return log_error_errno(r, "reading the counters");
	for (size_t i = 0; i < n; i++)
		tally_invocations(c->tally, ids[i], &counters[i]);
	tally_end(c->tally);
	return 0;
}

static void drop_cgroup(uint64_t id, void *arg)
{
	struct collector *c = arg;

	sensor_forget(c->sensor, id);
}

static void say_losses(struct collector *c)
{
	static const char *const what[] = {
		[WIRE_LOST_CGROUP] = "cgroups found the map full; raise --max-containers",
		[WIRE_LOST_INVOCATION] = "invocations found the map full; raise --max-containers",
		[WIRE_LOST_VICTIM] = "OOM kills came faster than they were read",
	};

	for (int k = 0; k < WIRE_LOST_KINDS; k++) {
		uint64_t n = sensor_lost(c->sensor, k);

		if (n > c->lost_said[k])
			log_warning("lost: %llu %s", (unsigned long long)n, what[k]);
		c->lost_said[k] = n;
	}
	if (tally_rows_lost(c->tally) > c->rows_lost_said)
		log_warning(
			"lost: %lld history rows, the database could not be written for too long",
			(long long)tally_rows_lost(c->tally));
	c->rows_lost_said = tally_rows_lost(c->tally);
}

static uint64_t count_lost(const struct collector *c)
{
	return sensor_lost(c->sensor, WIRE_LOST_CGROUP) +
	       sensor_lost(c->sensor, WIRE_LOST_INVOCATION);
}

/* Reasons, beside its length, for which the minute that runs is partial for all functions: it must not
 * become one in which those without a row had no invocations. */
static unsigned int note_quality(struct collector *c)
{
	uint64_t lost = count_lost(c);

	if (lost > c->lost_noted)
		c->minutes.why |= QUALITY_LOST;
	c->lost_noted = lost;
	if (!c->o->sensor.filter->classes)
		c->minutes.why |= QUALITY_NONE;
	return c->minutes.why;
}

/* Tries to store what is pending; what cannot be stored stays pending. */
static int store_pending(struct collector *c, int64_t minute, bool sample)
{
	struct record what = {
		.minute = minute,
		.whole = c->minutes.minute - 1,
		.watched = c->minutes.watched,
		.n_watched = c->minutes.n_watched,
		.lost = (int64_t)c->lost_noted,
		.victims = c->victims,
		.n_victims = c->n_victims,
		.samples = sample ? &c->samples : NULL,
		.keep_minutes = c->o->keep_minutes,
	};
	int r = record_tally(c->store, sensor_epoch(c->sensor), c->tally, &what);

	if (r < 0) {
		if (!c->store_failed)
			log_error("the database cannot be written, minutes are kept in memory: %s",
				  store_why());
		c->store_failed = true;
		return r;
	}
	if (c->store_failed)
		log_info("the database can be written again");
	c->store_failed = false;
	c->n_victims = 0;
	minutes_stored(&c->minutes);
	tally_stored(c->tally, drop_cgroup, c);
	return 0;
}

/* What came while no collector ran belongs to the minute it was interrupted in, marked partial. */
static int catch_up(struct collector *c)
{
	int r;

	if (!c->catching_up)
		return 0;
	c->catching_up = false;
	r = tally_close_minute(c->tally, c->catch_up_minute, QUALITY_UNWATCHED | note_quality(c));
	if (r == 0)
		log_info(
			"minutes %lld to %lld were not watched; their invocations are in the first",
			(long long)c->catch_up_minute, (long long)c->minutes.minute - 1);
	return r;
}

/* The functions that the plan gives a pool this minute. */
static void take_samples(struct collector *c, int64_t minute)
{
	int hot[SAMPLES_FUNCTIONS];
	struct plan_row *rows = NULL;
	size_t n, used = 0;

	if (store_read_plan(c->store, minute, &rows, &n) < 0)
		n = 0;
	for (size_t i = 0; i < n && used < ARRAY_SIZE(hot); i++) {
		hot[used] = tally_find_function(c->tally, rows[i].name);
		used += hot[used] >= 0;
	}
	free(rows);
	samples_take(&c->samples, c->tally, sensor_root_fd(c->sensor), hot, used);
}

static int close_minute(struct collector *c, int64_t minute, unsigned int why, bool sample)
{
	int r = tally_close_minute(c->tally, minute, why);

	if (r == 0) {
		if (sample)
			take_samples(c, minute);
		r = store_pending(c, minute, sample);
		if (r == 0 && store_tidy(c->store) < 0)
			log_warning("the database stays larger than it must: %s", store_why());
	}
	say_losses(c);
	/* Only memory is fatal: a database that is locked now may be free the next second. */
	return r == -ENOMEM ? log_error_errno(r, "closing minute %lld", (long long)minute) : 0;
}

static struct moment look(const struct collector *c)
{
	const struct clock *clock = &c->o->clock;
	int64_t now = clock_now_ns(clock), minute = clock_minute_at(clock, now);

	return (struct moment){ .minute = minute,
				.into_ns = now - clock_minute_start_ns(clock, minute),
				.monotonic_ns = clock_monotonic_ns() };
}

static int tick(struct collector *c)
{
	struct moment now = look(c);
	int64_t closed;
	unsigned int why;
	int r = sweep(c);

	service_alive();
	if (r == 0)
		r = catch_up(c);
	if (r < 0)
		return r;
	note_quality(c);
	if (minutes_tick(&c->minutes, &now, &closed, &why))
		return close_minute(c, closed, why, true);
	/* Containers that went hold entries in the kernel until they are stored: a storm of them is
	 * booked before the minute's end (rows of one minute add up). */
	if (tally_gone(c->tally) > c->o->sensor.max_cgroups / 4 && !c->store_failed)
		return close_minute(c, c->minutes.minute, c->minutes.why, false);
	if (c->store_failed)
		store_pending(c, c->minutes.minute, false);
	return 0;
}

static void on_victim(const struct wire_victim *v, void *arg)
{
	struct collector *c = arg;
	const struct cgroup_node *node = tree_find(tally_tree(c->tally), v->cgroup);

	log_warning("OOM kill of %.16s (pid %u) in %s", v->comm, v->pid, node ? node->path : "?");
	if (c->n_victims < MAX_VICTIMS)
		c->victims[c->n_victims++] = (struct victim){ .wire = *v,
							      .minute = c->minutes.minute,
							      .time_us = clock_stamp_us() };
}

/* Which minute runs, whether it has been counted from its beginning, and whether others before it
 * were counted by nobody's watch. */
static int start_minutes(struct collector *c)
{
	int64_t length = c->o->clock.minute_ns, last = INT64_MIN;
	int64_t slack = MAX(2 * c->o->interval_ns, length / 20);
	bool running = sensor_was_running(c->sensor);
	unsigned int why = 0;
	int64_t lost = 0;
	struct moment now = look(c);
	int r = 0;

	store_get_meta(c->store, "collector_whole_minute", &last);
	c->catching_up = running && last != INT64_MIN && last < now.minute - 1;
	c->catch_up_minute = last + 1;
	/* The minute in which an earlier collector stopped for good is in rows that lack its end. */
	if (!running && last != INT64_MIN)
		r = store_mark_partial(c->store, last + 1, QUALITY_UNWATCHED);
	if (r < 0)
		return log_error_errno(r, "minute %lld: %s", (long long)last + 1, store_why());
	if (running ? c->catching_up || last == INT64_MIN : now.into_ns > slack)
		why = QUALITY_UNWATCHED;
	if (sensor_was_replaced(c->sensor))
		why |= QUALITY_REPLACED;
	minutes_start(&c->minutes, &now, why, last, length, slack);
	/* What was lost since the last minute was stored belongs to the one that ends next. */
	store_get_meta(c->store, "collector_lost", &lost);
	c->lost_noted = MIN((uint64_t)lost, count_lost(c));
	if (c->o->minutes)
		c->stop_minute = now.minute + c->o->minutes;
	return 0;
}

/* The next sweep, in step with the minutes, so that one falls right behind each boundary. Armed
 * anew each time by what the clock says then: a clock that is set delays no sweep. */
static int arm_timer(struct collector *c)
{
	const struct clock *clock = &c->o->clock;
	int64_t sweeps = MAX(1, (clock->minute_ns + c->o->interval_ns / 2) / c->o->interval_ns);
	int64_t step = clock->minute_ns / sweeps;
	int64_t now = clock_now_ns(clock);
	int64_t into = now - clock_minute_start_ns(clock, clock_minute_at(clock, now));
	int64_t wait = MAX(step - into % step, NS_PER_MS);
	struct itimerspec t = { .it_value = { wait / NS_PER_S, wait % NS_PER_S } };

	return timerfd_settime(c->timer_fd, 0, &t, NULL) < 0 ? -errno : 0;
}

static int watch(struct collector *c, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static int start_loop(struct collector *c)
{
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (c->epoll_fd < 0 || c->signal_fd < 0 || c->timer_fd < 0)
		return -errno;
	r = arm_timer(c);
	if (r == 0)
		r = watch(c, c->timer_fd);
	if (r == 0)
		r = watch(c, c->signal_fd);
	if (r == 0 && sensor_victims_fd(c->sensor) >= 0)
		r = watch(c, sensor_victims_fd(c->sensor));
	return r;
}

static int loop(struct collector *c)
{
	for (;;) {
		struct epoll_event e;
		uint64_t expirations;
		int r = epoll_wait(c->epoll_fd, &e, 1, -1);

		if (r < 0 && errno != EINTR)
			return log_error_errno(-errno, "waiting");
		if (r <= 0)
			continue;
		if (e.data.fd == c->signal_fd)
			return 0;
		if (e.data.fd != c->timer_fd) {
			sensor_poll_victims(c->sensor);
			continue;
		}
		if (read(c->timer_fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
			return log_error_errno(-errno, "reading the timer");
		r = tick(c);
		if (r == 0)
			r = arm_timer(c);
		if (r < 0)
			return r;
		if (c->stop_minute && c->minutes.minute >= c->stop_minute)
			return 0;
	}
}

static int set_up(struct collector *c)
{
	const struct collector_options *o = c->o;
	int r;

	r = sensor_open(&o->sensor, &c->sensor);
	if (r < 0)
		return r;
	c->root_path = path_below_mount(sensor_root_fd(c->sensor), sensor_root_level(c->sensor));
	if (!c->root_path)
		return log_error_errno(-errno, "--root %s", o->sensor.root);
	r = tally_new(o->rules, sensor_root_id(c->sensor), c->root_path,
		      60.0 * NS_PER_S / (double)o->clock.minute_ns, &c->tally);
	if (r < 0)
		return log_error_errno(r, "starting");
	c->identifier = identifier_new(o->rules, sensor_root_fd(c->sensor));
	if (!c->identifier)
		return log_error_errno(-ENOMEM, "starting");
	sensor_on_victim(c->sensor, on_victim, c);
	/* Loading took the kernel's type information apart, ten megabytes of it. */
	malloc_trim(0);
	r = start_minutes(c);
	if (r == 0)
		r = baselines_load(c->sensor, o->sensor.pin_dir, c->store, c->tally);
	if (r < 0)
		return r;
	store_set_patience(c->store, PATIENCE_MS);
	walk_all(c);
	r = sweep(c);
	return r < 0 ? r : catch_up(c);
}

static void clean_up(struct collector *c)
{
	identifier_free(c->identifier);
	tally_free(c->tally);
	sensor_close(c->sensor);
	free(c->root_path);
	if (c->timer_fd >= 0)
		close(c->timer_fd);
	if (c->signal_fd >= 0)
		close(c->signal_fd);
	if (c->epoll_fd >= 0)
		close(c->epoll_fd);
}

int collector_run(const struct collector_options *o, struct store *s)
{
	struct collector c = {
		.o = o, .store = s, .timer_fd = -1, .signal_fd = -1, .epoll_fd = -1
	};
	int r = set_up(&c);

	if (r == 0) {
		r = start_loop(&c);
		if (r < 0)
			log_error_errno(r, "starting the loop");
	}
	if (r == 0) {
		log_info("watching %s%s%s", c.root_path,
			 sensor_was_running(c.sensor) ? ", counters taken over" : "",
			 sensor_sees_victims(c.sensor) ? ""
						       : ", OOM victims unseen on this kernel");
		service_ready();
		r = loop(&c);
		service_stopping();
		/* The minute that runs is stored as far as it has come; it adds up on restart. */
		if (r == 0 && sweep(&c) == 0)
			r = close_minute(&c, c.minutes.minute, note_quality(&c), false);
	}
	clean_up(&c);
	return r;
}
