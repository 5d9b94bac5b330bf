// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/slices.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "common/clock.h"
#include "governor/decide.h"

/* As systemctl does for root: no message bus in between that could be down, or be waited for. */
#define PRIVATE_SOCKET "unix:path=/run/systemd/private"
/* A tick of the governor waits no longer for a systemd that is busy. */
#define TIMEOUT_US (500 * 1000ULL)
#define START_TIMEOUT_NS (10 * NS_PER_S)

static sd_bus *bus;

bool slices_are_owned(void)
{
	return sd_booted() > 0;
}

static int connect_bus(void)
{
	int r;

	if (bus && sd_bus_is_open(bus) > 0)
		return 0;
	sd_bus_flush_close_unref(bus);
	bus = NULL;
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, PRIVATE_SOCKET);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0) {
		sd_bus_unref(bus);
		bus = NULL;
	}
	return MIN(r, 0);
}

static int new_call(const char *method, sd_bus_message **ret)
{
	int r = connect_bus();

	*ret = NULL;
	return r < 0 ? r
		     : sd_bus_message_new_method_call(bus, ret, "org.freedesktop.systemd1",
						      "/org/freedesktop/systemd1",
						      "org.freedesktop.systemd1.Manager", method);
}

static int call(sd_bus_message *message)
{
	int r = sd_bus_call(bus, message, TIMEOUT_US, NULL, NULL);

	/* A connection that was lost (systemd re-executed itself) is made anew the next time. */
	return MIN(r, 0);
}

/* The slice is there when its job has been run; the job's end is seen in its state. */
static int wait_active(const char *unit)
{
	int64_t end = clock_monotonic_ns() + START_TIMEOUT_NS;

	while (clock_monotonic_ns() < end) {
		sd_bus_message *reply = NULL;
		char *state = NULL;
		const char *path;
		bool active = false;
		int r = sd_bus_call_method(
			bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
			"org.freedesktop.systemd1.Manager", "LoadUnit", NULL, &reply, "s", unit);

		if (r >= 0)
			r = sd_bus_message_read(reply, "o", &path);
		if (r >= 0)
			r = sd_bus_get_property_string(bus, "org.freedesktop.systemd1", path,
						       "org.freedesktop.systemd1.Unit",
						       "ActiveState", NULL, &state);
		active = r >= 0 && strcmp(state, "active") == 0;
		free(state);
		sd_bus_message_unref(reply);
		if (active || r < 0)
			return MIN(r, 0);
		usleep(5 * 1000);
	}
	return -ETIMEDOUT;
}

int slices_start(const char *unit)
{
	sd_bus_message *message;
	int r = new_call("StartUnit", &message);

	if (r >= 0)
		r = sd_bus_message_append(message, "ss", unit, "fail");
	if (r >= 0)
		r = call(message);
	sd_bus_message_unref(message);
	return r < 0 ? r : wait_active(unit);
}

int slices_set(const char *unit, const char *file, int64_t value)
{
	const char *property = strcmp(file, "memory.max") == 0	 ? "MemoryMax"
			       : strcmp(file, "memory.low") == 0 ? "MemoryLow"
								 : NULL;
	uint64_t bytes = value == LIMIT_NONE ? UINT64_MAX : (uint64_t)value;
	sd_bus_message *message;
	int r;

	if (!property)
		return -EOPNOTSUPP;
	r = new_call("SetUnitProperties", &message);
	/* Runtime: gone with the next boot, like the cgroup. */
	if (r >= 0)
		r = sd_bus_message_append(message, "sba(sv)", unit, 1, 1, property, "t", bytes);
	if (r >= 0)
		r = call(message);
	sd_bus_message_unref(message);
	return MIN(r, 0);
}
