// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/sensor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "collector/entries.h"
#include "collector/heritage.h"
#include "collector/pass.h"
#include "collector/programs.h"
#include "common/cgroupfs.h"
#include "common/log.h"

struct sensor {
	struct wire_config config;
	char dir[512]; /* of this generation's pins */
	struct heritage heritage[HERITAGE_MAX];
	size_t n_heritage;
	struct entries usage_entries, invocation_entries;
	struct pass pass;
	uint64_t changes; /* when the map `usage` was read last; UINT64_MAX: not yet */
	int pin_dir_fd;	  /* locked: one collector a pin directory */
	int root_fd;
	int settings, lost, cgroups, usage, invocations, victims;
	int sweep_link;
	struct ring_buffer *ring;
	void (*on_victim)(const struct wire_victim *v, void *arg);
	void *on_victim_arg;
	bool was_running, was_replaced;
};

/* Depth below the mount's root: how often ".." leads elsewhere. */
static int cgroup_level(int dir_fd, uint32_t *ret)
{
	int fd = openat(dir_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint32_t level = 0;

	for (; fd >= 0; level++) {
		struct statfs up_fs;
		int up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		close(fd);
		if (up < 0)
			break;
		if (fstatfs(up, &up_fs) < 0 || up_fs.f_type != CGROUP2_SUPER_MAGIC) {
			close(up);
			*ret = level;
			return 0;
		}
		fd = up;
	}
	return -errno;
}

static int open_root(struct sensor *s, const char *root)
{
	struct statfs fs;
	uint64_t id = 0;
	int r;

	s->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root_fd < 0) {
		r = -errno;
		return log_error_errno(r, "--root %s (make the cgroup first, or name another)",
				       root);
	}
	if (fstatfs(s->root_fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC) {
		log_error("--root %s is not a cgroup v2 directory; boot with "
			  "systemd.unified_cgroup_hierarchy=1 or mount cgroup2",
			  root);
		return -ENOTSUP;
	}
	r = cgroup_id_of(s->root_fd, &id);
	s->config.root = id;
	if (r == 0)
		r = cgroup_level(s->root_fd, &s->config.root_level);
	return r < 0 ? log_error_errno(r, "--root %s", root) : 0;
}

/* bpffs must be where pins are to live; systemd mounts it, a bare VM does not. */
static int open_pin_dir(struct sensor *s, const char *dir)
{
	struct statfs fs;
	int r;

	if (statfs("/sys/fs/bpf", &fs) == 0 && fs.f_type != BPF_FS_MAGIC &&
	    strncmp(dir, "/sys/fs/bpf/", 12) == 0 &&
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700") < 0)
		return log_error_errno(-errno, "mounting bpffs on /sys/fs/bpf");
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return log_error_errno(-errno, "%s", dir);
	s->pin_dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->pin_dir_fd < 0 || fstatfs(s->pin_dir_fd, &fs) < 0)
		return log_error_errno(-errno, "%s", dir);
	if (fs.f_type != BPF_FS_MAGIC) {
		log_error("--pin %s is not on bpffs, where counters outlive the collector; "
			  "mount -t bpf bpf /sys/fs/bpf",
			  dir);
		return -ENOTSUP;
	}
	if (flock(s->pin_dir_fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		log_error("another collector runs with %s; stop it, or give this one its own --pin",
			  dir);
		return r;
	}
	return 0;
}

int sensor_detach(const char *dir)
{
	struct heritage list[HERITAGE_MAX];
	size_t n = heritage_list(dir, list);
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		int failed = heritage_remove(dir, &list[i]);

		if (failed < 0)
			r = failed;
	}
	heritage_remove_stray(dir);
	return r;
}

static int open_maps(struct sensor *s, const char *dir)
{
	const struct {
		int *fd;
		const char *name;
	} pins[] = {
		{ &s->settings, "settings" },	    { &s->lost, "lost" },
		{ &s->cgroups, "cgroups" },	    { &s->usage, "usage" },
		{ &s->invocations, "invocations" }, { &s->victims, "victims" },
		{ &s->sweep_link, "link_sweep" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pins); i++) {
		*pins[i].fd = programs_open_pin(dir, pins[i].name);
		if (*pins[i].fd < 0)
			return *pins[i].fd;
	}
	return pass_open(&s->pass, dir);
}

static void close_maps(struct sensor *s)
{
	int *const fds[] = { &s->settings,    &s->lost,	   &s->cgroups,	  &s->usage,
			     &s->invocations, &s->victims, &s->sweep_link };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	pass_close(&s->pass);
}

/* Goes on with a generation when it is of this version, complete, and watches what is wanted. */
static int adopt_one(struct sensor *s, const struct sensor_options *o, const char *dir)
{
	struct wire_config found;
	uint32_t zero = 0;

	if (open_maps(s, dir) < 0)
		return -ENOENT;
	if (bpf_map_lookup_elem(s->settings, &zero, &found) < 0 || found.version != WIRE_VERSION ||
	    found.root != s->config.root || found.classes != o->filter->classes)
		return -ENOENT;
	s->config = found;
	snprintf(s->dir, sizeof(s->dir), "%s", dir);
	return 0;
}

/* Finds what earlier collectors left. 0 when one of the generations goes on; it is no heritage then. */
static int adopt(struct sensor *s, const struct sensor_options *o)
{
	s->n_heritage = heritage_list(o->pin_dir, s->heritage);
	for (size_t i = 0; i < s->n_heritage; i++) {
		/* The first version of all had no directory of its own, and other rules. */
		if (s->heritage[i].version == WIRE_VERSION &&
		    strcmp(s->heritage[i].dir, o->pin_dir) != 0 &&
		    adopt_one(s, o, s->heritage[i].dir) == 0) {
			s->heritage[i] = s->heritage[--s->n_heritage];
			s->was_running = true;
			return 0;
		}
		close_maps(s);
	}
	return -ENOENT;
}

/* Makes this generation's directory, empty. */
static int make_generation(struct sensor *s, const struct sensor_options *o)
{
	if (getrandom(&s->config.epoch, sizeof(s->config.epoch), 0) < 0)
		s->config.epoch = (uint64_t)getpid() << 32 ^ (uintptr_t)s;
	/* Stored as a signed number in the database. */
	s->config.epoch &= INT64_MAX;
	s->config.version = WIRE_VERSION;
	s->config.classes = o->filter->classes;
	snprintf(s->dir, sizeof(s->dir), "%.200s/g%u-%016llx", o->pin_dir, WIRE_VERSION,
		 (unsigned long long)s->config.epoch);
	return mkdir(s->dir, 0700) < 0 ? log_error_errno(-errno, "%s", s->dir) : 0;
}

/* All that the programs need is there before they see the first packet; also for programs that are taken
 * over, which may have been started with another filter. */
static int write_settings(struct sensor *s, const struct sensor_options *o)
{
	_cleanup_close_ int settings = programs_open_pin(s->dir, "settings");
	uint32_t zero = 0;
	int r = settings < 0 ? settings : filter_write(o->filter, s->dir, &s->config);

	if (r == 0 && bpf_map_update_elem(settings, &zero, &s->config, BPF_ANY) < 0)
		r = -errno;
	return r < 0 ? log_error_errno(r, "writing the settings in %s", s->dir) : 0;
}

static int start_afresh(struct sensor *s, const struct sensor_options *o)
{
	struct heritage own = { 0 };
	struct programs *programs;
	int r = make_generation(s, o);

	if (r < 0)
		return r;
	r = programs_load(o, s->dir, &programs);
	if (r < 0) {
		snprintf(own.dir, sizeof(own.dir), "%s", s->dir);
		heritage_remove(o->pin_dir, &own);
		return r;
	}
	r = write_settings(s, o);
	/* A generation that is not complete may hold links that it has taken over: the next start
	 * takes them from it. */
	if (r == 0)
		r = programs_attach(programs, s->dir, s->root_fd, s->config.root, s->heritage,
				    s->n_heritage);
	programs_free(programs);
	if (r == 0)
		r = open_maps(s, s->dir);
	return r < 0 ? log_error_errno(r, "starting the BPF programs") : 0;
}

/* The others stand still from here on. Who and how their cgroups are is wanted at once, their counters
 * by the collector. */
static int settle_heritage(struct sensor *s)
{
	int r = 0;

	if (s->n_heritage == 0)
		return 0;
	for (size_t i = 0; i < s->n_heritage; i++)
		heritage_stop(&s->heritage[i]);
	heritage_wait();
	for (size_t i = 0; i < s->n_heritage && r == 0; i++) {
		r = heritage_copy(&s->heritage[i], s->cgroups, s->usage);
		if (s->heritage[i].root == s->config.root)
			s->was_running = s->was_replaced = true;
	}
	return r < 0 ? log_error_errno(r, "reading the counters of an earlier collector") : 0;
}

static int take_victim(void *arg, void *data, size_t size)
{
	struct sensor *s = arg;

	if (size >= sizeof(struct wire_victim) && s->on_victim)
		s->on_victim(data, s->on_victim_arg);
	return 0;
}

static int be_quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static struct sensor *sensor_new(void)
{
	struct sensor *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->usage_entries.value_size = sizeof(struct wire_usage);
	s->invocation_entries.value_size = sizeof(struct wire_invocations);
	s->changes = UINT64_MAX;
	s->pin_dir_fd = s->root_fd = s->settings = s->lost = s->cgroups = s->usage = -1;
	s->invocations = s->victims = s->sweep_link = -1;
	if (!getenv("FAASMAT_LIBBPF_DEBUG"))
		libbpf_set_print(be_quiet);
	return s;
}

int sensor_peek(const char *pin_dir, struct sensor **ret)
{
	struct sensor *s = sensor_new();
	uint32_t zero = 0;
	size_t n;
	int r;

	*ret = NULL;
	if (!s)
		return -ENOMEM;
	n = heritage_list(pin_dir, s->heritage);
	r = n ? -ENOTSUP : -ENOENT;
	for (size_t i = 0; i < n && r < 0; i++) {
		if (s->heritage[i].version == WIRE_VERSION)
			r = open_maps(s, s->heritage[i].dir);
		if (r == 0 && bpf_map_lookup_elem(s->settings, &zero, &s->config) < 0)
			r = -errno;
		if (r < 0)
			close_maps(s);
	}
	if (r < 0) {
		sensor_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

int sensor_open(const struct sensor_options *o, struct sensor **ret)
{
	struct sensor *s = sensor_new();
	int victims, r;

	*ret = NULL;
	if (!s)
		return -ENOMEM;
	r = open_root(s, o->root);
	if (r == 0)
		r = open_pin_dir(s, o->pin_dir);
	if (r == 0)
		r = adopt(s, o) == 0 ? write_settings(s, o) : start_afresh(s, o);
	if (r == 0)
		r = settle_heritage(s);
	if (r < 0) {
		sensor_close(s);
		return r;
	}
	victims = programs_open_pin(s->dir, "link_victims");
	if (victims >= 0) {
		s->ring = ring_buffer__new(s->victims, take_victim, s, NULL);
		close(victims);
	}
	*ret = s;
	return 0;
}

void sensor_close(struct sensor *s)
{
	if (!s)
		return;
	ring_buffer__free(s->ring);
	entries_drop(&s->usage_entries);
	entries_drop(&s->invocation_entries);
	close_maps(s);
	if (s->root_fd >= 0)
		close(s->root_fd);
	if (s->pin_dir_fd >= 0)
		close(s->pin_dir_fd);
	free(s);
}

uint64_t sensor_epoch(const struct sensor *s)
{
	return s->config.epoch;
}

bool sensor_was_running(const struct sensor *s)
{
	return s->was_running;
}

bool sensor_was_replaced(const struct sensor *s)
{
	return s->was_replaced;
}

size_t sensor_heritage(const struct sensor *s)
{
	return s->n_heritage;
}

uint64_t sensor_heritage_epoch(const struct sensor *s, size_t i)
{
	return s->heritage[i].epoch;
}

int sensor_read_heritage(struct sensor *s, size_t i, uint64_t **ids,
			 struct wire_invocations **counters, size_t *n)
{
	return heritage_counters(&s->heritage[i], s->invocations, ids, counters, n);
}

int sensor_drop_heritage(struct sensor *s, const char *pin_dir)
{
	int r = 0;

	while (s->n_heritage && r == 0)
		r = heritage_remove(pin_dir, &s->heritage[--s->n_heritage]);
	heritage_remove_stray(pin_dir);
	return r;
}

bool sensor_sees_victims(const struct sensor *s)
{
	return s->ring != NULL;
}

uint64_t sensor_root_id(const struct sensor *s)
{
	return s->config.root;
}

int sensor_root_fd(const struct sensor *s)
{
	return s->root_fd;
}

uint32_t sensor_root_level(const struct sensor *s)
{
	return s->config.root_level;
}

uint32_t sensor_sweep_number(const struct sensor *s)
{
	return s->config.sweep;
}

int sensor_sweep(struct sensor *s)
{
	uint32_t zero = 0;
	char buffer[64];
	ssize_t n;
	int fd, r = 0;

	s->config.sweep++;
	if (bpf_map_update_elem(s->settings, &zero, &s->config, BPF_ANY) < 0)
		return -errno;
	fd = bpf_iter_create(s->sweep_link);
	if (fd < 0)
		return fd;
	/* The pass runs inside read(); it prints nothing. */
	do
		n = read(fd, buffer, sizeof(buffer));
	while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		r = -errno;
	close(fd);
	return r;
}

void sensor_read_usage(struct sensor *s, const uint64_t **ids, const struct wire_usage **values,
		       size_t *n)
{
	*ids = s->pass.ids;
	*values = s->pass.usage;
	*n = pass_count(&s->pass);
}

bool sensor_pass_is_full(const struct sensor *s)
{
	return pass_count(&s->pass) == s->pass.room;
}

int sensor_read_changes(struct sensor *s, const uint64_t **ids, const struct wire_usage **values,
			size_t *n)
{
	/* Before the map: what changes while that is read is read again. */
	uint64_t changes = s->pass.state->changes;
	int r = 0;

	*n = 0;
	if (changes != s->changes)
		r = entries_read(&s->usage_entries, s->usage, n);
	else
		entries_drop(&s->usage_entries); /* of all cgroups that were made, perhaps */
	if (r == 0)
		s->changes = changes;
	*ids = s->usage_entries.ids;
	*values = (const struct wire_usage *)s->usage_entries.values;
	return r;
}

int sensor_read_invocations(struct sensor *s, const uint64_t **ids,
			    const struct wire_invocations **values, size_t *n)
{
	int r = entries_read(&s->invocation_entries, s->invocations, n);

	*ids = s->invocation_entries.ids;
	*values = (const struct wire_invocations *)s->invocation_entries.values;
	return r;
}

int sensor_read_cgroup(struct sensor *s, uint64_t id, struct wire_cgroup *ret)
{
	if (bpf_map_lookup_elem(s->cgroups, &id, ret) < 0)
		return -errno;
	ret->name[WIRE_NAME_SIZE - 1] = '\0';
	return 0;
}

void sensor_forget(struct sensor *s, uint64_t id)
{
	bpf_map_delete_elem(s->invocations, &id);
	bpf_map_delete_elem(s->usage, &id);
	bpf_map_delete_elem(s->cgroups, &id);
}

uint64_t sensor_lost(struct sensor *s, enum wire_lost kind)
{
	uint32_t key = kind;
	uint64_t n = 0;

	bpf_map_lookup_elem(s->lost, &key, &n);
	return n;
}

int sensor_victims_fd(const struct sensor *s)
{
	return s->ring ? ring_buffer__epoll_fd(s->ring) : -1;
}

int sensor_poll_victims(struct sensor *s)
{
	int r = s->ring ? ring_buffer__consume(s->ring) : 0;

	return r < 0 ? r : 0;
}

void sensor_on_victim(struct sensor *s, void (*fn)(const struct wire_victim *v, void *arg),
		      void *arg)
{
	s->on_victim = fn;
	s->on_victim_arg = arg;
}
