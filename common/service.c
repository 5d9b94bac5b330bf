// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/service.h"

#include <stdarg.h>
#include <systemd/sd-daemon.h>

#include "common/clock.h"

void service_ready(void)
{
	sd_notify(0, "READY=1");
}

void service_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void service_alive(void)
{
	static int64_t last_ns;
	int64_t now = clock_monotonic_ns(), every = service_alive_every_ns();

	if (!every || (last_ns && now - last_ns < every / 2))
		return;
	last_ns = now;
	sd_notify(0, "WATCHDOG=1");
}

int64_t service_alive_every_ns(void)
{
	uint64_t us = 0;

	return sd_watchdog_enabled(0, &us) > 0 ? (int64_t)(us / 2) * NS_PER_US : 0;
}

void service_status(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sd_notifyf(0, "STATUS=%s", text);
}
