// SPDX-License-Identifier: GPL-2.0-or-later
/* Every write to a limit file, and to memory.reclaim. What may block happens in a thread with a
 * deadline (writer.h); everything else at once. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>

#include "common/log.h"
#include "governor/internal.h"

/* After so long a signal ends a write. A batch of reclaim is small; on a slow disk it takes its time. */
#define LIMIT_DEADLINE_NS NS_PER_S
#define RECLAIM_DEADLINE_NS (2 * NS_PER_S)

/* O_NONBLOCK on memory.max: from 6.16 on (c8e6002bd611, "memcg: introduce non-blocking limit setting
 * option"), silently ignored before. Why not by trying: docs/decisions.md. */
static bool honours_nonblock(void)
{
	struct utsname u;
	int major, minor;

	return uname(&u) == 0 && sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 16));
}

int writes_open(struct governor *g)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &g->ended };
	int r;

	g->nonblocking = honours_nonblock() && !g->o->write_limit;
	g->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (g->ended < 0 || epoll_ctl(g->epoll, EPOLL_CTL_ADD, g->ended, &event) < 0)
		return -errno;
	r = writer_open(LIMIT_DEADLINE_NS, g->ended, g->o->write_limit, &g->limits);
	return r < 0 ? r : writer_open(RECLAIM_DEADLINE_NS, g->ended, NULL, &g->reclaims);
}

void writes_close(struct governor *g)
{
	for (size_t i = 0; i < g->n; i++)
		writes_forget(g, g->pools[i]);
	writer_close(g->limits);
	writer_close(g->reclaims);
	close_fd(&g->ended);
	g->ended = -1;
}

void writes_forget(struct governor *g, struct pool *p)
{
	if (p->limit_job)
		writer_forget(g->limits, p->limit_job);
	if (p->reclaim_job)
		writer_forget(g->reclaims, p->reclaim_job);
	p->limit_job = p->reclaim_job = NULL;
	p->reclaim.active = false;
}

static void has_written(struct pool *p, enum change_kind file, int64_t value)
{
	p->written[file] = value;
	p->known[file] = true;
	p->foreign[file] = false;
}

/* Begins a write that the kernel may hold up. */
static int begin_write(struct governor *g, struct pool *p, enum change_kind file, int64_t value)
{
	char text[32];
	int fd = cgroup_dir_open_file(&p->dir, limit_file[file]), r;

	if (fd < 0)
		return fd;
	cgroup_dir_format(value, text, sizeof(text));
	r = writer_begin(g->limits, fd, text, true, &p->limit_job);
	if (r < 0)
		return r;
	p->limit_value = value;
	/* Until it has ended nobody knows what the file holds. */
	p->known[file] = false;
	return -EINPROGRESS;
}

static bool may_block(const struct governor *g, int i, enum change_kind file, int64_t value)
{
	/* What systemd writes, it writes itself. */
	return file == CHANGE_LIMIT && value < g->states[i].limit && !g->nonblocking &&
	       !g->pools[i]->dir.slice;
}

static int write_file(void *arg, int i, enum change_kind file, int64_t value)
{
	struct governor *g = arg;
	struct pool *p = g->pools[i];
	int r;

	if (!g->apply)
		return 0;
	/* Limits that nobody would lift again must not be written. */
	if (lease_ended(&g->lease))
		return -ESTALE;
	if (p->dir.fd < 0)
		return -ENODEV;
	if (!p->journalled[file])
		return -ENOTRECOVERABLE;
	if (may_block(g, i, file, value))
		return begin_write(g, p, file, value);
	r = cgroup_dir_write(&p->dir, limit_file[file], value);
	if (r < 0)
		/* What it holds now is not a stranger's doing. */
		p->known[file] = false;
	else
		has_written(p, file, value);
	return r;
}

static int result(void *arg, int i, enum change_kind file)
{
	struct governor *g = arg;
	struct pool *p = g->pools[i];
	int64_t began = clock_monotonic_ns();
	int r = writer_end(g->limits, p->limit_job, MAX(g->patience_ns, 0));

	g->patience_ns -= clock_monotonic_ns() - began;
	if (r == -EINPROGRESS)
		return r;
	p->limit_job = NULL;
	if (r == 0)
		has_written(p, file, p->limit_value);
	return r;
}

static int read_back(void *arg, int i, enum change_kind file, int64_t *ret)
{
	struct governor *g = arg;
	struct pool *p = g->pools[i];
	int r;

	*ret = 0;
	if (p->dir.fd < 0)
		return 0;
	r = cgroup_dir_read(&p->dir, limit_file[file], ret);
	if (r == 0) {
		p->written[file] = *ret;
		p->known[file] = true;
	}
	return r;
}

static int read_current(void *arg, int i, int64_t *ret)
{
	struct governor *g = arg;

	*ret = 0;
	return g->pools[i]->dir.fd < 0 ? 0
				       : cgroup_dir_read(&g->pools[i]->dir, "memory.current", ret);
}

