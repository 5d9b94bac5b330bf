// SPDX-License-Identifier: GPL-2.0-or-later
/* A start after another governor's end, however it ended: what it left is compared with what it wrote
 * down, so that nothing is believed blindly. Our own limits are gone on from, the end of a lease is known
 * as such, what someone else wrote meanwhile is left alone as if it had been seen happening, and entries
 * of cgroups that are no more are forgotten. */
#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "governor/internal.h"
#include "governor/restore.h"

struct found {
	int ours, lifted, foreign, gone;
};

/* The pool of a journal's path, -1 when it is none of this root's. */
static int pool_of_path(const struct governor *g, const char *path)
{
	size_t n = strlen(g->o->root);
	char name[256];

	if (strncmp(path, g->o->root, n) != 0 || path[n] != '/' ||
	    pool_name_of_directory(g->o->root, path + n + 1, name, sizeof(name)) < 0)
		return -1;
	return admission_find_pool(g->table, name);
}

static int file_of(const char *name)
{
	return strcmp(name, limit_file[CHANGE_LIMIT]) == 0 ? CHANGE_LIMIT
	       : strcmp(name, limit_file[CHANGE_LOW]) == 0 ? CHANGE_LOW
							   : -1;
}

static void leave_alone(struct governor *g, struct pool *p, enum change_kind f,
			const struct journal_row *row)
{
	g->drifts++;
	p->foreign[f] = true;
	p->hands_off_until_ns = clock_monotonic_ns() + clock_scale_ns(&g->o->clock, BACK_OFF_NS);
	log_warning("%s/%s: someone else wrote %s while no governor ran (we: %s); left alone for 5 "
		    "minutes",
		    p->name, row->file, format_limit(p->written[f]), format_limit(row->last_value));
	ledger_say(g, p->name, "adopt", row->file, row->last_value, p->written[f],
		   "someone else wrote it while no governor ran; left alone for 5 minutes");
}

static void compare(struct governor *g, const struct journal_row *row, struct found *found)
{
	int i = pool_of_path(g, row->path), f = file_of(row->file);
	struct pool *p = i < 0 ? NULL : g->pools[i];

	if (strncmp(row->path, g->o->root, strlen(g->o->root)) != 0 || f < 0)
		return;
	if (strcmp(row->path, g->o->root) == 0) {
		found->gone += row->cgroup != g->root.id;
		if (row->cgroup != g->root.id)
			record_journal_remove(g->record, row->cgroup, row->file);
		return;
	}
	/* The id is never used again: a pool made anew under the same name is another. */
	if (!p || p->dir.id != row->cgroup || p->dir.fd < 0) {
		found->gone++;
		record_journal_remove(g->record, row->cgroup, row->file);
		return;
	}
	if (!p->known[f])
		return;
	if (p->written[f] == (f == CHANGE_LOW ? 0 : LIMIT_NONE)) {
		found->lifted++;
	} else if (restore_is_ours(g->store, row, p->written[f])) {
		found->ours++;
	} else {
		found->foreign++;
		leave_alone(g, p, (enum change_kind)f, row);
	}
}

int reconcile(struct governor *g)
{
	_cleanup_free_ struct journal_row *rows = NULL;
	struct found found = { 0 };
	size_t n;
	int r = store_list_journal(g->store, &rows, &n);

	if (r < 0)
		return log_error_errno(r, "the journal of former limits cannot be read: %s",
				       store_why());
	for (size_t k = 0; k < n; k++)
		compare(g, &rows[k], &found);
	if (n > 0)
		ledger_say(
			g, NULL, "start", "", 0, 0,
			"a former governor's files: %d limits still as it wrote them, %d lifted, "
			"%d changed by others, %d gone with their cgroups",
			found.ours, found.lifted, found.foreign, found.gone);
	return 0;
}
