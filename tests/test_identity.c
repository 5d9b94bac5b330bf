// SPDX-License-Identifier: GPL-2.0-or-later
/* identity/: every platform's containers are named from real-shaped paths, bundles and engine files;
 * what is not sure is not named; hostile files change nothing. */
#include "tests/test.h"

#include <fcntl.h>

#include "identity/look_up.h"
#include "identity/request.h"
#include "identity/rules.h"

#define ROOT "tests/data/identity/root"

static struct rules *parse_rules(const char *text)
{
	struct rules *r;
	char why[256];

	assert_int_equal(rules_parse(text, &r, why, sizeof(why)), 0);
	return r;
}

/* The function's name, "pod NAME", "-" or what it waits for. */
static const char *identify(struct rules *r, const struct facts *f)
{
	static char out[300];
	struct identity_match match;

	switch (rules_match(r, f, &match)) {
	case IDENTITY_FOUND:
		snprintf(out, sizeof(out), "%s%s", match.pod ? "pod " : "", match.function);
		return out;
	case IDENTITY_NEEDS_FILES:
		return "?files";
	case IDENTITY_NEEDS_REQUEST:
		return "?request";
	case IDENTITY_NONE:
		break;
	}
	return "-";
}

static const char *identify_on_node(struct rules *r, const struct places *p, const char *path,
				    const char *action)
{
	_cleanup_facts_ struct facts f;
	const char *before;

	facts_init(&f, path);
	before = identify(r, &f);
	/* Whoever needs no files must say the same with them. */
	if (strcmp(before, "?files") != 0 && strcmp(before, "?request") != 0)
		return before;
	look_up(p, &f);
	if (strcmp(action, "-") != 0) {
		f.request_seen = true;
		snprintf(f.action, sizeof(f.action), "%s", action);
	}
	return identify(r, &f);
}

static void every_platform_is_named(void **state)
{
	FILE *table = fopen("tests/data/identity/cases", "r");
	struct places places;
	char line[1024];
	int cases = 0, wrong = 0;

	assert_non_null(table);
	places_find(&places, ROOT);
	while (fgets(line, sizeof(line), table)) {
		char *platform, *action, *path, *wanted, *rest = line;
		struct rules *r;
		const char *got;

		if (*line == '#')
			continue;
		platform = strsep(&rest, "\t");
		action = strsep(&rest, "\t");
		path = strsep(&rest, "\t");
		wanted = strsep(&rest, "\n");
		assert_int_equal(rules_of_platform(platform, &r), 0);
		got = identify_on_node(r, &places, path, action);
		if (strcmp(got, wanted) != 0) {
			print_message("%s %s: got '%s', wanted '%s'\n", platform, path, got,
				      wanted);
			wrong++;
		}
		rules_free(r);
		cases++;
	}
	fclose(table);
	assert_int_equal(wrong, 0);
	assert_true(cases > 50);
}

static void every_builtin_rule_compiles(void **state)
{
	char names[256], *next = names, *name;

	snprintf(names, sizeof(names), "%s", rules_platforms());
	while ((name = strsep(&next, ","))) {
		name += strspn(name, " ");
		rules_free(parse_rules(rules_platform_text(name)));
	}
	assert_null(rules_platform_text("lambda"));
}

