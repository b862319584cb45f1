// SPDX-License-Identifier: MIT
/* Names under pressure: walks against renames, creation against removal, readdir against both. */
#include "abi.h"

#include <dirent.h>
#include <pthread.h>

#define ROUNDS 1500

static void wait_all(int n)
{
	int status;

	while (n--) {
		CHECK(wait(&status) > 0);
		CHECK_EQ(status, 0);
	}
}

static void touch(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY, 0644);

	CHECK(fd >= 0);
	close(fd);
}

TEST(a_renamed_directory_keeps_its_files)
{
	struct stat st;

	CHECK(!mkdir("r", 0755) && !mkdir("r/a", 0755) && !mkdir("r/a/sub", 0755));
	touch("r/a/sub/f");
	if (!fork()) {
		for (int i = 0; i < ROUNDS; i++) {
			if (rename("r/a", "r/b") || rename("r/b", "r/a"))
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		if (stat("r/a/sub/f", &st))
			CHECK_EQ(errno, ENOENT);
		if (stat("r/b/sub/f", &st))
			CHECK_EQ(errno, ENOENT);
	}
	wait_all(1);
	CHECK(!stat("r/a/sub/f", &st));
}

TEST(exclusive_creation_has_one_winner)
{
	for (int i = 0; i < 200; i++) {
		int won = 0;

		for (int p = 0; p < 4; p++)
			if (!fork())
				_exit(open("one", O_CREAT | O_EXCL | O_WRONLY, 0644) >= 0 ? 7 : errno == EEXIST ? 0 : 1);
		for (int p = 0; p < 4; p++) {
			int status;

			CHECK(wait(&status) > 0 && WIFEXITED(status));
			CHECK(WEXITSTATUS(status) == 7 || WEXITSTATUS(status) == 0);
			won += WEXITSTATUS(status) == 7;
		}
		CHECK_EQ(won, 1);
		CHECK(!unlink("one"));
	}
}

TEST(create_and_unlink_race)
{
	for (int p = 0; p < 4; p++)
		if (!fork()) {
			for (int i = 0; i < ROUNDS; i++) {
				int fd = open("shared", O_CREAT | O_RDWR, 0644);

				if (fd < 0)
					_exit(1);
				if (write(fd, "x", 1) != 1)
					_exit(2);
				close(fd);
				if (unlink("shared") && errno != ENOENT)
					_exit(3);
			}
			_exit(0);
		}
	wait_all(4);
}

TEST(readdir_sees_each_lasting_name_once)
{
	char name[32];

	CHECK(!mkdir("d", 0755));
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d/keep%03d", i);
		touch(name);
	}
	if (!fork()) {
		for (int i = 0; i < ROUNDS; i++) {
			snprintf(name, sizeof(name), "d/tmp%d", i % 50);
			close(open(name, O_CREAT | O_WRONLY, 0644));
			unlink(name);
		}
		_exit(0);
	}
	for (int round = 0; round < 20; round++) {
		char seen[300] = { 0 };
		DIR *dir = opendir("d");
		struct dirent *e;
		int n, total = 0;

		CHECK(dir != NULL);
		while ((e = readdir(dir)))
			if (sscanf(e->d_name, "keep%d", &n) == 1) {
				CHECK_EQ(seen[n], 0);
				seen[n] = 1;
				total++;
			}
		closedir(dir);
		CHECK_EQ(total, 300);
	}
	wait_all(1);
}

TEST(directories_moved_across_each_other)
{
	CHECK(!mkdir("x", 0755) && !mkdir("y", 0755) && !mkdir("x/in", 0755));
	for (int p = 0; p < 2; p++)
		if (!fork()) {
			for (int i = 0; i < ROUNDS; i++) {
				if (p ? rename("x/in", "y/in") : rename("y/in", "x/in"))
					if (errno != ENOENT)
						_exit(1);
				if (p ? rename("x", "y/x") : rename("y", "x/y"))
					if (errno != ENOENT && errno != EINVAL)
						_exit(2);
				if (p ? rename("y/x", "x") : rename("x/y", "y"))
					if (errno != ENOENT && errno != EINVAL)
						_exit(3);
			}
			_exit(0);
		}
	wait_all(2);
}

TEST(a_removed_directory_takes_no_names)
{
	CHECK(!mkdir("gone", 0755));
	int dfd = open("gone", O_RDONLY | O_DIRECTORY);

	CHECK(dfd >= 0 && !rmdir("gone"));
	CHECK_ERR(openat(dfd, "f", O_CREAT | O_WRONLY, 0644), ENOENT);
	CHECK_ERR(mkdirat(dfd, "f", 0755), ENOENT);
	CHECK_ERR(symlinkat("t", dfd, "f"), ENOENT);
}

static void *use_descriptors(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		int fd = open("/dev/null", O_RDWR), copy = dup(fd);

		CHECK(fd >= 0 && copy >= 0 && fd != copy);
		CHECK_EQ(write(copy, "x", 1), 1);
		CHECK(!close(fd));
		CHECK_EQ(write(copy, "x", 1), 1);
		CHECK(!close(copy));
	}
	return NULL;
}

/* Reads descriptors that others open and close meanwhile: data or EBADF, nothing else. */
static void *use_any(void *arg)
{
	char c;

	(void)arg;
	for (int i = 0; i < ROUNDS * 4; i++)
		if (read(3 + i % 8, &c, 1) < 0)
			CHECK(errno == EBADF);
	return NULL;
}

TEST(threads_share_one_table)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, i < 3 ? use_descriptors : use_any, NULL));
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_join(t[i], NULL));
}

TEST(many_descriptors)
{
	int fds[900];

	for (int i = 0; i < 900; i++)
		CHECK((fds[i] = open("/dev/null", O_RDONLY)) >= 0);
	for (int i = 0; i < 900; i += 2)
		CHECK(!close(fds[i]));
	CHECK_EQ(open("/dev/null", O_RDONLY), fds[0]); /* the lowest free one */
	CHECK_EQ(fcntl(fds[1], F_DUPFD, fds[501]), fds[502]);
}

static int text_fd;

static void *pread_text(void *end)
{
	char buf[4096];

	while (time(NULL) < *(time_t *)end) {
		ssize_t n = pread(text_fd, buf, sizeof(buf), 0);

		CHECK(n > 20);
		CHECK(strspn(buf, "0123456789abcdef-") > 16);
	}
	return NULL;
}

/* The text of an open file was made anew by one pread(2) while another copied from it. */
TEST(preads_of_one_proc_text)
{
	time_t end = time(NULL) + 3;
	pthread_t t[3];

	text_fd = open("/proc/self/maps", O_RDONLY);
	CHECK(text_fd >= 0);
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_create(&t[i], NULL, pread_text, &end));
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_join(t[i], NULL));
}
