/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a daemon tells the service manager that started it (sd_notify(3)). Without one, when
 * $NOTIFY_SOCKET is unset, every call does nothing.
 */
#ifndef FAASMAT_COMMON_SERVICE_H
#define FAASMAT_COMMON_SERVICE_H

#include "common/util.h"

/* Start-up is over. */
void service_ready(void);
void service_stopping(void);
/* A sign of life for WatchdogSec=. May be called as often as one likes: it is sent when a quarter of that
 * time has passed since the last. */
void service_alive(void);
/* How often service_alive() must be called: half of WatchdogSec=, in nanoseconds; 0: nobody waits. */
int64_t service_alive_every_ns(void);
/* The line that `systemctl status` shows. */
void service_status(const char *fmt, ...) _printf_(1, 2);

#endif
