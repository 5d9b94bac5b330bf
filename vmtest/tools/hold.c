// SPDX-License-Identifier: GPL-2.0-or-later
/* hold MIB: a container's process that touches so much memory and then sleeps until it is killed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t size = argc == 2 ? strtoul(argv[1], NULL, 10) << 20 : 0;
	char *memory = size ? malloc(size) : NULL;

	if (!memory) {
		fprintf(stderr, "usage: hold MIB\n");
		return 2;
	}
	/* Not zero: nothing may share the pages. */
	memset(memory, 0x5a, size);
	puts("held");
	fflush(stdout);
	pause();
	return memory[size / 2] == 0x5a;
}
