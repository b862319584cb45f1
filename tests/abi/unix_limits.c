// SPDX-License-Identifier: MIT
/* What one user may keep in sockets, and the sysctls that say so. */
#include "abi.h"

#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static const struct {
	const char *what;
	long value;
} sysctls[] = {
	{ "core/wmem_default", 212992 }, { "core/wmem_max", 212992 },      { "core/rmem_default", 212992 },
	{ "core/rmem_max", 212992 },     { "core/somaxconn", 4096 },       { "unix/max_dgram_qlen", 10 },
};

static void sysctl_path(char *path, const char *name)
{
	sprintf(path, "/proc/sys/net/%s", name);
}

static long read_sysctl(const char *name)
{
	char path[100], text[32] = { 0 };
	int fd;

	sysctl_path(path, name);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && !close(fd));
	return atol(text);
}

static void write_sysctl(const char *name, long value)
{
	char path[100], text[32];

	sysctl_path(path, name);
	sprintf(text, "%ld", value);
	write_file(path, text, strlen(text));
}

TEST_ROWS(sysctl, sysctls)
{
	OWN_MACHINE();
	CHECK_EQ(read_sysctl(row->what), row->value);
}

static int buffer_of(int s, int asked)
{
	socklen_t len = sizeof(asked);

	if (asked)
		CHECK(!setsockopt(s, SOL_SOCKET, SO_SNDBUF, &asked, len));
	CHECK(!getsockopt(s, SOL_SOCKET, SO_SNDBUF, &asked, &len));
	return asked;
}

TEST(sysctls_bind_new_sockets)
{
	OWN_MACHINE();
	write_sysctl("core/wmem_max", 20000);
	write_sysctl("core/wmem_default", 10000);
	CHECK_EQ(buffer_of(socket(AF_UNIX, SOCK_STREAM, 0), 0), 10000);
	CHECK_EQ(buffer_of(socket(AF_UNIX, SOCK_STREAM, 0), 1000000), 40000);
	write_sysctl("core/wmem_max", 212992);
	write_sysctl("core/wmem_default", 212992);
}

static socklen_t abstract(struct sockaddr_un *a, const char *name)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)sprintf(a->sun_path + 1, "%s", name));
}

/* The queue's length holds when the socket was made; somaxconn when it listens. */
TEST(queue_lengths_bind)
{
	struct sockaddr_un a;
	socklen_t len = abstract(&a, "tarn-queue");
	int l, n = 0;

	OWN_MACHINE();
	write_sysctl("unix/max_dgram_qlen", 3);
	l = socket(AF_UNIX, SOCK_DGRAM, 0);
	write_sysctl("unix/max_dgram_qlen", 10);
	CHECK(!bind(l, (void *)&a, len));
	while (sendto(socket(AF_UNIX, SOCK_DGRAM, 0), "x", 1, MSG_DONTWAIT, (void *)&a, len) == 1)
		n++;
	CHECK(errno == EAGAIN && n == 4);
	write_sysctl("core/somaxconn", 2);
	l = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(!bind(l, (void *)&a, len) && !listen(l, 100));
	write_sysctl("core/somaxconn", 4096);
	for (n = 0; !connect(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), (void *)&a, len); n++)
		;
	CHECK(errno == EAGAIN && n == 3);
}

/* Connections that nobody accepts, whose clients are gone, hold what these sent; no descriptor counts them. */
static void fill_listeners(void)
{
	static char block[4096];
	struct sockaddr_un a;
	char name[32];

	for (int i = 0; i < 500; i++) {
		int l = socket(AF_UNIX, SOCK_STREAM, 0), c;
		socklen_t len;

		sprintf(name, "tarn-full-%d", i);
		len = abstract(&a, name);
		if (l < 0 || bind(l, (void *)&a, len) || listen(l, 4096))
			return;
		for (;;) {
			c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
			if (c < 0 || connect(c, (void *)&a, len))
				break;
			while (write(c, block, sizeof(block)) > 0)
				;
			close(c);
		}
		close(c);
		if (errno != EAGAIN)
			return;
	}
}

static long long root_answers(void)
{
	long long t = now_ns();
	char c;
	int s[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	WAIT_OK(CHILD(CHECK_EQ(write(s[0], "x", 1), 1)));
	CHECK_EQ(read(s[1], &c, 1), 1);
	close(s[0]);
	close(s[1]);
	return now_ns() - t;
}

static long available_kb(void)
{
	char text[2048] = { 0 }, *p;
	int fd = open("/proc/meminfo", O_RDONLY);

	CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && !close(fd));
	p = strstr(text, "MemAvailable:");
	CHECK(p);
	return atol(p + 13);
}

/* A user who fills sockets leaves root an answer within a second, and memory; killed, gives all back. */
TEST(one_user_filled_memory_with_sockets)
{
	long before, after;
	long long end, worst = 0;
	pid_t pid;

	OWN_MACHINE();
	before = available_kb();
	write_file("/proc/self/oom_score_adj", "-1000", 5); /* on Linux the killer comes */
	pid = CHILD({
		write_file("/proc/self/oom_score_adj", "1000", 4);
		CHECK(!setuid(54321));
		fill_listeners();
		pause();
	});
	for (end = now_ns() + 6000000000; now_ns() < end; sleep_ms(20)) {
		long long t = root_answers();

		worst = t > worst ? t : worst;
	}
	CHECK(worst < 1000000000);
	kill(pid, SIGKILL);
	wait_status(pid);
	for (int i = 0; i < 50 && available_kb() < before / 10 * 9; i++)
		sleep_ms(100);
	after = available_kb();
	CHECK(after > before / 10 * 9);
}
