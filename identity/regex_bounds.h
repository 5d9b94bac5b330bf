/* SPDX-License-Identifier: GPL-2.0-or-later */
/* regcomp() copies what is repeated: a line of rules such as "a++++++++" would take all memory. */
#ifndef FAASMAT_IDENTITY_REGEX_BOUNDS_H
#define FAASMAT_IDENTITY_REGEX_BOUNDS_H

#include "common/util.h"

/* Why an extended regular expression may not be compiled, for people; NULL: it may. */
const char *regex_fault(const char *regex);

#endif
