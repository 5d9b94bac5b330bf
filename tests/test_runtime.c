// SPDX-License-Identifier: GPL-2.0-or-later
/* runtime/: the command lines that engines use, both syntaxes of cgroupsPath, and an edit of
 * config.json that changes one value and not a byte beside it. */
#include "tests/test.h"

#include <jansson.h>

#include "identity/facts.h"
#include "runtime/arguments.h"
#include "runtime/cgroups_path.h"
#include "runtime/edit.h"
#include "runtime/settings.h"

static struct runtime_arguments parse(const char *line)
{
	static char copy[2048];
	static char *argv[64];
	struct runtime_arguments a;
	char *rest = copy;
	int argc = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	while ((argv[argc] = strsep(&rest, " ")))
		argc++;
	runtime_arguments_parse(argc, argv, &a);
	return a;
}

static void command_lines_of_engines(void **state)
{
	static const struct {
		const char *line, *bundle, *id, *root;
		bool starts, systemd, other;
	} cases[] = {
		/* containerd's shim for docker 20.10, and with the systemd driver */
		{ "runc --root /var/run/docker/runtime-runc/moby --log /run/l.json --log-format json create "
		  "--bundle /run/b --pid-file /run/b/init.pid --console-socket /tmp/p/pty.sock 0123",
		  "/run/b", "0123", "/var/run/docker/runtime-runc/moby", true, false, false },
		{ "runc --root /run/r --systemd-cgroup create --bundle /run/b --pid-file p c1",
		  "/run/b", "c1", "/run/r", true, true, false },
		/* conmon for podman */
		{ "crun --cgroup-manager=systemd create --bundle /b/userdata --pid-file /p f00",
		  "/b/userdata", "f00", NULL, true, true, false },
		{ "crun --systemd-cgroup --root=/run/crun create --bundle /b --no-new-keyring f00",
		  "/b", "f00", "/run/crun", true, true, false },
		/* by hand */
		{ "crun run -d -b /b c", "/b", "c", NULL, true, false, false },
		{ "crun run c", ".", "c", NULL, true, false, false },
		{ "crun run --bundle=/b --config=other.json c", "/b", "c", NULL, true, false,
		  true },
		{ "runc run --preserve-fds 2 --no-pivot c", ".", "c", NULL, true, false, false },
		{ "runc restore --image-path /i --work-path /w -b /b c", "/b", "c", NULL, true,
		  false, false },
		{ "crun create", ".", NULL, NULL, true, false, false },
		/* not ours */
		{ "runc features", ".", NULL, NULL, false, false, false },
		{ "runc --version", ".", NULL, NULL, false, false, false },
		{ "runc --root /r state create", ".", NULL, "/r", false, false, false },
		{ "runc --log create delete --force c", ".", NULL, NULL, false, false, false },
		{ "runc", ".", NULL, NULL, false, false, false },
		{ "runc --root", ".", NULL, NULL, false, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct runtime_arguments a = parse(cases[i].line);

		print_message("# %s\n", cases[i].line);
		assert_int_equal(a.starts, cases[i].starts);
		assert_int_equal(a.systemd_cgroup, cases[i].systemd);
		assert_int_equal(a.other_config, cases[i].other);
		assert_string_equal(a.bundle, cases[i].bundle);
		assert_string_equal(a.root ? a.root : "-", cases[i].root ? cases[i].root : "-");
		if (a.starts)
			assert_string_equal(a.id ? a.id : "-", cases[i].id ? cases[i].id : "-");
	}
}

static void paths_in_both_syntaxes(void **state)
{
	static const struct {
		bool systemd;
		const char *text, *resolved, *pool, *moved; /* NULL: left alone */
	} cases[] = {
		{ false, "/docker/0123", "/docker/0123", "/faasmat/pool-f",
		  "/faasmat/pool-f/0123" },
		{ false, "/openfaas-fn/figlet", "/openfaas-fn/figlet", "/faasmat/main",
		  "/faasmat/main/figlet" },
		{ false, "relative/c", "/relative/c", "/faasmat/main", "/faasmat/main/c" },
		{ false, NULL, "/c1", "/faasmat/main", "/faasmat/main/c1" },
		{ false, "", "/c1", "/faasmat/main", "/faasmat/main/c1" },
		{ false, "/a/../../etc", NULL, "/faasmat/main", NULL },
		{ false, "/a/..", NULL, "/faasmat/main", NULL },
		{ false, "/a//b", NULL, "/faasmat/main", NULL },
		{ false, "/a/", NULL, "/faasmat/main", NULL },
		{ false, "/", NULL, "/faasmat/main", NULL },
		{ false, "/..a/b..", "/..a/b..", "/faasmat/main", "/faasmat/main/b.." },
		{ false, "/a", "/a", "/faasmat/../x", NULL },
		{ false, "/a", "/a", "faasmat", NULL },
		{ true, "system.slice:docker:0123", "/system.slice/docker-0123.scope",
		  "/faasmat.slice/faasmat-f.slice", "faasmat-f.slice:docker:0123" },
		{ true, ":docker:0123", "/system.slice/docker-0123.scope",
		  "/faasmat.slice/faasmat-f.slice", "faasmat-f.slice:docker:0123" },
		{ true, "a-b-c.slice:libpod:77", "/a.slice/a-b.slice/a-b-c.slice/libpod-77.scope",
		  "/faasmat/pool-f", NULL },
		{ false, "/docker/0123", "/docker/0123", "/faasmat/pool-x.slice",
		  "/faasmat/pool-x.slice/0123" },
		{ true, "a.slice:docker:0123", "/a.slice/docker-0123.scope",
		  "/faasmat/pool-x.slice", NULL },
		/* systemd would take the container's controllers away. */
		{ false, "/docker/0123", "/docker/0123", "/faasmat.slice/faasmat-f.slice", NULL },
		{ true, "-.slice::c", "/c.scope", "/x.slice", "x.slice::c" },
		{ true, "user.slice:crun:c.slice", NULL, "/x.slice", NULL },
		{ true, "/docker/0123", NULL, "/x.slice", NULL },
		{ true, "a:b", NULL, "/x.slice", NULL },
		{ true, "a.slice:b:c:d", NULL, "/x.slice", NULL },
		{ true, "a--b.slice:b:c", NULL, "/x.slice", "x.slice:b:c" },
		{ true, "../a.slice:b:c", NULL, "/x.slice", NULL },
		{ true, NULL, NULL, "/x.slice", NULL },
	};
	char out[CGROUPS_PATH_MAX], small[8];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = cgroups_path_resolve(cases[i].text, "c1", cases[i].systemd, out,
					     sizeof(out));

		print_message("# %s\n", cases[i].text ? cases[i].text : "(none)");
		assert_int_equal(r == 0, cases[i].resolved != NULL);
		if (r == 0)
			assert_string_equal(out, cases[i].resolved);
		r = cgroups_path_move(cases[i].text, "c1", cases[i].systemd, cases[i].pool, out,
				      sizeof(out));
		assert_int_equal(r == 0, cases[i].moved != NULL);
		if (r == 0)
			assert_string_equal(out, cases[i].moved);
	}
	assert_int_equal(
		cgroups_path_move("/docker/0123", "c", false, "/pool", small, sizeof(small)),
		-ENAMETOOLONG);
}

