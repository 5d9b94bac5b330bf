/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of an OCI runtime, as far as a wrapper must understand it: runc's and crun's. Pure;
 * nothing in it is ever changed. */
#ifndef FAASMAT_RUNTIME_ARGUMENTS_H
#define FAASMAT_RUNTIME_ARGUMENTS_H

#include "common/util.h"

struct runtime_arguments {
	bool starts;	     /* create, run or restore: a container is born */
	const char *bundle;  /* "." when not given */
	const char *id;	     /* NULL: not given */
	const char *root;    /* of the runtime's state; NULL: not given */
	bool systemd_cgroup; /* cgroupsPath is slice:prefix:name */
	bool other_config;   /* crun's --config: not the bundle's config.json; left alone */
};

void runtime_arguments_parse(int argc, char *const *argv, struct runtime_arguments *ret);

#endif
