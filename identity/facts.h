/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of one container: from its cgroup's path, its OCI bundle, its engine's own files and,
 * where a platform decides late, its first request. Pure: texts in, facts out. Everything here was
 * written by others: sizes are bounded, and a text that is not what it should be is refused whole.
 */
#ifndef FAASMAT_IDENTITY_FACTS_H
#define FAASMAT_IDENTITY_FACTS_H

#include <jansson.h>

#include "common/util.h"

#define FACTS_PATH_MAX 4096
#define FACTS_NAME_MAX 256
/* Longest value that a rule is asked about, with NUL: expressions on more would cost time. */
#define FACTS_VALUE_MAX 4096
/* Largest JSON file that is read. Bundles have some tens of kilobytes. */
#define FACTS_FILE_MAX (4 * MIB)

enum fact_kind {
	FACT_PATH, /* of the cgroup, below the mount: /docker/0123... */
	FACT_ID,   /* its last component without the runtime's decoration */
	FACT_NAME, /* what the engine calls it; an id that is no 64 hex digits is one already */
	FACT_NAMESPACE,	 /* of containerd */
	FACT_ANNOTATION, /* of the bundle, by key */
	FACT_LABEL,	 /* of the engine, by key */
	FACT_ENV,	 /* of the container's process, by name */
	FACT_ACTION,	 /* namespace_name out of the first request, see identity/request.h */
	FACT_KINDS,
};

struct facts {
	char path[FACTS_PATH_MAX];
	char id[FACTS_NAME_MAX];
	char name[FACTS_NAME_MAX];
	char namespace[FACTS_NAME_MAX];
	char action[2 * FACTS_NAME_MAX];
	bool files_read;   /* bundle and engine were looked for; what is missing does not exist */
	bool request_seen; /* the same of the request */
	json_t *bundle;	   /* config.json, or what stands for it; NULL: none */
	json_t *engine;	   /* config.v2.json; NULL: none */
};

void facts_init(struct facts *f, const char *path);
void facts_clear(struct facts *f);
#define _cleanup_facts_ __attribute__((cleanup(facts_clear)))

/* The id in a cgroup's name: "docker-ID.scope", "libpod-ID", "ID". False when it does not fit. */
bool facts_id_of(const char *component, char id[FACTS_NAME_MAX]);
/* Whether an id may be part of a file's name: letters, digits, _ + . - as the runtimes have it. */
bool facts_id_is_safe(const char *id);

/*
 * Each takes one file's text. -EINVAL, and nothing changed, when it is no JSON of that kind; a key that
 * occurs twice is refused, since readers differ in which of them they take.
 */
int facts_add_bundle(struct facts *f, const char *text, size_t size); /* OCI config.json */
int facts_add_docker(struct facts *f, const char *text, size_t size); /* config.v2.json */
int facts_add_runc(struct facts *f, const char *text, size_t size);   /* runc's state.json */
/* podman's overlay-containers/containers.json: the name of the container `id`, -ENOENT if absent. */
int facts_add_podman(struct facts *f, const char *text, size_t size);

/* The value, or NULL. `key` is used with annotations, labels and env. `buffer` may be used for it. */
const char *facts_get(const struct facts *f, enum fact_kind kind, const char *key);

/* Of the bundle: NULL or 0 when it does not say. */
const char *facts_cgroups_path(const struct facts *f);
int64_t facts_memory_limit(const struct facts *f);
/* What is mounted on `where` in the container; docker's own directory is found by /etc/hostname. */
const char *facts_mount_source(const struct facts *f, const char *where);

#endif
