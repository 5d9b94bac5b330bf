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

const char *ledger_row_sentence(const json_t *row)
{
	/* Actions that move bytes; the others' reasons are sentences already. */
	static const struct {
		const char *action, *applied, *shadow;
	} words[] = {
		{ "write", "wrote", "would have written" },
		{ "admit", "admitted", "admitted" },
		{ "reclaim", "reclaimed", "would have reclaimed" },
		{ "borrow", "lent it", "would have lent it" },
		{ "adopt", "left what someone else wrote,", "left what someone else wrote," },
		{ "restore", "restored", "restored" },
		{ "fail", "failed to write", "failed to write" },
	};
	static char out[1024];
	const char *action = text(row, "action"), *file = text(row, "file");
	const char *whose = *text(row, "pool") ? "" : "for the node: ";

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(action, words[i].action) != 0)
			continue;
		snprintf(out, sizeof(out), "%s%s%s%s %s -> %s; %s", whose,
			 json_is_true(json_object_get(row, "applied")) ? words[i].applied
								       : words[i].shadow,
			 *file ? " " : "", file, bytes(row, "before"), bytes(row, "after"),
			 printable(text(row, "reason")));
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
