/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger for people: its rows as JSON, and those as sentences. */
#ifndef FAASMAT_CLI_LEDGER_WORDS_H
#define FAASMAT_CLI_LEDGER_WORDS_H

#include <jansson.h>

#include "store/ledger.h"

/* {"minute","time_us","pool","action","file","before","after","reason","applied"}; "max" is
 * 9223372036854775807. */
json_t *ledger_row_json(const struct ledger_row *row);

/* "wrote memory.max: 100M -> 200M; the target is ..."; a static buffer. */
const char *ledger_row_sentence(const json_t *row);
/* "07:05:12", local time; a static buffer. */
const char *ledger_row_time(const json_t *row);

#endif
