// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What counting costs a packet: BPF_PROG_TEST_RUN, each case beside an empty program in turns, median
 * of the differences. A case that puts the socket's state back before each repetition (see
 * bpf_paths.bpf.c) is compared with a program that does only that, and the value is above the latter;
 * "rewind_ns" says how much was taken off. A second build of the same programs proves with counters
 * that every repetition went the way that the case is named for.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "bench/bpf_paths.skel.h"
#include "bench/bpf_proof.skel.h"
#include "bpf/wire.h"
#include "common/log.h"
#include "common/util.h"

#define ROUNDS 41
#define REPEAT 100000
#define PROOF 1000
#define CGROUP 4711
#define SEQ 1000000

enum { PASSED_OTHER, PASSED_OVER };

/* Ethernet for BPF_PROG_TEST_RUN, which takes it off again. */
struct packet {
	char ethernet[14];
	struct iphdr ip;
	struct tcphdr tcp;
	char payload[2048];
} __attribute__((packed));

enum proof { PROVE_OTHER, PROVE_OVER, PROVE_REQUESTS, PROVE_RESPONSES };

struct bench_case {
	const char *name;
	const char *program, *without;
	const char *payload;
	int heads; /* of requests in it: the value is for one */
	enum proof proof;
	const char *carry; /* first 8 bytes of a head, seen before */
	bool is_unserved;
};

#define WRK "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"

/* Payloads with NULs in them, by name. As h2load and nginx send them: HEADERS of stream 1. */
static const struct {
	const char *name, *bytes;
	size_t n;
} binary[] = {
	{ "h2-get",
	  "\0\0\x28\1\5\0\0\0\1\x82\x84\x86\x41\x8a\x0b\xe2\x5c\x0b\x89\x70\xdc\x78\x0f\x03"
	  "\x7a\x96\x9d\x29\xae\xe3\x0c\x4d\x85\xc5\x3e\x8b\x19\x09\x97\x56\x5e\x64\x2e\x0b",
	  49 },
	{ "h2-ok",
	  "\0\0\x18\1\4\0\0\0\1\x88\x76\x89\xaa\x63\x55\xe5\x80\xae\x17\x97\x07\x5c\x01\x32"
	  "\x5f\x87\x49\x7c\xa5\x8a\xe8\x19\xaa\0\0\2\0\1\0\0\0\1ok",
	  44 },
};

static const struct bench_case cases[] = {
	{ "other", "bench_receive", "bench_empty", "", 1, PROVE_OTHER, NULL, false },
	{ "other-port", "bench_receive", "bench_empty", WRK, 1, PROVE_OTHER, NULL, true },
	{ "body", "bench_body", "bench_begin_once", "body", 1, PROVE_OVER, NULL, false },
	{ "request", "bench_request", "bench_rewind_in", WRK, 1, PROVE_REQUESTS, NULL, false },
	{ "request-post", "bench_request", "bench_rewind_in",
	  "POST /run HTTP/1.1\r\nHost: 172.17.0.5:8080\r\nConnection: Keep-Alive\r\n"
	  "User-Agent: Apache-HttpClient/4.5.5\r\nContent-Type: application/json\r\n"
	  "Content-Length: 12\r\n\r\n{\"value\":{}}",
	  1, PROVE_REQUESTS, NULL, false },
	{ "response", "bench_response", "bench_rewind_out",
	  "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 09:00:00 GMT\r\n"
	  "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
	  1, PROVE_RESPONSES, NULL, false },
	{ "fragmented", "bench_fragment", "bench_rewind_fragment",
	  "TP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n", 1, PROVE_REQUESTS, "GET / HT", false },
	{ "pipelined", "bench_request", "bench_rewind_in", WRK WRK WRK WRK, 4, PROVE_REQUESTS, NULL,
	  false },
	{ "http2 request", "bench_http2", "bench_rewind_http2", "h2-get", 1, PROVE_REQUESTS, NULL,
	  false },
	{ "http2 response", "bench_http2_out", "bench_rewind_http2_out", "h2-ok", 1,
	  PROVE_RESPONSES, NULL, false },
};

static void make_packet(struct packet *p, size_t *size, const char *payload)
{
	size_t n = strlen(payload);

	for (size_t i = 0; i < ARRAY_SIZE(binary); i++)
		if (strcmp(payload, binary[i].name) == 0) {
			payload = binary[i].bytes;
			n = binary[i].n;
		}
	memset(p, 0, sizeof(*p));
	if (strcmp(payload, "body") == 0) {
		n = 1448;
		memset(p->payload, 'x', n);
	} else {
		memcpy(p->payload, payload, n);
	}
	*(uint16_t *)(void *)(p->ethernet + 12) = htons(0x0800);
	p->ip.version = 4;
	p->ip.ihl = 5;
	p->ip.protocol = IPPROTO_TCP;
	p->ip.saddr = htonl(0x0a000001);
	p->ip.daddr = htonl(0x0a000002);
	p->ip.tot_len = htons((uint16_t)(sizeof(p->ip) + sizeof(p->tcp) + n));
	p->tcp.doff = 5;
	p->tcp.seq = htonl(SEQ);
	p->tcp.ack = 1;
	*size = offsetof(struct packet, payload) + n;
}

/* Nanoseconds a repetition, as the kernel measured them; negative on failure. */
static double run(int fd, const struct packet *p, size_t size, uint32_t repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = p, .data_size_in = (uint32_t)size,
		    .repeat = (int)repeat);

	return bpf_prog_test_run_opts(fd, &o) < 0 ? -errno : (double)o.duration;
}