static void rules_name_functions(void **state)
{
	struct rules *r = parse_rules("# comment\n"
				      "^/faas/special/.*$   special\n"
				      "^/faas/with blank$ blank\n"
				      "^/faas/([^/]+)/run-([a-z]+)$ \\2.\\1\n"
				      "  path ^/two/([a-z]+) id ^([0-9]+)$ \\2-\\1\\9\r\n");
	_cleanup_facts_ struct facts f;
	static const char *const paths[][2] = {
		{ "/faas/main/run-x", "x.main" }, { "/faas/special/run-x", "special" },
		{ "/faas/with blank", "blank" },  { "/two/abc/17", "17-abc" },
		{ "/two/abc/x17", "-" },	  { "/faas/main", "-" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		facts_init(&f, paths[i][0]);
		assert_string_equal(identify(r, &f), paths[i][1]);
	}
	rules_free(r);
	/* What a container calls itself is data: a name that is none leaves it unknown. */
	assert_int_equal(rules_of_platform("openwhisk", &r), 0);
	facts_init(&f, "/faasmat/main/wsk0_17_guest_a\nb");
	assert_string_equal(identify(r, &f), "-");
	rules_free(r);
}

static void rules_say_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *where;
	} bad[] = {
		{ "", "line" },
		{ "# only a comment\n", "no rule" },
		{ "a b\n(unclosed x\n", "line 2" },
		{ "a b\nlonely\n", "line 2" },
		{ "name ^x$\n", "NAME is missing" },
		{ "name\n", "line 1" },
		{ "label:a ^x$ b c\n", "'b' is no source" },
		{ "pod nonsense ^x$ b\n", "'nonsense' is no source" },
		{ "id a id b id c id d id e f\n", "at most 4" },
		{ "env:A ( f\n", "line 1" },
		/* Found by fuzzing: glibc takes all memory to compile these. */
		{ "e,+++++++++++++++++++++++++++++++++++++++++++++++ x\n", "repeated" },
		{ "(((((((((a+)+)+)+)+)+)+)+)+) x\n", "nested" },
		{ "((a{100}){100}){100} x\n", "two {n,m}" },
		{ "a{1000000} x\n", "3 digits" },
	};
	struct rules *r;
	char why[256];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(rules_parse(bad[i].text, &r, why, sizeof(why)), -EINVAL);
		assert_null(r);
		if (!strstr(why, bad[i].where))
			fail_msg("'%s' does not say '%s'", why, bad[i].where);
	}
}

