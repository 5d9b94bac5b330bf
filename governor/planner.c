// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/planner.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"

#define TOO_LONG_NS (600 * NS_PER_S)

extern char **environ;

bool planner_is_due(const struct planner_rule *rule, const struct planner_state *state,
		    int64_t minute, int minute_of_day, bool has_plan)
{
	int64_t since;

	if (state->pid || (rule->at == PLANNER_NEVER && rule->every == PLANNER_NEVER))
		return false;
	if (state->last == INT64_MIN)
		return !has_plan || minute_of_day == rule->at || rule->every != PLANNER_NEVER;
	since = minute - state->last;
	/* Below zero: a clock set back; as if just run. */
	if (since <= 0)
		return false;
	if (minute_of_day == rule->at)
		return true;
	if (rule->every != PLANNER_NEVER && since >= rule->every)
		return true;
	return (state->failed || !has_plan) && since >= PLANNER_RETRY;
}

int planner_minute_of_day(int64_t minute)
{
	time_t t = minute * 60;
	struct tm tm;

	return localtime_r(&t, &tm) ? tm.tm_hour * 60 + tm.tm_min : 0;
}

/* A batch job with ordinary signals: ours are blocked for the signalfd. */
static void set_attributes(posix_spawnattr_t *attributes)
{
	struct sched_param priority = { 0 };
	sigset_t none, fresh;

	sigemptyset(&none);
	sigemptyset(&fresh);
	sigaddset(&fresh, SIGPIPE);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &fresh);
	posix_spawnattr_setschedpolicy(attributes, SCHED_BATCH);
	posix_spawnattr_setschedparam(attributes, &priority);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						     POSIX_SPAWN_SETSCHEDULER);
}

int planner_start(struct planner_state *state, int64_t minute, char *const *argv)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int r;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attributes);
	set_attributes(&attributes);
	state->last = minute;
	state->failed = true;
	r = -posix_spawn(&state->pid, argv[0], &files, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	if (r < 0) {
		state->pid = 0;
		return r;
	}
	state->started_ns = clock_monotonic_ns();
	return 0;
}

bool planner_reap(struct planner_state *state)
{
	int status;

	if (!state->pid)
		return true;
	if (waitpid(state->pid, &status, WNOHANG) == 0) {
		if (clock_monotonic_ns() - state->started_ns < TOO_LONG_NS)
			return false;
		log_warning("the plan has taken more than ten minutes: ended; the last one holds");
		planner_stop(state);
		return true;
	}
	state->failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	if (state->failed)
		log_warning("the plan could not be renewed: the last one holds; next try in %d "
			    "minutes",
			    PLANNER_RETRY);
	state->pid = 0;
	return true;
}

void planner_stop(struct planner_state *state)
{
	if (!state->pid)
		return;
	kill(state->pid, SIGKILL);
	waitpid(state->pid, NULL, 0);
	state->pid = 0;
}
