// SPDX-License-Identifier: MIT
/* What tests/system/fuzz_calls.c found: each case with the calls that did it, and Linux's answers. */
#include "abi.h"

#include <grp.h>
#include <pthread.h>
#include <sys/socket.h>

/* The debug kernel saw a copy from NULL, of no bytes. */
TEST(peergroups_of_a_peer_without_groups)
{
	gid_t list[4] = { 7, 7, 7, 7 };
	socklen_t n = sizeof(list);
	int s[2];

	if (setgroups(0, NULL))
		SKIP("needs root");
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_PEERGROUPS, list, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(list[0], 7);
}

/* ---- descriptors that are closed while /proc looks at them ---- */

#define ROUNDS 4000
static _Atomic int opened = -1;
static _Atomic bool looked_enough;

static void *open_and_close(void *arg)
{
	(void)arg;
	while (!looked_enough) {
		int p[2];

		if (pipe(p))
			return "pipe";
		opened = p[0];
		close(p[1]);
		close(p[0]);
	}
	return NULL;
}

/*
 * A look-up or listing had a reference to the file, and when that was the last one it released the file
 * with the directory locked: pipe, terminal and socket have locks that come before.  The text of an
 * fdinfo file likewise.
 */
TEST(look_ups_in_proc_release_no_file_under_a_lock)
{
	char name[64], text[512];
	pthread_t thread;
	void *failed;
	struct stat st;

	CHECK_EQ(pthread_create(&thread, NULL, open_and_close, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		int dir, fd;

		snprintf(name, sizeof(name), "/proc/self/fd/%d", opened);
		stat(name, &st);
		lstat(name, &st);
		snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", opened);
		fd = open(name, O_RDONLY);
		if (fd >= 0) {
			read(fd, text, sizeof(text));
			CHECK_EQ(close(fd), 0);
		}
		if (i % 16)
			continue;
		dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
		CHECK(dir >= 0);
		CHECK(syscall(SYS_getdents64, dir, text, sizeof(text)) > 0);
		CHECK_EQ(close(dir), 0);
	}
	looked_enough = true;
	CHECK_EQ(pthread_join(thread, &failed), 0);
	CHECK(!failed);
}
