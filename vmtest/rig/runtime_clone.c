// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/runtime_clone.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOTIFY_FD 3
#define CHILD_STACK_BYTES (64 * 1024)

/* In the child, on the caller's memory until exec: nothing here may allocate, lock or return. */
__attribute__((noreturn, used)) static void run_child(const struct clone_start *s)
{
	static char *const no_environment[] = { NULL };
	int log = s->log >= 0 ? s->log : s->null;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(s->null, STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	dup2(s->notify, NOTIFY_FD);
	execveat(s->program, "", s->argv, no_environment, AT_EMPTY_PATH);
	_exit(127);
}

#ifdef __x86_64__
/*
 * glibc has no clone3 and its vfork takes no flags. The child shares our memory, so it must not come
 * back into this frame: it gets a stack of its own and jumps into run_child().
 */
static long clone3_child(struct clone_args *args, const struct clone_start *s)
{
	long r;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %[start], %%rdi\n\t"
			 "call *%[child]\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(r)
			 : "a"((long)SYS_clone3), "D"(args),
			   "S"(sizeof(*args)), [start] "r"(s), [child] "r"(run_child)
			 : "rcx", "r11", "memory");
	return r < 0 ? r : 0;
}
#define CLONE_MEMORY (CLONE_VM | CLONE_VFORK)
#else
static long clone3_child(struct clone_args *args, const struct clone_start *s)
{
	long r;

	args->stack = args->stack_size = 0;
	r = syscall(SYS_clone3, args, sizeof(*args));
	if (r == 0)
		run_child(s);
	return r < 0 ? -errno : 0;
}
#define CLONE_MEMORY 0
#endif

int runtime_clone_start(const struct clone_start *s)
{
	static char stack[CHILD_STACK_BYTES] __attribute__((aligned(16)));
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND | CLONE_MEMORY,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = sizeof(stack),
		.cgroup = s->cgroup,
	};
	sigset_t all, before;
	long r;

	/* A handler of ours must not run in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	r = clone3_child(&args, s);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r < 0 ? (int)r : pidfd;
}