static void one_value_is_changed(void **state)
{
	static const struct {
		const char *text, *edited; /* NULL: hands off */
	} cases[] = {
		{ "{\"linux\":{\"cgroupsPath\":\"/a\"}}",
		  "{\"linux\":{\"cgroupsPath\":\"/p/c\"}}" },
		{ " {\n \"x\" : [1, {\"linux\":{\"cgroupsPath\":\"no\"}}],\n \"linux\" : { \"a\" : 1.50 ,"
		  " \"cgroupsPath\" : \"/a\\\"b\\\\\" , \"z\":18446744073709551615 } , \"y\":-0.0e+5 }\n",
		  " {\n \"x\" : [1, {\"linux\":{\"cgroupsPath\":\"no\"}}],\n \"linux\" : { \"a\" : 1.50 ,"
		  " \"cgroupsPath\" : \"/p/c\" , \"z\":18446744073709551615 } , \"y\":-0.0e+5 }\n" },
		{ "{\"linux\":{}}", "{\"linux\":{\"cgroupsPath\":\"/p/c\"}}" },
		{ "{\"linux\":{\"a\":{}}}", "{\"linux\":{\"cgroupsPath\":\"/p/c\",\"a\":{}}}" },
		{ "{\"linux\":{\"cgroupsPath\":null,\"a\":1}}",
		  "{\"linux\":{\"cgroupsPath\":\"/p/c\",\"a\":1}}" },
		{ "{\"linux\":null}", NULL },
		{ "{\"linux\":[]}", NULL },
		{ "{}", NULL },
		{ "[]", NULL },
		{ "{\"Linux\":{\"cgroupsPath\":\"/a\"}}", NULL },
		{ "{\"linux\":{\"cgroupsPath\":\"/a\"},\"LINUX\":{}}", NULL },
		{ "{\"linux\":{\"cgroupspath\":\"/a\"}}", NULL },
		{ "{\"linux\":{\"cgroups\\u0050ath\":\"/a\"}}", NULL },
		{ "{\"l\\u0069nux\":{}}", NULL },
		/* Go folds the long s, too. */
		{ "{\"linux\":{\"cgroupsPath\":\"/a\",\"cgroup\xc5\xbfPath\":\"/b\"}}", NULL },
		{ "{\"linux\":{\"cgroup\xc5\xbf\":1,\"\xc5\xbf\":2}}",
		  "{\"linux\":{\"cgroupsPath\":\"/p/c\",\"cgroup\xc5\xbf\":1,\"\xc5\xbf\":2}}" },
		/* The runtime's own error, not ours to hide. */
		{ "{\"linux\":{\"cgroupsPath\":5}}", NULL },
		{ "{\"linux\":{\"cgroupsPath\":{}}}", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *out = NULL;
		size_t size = 0;
		int r = edit_cgroups_path(cases[i].text, "/p/c", &out, &size);

		print_message("# %s\n", cases[i].text);
		assert_int_equal(r == 0, cases[i].edited != NULL);
		if (r == 0) {
			assert_string_equal(out, cases[i].edited);
			assert_int_equal(size, strlen(out));
		}
		free(out);
	}
}

static void odd_paths_are_quoted(void **state)
{
	char *out = NULL;
	size_t size;

	assert_int_equal(edit_cgroups_path("{\"linux\":{}}", "/a\"b\\x2d", &out, &size), 0);
	assert_string_equal(out, "{\"linux\":{\"cgroupsPath\":\"/a\\\"b\\\\x2d\"}}");
	free(out);
	out = NULL;
	assert_int_equal(edit_cgroups_path("{\"linux\":{}}", "/a\nb", &out, &size), -EINVAL);
	assert_null(out);
}

/* A random JSON value, dumped with random spaces by a generator of its own. */
static void random_value(uint64_t *seed, char *out, size_t size, int depth)
{
	static const char *const atoms[] = {
		"0",	"-1.5e300",	     "18446744073709551615", "true", "null",
		"\"\"", "\"a\\\"}],{\\\\\"", "\"\\u00e4\"",	     "[]",   "{}"
	};
	static const char *const blanks[] = { "", " ", "\n\t", "  \r\n" };
	uint64_t kind = test_random(seed) % 4;
	int n = depth > 3 ? 0 : (int)(test_random(seed) % 4);
	size_t at;

	if (kind < 2 || n == 0) {
		snprintf(out, size, "%s", atoms[test_random(seed) % ARRAY_SIZE(atoms)]);
		return;
	}
	at = (size_t)snprintf(out, size, "%c%s", kind == 2 ? '[' : '{',
			      blanks[test_random(seed) % ARRAY_SIZE(blanks)]);
	for (int i = 0; i < n; i++) {
		char inner[4096];

		random_value(seed, inner, sizeof(inner) / 4, depth + 1);
		at += (size_t)snprintf(out + at, size - at, "%s", i ? "," : "");
		if (kind == 3)
			at += (size_t)snprintf(out + at, size - at, "\"k%d\"%s:", i,
					       blanks[test_random(seed) % ARRAY_SIZE(blanks)]);
		at += (size_t)snprintf(out + at, size - at, "%s%s", inner,
				       blanks[test_random(seed) % ARRAY_SIZE(blanks)]);
		if (at + 1200 > size)
			break;
	}
	snprintf(out + at, size - at, "%c", kind == 2 ? ']' : '}');
}

static json_t *load(const char *text)
{
	return json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
}

static void an_edit_is_what_a_parser_sees(void **state)
{
	uint64_t seed = test_seed();

	for (int i = 0; i < 3000; i++) {
		char before[4096], inside[4096], after[4096], text[16384], *out = NULL;
		bool had = test_random(&seed) % 2;
		json_t *old, *new, *path;
		size_t size;

		random_value(&seed, before, sizeof(before), 0);
		random_value(&seed, inside, sizeof(inside), 0);
		random_value(&seed, after, sizeof(after), 0);
		snprintf(text, sizeof(text), "{\"b\":%s ,\"linux\":{ \"i\":%s%s},\"a\":%s}", before,
			 inside, had ? ",\"cgroupsPath\":\"/old\"" : "", after);
		old = load(text);
		if (!old)
			continue; /* cut by the buffer */
		assert_int_equal(edit_cgroups_path(text, "/new", &out, &size), 0);
		new = load(out);
		assert_non_null(new);
		path = json_object_get(json_object_get(new, "linux"), "cgroupsPath");
		assert_string_equal(json_string_value(path), "/new");
		json_object_set_new(json_object_get(old, "linux"), "cgroupsPath",
				    json_string("/new"));
		assert_true(json_equal(old, new));
		/* Not a byte beside it. */
		if (had)
			assert_int_equal(size, strlen(text));
		json_decref(old);
		json_decref(new);
		free(out);
	}
}

static void settings_have_defaults(void **state)
{
	struct settings s;
	char text[] = "# comment\n[runtime]\n runtime = /usr/bin/crun \r\nsocket=/s\nnonsense\n"
		      "timeout = 5ms\nplatform = faasd\nrules = /r\n";
	char empty[] = "", bad[] = "timeout = 5\n";

	assert_int_equal(settings_parse(text, &s), 5);
	assert_string_equal(s.runtime, "/usr/bin/crun");
	assert_string_equal(s.socket, "/s");
	assert_string_equal(s.platform, "faasd");
	assert_string_equal(s.rules, "/r");
	assert_int_equal(s.timeout_ms, 5);
	assert_int_equal(settings_parse(empty, &s), 0);
	assert_string_equal(s.socket, "/run/faasmat/govern.sock");
	assert_string_equal(s.platform, "auto");
	assert_true(s.timeout_ms > 0 && s.timeout_ms < 20);
	assert_int_equal(settings_parse(bad, &s), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines_of_engines),
		cmocka_unit_test(paths_in_both_syntaxes),
		cmocka_unit_test(one_value_is_changed),
		cmocka_unit_test(odd_paths_are_quoted),
		cmocka_unit_test(an_edit_is_what_a_parser_sees),
		cmocka_unit_test(settings_have_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
