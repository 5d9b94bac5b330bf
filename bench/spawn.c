// SPDX-License-Identifier: GPL-2.0-or-later
/* spawn N PROGRAM: a server of the class exec, which starts PROGRAM for each of N requests, one after another,
 * as fast as the machine makes processes. Prints how many it started. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

int main(int argc, char **argv)
{
	char *const environment[] = { NULL };
	long n = argc == 3 ? atol(argv[1]) : 0, started = 0;
	pid_t pid;

	for (; started < n; started++)
		if (posix_spawn(&pid, argv[2], NULL, NULL, &argv[2], environment) != 0 ||
		    waitpid(pid, NULL, 0) != pid)
			break;
	printf("%ld\n", started);
	return started < n || n == 0;
}