static void ids_of_cgroups(void **state)
{
	static const char *const cases[][2] = {
		{ "docker-0123.scope", "0123" },
		{ "libpod-77", "77" },
		{ "libpod-77.scope", "77" },
		{ "cri-containerd-ab.scope", "ab" },
		{ "crio-ab.scope", "ab" },
		{ "plain", "plain" },
		{ "docker-0123", "docker-0123" },
		{ "my.scope", "my" },
		{ "wsk0_1_guest_f", "wsk0_1_guest_f" },
		{ "docker-.scope", "docker-" },
	};
	char id[FACTS_NAME_MAX], long_name[400];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(facts_id_of(cases[i][0], id));
		assert_string_equal(id, cases[i][1]);
	}
	memset(long_name, 'a', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	assert_false(facts_id_of(long_name, id));
	assert_false(facts_id_is_safe("a/b"));
	assert_false(facts_id_is_safe(".."));
	assert_false(facts_id_is_safe("a b"));
	assert_false(facts_id_is_safe(""));
	assert_true(facts_id_is_safe("wsk0_1_guest_f.x-y+z"));
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* A node whose crun state holds one trap after the other, with the same good text behind each. */
static void traps_are_not_stepped_in(void **state)
{
	static const char good[] = "{\"annotations\":{\"faasmat.function\":\"trapped\"}}";
	const char *prefix = test_path("node");
	char file[700], command[2000], path[64];
	struct places places;
	struct rules *r;
	int fd;

	snprintf(command, sizeof(command),
		 "d=%s; rm -rf $d; for i in good link fifo big dir/config.json; do mkdir -p "
		 "$d/run/crun/$i; done; ln -s good $d/run/crun/dirlink",
		 prefix);
	assert_int_equal(system(command), 0);
	snprintf(file, sizeof(file), "%s/run/crun/good/config.json", prefix);
	write_text(file, good);
	snprintf(file, sizeof(file), "%s/run/crun/link/config.json", prefix);
	assert_int_equal(symlink("../good/config.json", file), 0);
	snprintf(file, sizeof(file), "%s/run/crun/fifo/config.json", prefix);
	assert_int_equal(mkfifo(file, 0600), 0);
	snprintf(file, sizeof(file), "%s/run/crun/big/config.json", prefix);
	write_text(file, good);
	fd = open(file, O_WRONLY);
	assert_int_equal(ftruncate(fd, FACTS_FILE_MAX + 1), 0);
	close(fd);

	places_find(&places, prefix);
	assert_int_equal(rules_of_platform("crun", &r), 0);
	assert_string_equal(identify_on_node(r, &places, "/x/good", "-"), "trapped");
	for (size_t i = 0; i < 5; i++) {
		static const char *const traps[] = { "link", "fifo", "dir", "big", "dirlink" };

		snprintf(path, sizeof(path), "/x/%s", traps[i]);
		assert_string_equal(identify_on_node(r, &places, path, "-"), "-");
	}
	rules_free(r);
}

static void bundles_say_more_than_names(void **state)
{
	static const char bundle[] =
		"{\"linux\":{\"cgroupsPath\":\"/docker/0123\",\"resources\":{\"memory\":{\"limit\":"
		"268435456}}},\"process\":{\"rlimits\":[{\"hard\":18446744073709551615}]},"
		"\"mounts\":[{\"destination\":\"/etc/hostname\",\"source\":\"/d/0123/hostname\"}]}";
	_cleanup_facts_ struct facts f;

	facts_init(&f, "/docker/0123");
	assert_int_equal(facts_add_bundle(&f, bundle, strlen(bundle)), 0);
	assert_string_equal(facts_cgroups_path(&f), "/docker/0123");
	assert_int_equal(facts_memory_limit(&f), 268435456);
	assert_string_equal(facts_mount_source(&f, "/etc/hostname"), "/d/0123/hostname");
	/* Refused whole: what was known stays. */
	assert_int_equal(facts_add_bundle(&f, "[]", 2), -EINVAL);
	assert_int_equal(facts_add_bundle(&f, "{\"a\":1,\"a\":2}", 13), -EINVAL);
	assert_string_equal(facts_cgroups_path(&f), "/docker/0123");
	assert_int_equal(facts_add_bundle(&f, "{}", 2), 0);
	assert_null(facts_cgroups_path(&f));
	assert_int_equal(facts_memory_limit(&f), 0);
}

static enum request_outcome action(const char *text, size_t n, char *out)
{
	char *exact = malloc(n);
	enum request_outcome outcome;

	/* On the heap and no byte longer, so that the sanitizer sees a step too far. */
	memcpy(exact, text, n);
	outcome = request_action(exact, n, out, 512);
	free(exact);
	return outcome;
}

#define HEAD " HTTP/1.1\r\nHost: 172.17.0.4:8080\r\nContent-Type: application/json\r\n\r\n"

static const struct {
	const char *text, *action; /* NULL: says nothing; "...": may yet say */
} requests[] = {
	{ "POST /init" HEAD
	  "{\"value\":{\"name\":\"hello\",\"main\":\"main\",\"code\":\"x\\n\\\"\\u0041\","
	  "\"binary\":false,\"env\":{\"__OW_API_KEY\":\"k\",\"__OW_ACTION_NAME\":\"/guest/pkg/hello\"}}}",
	  "guest_hello" },
	{ "POST /run" HEAD
	  "{\"value\":{\"p\":[1,2,{\"q\":-1.5e3}]},\"action_name\":\"/whisk.system/a-b\"}",
	  "whisksystem_ab" },
	{ "POST /run" HEAD " { \"action_name\" : \"\\/guest\\/f\" , \"value\":", "guest_f" },
	/* What a caller passes stands deeper, whatever it looks like. */
	{ "POST /run" HEAD "{\"value\":{\"action_name\":\"/evil/f\"},\"action_name\":\"/guest/f\"}",
	  "guest_f" },
	{ "POST /run" HEAD "{\"value\":{\"x\":\"\\\",\\\"action_name\\\":\\\"/evil/f\"},\"a\":1}",
	  NULL },
	{ "POST /run" HEAD
	  "{\"value\":[\"action_name\",\"/evil/f\"],\"b\":{\"action_name\":\"/evil/f\"}}",
	  NULL },
	{ "POST /init" HEAD "{\"value\":{\"__OW_ACTION_NAME\":\"/evil/f\",\"code\":\"", "..." },
	{ "POST /init" HEAD "{\"env\":{\"__OW_ACTION_NAME\":\"/evil/f\"}}", NULL },
	{ "POST /v2/specialize" HEAD
	  "{\"filepath\":\"/userfunc/x\",\"functionName\":\"main\",\"url\":\"\","
	  "\"FunctionMetadata\":{\"name\":\"hello-js\",\"namespace\":\"default\",\"uid\":\"u\"}}",
	  "default_hello-js" },
	{ "POST /v2/specialize" HEAD
	  "{\"FunctionMetadata\":{\"name\":\"a/b\",\"namespace\":\"d\"}}",
	  NULL },
	{ "POST /run HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2a\r\n{\"action_name\":\"/guest/f\"",
	  "guest_f" },
	{ "POST /run" HEAD "{\"action_name\":\"lonely\"}", NULL },
	{ "POST /run" HEAD "{\"action_name\":\"//f\"}", NULL },
	{ "POST /run" HEAD "{\"action_name\":{\"x\":1}}", NULL },
	{ "POST /run" HEAD "not json", NULL },
	{ "POST /run" HEAD "{\"a\":1}}", NULL },
	{ "POST /run" HEAD "{\"a\"]", NULL },
	{ "POST /run HTTP/1.1\r\nHost: x\r\n", "..." },
	{ "POST /runaway" HEAD "{\"action_name\":\"/guest/f\"}", NULL },
	{ "GET /run" HEAD, NULL },
};

static void requests_tell_the_action(void **state)
{
	char out[512];

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		const char *text = requests[i].text, *wanted = requests[i].action;
		enum request_outcome outcome = action(text, strlen(text), out);

		print_message("# %zu\n", i);
		if (!wanted)
			assert_int_equal(outcome, REQUEST_OTHER);
		else if (strcmp(wanted, "...") == 0)
			assert_int_equal(outcome, REQUEST_MORE);
		else {
			assert_int_equal(outcome, REQUEST_FOUND);
			assert_string_equal(out, wanted);
		}
		/* Cut anywhere it says nothing else than whole. */
		for (size_t n = 1; n < strlen(text); n++)
			if (action(text, n, out) == REQUEST_FOUND) {
				assert_non_null(wanted);
				assert_string_equal(out, wanted);
			}
	}
}

