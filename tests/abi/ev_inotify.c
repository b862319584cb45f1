// SPDX-License-Identifier: MIT
/* inotify(7): which events, in which order; marks; overflow. */
#include "abi.h"

#include <dirent.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

/* What came as text: "d:40000200:name self:400 ..."; d is watch 1. */
static const char *events(int in)
{
	static char text[4000];
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n = read(in, buf, sizeof(buf));

	text[0] = '\0';
	for (char *p = buf; n > 0 && p < buf + n;) {
		struct inotify_event *e = (void *)p;

		sprintf(text + strlen(text), "%s%d:%x%s%s", text[0] ? " " : "", e->wd, e->mask,
			e->len ? ":" : "", e->len ? e->name : "");
		p += sizeof(*e) + e->len;
	}
	return text;
}

#define CHECK_EVENTS(in, want)                                                       \
	do {                                                                         \
		const char *got_ = events(in);                                       \
		if (strcmp(got_, want))                                              \
			ABI_FAIL("events \"%s\", want \"%s\"", got_, want);          \
	} while (0)

static int watch(const char *path, uint32_t mask)
{
	int in = inotify_init1(IN_NONBLOCK);

	CHECK(in >= 0);
	CHECK_EQ(inotify_add_watch(in, path, mask), 1);
	return in;
}

TEST(rmdir_told_the_parent_before_the_directory)
{
	int in;

	CHECK(!mkdir("d", 0755) && !mkdir("d/e", 0755));
	in = watch("d", IN_ALL_EVENTS);
	CHECK_EQ(inotify_add_watch(in, "d/e", IN_ALL_EVENTS), 2);
	CHECK(!rmdir("d/e"));
	CHECK_EVENTS(in, "2:400 2:8000 1:40000200:e");
}

TEST(link_told_the_old_names_parent)
{
	int in;

	write_file("f", "x", 1);
	in = watch(".", IN_ALL_EVENTS);
	CHECK_EQ(inotify_add_watch(in, "f", IN_ALL_EVENTS), 2);
	CHECK(!link("f", "g"));
	CHECK_EVENTS(in, "2:4 1:100:g");
	CHECK(!unlink("f"));
	CHECK_EVENTS(in, "2:4 1:200:f");
}

/* Linux 6.1 cuts the file before it tells of the open, later ones after it. */
TEST(open_that_truncates_tells_of_both)
{
	const char *got;
	int in;

	write_file("f", "x", 1);
	in = watch(".", IN_ALL_EVENTS);
	close(open("f", O_RDWR | O_TRUNC));
	got = events(in);
	CHECK(!strcmp(got, "1:2:f 1:20:f 1:8:f") || !strcmp(got, "1:20:f 1:2:f 1:8:f"));
}

TEST(exchange_told_one_half)
{
	const char *got;
	int in;

	write_file("f", "x", 1);
	CHECK(!mkdir("d", 0755));
	in = watch(".", IN_MOVE | IN_MOVE_SELF);
	CHECK_EQ(inotify_add_watch(in, "f", IN_MOVE_SELF), 2);
	CHECK_EQ(inotify_add_watch(in, "d", IN_MOVE_SELF), 3);
	CHECK(!syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "d", 2));
	got = events(in);
	CHECK(!strcmp(got, "1:40:f 1:80:d 2:800 1:40000040:d 1:40000080:f 3:800"));
}

TEST(rename_over_a_watched_file)
{
	int in;

	write_file("a", "x", 1);
	write_file("b", "x", 1);
	in = watch(".", IN_MOVE);
	CHECK_EQ(inotify_add_watch(in, "a", IN_ALL_EVENTS), 2);
	CHECK_EQ(inotify_add_watch(in, "b", IN_ALL_EVENTS), 3);
	CHECK(!rename("a", "b"));
	CHECK_EVENTS(in, "1:40:a 1:80:b 3:4 2:800 3:400 3:8000");
}

TEST(getdents_is_an_access)
{
	DIR *d;
	int in;

	CHECK(!mkdir("d", 0755));
	in = watch("d", IN_ACCESS);
	d = opendir("d");
	CHECK(readdir(d));
	CHECK_EVENTS(in, "1:40000001");
	closedir(d);
}

TEST(sendfile_told_nobody)
{
	int in, f, g;

	write_file("f", "12345", 5);
	write_file("g", "", 0);
	f = open("f", O_RDONLY);
	g = open("g", O_WRONLY);
	in = watch(".", IN_ACCESS | IN_MODIFY);
	CHECK_EQ(sendfile(g, f, NULL, 5), 5);
	CHECK(!strcmp(events(in), "1:1:f 1:2:g") || !strcmp(events(in), ""));
}

TEST(one_time_alone_is_an_access_or_a_change)
{
	struct timespec a[2] = { { 1, 0 }, { 0, UTIME_OMIT } }, m[2] = { { 0, UTIME_OMIT }, { 1, 0 } };
	int in;

	write_file("f", "x", 1);
	in = watch("f", IN_ALL_EVENTS);
	CHECK(!utimensat(AT_FDCWD, "f", a, 0));
	CHECK_EVENTS(in, "1:1");
	CHECK(!utimensat(AT_FDCWD, "f", m, 0));
	CHECK_EVENTS(in, "1:2");
	CHECK(!utimensat(AT_FDCWD, "f", NULL, 0));
	CHECK_EVENTS(in, "1:4");
	CHECK(!chown("f", (uid_t)-1, (gid_t)-1));
	CHECK_EVENTS(in, "");
}

