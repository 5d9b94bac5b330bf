// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/on_change.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/log.h"

/* A command is not started more often. */
#define EVERY_NS NS_PER_S

extern char **environ;

struct note {
	char *function;
	json_t *line;
};

struct on_change {
	const char *command;
	int64_t limit_ns;
	int epoll, timer, exited;
	pid_t pid; /* 0: none runs */
	int64_t started_ns;
	struct note *notes;
	size_t n, size;
	enum on_change_state state;
};

static int watch(struct on_change *o, int fd, void *ptr)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = ptr };

	return epoll_ctl(o->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int on_change_open(const char *command, int64_t limit_ns, int epoll, struct on_change **ret)
{
	struct on_change *o = calloc(1, sizeof(*o));
	int r;

	*ret = NULL;
	if (!o)
		return -ENOMEM;
	*o = (struct on_change){
		.command = command, .limit_ns = limit_ns, .epoll = epoll, .exited = -1
	};
	o->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	r = o->timer < 0 ? -errno : watch(o, o->timer, &o->timer);
	if (r < 0) {
		on_change_close(o);
		return r;
	}
	*ret = o;
	return 0;
}

static void forget_notes(struct on_change *o)
{
	for (size_t i = 0; i < o->n; i++) {
		free(o->notes[i].function);
		json_decref(o->notes[i].line);
	}
	o->n = 0;
}

/* Its own process group, which cannot be another's while its leader has not been waited for. */
static void end_command(struct on_change *o)
{
	kill(-o->pid, SIGKILL);
	kill(o->pid, SIGKILL);
	while (waitpid(o->pid, NULL, 0) < 0 && errno == EINTR)
		;
	o->pid = 0;
}

void on_change_close(struct on_change *o)
{
	if (!o)
		return;
	if (o->pid)
		end_command(o);
	close_fd(&o->exited);
	close_fd(&o->timer);
	forget_notes(o);
	free(o->notes);
	free(o);
}

static json_t *line_of(const struct wanted *w)
{
	/* A name may hold bytes that JSON cannot; the pool's escaped name says it then. */
	json_t *function = json_string(w->function);

	return json_pack("{s:o, s:s, s:I, s:I, s:I, s:s, s:b}", "function",
			 function ? function : json_null(), "pool", w->pool, "minute",
			 (json_int_t)w->minute, "containers", (json_int_t)w->containers, "bytes",
			 (json_int_t)w->bytes, "reason", w->reason, "applied", w->applied);
}

static struct note *note_for(struct on_change *o, const char *function)
{
	struct note *more;

	for (size_t i = 0; i < o->n; i++)
		if (strcmp(o->notes[i].function, function) == 0)
			return &o->notes[i];
	if (o->n == o->size) {
		more = realloc(o->notes, (o->size + 64) * sizeof(*more));
		if (!more)
			return NULL;
		o->notes = more;
		o->size += 64;
	}
	o->notes[o->n] = (struct note){ .function = strdup(function) };
	return o->notes[o->n].function ? &o->notes[o->n++] : NULL;
}

int on_change_note(struct on_change *o, const struct wanted *w)
{
	struct note *note;
	json_t *line;

	if (!o)
		return 0;
	line = line_of(w);
	note = line ? note_for(o, w->function) : NULL;
	if (!note) {
		json_decref(line);
		return -ENOMEM;
	}
	json_decref(note->line);
	note->line = line;
	return 0;
}

static void arm(struct on_change *o, int64_t at_ns)
{
	struct itimerspec t = { .it_value = { at_ns / NS_PER_S, at_ns % NS_PER_S } };

	timerfd_settime(o->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

/* All notes as the contents of a file in memory: unlike a pipe it takes any amount at once. */
static int write_notes(const struct on_change *o)
{
	_cleanup_close_ int fd = memfd_create("faasmat-on-change", MFD_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(dup(fd), "w");
	bool failed;

	if (!f)
		return -errno;
	for (size_t i = 0; i < o->n; i++) {
		json_dumpf(o->notes[i].line, f, JSON_COMPACT);
		putc('\n', f);
	}
	failed = ferror(f);
	if (fclose(f) != 0 || failed || lseek(fd, 0, SEEK_SET) < 0)
		return -EIO;
	return TAKE_FD(fd);
}

static int spawn(struct on_change *o, int input)
{
	char *const argv[] = { "sh", "-c", (char *)o->command, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, fresh;
	int r;

	sigemptyset(&none);
	sigemptyset(&fresh);
	sigaddset(&fresh, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &fresh);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	r = -posix_spawn(&o->pid, "/bin/sh", &files, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	if (r < 0)
		o->pid = 0;
	return r;
}

static int start(struct on_change *o)
{
	_cleanup_close_ int input = write_notes(o);
	int r = input < 0 ? input : spawn(o, input);

	if (r < 0)
		return r;
	o->exited = (int)syscall(SYS_pidfd_open, o->pid, 0);
	r = o->exited < 0 ? -errno : watch(o, o->exited, &o->exited);
	if (r < 0)
		end_command(o);
	return r;
}

static void failed(struct on_change *o, const char *how, int number)
{
	if (o->state != ON_CHANGE_FAILS)
		log_warning("--on-change '%s' %s %d; it is run again when something changes",
			    o->command, how, number);
	o->state = ON_CHANGE_FAILS;
}

enum on_change_state on_change_state(const struct on_change *o)
{
	return o ? o->state : ON_CHANGE_NEVER_RUN;
}

void on_change_run(struct on_change *o)
{
	int64_t now = clock_monotonic_ns();
	int r;

	if (!o || o->n == 0 || o->pid)
		return;
	if (o->started_ns && now < o->started_ns + EVERY_NS) {
		arm(o, o->started_ns + EVERY_NS);
		return;
	}
	o->started_ns = now;
	r = start(o);
	if (r < 0)
		failed(o, "cannot be started: error", -r);
	else
		arm(o, now + o->limit_ns);
	forget_notes(o);
}

static void reap(struct on_change *o)
{
	int status;

	if (waitpid(o->pid, &status, WNOHANG) != o->pid)
		return;
	o->pid = 0;
	close_fd(&o->exited);
	o->exited = -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		o->state = ON_CHANGE_WORKS;
	else if (WIFEXITED(status))
		failed(o, "ended with exit status", WEXITSTATUS(status));
	else
		failed(o, "was ended by signal", WTERMSIG(status));
}

static void limit(struct on_change *o)
{
	uint64_t expirations;

	if (read(o->timer, &expirations, sizeof(expirations)) < 0 || !o->pid)
		return;
	end_command(o);
	close_fd(&o->exited);
	o->exited = -1;
	failed(o, "was ended after seconds:", (int)(o->limit_ns / NS_PER_S));
}

bool on_change_event(struct on_change *o, void *ptr)
{
	if (!o || (ptr != &o->exited && ptr != &o->timer))
		return false;
	if (ptr == &o->timer)
		limit(o);
	else if (o->pid)
		reap(o);
	/* What changed while it ran. */
	on_change_run(o);
	return true;
}
