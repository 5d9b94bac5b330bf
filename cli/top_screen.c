// SPDX-License-Identifier: GPL-2.0-or-later
/* The screen of `faasmat top`: a header, a table, the selected function's why, and the keys. */
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <ncurses.h>
#include <string.h>

#include "cli/top.h"

struct screen {
	const struct screen_options *o;
	struct store *store;
	struct live *live;
	struct board board;
	enum board_sort sort;
	bool reverse, only_hot, unicode;
	char filter[64];
	bool typing;		/* the filter */
	size_t selected, first; /* among those shown */
	char problem[200];
};

/* The n-th row that is shown, or NULL; *total counts all of them when n is (size_t)-1. */
static const struct board_row *shown(const struct screen *s, size_t n, size_t *total)
{
	size_t seen = 0;

	for (size_t i = 0; i < s->board.n; i++) {
		if (!board_shows(&s->board.row[i], s->filter, s->only_hot))
			continue;
		if (seen == n)
			return &s->board.row[i];
		seen++;
	}
	if (total)
		*total = seen;
	return NULL;
}

#define NAME_CELLS 28

static int spark_cells(int columns)
{
	return CLAMP(columns - 125, 10, BOARD_MINUTES);
}

static void draw_header(const struct screen *s, size_t rows)
{
	const struct board *b = &s->board;
	int64_t age = b->collector_us ? (clock_stamp_us() - b->collector_us) / US_PER_S : -1;
	double sum = 0;
	int64_t memory = 0, containers = 0;

	for (size_t i = 0; i < b->n; i++) {
		sum += board_per_minute(b, &b->row[i]);
		memory += board_memory(b, &b->row[i]);
		containers += board_containers(b, &b->row[i]);
	}
	mvprintw(0, 0, "faasmat top  minute %s  %s  %zu of %zu functions  %s",
		 format_minute(b->minute), b->live ? "live" : "by the minute", rows, b->n,
		 b->has_plan ? "planned" : "no plan");
	if (age > 180)
		printw("  collector silent for %lld s", (long long)age);
	mvprintw(1, 0, "%.0f invocations/min, %lld containers, %s", sum, (long long)containers,
		 format_size(memory));
	if (b->unknown)
		printw(", %lld containers that no rule knows", (long long)b->unknown);
	if (s->problem[0])
		printw("  %s", s->problem);
}

static void draw_titles(void)
{
	attron(A_REVERSE);
	mvprintw(2, 0, "%s  %-*s", board_titles(NAME_CELLS), spark_cells(COLS), "LAST HOUR");
	attroff(A_REVERSE);
}

static void draw_row(const struct screen *s, const struct board_row *r, int y, bool selected)
{
	char line[3 * BOARD_MINUTES + 1];
	const struct board *b = &s->board;

	if (selected)
		attron(A_BOLD | A_UNDERLINE);
	mvprintw(y, 0, "%s  ", board_line(b, r, NAME_CELLS, NAME_CELLS));
	if (selected)
		attroff(A_BOLD | A_UNDERLINE);
	sparkline(r->calls, spark_cells(COLS), s->unicode, line);
	addstr(line);
}

static void draw_footer(const struct screen *s, const struct board_row *r)
{
	if (r) {
		mvprintw(LINES - 2, 0, "%.60s: ", printable(r->function.name));
		addnstr(board_why(r, &s->o->locator), MAX(COLS - getcurx(stdscr), 0));
	}
	move(LINES - 1, 0);
	if (s->typing || s->filter[0])
		printw("filter: %s%s  ", s->filter, s->typing ? "_" : "");
	printw("%s%s | q quit  s sort  r reverse  h only hot  / filter  arrows select",
	       board_sort_name[s->sort], s->reverse ? ", reversed" : "");
}

static void draw(struct screen *s)
{
	size_t rows = 0, room = MAX(LINES - 6, 1);
	const struct board_row *r;

	shown(s, (size_t)-1, &rows);
	s->selected = rows ? MIN(s->selected, rows - 1) : 0;
	if (s->selected < s->first)
		s->first = s->selected;
	if (s->selected >= s->first + room)
		s->first = s->selected - room + 1;
	erase();
	draw_header(s, rows);
	draw_titles();
	for (size_t i = 0; i < room; i++) {
		r = shown(s, s->first + i, NULL);
		if (!r)
			break;
		draw_row(s, r, 3 + (int)i, s->first + i == s->selected);
	}
	draw_footer(s, shown(s, s->selected, NULL));
	refresh();
}

