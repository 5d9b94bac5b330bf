// SPDX-License-Identifier: GPL-2.0-or-later
#include "identity/look_up.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define DOCKER_ROOT "/var/lib/docker"
#define CONTAINERD_TASKS "/run/containerd/io.containerd.runtime.v2.task"
#define PODMAN_CONTAINERS "/var/lib/containers/storage/overlay-containers"
#define CRIO_CONTAINERS "/run/containers/storage/overlay-containers"

static int open_strictly(int at, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, at, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static int read_all(int fd, char *text, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, text + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* Cut while we read: what is there is not what it was. */
		if (n == 0)
			return -EIO;
		done += (size_t)n;
	}
	text[size] = '\0';
	return 0;
}

int read_file_at(int at, const char *path, char **ret, size_t *size)
{
	/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
	_cleanup_close_ int fd = open_strictly(at, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	int r;

	*ret = NULL;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > FACTS_FILE_MAX)
		return -EFBIG;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	r = read_all(fd, text, (size_t)st.st_size);
	if (r < 0)
		return r;
	*size = (size_t)st.st_size;
	*ret = TAKE_PTR(text);
	return 0;
}

/* An engine's own directory: it may be a link (docker's data on another disk). */
static int open_place(const struct places *p, const char *path)
{
	char full[2 * FACTS_PATH_MAX];
	int fd;

	snprintf(full, sizeof(full), "%s%s", p->prefix, path);
	fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

#define ADD_FN(name) int (*name)(struct facts * f, const char *text, size_t size)

/* Reads `path` below `at` and hands it to `add`. */
static int add_file(int at, const char *path, struct facts *f, ADD_FN(add))
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_file_at(at, path, &text, &size);

	return r < 0 ? r : add(f, text, size);
}

static int add_from(const struct places *p, const char *place, const char *path, struct facts *f,
		    ADD_FN(add))
{
	_cleanup_close_ int fd = open_place(p, place);

	return fd < 0 ? fd : add_file(fd, path, f, add);
}

static void find_docker_root(struct places *p)
{
	struct places here = { .prefix = p->prefix };
	_cleanup_close_ int fd = open_place(&here, "/etc/docker");
	_cleanup_free_ char *text = NULL;
	json_t *settings = NULL;
	const char *root;
	size_t size;

	if (fd >= 0 && read_file_at(fd, "daemon.json", &text, &size) == 0)
		settings = json_loadb(text, size, 0, NULL);
	root = json_string_value(json_object_get(settings, "data-root"));
	if (root && *root == '/' && strlen(root) < sizeof(p->docker))
		strcpy(p->docker, root);
	json_decref(settings);
}

void places_find(struct places *p, const char *prefix)
{
	*p = (struct places){ .docker = DOCKER_ROOT, .prefix = prefix };
	find_docker_root(p);
}

/* containerd has a directory a namespace: moby, k8s.io, openfaas-fn, default. */
static int look_in_containerd(const struct places *p, struct facts *f)
{
	int fd = open_place(p, CONTAINERD_TASKS), r = -ENOENT;
	char path[3 * FACTS_NAME_MAX];
	struct dirent *e;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		close_fd(&fd);
		return r;
	}
	while (r < 0 && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/config.json", e->d_name, f->id);
		r = add_file(dirfd(d), path, f, facts_add_bundle);
		if (r == 0)
			snprintf(f->namespace, sizeof(f->namespace), "%s", e->d_name);
	}
	closedir(d);
	return r;
}

static int look_in_podman(const struct places *p, struct facts *f)
{
	char path[2 * FACTS_NAME_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/userdata/config.json", f->id);
	r = add_from(p, PODMAN_CONTAINERS, path, f, facts_add_bundle);
	if (r == 0)
		add_from(p, PODMAN_CONTAINERS, "containers.json", f, facts_add_podman);
	else
		r = add_from(p, CRIO_CONTAINERS, path, f, facts_add_bundle);
	return r;
}

/* Without an engine: crun keeps a copy of the bundle's config.json, runc what matters of it. */
static int look_in_runtimes(const struct places *p, struct facts *f)
{
	char path[2 * FACTS_NAME_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/config.json", f->id);
	r = add_from(p, "/run/crun", path, f, facts_add_bundle);
	if (r < 0) {
		snprintf(path, sizeof(path), "%s/state.json", f->id);
		r = add_from(p, "/run/runc", path, f, facts_add_runc);
	}
	return r;
}

void look_up(const struct places *p, struct facts *f)
{
	char path[2 * FACTS_NAME_MAX];

	f->files_read = true;
	if (!facts_id_is_safe(f->id))
		return;
	snprintf(path, sizeof(path), "containers/%s/config.v2.json", f->id);
	add_from(p, p->docker, path, f, facts_add_docker);
	if (look_in_containerd(p, f) < 0 && look_in_podman(p, f) < 0)
		look_in_runtimes(p, f);
}

void look_up_docker_of_bundle(const struct places *p, struct facts *f)
{
	const char *source = facts_mount_source(f, "/etc/hostname");
	char place[FACTS_PATH_MAX], path[2 * FACTS_NAME_MAX], *end;
	size_t n = strlen("/hostname");

	/* <data root>/containers/<id>/hostname */
	if (!source || *source != '/' || strlen(source) >= sizeof(place) || strlen(source) <= n)
		return;
	strcpy(place, source);
	end = place + strlen(place) - n;
	if (strcmp(end, "/hostname") != 0)
		return;
	*end = '\0';
	end = strrchr(place, '/');
	if (!end || strcmp(end + 1, f->id) != 0 || !facts_id_is_safe(f->id))
		return;
	*end = '\0';
	snprintf(path, sizeof(path), "%s/config.v2.json", f->id);
	add_from(p, place, path, f, facts_add_docker);
}
