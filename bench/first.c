// SPDX-License-Identifier: MIT
/*
 * The first program of a machine that bench/boot measures: it says that it runs, then powers off.
 *
 * The word goes to the console as the first thing it does, so its arrival on the host is the time
 * of the first user instruction but for one write(2) and a few characters of a serial line.
 */
#include <fcntl.h>
#include <sys/reboot.h>
#include <unistd.h>

int main(void)
{
	static const char word[] = "first-user-instruction\n";
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY);

	if (write(fd, word, sizeof(word) - 1) < 0)
		return 1;
	reboot(RB_POWER_OFF);
	return 1;
}
