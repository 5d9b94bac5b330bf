/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * faasmat top, in three: the board (what the database knows of each function's last hour), the live
 * rates (what the kernel's counters gained since the last look), and the screen.
 */
#ifndef FAASMAT_CLI_TOP_H
#define FAASMAT_CLI_TOP_H

#include "cli/cli.h"
#include "forecast/locator.h"
#include "store/functions.h"
#include "store/history.h"

#define BOARD_MINUTES 60

struct board_row {
	struct store_function function;
	double calls[BOARD_MINUTES]; /* invocations a minute, the last one last; NAN: not watched */
	struct history_row minute;   /* the last whole minute */
	bool has_minute;	     /* it has a row; without one, it had no invocation */
	int64_t oom_kills, limit_hits, cold_starts, responses_5xx; /* in the hour */
	struct durations durations;				   /* in the hour */
	struct locator_result judged; /* by the minutes of the hour that were watched */
	bool planned;		      /* has a pool in the minute that runs */
	int64_t pool_containers, pool_bytes;
	/* From the kernel, now. Rate NAN: the counters cannot be read. */
	double rate; /* invocations a second */
	int64_t containers, memory_bytes;
};

struct board {
	struct board_row *row;
	size_t n;
	int64_t minute;	      /* last whole minute in the database */
	int64_t collector_us; /* when the collector wrote last; 0: never */
	bool has_plan;	      /* for the minute that runs */
	bool live;	      /* rate, containers and memory_bytes are of now, not of the minute */
	int64_t unknown;      /* live containers that no rule knows */
};

/* Reads everything anew; b->row is freed by board_free(). Negative errno with store_why(). */
int board_read(struct board *b, struct store *s, const struct locator_options *o);
void board_free(struct board *b);

enum board_sort {
	SORT_RATE,
	SORT_MEMORY,
	SORT_CONTAINERS,
	SORT_BUSY,
	SORT_COLD,
	SORT_SCORE,
	SORT_P95,
	SORT_ERRORS,
	SORT_NAME,
	SORT_KEYS
};
/* Their names, for --sort and the screen. */
extern const char *const board_sort_name[SORT_KEYS];
void board_order_by_id(struct board *b);
/* The default order (largest first, names A to Z), or the other way round. */
void board_order(struct board *b, enum board_sort key, bool reverse);
/* Row's invocations a minute: live when that is known, else of the last minute. */
double board_per_minute(const struct board *b, const struct board_row *r);
int64_t board_memory(const struct board *b, const struct board_row *r);
int64_t board_containers(const struct board *b, const struct board_row *r);
/* The columns' titles, and a row under them, for terminal and pipe alike: names take `width` cells and at
 * most `most` bytes. Good until the next call. */
const char *board_titles(int width);
const char *board_line(const struct board *b, const struct board_row *r, int width, int most);
/* What the last minute's count is worth: '=' exact, '~' partial, '-' nobody counted. */
char board_quality(const struct board_row *r);
/* Why a function is hot, or is not, as a sentence; valid until the next call. */
const char *board_why(const struct board_row *r, const struct locator_options *o);

struct live;
/* -ENOENT, -EPERM, ...: there are no counters to be read. Not logged. */
int live_open(const char *pin_dir, struct live **ret);
void live_free(struct live *l);
/* Fills in the live fields of the board. The first call after live_open() has no rates yet. */
int live_read(struct live *l, struct store *s, struct board *b);

/* `filter`: only names that hold it (any case); "" all. */
bool board_shows(const struct board_row *r, const char *filter, bool only_hot);

struct screen_options {
	struct locator_options locator;
	enum board_sort sort;
	bool reverse, only_hot;
	const char *filter;
	int64_t delay_ms;
	const char *db;
};
/* Runs until q. EXIT_DONE or EXIT_FAILED (logged once the terminal is itself again). */
int screen_run(const struct screen_options *o, struct store *s, struct live *l);

/* calls[BOARD_MINUTES] as `cells` characters of the terminal's character set, the highest as a full
 * block; blank where nothing was watched. `out` needs 3 bytes a cell and a NUL. */
void sparkline(const double *calls, int cells, bool unicode, char *out);

#endif
