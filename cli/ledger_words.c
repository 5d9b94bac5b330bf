// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ledger_words.h"

#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "governor/reason.h"

json_t *ledger_row_json(const struct ledger_row *row)
{
	json_t *pool = json_string(row->pool), *reason = json_string(row->reason);

	return json_pack("{s:I, s:I, s:o, s:s, s:s, s:I, s:I, s:o, s:b}", "minute",
			 (json_int_t)row->minute, "time_us", (json_int_t)row->time_us, "pool",
			 pool ? pool : json_null(), "action", row->action, "file", row->file,
			 "before", (json_int_t)row->before, "after", (json_int_t)row->after,
			 "reason", reason ? reason : json_null(), "applied", row->applied);
}

static const char *text(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s ? s : "";
}

static const char *bytes(const json_t *row, const char *key)
{
	return format_limit(json_integer_value(json_object_get(row, key)));
}

/* How a row is said: what was done (or would have been, in shadow mode), which of its numbers, then the
 * reason, which is half a sentence. */
enum numbers {
	NO_NUMBERS,
	FILE_CHANGE,  /* memory.max 150M -> 200M */
	BYTE_CHANGE,  /* 150M -> 200M */
	LIMIT_BEFORE, /* 150M */
};

static const struct words {
	const char *action, *applied, *shadow;
	enum numbers numbers;
} words[] = {
	{ "write", "wrote", "would have written", FILE_CHANGE },
	{ "fail", "failed to write", "failed to write", FILE_CHANGE },
	{ "adopt", "left what someone else wrote,", "left what someone else wrote,", FILE_CHANGE },
	{ "restore", "restored", "restored", FILE_CHANGE },
	{ "admit", "admitted", "admitted", BYTE_CHANGE },
	{ "reclaim", "asked the kernel to reclaim", "would have asked the kernel to reclaim",
	  BYTE_CHANGE },
	{ "borrow", "changed what main lends it,", "would have changed what main lends it,",
	  BYTE_CHANGE },
	{ "oom", "saw an OOM kill at its limit of", "saw an OOM kill under a limit of",
	  LIMIT_BEFORE },
	{ "full", "found it full at its limit of", "found it full under a limit of", LIMIT_BEFORE },
	{ "quarantine", "put it in quarantine at its limit of",
	  "would have put it in quarantine at its limit of", LIMIT_BEFORE },
	{ "calm", "found it calm at its limit of", "found it calm under a limit of", LIMIT_BEFORE },
	{ "wait", "kept the limit of", "would have kept the limit of", LIMIT_BEFORE },
	{ "veto", "did not lower or raise the limit of", "would not have changed the limit of",
	  LIMIT_BEFORE },
	{ "remove", "removed its cgroup", "would have removed its cgroup", NO_NUMBERS },
	{ "gone", "lost its cgroup", "lost its cgroup", NO_NUMBERS },
	{ "breaker", "stopped acting", "stopped acting", NO_NUMBERS },
	{ "lease", "took the lease again", "took the lease again", NO_NUMBERS },
	{ "plan", "had no good plan", "had no good plan", NO_NUMBERS },
	{ "cut", "cut the plan by", "would have cut the plan by", LIMIT_BEFORE },
	{ "start", "began", "began", NO_NUMBERS },
};

static void say_numbers(const json_t *row, enum numbers how, char *out, size_t size)
{
	const char *file = text(row, "file");

	*out = '\0';
	if (how == FILE_CHANGE)
		snprintf(out, size, "%s%s %s -> %s", *file ? " " : "", file, bytes(row, "before"),
			 bytes(row, "after"));
	else if (how == BYTE_CHANGE)
		snprintf(out, size, " %s -> %s", bytes(row, "before"), bytes(row, "after"));
	else if (how != NO_NUMBERS)
		snprintf(out, size, " %s", bytes(row, "before"));
}

const char *ledger_row_sentence(const json_t *row)
{
	const char *action = text(row, "action");
	const char *whose = *text(row, "pool") ? "" : "for the node: ";
	static char out[1024];
	char numbers[160];

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(action, words[i].action) != 0)
			continue;
		say_numbers(row, words[i].numbers, numbers, sizeof(numbers));
		snprintf(out, sizeof(out), "%s%s%s; %s", whose,
			 json_is_true(json_object_get(row, "applied")) ? words[i].applied
								       : words[i].shadow,
			 numbers, printable(text(row, "reason")));
		return out;
	}
	snprintf(out, sizeof(out), "%s%s: %s", whose, action, printable(text(row, "reason")));
	return out;
}

const char *ledger_row_time(const json_t *row)
{
	time_t t = json_integer_value(json_object_get(row, "time_us")) / US_PER_S;
	static char out[16];
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(out, sizeof(out), "%H:%M:%S", &tm))
		strcpy(out, "--:--:--");
	return out;
}