/* New minutes from the database when there are any, live rates in any case. */
static int renew(struct screen *s)
{
	struct board fresh;
	int r = board_read(&fresh, s->store, &s->o->locator);

	if (r < 0) {
		snprintf(s->problem, sizeof(s->problem), "%s: %s", s->o->db, store_why());
		return r;
	}
	board_free(&s->board);
	s->board = fresh;
	s->problem[0] = '\0';
	return 0;
}

static void look(struct screen *s)
{
	int64_t minute = 0;
	char name[sizeof(s->board.row->function.name)] = "";
	const struct board_row *r = shown(s, s->selected, NULL);
	size_t rows = 0;

	if (r)
		snprintf(name, sizeof(name), "%s", r->function.name);
	if (!s->board.row || store_get_meta(s->store, "collector_whole_minute", &minute) < 0 ||
	    minute != s->board.minute)
		renew(s);
	if (s->live && live_read(s->live, s->store, &s->board) < 0)
		snprintf(s->problem, sizeof(s->problem), "the counters cannot be read");
	board_order(&s->board, s->sort, s->reverse);
	/* The selection stays on its function, wherever that went. */
	shown(s, (size_t)-1, &rows);
	for (size_t i = 0; i < rows && name[0]; i++)
		if (strcmp(shown(s, i, NULL)->function.name, name) == 0)
			s->selected = i;
}

static void type_filter(struct screen *s, int key)
{
	size_t n = strlen(s->filter);

	if (key == '\n' || key == KEY_ENTER || key == 27) {
		s->typing = false;
		if (key == 27)
			s->filter[0] = '\0';
	} else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && n) {
		s->filter[n - 1] = '\0';
	} else if (key >= ' ' && key < 256 && key != 127 && n + 1 < sizeof(s->filter)) {
		s->filter[n] = (char)key;
		s->filter[n + 1] = '\0';
	}
}

/* False: the user has had enough. */
static bool obey(struct screen *s, int key)
{
	if (s->typing) {
		type_filter(s, key);
		return true;
	}
	switch (key) {
	case 'q':
	case 3:
		return false;
	case 's':
		s->sort = (s->sort + 1) % SORT_KEYS;
		break;
	case 'r':
		s->reverse = !s->reverse;
		break;
	case 'h':
		s->only_hot = !s->only_hot;
		break;
	case '/':
		s->typing = true;
		s->filter[0] = '\0';
		break;
	case KEY_UP:
	case 'k':
		s->selected -= s->selected > 0;
		break;
	case KEY_DOWN:
	case 'j':
		s->selected++;
		break;
	case KEY_PPAGE:
		s->selected -= MIN(s->selected, (size_t)10);
		break;
	case KEY_NPAGE:
		s->selected += 10;
		break;
	}
	board_order(&s->board, s->sort, s->reverse);
	return true;
}

static void loop(struct screen *s)
{
	int64_t next = 0;

	for (;;) {
		int64_t now = clock_monotonic_ns() / NS_PER_MS;
		int key;

		if (now >= next) {
			look(s);
			next = now + s->o->delay_ms;
		}
		draw(s);
		timeout((int)MAX(next - now, 1));
		key = getch();
		if (key != ERR && key != KEY_RESIZE && !obey(s, key))
			return;
	}
}

int screen_run(const struct screen_options *o, struct store *store, struct live *l)
{
	struct screen s = { .o = o,
			    .store = store,
			    .live = l,
			    .sort = o->sort,
			    .reverse = o->reverse,
			    .only_hot = o->only_hot };
	SCREEN *terminal;

	snprintf(s.filter, sizeof(s.filter), "%s", o->filter ? o->filter : "");
	setlocale(LC_CTYPE, "");
	s.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		log_error("TERM=%s is no terminal that ncurses knows; use --once",
			  getenv("TERM") ? getenv("TERM") : "");
		return EXIT_FAILED;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	/* Escape ends the filter at once and not after a second. */
	set_escdelay(50);
	loop(&s);
	endwin();
	delscreen(terminal);
	board_free(&s.board);
	return EXIT_DONE;
}