static void noise_names_nothing_else(void **state)
{
	uint64_t seed = test_seed();
	char text[1024], out[512];
	struct places places;

	places_find(&places, ROOT);
	for (int i = 0; i < 20000; i++) {
		size_t k = test_random(&seed) % ARRAY_SIZE(requests), n = strlen(requests[k].text);
		_cleanup_facts_ struct facts f;
		char *exact;

		memcpy(text, requests[k].text, n);
		for (int j = test_random(&seed) % 4; j >= 0; j--)
			text[test_random(&seed) % n] = (char)test_random(&seed);
		action(text, n, out);
		/* The same bytes as a file of each kind: refused or taken, never worse. */
		facts_init(&f, "/x/c1");
		exact = strstr(text, "\r\n\r\n");
		if (!exact)
			continue;
		n -= (size_t)(exact + 4 - text);
		facts_add_bundle(&f, exact + 4, n);
		facts_add_docker(&f, exact + 4, n);
		facts_add_runc(&f, exact + 4, n);
		facts_add_podman(&f, exact + 4, n);
		facts_memory_limit(&f);
		facts_mount_source(&f, "/x");
	}
}

static void nesting_is_bounded(void **state)
{
	enum { DEEP = 100000 };
	_cleanup_free_ char *text = malloc(DEEP + 100);
	_cleanup_facts_ struct facts f;
	char out[512];

	strcpy(text, "POST /run" HEAD);
	memset(text + strlen(text), '[', DEEP - 50);
	assert_int_equal(request_action(text, DEEP - 50, out, sizeof(out)), REQUEST_OTHER);
	facts_init(&f, "/x");
	memset(text, '[', DEEP);
	assert_int_equal(facts_add_bundle(&f, text, DEEP), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_platform_is_named),
		cmocka_unit_test(every_builtin_rule_compiles),
		cmocka_unit_test(rules_name_functions),
		cmocka_unit_test(rules_say_what_is_wrong),
		cmocka_unit_test(ids_of_cgroups),
		cmocka_unit_test(traps_are_not_stepped_in),
		cmocka_unit_test(bundles_say_more_than_names),
		cmocka_unit_test(requests_tell_the_action),
		cmocka_unit_test(noise_names_nothing_else),
		cmocka_unit_test(nesting_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
