/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the wrapper has to say goes to the system's log: its own stderr belongs to the runtime that it
 * stands for. Never waits for the logger. */
#ifndef FAASMAT_RUNTIME_SAY_H
#define FAASMAT_RUNTIME_SAY_H

#include "common/util.h"

void say(const char *fmt, ...) _printf_(1, 2);
/* On stderr, only when the environment has FAASMAT_RUNTIME_DEBUG. */
void say_debug(const char *fmt, ...) _printf_(1, 2);

#endif
