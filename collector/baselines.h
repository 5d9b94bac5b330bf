/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where counting stands when a collector starts. */
#ifndef FAASMAT_COLLECTOR_BASELINES_H
#define FAASMAT_COLLECTOR_BASELINES_H

#include "collector/sensor.h"
#include "collector/tally.h"

/*
 * Gives the tally the baselines of the collector before, and begins the epoch in the database. What a
 * replaced collector's counters hold beyond its baselines is taken off them, in one transaction with
 * the change of epoch: a baseline below zero, which the first booking makes up for. A collector that is
 * killed before has changed nothing, one that is killed after finds it done. Failures are logged.
 */
int baselines_load(struct sensor *sensor, const char *pin_dir, struct store *s, struct tally *t);

#endif