static int prepare_maps(struct bpf_object *o)
{
	/* The lengths of what is always excluded: /_/ready and /_/health, kube-probe and Knative's. */
	struct wire_config config = { .version = WIRE_VERSION,
				      .classes = WIRE_HTTP1 | WIRE_HTTP2,
				      .path_lengths = 1 << 8 | 1 << 9,
				      .agent_lengths = 1 << 10 | 1 << 21 };
	struct wire_invocations none = { 0 };
	uint64_t served = 1, cgroup = CGROUP; /* the socket of a test run has port 0 */
	uint32_t zero = 0;
	int r = bpf_map_update_elem(bpf_object__find_map_fd_by_name(o, "settings"), &zero, &config,
				    BPF_ANY);

	if (r == 0)
		r = bpf_map_update_elem(bpf_object__find_map_fd_by_name(o, "ports"), &zero, &served,
					BPF_ANY);
	if (r == 0)
		r = bpf_map_update_elem(bpf_object__find_map_fd_by_name(o, "invocations"), &cgroup,
					&none, BPF_ANY);
	return r < 0 ? -errno : 0;
}

static int set_served(struct bpf_object *o, bool served)
{
	uint64_t bits = served;
	uint32_t zero = 0;

	return bpf_map_update_elem(bpf_object__find_map_fd_by_name(o, "ports"), &zero, &bits,
				   BPF_ANY);
}

static int program(struct bpf_object *o, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(o, name));
}

/* True when each of PROOF repetitions went the way of the case. */
static bool prove(struct bpf_proof *skel, const struct bench_case *c, const struct packet *p,
		  size_t size)
{
	struct wire_invocations before, after;
	uint64_t cgroup = CGROUP, n = PROOF;
	int map = bpf_map__fd(skel->maps.invocations);

	set_served(skel->obj, !c->is_unserved);
	memset(skel->bss->passed, 0, sizeof(skel->bss->passed));
	bpf_map_lookup_elem(map, &cgroup, &before);
	if (run(program(skel->obj, c->program), p, size, PROOF) < 0)
		return false;
	bpf_map_lookup_elem(map, &cgroup, &after);
	switch (c->proof) {
	case PROVE_OTHER:
		return skel->bss->passed[PASSED_OTHER] == n;
	case PROVE_OVER: /* the first makes the connection known */
		return skel->bss->passed[PASSED_OVER] == n - 1;
	case PROVE_REQUESTS:
		return after.requests - before.requests == n * c->heads;
	case PROVE_RESPONSES:
		return after.responses - before.responses == n;
	}
	return false;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, ROUNDS, sizeof(*v), compare);
	return v[ROUNDS / 2];
}

static void set_packet(struct bpf_paths__bss *a, struct bpf_proof__bss *b, const char *carry)
{
	a->packet_seq = b->packet_seq = SEQ;
	a->packet_cgroup = b->packet_cgroup = CGROUP;
	if (carry) {
		memcpy(&a->packet_carry, carry, 8);
		memcpy(&b->packet_carry, carry, 8);
	}
}

static int measure(struct bpf_paths *paths, struct bpf_proof *proof, const struct bench_case *c)
{
	double above[ROUNDS], rewind[ROUNDS];
	struct packet p;
	size_t size;

	make_packet(&p, &size, c->payload);
	set_packet(paths->bss, proof->bss, c->carry);
	if (!prove(proof, c, &p, size)) {
		log_error("bench bpf: %s: not every repetition took its path", c->name);
		return -EPROTO;
	}
	set_served(paths->obj, !c->is_unserved);
	for (int i = 0; i < ROUNDS; i++) {
		double empty = run(program(paths->obj, "bench_empty"), &p, size, REPEAT);
		double without = run(program(paths->obj, c->without), &p, size, REPEAT);
		double with = run(program(paths->obj, c->program), &p, size, REPEAT);

		if (empty < 0 || without < 0 || with < 0)
			return log_error_errno(-EIO, "bench bpf: %s", c->name);
		above[i] = (with - without) / c->heads;
		rewind[i] = without - empty;
	}
	printf("{\"bench\":\"bpf\",\"case\":\"%s\",\"value\":%.1f,\"unit\":\"ns\",\"rewind_ns\":%.1f,"
	       "\"repetitions\":%d,\"proved\":%d}\n",
	       c->name, median(above), median(rewind), ROUNDS * REPEAT, PROOF);
	fflush(stdout);
	return 0;
}

static int be_quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

/* Nothing of a benchmark is pinned. */
static void unpin(struct bpf_object *o)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, o) bpf_map__set_pin_path(m, NULL);
}

/* usage: bench_bpf [CASE] */
int main(int argc, char **argv)
{
	struct bpf_paths *paths = bpf_paths__open();
	struct bpf_proof *proof = bpf_proof__open();
	int r = paths && proof ? 0 : -errno;

	libbpf_set_print(be_quiet);
	if (r == 0) {
		unpin(paths->obj);
		unpin(proof->obj);
		r = bpf_paths__load(paths);
	}
	if (r == 0)
		r = bpf_proof__load(proof);
	if (r == 0)
		r = prepare_maps(paths->obj);
	if (r == 0)
		r = prepare_maps(proof->obj);
	if (r < 0)
		log_error_errno(r, "bench bpf: loading (root is needed)");
	for (size_t i = 0; i < ARRAY_SIZE(cases) && r == 0; i++)
		if (argc < 2 || strcmp(argv[1], cases[i].name) == 0)
			r = measure(paths, proof, &cases[i]);
	bpf_paths__destroy(paths);
	bpf_proof__destroy(proof);
	return r < 0;
}