static void admit(void *arg, int i, int64_t bytes, int64_t containers)
{
	struct governor *g = arg;

	admission_set(g->table, i, bytes, containers);
}

/* Begins the next batch, if there is one. */
static int next_batch(struct governor *g, size_t i)
{
	struct pool *p = g->pools[i];
	int64_t current, bytes;
	char text[32];
	int fd, r = cgroup_dir_read(&p->dir, "memory.current", &current);

	if (r < 0)
		return r;
	bytes = reclaim_next(&p->reclaim, current);
	if (bytes == 0)
		return 0;
	fd = cgroup_dir_open_file(&p->dir, "memory.reclaim");
	if (fd < 0)
		return fd;
	snprintf(text, sizeof(text), "%lld", (long long)bytes);
	return writer_begin(g->reclaims, fd, text, false, &p->reclaim_job);
}

static int begin_reclaim(void *arg, int i, int64_t to)
{
	struct governor *g = arg;
	struct pool *p = g->pools[i];
	int64_t current = g->states[i].current;
	int r = 0;

	/* One that was no use is tried again in the next minute. */
	if (p->reclaim_job || g->no_reclaim || p->reclaim_minute == g->model_minute)
		return 0;
	if (g->apply) {
		reclaim_set(&p->reclaim, to, current);
		r = next_batch(g, (size_t)i);
	}
	if (r == -ENOENT && p->dir.keep) {
		g->no_reclaim = true;
		log_warning(
			"this kernel has no memory.reclaim (before 5.19): page cache leaves only "
			"under pressure");
	}
	p->reclaim_minute = g->model_minute;
	if (r == 0)
		ledger_say(g, p->name, "reclaim", "memory.reclaim", current, to,
			   "its page cache is in the way of the next lower limit");
	return r == -ENOENT ? 0 : r;
}

const struct act_ops writes_ops = {
	.write = write_file,
	.result = result,
	.read = read_back,
	.read_current = read_current,
	.admit = admit,
	.reclaim = begin_reclaim,
};

/* After each batch the pool is looked at anew: pressure stops it. True when it is over. */
static bool batch_ended(struct governor *g, size_t i)
{
	struct pool *p = g->pools[i];
	int r = writer_end(g->reclaims, p->reclaim_job, 0);
	int64_t current;

	if (r == -EINPROGRESS)
		return false;
	p->reclaim_job = NULL;
	if (cgroup_dir_read(&p->dir, "memory.current", &current) < 0) {
		p->reclaim.active = false;
		return true;
	}
	g->states[i].current = current;
	reclaim_ended(&p->reclaim, r, current);
	if (!sense_calm(g, i))
		p->reclaim.active = false;
	if (p->reclaim.active && next_batch(g, i) == 0 && p->reclaim_job)
		return false;
	/* What has come down far enough may go on at the next tick; what has not, next minute. */
	if (current <= p->reclaim.goal)
		p->reclaim_minute = 0;
	p->reclaim.active = false;
	return true;
}

static bool limit_ended(struct governor *g, struct pool *p)
{
	if (writer_end(g->limits, p->limit_job, 0) == -EINPROGRESS)
		return false;
	p->limit_job = NULL;
	return true;
}

bool writes_event(struct governor *g, const void *ptr, bool *ret_tick)
{
	uint64_t n;

	if (ptr != &g->ended)
		return false;
	/* Only to make it quiet. */
	if (read(g->ended, &n, sizeof(n)) < 0)
		n = 0;
	*ret_tick = false;
	for (size_t i = 0; i < g->n; i++) {
		struct pool *p = g->pools[i];

		if (p->limit_job)
			*ret_tick |= limit_ended(g, p);
		if (p->reclaim_job)
			*ret_tick |= batch_ended(g, i);
	}
	return true;
}

static int lift(struct governor *g, struct pool *p, enum change_kind f, const char *why)
{
	int64_t value = f == CHANGE_LIMIT ? LIMIT_NONE : 0, now;

	if (p->dir.fd < 0 || !p->journalled[f] || p->foreign[f] ||
	    cgroup_dir_read(&p->dir, limit_file[f], &now) < 0 ||
	    (p->known[f] && now != p->written[f]))
		return 0;
	record_journal_last(g->record, p->dir.id, limit_file[f], value);
	ledger_say(g, p->name, "write", limit_file[f], now, value, "%s", why);
	if (cgroup_dir_write(&p->dir, limit_file[f], value) == 0) {
		has_written(p, f, value);
		return 0;
	}
	log_warning("%s/%s could not be lifted", p->name, limit_file[f]);
	return 1;
}

int writes_lift(struct governor *g, const char *why)
{
	int failed = 0;

	for (size_t i = 0; i < g->n; i++)
		for (enum change_kind f = CHANGE_LIMIT; f <= CHANGE_LOW; f++)
			failed += lift(g, g->pools[i], f, why);
	return failed;
}
