// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/trial.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "common/util.h"

static int trial(const char *name, enum bpf_attach_type type)
{
	/* r0 = 0; exit */
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = type);
	_cleanup_close_ int program = -1, link = -1;
	int id = libbpf_find_vmlinux_btf_id(name, type);

	if (id < 0)
		return -ENOENT;
	o.attach_btf_id = (__u32)id;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "faasmat_trial", "GPL", nothing,
				ARRAY_SIZE(nothing), &o);
	if (program < 0)
		return -errno;
	link = bpf_raw_tracepoint_open(NULL, program);
	return link < 0 ? -errno : 0;
}

int trial_tracepoint(const char *name)
{
	return trial(name, BPF_TRACE_RAW_TP);
}

int trial_function(const char *name)
{
	return trial(name, BPF_TRACE_FEXIT);
}

int trial_unix(void)
{
	static const char *const functions[] = { "unix_accept", "unix_stream_recvmsg",
						 "unix_stream_sendmsg", "unix_release" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(functions) && r == 0; i++)
		r = trial_function(functions[i]);
	return r;
}