TEST(excl_unlink_heard_of_files_without_name)
{
	int in, all, fd = open("f", O_RDWR | O_CREAT, 0600);

	in = watch(".", IN_MODIFY | IN_DELETE | IN_EXCL_UNLINK);
	all = watch(".", IN_MODIFY | IN_DELETE);
	CHECK_EQ(write(fd, "a", 1), 1);
	CHECK(!unlink("f"));
	CHECK_EQ(write(fd, "b", 1), 1);
	CHECK_EVENTS(in, "1:2:f 1:200:f");
	CHECK_EVENTS(all, "1:2:f 1:200:f 1:2:f");
}

/* Who hears of the end of a name does not find it. */
TEST(delete_was_told_before_the_name_was_gone)
{
	char buf[400] __attribute__((aligned(8)));
	int in = inotify_init();
	pid_t child;

	CHECK_EQ(inotify_add_watch(in, ".", IN_DELETE), 1);
	for (int i = 0; i < 200; i++) {
		write_file("f", "", 0);
		child = CHILD(unlink("f"));
		CHECK(read(in, buf, sizeof(buf)) > 0);
		CHECK_ERR(access("f", F_OK), ENOENT);
		WAIT_OK(child);
	}
}

TEST(masks_of_a_watch)
{
	int in = inotify_init1(IN_NONBLOCK), file;

	write_file("f", "x", 1);
	file = open("f", O_RDWR);
	CHECK_ERR(inotify_add_watch(in, "f", 0), EINVAL);
	CHECK_ERR(inotify_add_watch(in, "f", IN_MODIFY | 0x1000), EINVAL);
	CHECK_ERR(inotify_add_watch(99, "f", IN_MASK_ADD | IN_MASK_CREATE | IN_MODIFY), EBADF);
	CHECK_ERR(inotify_add_watch(in, "f", IN_MASK_ADD | IN_MASK_CREATE | IN_MODIFY), EINVAL);
	CHECK_ERR(inotify_add_watch(in, "f", IN_ONLYDIR | IN_MODIFY), ENOTDIR);
	CHECK_EQ(inotify_add_watch(in, "f", IN_MODIFY), 1);
	CHECK_ERR(inotify_add_watch(in, "f", IN_MASK_CREATE | IN_MODIFY), EEXIST);
	CHECK_EQ(inotify_add_watch(in, "f", IN_MASK_ADD | IN_ATTRIB), 1);
	CHECK_EQ(write(file, "a", 1), 1);
	CHECK(!fchmod(file, 0600));
	CHECK_EVENTS(in, "1:2 1:4");
	CHECK_EQ(inotify_add_watch(in, "f", IN_ATTRIB | IN_ONESHOT), 1);
	CHECK(!fchmod(file, 0644));
	CHECK(!fchmod(file, 0600));
	CHECK_EVENTS(in, "1:4 1:8000");
	CHECK_ERR(inotify_rm_watch(in, 1), EINVAL);
	CHECK_EQ(inotify_add_watch(in, "f", IN_ATTRIB), 2);
}

/* Alternating events do not merge; the queue's last place says that more were lost. */
TEST(overflow_is_told_once)
{
	char buf[65536] __attribute__((aligned(8)));
	int in, fd, max = 0, n = 0, overflows = 0;
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	ssize_t got;

	CHECK(f && fscanf(f, "%d", &max) == 1);
	CHECK(max > 0 && max < 100000);
	write_file("f", "x", 1);
	fd = open("f", O_RDWR);
	in = watch("f", IN_MODIFY | IN_ACCESS);
	for (int i = 0; i < max / 2 + 10; i++) {
		CHECK_EQ(pwrite(fd, "a", 1, 0), 1);
		CHECK_EQ(pread(fd, buf, 1, 0), 1);
	}
	while ((got = read(in, buf, sizeof(buf))) > 0)
		for (char *p = buf; p < buf + got; p += sizeof(struct inotify_event), n++) {
			struct inotify_event *e = (void *)p;

			overflows += e->wd == -1 && e->mask == IN_Q_OVERFLOW;
		}
	CHECK_EQ(n, max + 1);
	CHECK_EQ(overflows, 1);
	CHECK_EQ(pwrite(fd, "a", 1, 0), 1);
	CHECK_EVENTS(in, "1:2");
}

/* A watch ends by its file, by its number and with its instance, all at once. */
TEST(watches_end_from_all_sides)
{
	long long end = now_ns() + 1500000000ll;
	pid_t kids[3];

	kids[0] = CHILD(while (now_ns() < end) {
		close(open("f", O_RDWR | O_CREAT, 0600));
		unlink("f");
	});
	for (int i = 1; i < 3; i++)
		kids[i] = CHILD(while (now_ns() < end) {
			int in = inotify_init1(IN_NONBLOCK), wd;

			CHECK(in >= 0);
			for (int n = 0; n < 5; n++) {
				wd = inotify_add_watch(in, "f", IN_ALL_EVENTS);
				CHECK(wd > 0 || errno == ENOENT);
				if (wd > 0 && n % 2)
					inotify_rm_watch(in, wd);
			}
			close(in);
		});
	for (int i = 0; i < 3; i++)
		WAIT_OK(kids[i]);
}
