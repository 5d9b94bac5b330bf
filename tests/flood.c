// SPDX-License-Identifier: GPL-2.0-or-later
/* flood SOCKET: as many connections and requests as the governor takes, and as large ones, none of them
 * read; until killed. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/faasmat.h"

#define CONNECTIONS 100

int main(int argc, char **argv)
{
	static char large[60000];
	int fds[CONNECTIONS];

	if (argc != 2)
		return 2;
	memset(large, ' ', sizeof(large));
	for (int i = 0; i < CONNECTIONS; i++)
		fds[i] = faasmat_connect(argv[1]);
	for (unsigned int n = 0;; n++) {
		int i = (int)(n % CONNECTIONS);
		ssize_t sent =
			n % 3 ? send(fds[i], "{\"op\":\"table\"}", 14, MSG_DONTWAIT | MSG_NOSIGNAL)
			      : send(fds[i], large, sizeof(large), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (i == 0)
			usleep(100);
		if (sent >= 0)
			continue;
		close(fds[i]);
		fds[i] = faasmat_connect(argv[1]);
	}
}
