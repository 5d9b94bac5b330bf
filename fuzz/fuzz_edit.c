// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rewriting of a bundle's config.json, from its text to the file: nothing but cgroupsPath changes, what
 * it becomes lies below the pool, and a text that two readers could take differently is left alone.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"
#include "identity/facts.h"
#include "runtime/bundle.h"
#include "runtime/cgroups_path.h"
#include "runtime/edit.h"

#define ID "c1"
#define POOL "/faasmat/pool-f"
#define SLICE "/faasmat.slice/faasmat-pool\\x2df.slice"
/* As facts_add_bundle() reads it. */
#define JSON_FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL)

#define must(condition)                   \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

/* Whether Go's decoder would take `key` for `name`: letters in any case, U+017F for s, U+212A for k. */
static bool resembles(const char *key, const char *name)
{
	for (; *name; name++) {
		if ((*name | 0x20) == 's' && strncmp(key, "\xc5\xbf", 2) == 0)
			key += 2;
		else if ((*name | 0x20) == 'k' && strncmp(key, "\xe2\x84\xaa", 3) == 0)
			key += 3;
		else if (*key && (*key | 0x20) == (*name | 0x20))
			key++;
		else
			return false;
	}
	return !*key;
}

/* Whether no key of the object only resembles `name`. */
static bool is_clear(const json_t *object, const char *name)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		if (strcmp(key, name) != 0 && resembles(key, name))
			return false;
	}
	return true;
}

/* No empty component, "." or "..". */
static bool is_plain(const char *path)
{
	while (*path) {
		size_t n;

		if (*path++ != '/')
			return false;
		n = strcspn(path, "/");
		if (n == 0 || (n == 1 && path[0] == '.') || (n == 2 && strncmp(path, "..", 2) == 0))
			return false;
		path += n;
	}
	return true;
}

static void check_path(const char *old, const char *new, bool systemd)
{
	char resolved[CGROUPS_PATH_MAX];

	must(cgroups_path_resolve(new, ID, systemd, resolved, sizeof(resolved)) == 0);
	must(is_plain(resolved));
	if (systemd) {
		must(strncmp(new, strrchr(SLICE, '/') + 1, strlen(strrchr(SLICE, '/') + 1)) == 0);
		must(strncmp(resolved, SLICE "/", sizeof(SLICE)) == 0);
		must(strcmp(strchr(new, ':'), strchr(old, ':')) == 0);
	} else {
		must(strncmp(new, POOL "/", sizeof(POOL)) == 0);
		must(!strchr(new + sizeof(POOL), '/'));
	}
	must(!strchr(resolved + (systemd ? sizeof(SLICE) : sizeof(POOL)), '/'));
}

/* Only the value differs, for a reader of JSON ... */
static void check_meaning(const json_t *before, const char *text, size_t size, const char *path)
{
	json_t *after = json_loadb(text, size, JSON_FLAGS, NULL);
	json_t *old = json_object_get(json_object_get(before, "linux"), "cgroupsPath");
	json_t *now;

	must(after);
	now = json_object_get(after, "linux");
	must(strcmp(json_string_value(json_object_get(now, "cgroupsPath")), path) == 0);
	must(is_clear(after, "linux") && is_clear(now, "cgroupsPath"));
	if (old)
		json_object_set(now, "cgroupsPath", old);
	else
		json_object_del(now, "cgroupsPath");
	must(json_equal(before, after));
	json_decref(after);
}

/* ... and for one of bytes. */
static void check_bytes(const char *text, const char *edited, const char *old, bool was_null)
{
	size_t same = 0, size, more = strlen(edited) - strlen(text), gone = was_null ? 4 : 0;
	char *back, *plain;

	if (!old) {
		while (text[same] && text[same] == edited[same])
			same++;
		must(strcmp(text + same + gone, edited + same + gone + more) == 0);
		return;
	}
	/* There and back again; a string that was written with escapes comes back without. What cannot be
	 * written (a control character that was in the part that is left behind) has no way back. */
	if (edit_cgroups_path(text, old, &plain, &size) < 0) {
		must(strpbrk(text, "\\\x7f"));
		return;
	}
	must(edit_cgroups_path(edited, old, &back, &size) == 0);
	must(strcmp(back, plain) == 0);
	if (!strchr(text, '\\'))
		must(strcmp(back, text) == 0);
	free(back);
	free(plain);
}

static char directory[] = "/tmp/faasmat-fuzz-XXXXXX";

static void remove_directory(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/config.json", directory);
	unlink(path);
	rmdir(directory);
}

/* The file is the old one or the new one, with the mode that it had, and nothing else is left there. */
static void check_file(const char *text, const char *edited, size_t size)
{
	struct bundle b, again;
	struct stat st;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/config.json", directory);
	f = fopen(path, "w");
	must(f && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, 0640) == 0);
	must(bundle_open(directory, &b) == 0);
	must(b.size == strlen(text) && memcmp(b.text, text, b.size) == 0);
	must(bundle_write(&b, edited, size) == 0);
	must(bundle_open(directory, &again) == 0);
	must(again.size == size && memcmp(again.text, edited, size) == 0);
	must(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640);
	must(stat(directory, &st) == 0 && st.st_nlink == 2);
	bundle_close(&b);
	bundle_close(&again);
}

static void rewrite(const struct facts *f, const char *text, bool systemd)
{
	const char *old = facts_cgroups_path(f);
	json_t *linux_object = json_object_get(f->bundle, "linux");
	json_t *value = json_object_get(linux_object, "cgroupsPath");
	char path[CGROUPS_PATH_MAX], *edited;
	size_t size;
	int r;

	if (cgroups_path_move(old, ID, systemd, systemd ? SLICE : POOL, path, sizeof(path)) < 0)
		return;
	check_path(old, path, systemd);
	r = edit_cgroups_path(text, path, &edited, &size);
	if (r < 0) {
		/* A refusal has a reason. */
		must(!json_is_object(linux_object) || !is_clear(f->bundle, "linux") ||
		     !is_clear(linux_object, "cgroupsPath") || strpbrk(text, "\\\x7f") ||
		     (value && !json_is_string(value) && !json_is_null(value)));
		return;
	}
	must(size == strlen(edited));
	check_meaning(f->bundle, edited, size, path);
	check_bytes(text, edited, old, json_is_null(value));
	check_file(text, edited, size);
	free(edited);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_facts_ struct facts f;
	_cleanup_free_ char *text = fuzz_text(data, size);
	static bool made;

	if (!made) {
		must(mkdtemp(directory));
		atexit(remove_directory);
		made = true;
	}
	facts_init(&f, "/" ID);
	/* As runtime/main.c: what is no bundle, or holds a NUL, is left alone. */
	if (!text || facts_add_bundle(&f, text, size) < 0 || strlen(text) != size)
		return 0;
	rewrite(&f, text, false);
	rewrite(&f, text, true);
	return 0;
}
