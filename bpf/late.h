/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by late.bpf.c and the collector; see late.bpf.c. */
#ifndef FAASMAT_BPF_LATE_H
#define FAASMAT_BPF_LATE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Bytes of one record, and records of one segment: what is behind them is not seen. */
#define LATE_TEXT 4096
#define LATE_PIECES 4
/* Segments that a watched cgroup may have copied until user space asks for more. */
#define LATE_BUDGET 64
#define LATE_CGROUPS 4096

/* A piece of what a watched cgroup's socket received, by ring buffer. */
struct late_piece {
	__u64 cgroup;
	__u64 socket; /* its cookie */
	__u32 seq;    /* of the first byte */
	__u32 bytes;  /* of `text` that are set */
	char text[LATE_TEXT];
};

#endif
