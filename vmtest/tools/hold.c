// SPDX-License-Identifier: GPL-2.0-or-later
/* hold MIB [lock]: a container's process that touches so much memory and then sleeps until it is killed.
 * Locked memory can be neither swapped nor reclaimed: whoever needs room must find it elsewhere. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t size = argc >= 2 ? strtoul(argv[1], NULL, 10) << 20 : 0;
	bool lock = argc == 3 && strcmp(argv[2], "lock") == 0;
	char *memory = MAP_FAILED;

	if (size && (lock || argc == 2))
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0);
	if (memory == MAP_FAILED) {
		fprintf(stderr, "usage: hold MIB [lock]\n");
		return 2;
	}
	/* As each page is touched, so that none is swapped before it is locked. */
	if (lock && mlock2(memory, size, MLOCK_ONFAULT) < 0) {
		perror("hold: mlock2");
		return 1;
	}
	/* Not zero: nothing may share the pages. */
	memset(memory, 0x5a, size);
	puts("held");
	fflush(stdout);
	pause();
	return memory[size / 2] == 0x5a;
}
