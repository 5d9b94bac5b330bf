/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/faasmat/runtime.conf: lines of KEY = VALUE, # begins a comment. All have defaults; a file that
 * is missing or wrong never keeps a container from starting. */
#ifndef FAASMAT_RUNTIME_SETTINGS_H
#define FAASMAT_RUNTIME_SETTINGS_H

#include "common/util.h"

#define SETTINGS_FILE "/etc/faasmat/runtime.conf"
#define SETTING_MAX 512

struct settings {
	char runtime[SETTING_MAX]; /* the real one; "": found by find_runtime() */
	char socket[SETTING_MAX];
	char platform[SETTING_MAX]; /* built-in rules */
	char rules[SETTING_MAX];    /* a file of rules instead; "": none */
	char cgroups[SETTING_MAX];  /* where cgroup2 is mounted; "": looked up */
	int timeout_ms;		    /* for the governor's answer */
};

/* Takes a settings file's text; a line that says nothing is passed over, and its number is returned
 * (0: all are fine). */
int settings_parse(char *text, struct settings *s);
/* Reads the file, or the one that the environment variable FAASMAT_RUNTIME_CONF names. */
void settings_read(struct settings *s);

/*
 * The real runtime: s->runtime; else the one that our own name ends in (a link faasmat-crun or runc to
 * this program); else the first of runc and crun that is installed and is not this program. -ENOENT.
 */
int find_runtime(const struct settings *s, const char *own_name, char *out, size_t size);

#endif
