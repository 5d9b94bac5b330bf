// SPDX-License-Identifier: GPL-2.0-or-later
/* ask SOCKET MESSAGE...: sends each message to the governor's socket and prints the answers, a line
 * each. With -l as the first message it then prints whatever comes, until killed. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int print_answer(int fd)
{
	static char answer[1 << 20];
	ssize_t n = recv(fd, answer, sizeof(answer) - 1, 0);

	if (n <= 0)
		return -1;
	answer[n] = '\0';
	puts(answer);
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	int listen_on = argc > 2 && strcmp(argv[2], "-l") == 0;

	if (argc < 3 || strlen(argv[1]) >= sizeof(address.sun_path)) {
		fprintf(stderr, "usage: ask SOCKET [-l] MESSAGE...\n");
		return 2;
	}
	strcpy(address.sun_path, argv[1]);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror(argv[1]);
		return 1;
	}
	for (int i = 2 + listen_on; i < argc; i++)
		if (send(fd, argv[i], strlen(argv[i]), 0) < 0 || print_answer(fd) < 0)
			return 1;
	while (listen_on && print_answer(fd) == 0)
		;
	return 0;
}
