/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks the kernel for a hook by taking it for a moment: BTF names functions that may not be hooked. */
#ifndef FAASMAT_COLLECTOR_TRIAL_H
#define FAASMAT_COLLECTOR_TRIAL_H

/* Loads two instructions for the tracepoint, or the end of the function, attaches them and takes them away
 * again. 0, -ENOENT when the kernel does not have it, or why it refuses (-EPERM, without root or where
 * functions cannot be traced). */
int trial_tracepoint(const char *name);
int trial_function(const char *name);

/* The functions that the class unix hooks: 0 or the first refusal. */
int trial_unix(void);

#endif
