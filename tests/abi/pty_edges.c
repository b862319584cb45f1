// SPDX-License-Identifier: MIT
/* Ptys at their edges: who left, full queues, packet mode, editing, times. */
#include "abi.h"

#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;
static char name[64];

static void open_pty(void)
{
	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0)
		SKIP("no /dev/ptmx");
	CHECK(!grantpt(master) && !unlockpt(master) && !ptsname_r(master, name, sizeof(name)));
	slave = open(name, O_RDWR | O_NOCTTY);
	CHECK(slave >= 0);
}

/* Switches @off off and @on on in c_lflag. */
static void local_flags(tcflag_t off, tcflag_t on)
{
	struct termios t;

	CHECK(!tcgetattr(slave, &t));
	t.c_lflag = (t.c_lflag & ~off) | on;
	CHECK(!tcsetattr(slave, TCSANOW, &t));
}

static void raw(int min, int time)
{
	struct termios t;

	CHECK(!tcgetattr(slave, &t));
	cfmakeraw(&t);
	t.c_cc[VMIN] = (cc_t)min;
	t.c_cc[VTIME] = (cc_t)time;
	CHECK(!tcsetattr(slave, TCSANOW, &t));
}

static int queued(int fd)
{
	int n = -1;

	CHECK(!ioctl(fd, FIONREAD, &n));
	return n;
}

/* Waits until @fd has @n bytes: what the master wrote may arrive a moment later. */
static void wait_queued(int fd, int n)
{
	for (int i = 0; i < 400 && queued(fd) != n; i++)
		sleep_ms(5);
	CHECK_EQ(queued(fd), n);
}

static void read_is(int fd, const char *want)
{
	char buf[512];
	ssize_t n;

	for (int i = 0; i < 400 && !queued(fd); i++)
		sleep_ms(5);
	n = read(fd, buf, sizeof(buf));
	if (n != (ssize_t)strlen(want) || memcmp(buf, want, strlen(want)))
		ABI_FAIL("read %zd %.*s, want %s", n, n > 0 ? (int)n : 0, buf, want);
}

static short events(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

/* ---- who left ---- */

TEST(write_to_a_master_whose_slave_is_closed_keeps_the_data)
{
	open_pty();
	CHECK(!close(slave));
	sleep_ms(20);
	CHECK_EQ(events(master), POLLOUT | POLLHUP);
	CHECK_EQ(write(master, "kept\n", 5), 5);
	slave = open(name, O_RDWR | O_NOCTTY);
	CHECK(slave >= 0);
	CHECK_EQ(events(master) & POLLHUP, 0);
	read_is(slave, "kept\n");
}

TEST(reader_of_a_slave_gets_eio_when_the_master_closes_then_end_of_file)
{
	char c;
	pid_t pid;

	open_pty();
	pid = CHILD({
		CHECK(!close(master));
		CHECK_ERR(read(slave, &c, 1), EIO);
		CHECK_EQ(read(slave, &c, 1), 0);
		CHECK_ERR(write(slave, "x", 1), EIO);
		CHECK_EQ(events(slave) & (POLLHUP | POLLERR | POLLIN | POLLOUT),
			 POLLHUP | POLLERR | POLLIN | POLLOUT);
		CHECK_ERR(ioctl(slave, TIOCGWINSZ, &c), EIO);
	});
	sleep_ms(100);
	CHECK(!close(master));
	WAIT_OK(pid);
}

TEST(output_is_read_after_the_slave_closed)
{
	char buf[8];

	open_pty();
	CHECK_EQ(write(slave, "bye", 3), 3);
	CHECK(!close(slave));
	CHECK_EQ(events(master) & (POLLIN | POLLHUP), POLLIN | POLLHUP);
	CHECK_EQ(read(master, buf, sizeof(buf)), 3);
	CHECK_ERR(read(master, buf, sizeof(buf)), EIO);
}

TEST(writer_of_a_full_slave_gets_eio_when_the_master_closes)
{
	static char big[1 << 17];
	pid_t pid;

	open_pty();
	raw(1, 0);
	pid = CHILD({
		CHECK(!close(master));
		CHECK(write(slave, big, sizeof(big)) < (ssize_t)sizeof(big));
		CHECK_ERR(write(slave, big, sizeof(big)), EIO);
	});
	sleep_ms(100);
	CHECK(!close(master));
	WAIT_OK(pid);
}

/* ---- full queues ---- */

TEST(a_write_of_8000_bytes_in_raw_mode_needs_no_reader)
{
	static char data[8000], back[8000];
	size_t got = 0;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i % 251);
	open_pty();
	raw(1, 0);
	CHECK_EQ(write(master, data, sizeof(data)), sizeof(data));
	while (got < sizeof(back)) {
		ssize_t n = read(slave, back + got, sizeof(back) - got);

		CHECK(n > 0);
		got += (size_t)n;
	}
	CHECK(!memcmp(data, back, sizeof(data)));
}

TEST(a_master_that_does_not_block_is_told_when_all_is_full)
{
	static char data[4096];
	size_t wrote = 0;
	ssize_t n;

	open_pty();
	raw(1, 0);
	CHECK(!fcntl(master, F_SETFL, O_NONBLOCK));
	while ((n = write(master, data, sizeof(data))) > 0 && wrote < (1 << 20))
		wrote += (size_t)n;
	CHECK_EQ(n, -1);
	CHECK_EQ(errno, EAGAIN);
	CHECK(wrote >= 8000);
	CHECK(!fcntl(slave, F_SETFL, O_NONBLOCK));
	for (int quiet = 0; quiet < 20;) {
		n = read(slave, data, sizeof(data));
		quiet = n > 0 ? 0 : quiet + 1;
		if (n > 0)
			wrote -= (size_t)n;
		else
			sleep_ms(5);
	}
	CHECK_EQ(wrote, 0);
	CHECK(events(master) & POLLOUT);
}

TEST(a_line_of_more_than_4095_bytes_keeps_its_newline)
{
	static char data[6001], back[8192];

	open_pty();
	local_flags(ECHO, 0);
	memset(data, 'q', 6000);
	data[6000] = '\n';
	CHECK_EQ(write(master, data, sizeof(data)), sizeof(data));
	wait_queued(slave, 4096);
	CHECK_EQ(read(slave, back, sizeof(back)), 4096);
	CHECK_EQ(back[4095], '\n');
	CHECK_EQ(back[4094], 'q');
}

TEST(queued_lines_come_one_by_one)
{
	char buf[16];

	open_pty();
	local_flags(ECHO, 0);
	CHECK_EQ(write(master, "one\ntwo\n\004three", 14), 14);
	wait_queued(slave, 8);
	CHECK_EQ(read(slave, buf, sizeof(buf)), 4);
	CHECK_EQ(read(slave, buf, 2), 2);
	CHECK_EQ(read(slave, buf, sizeof(buf)), 2);
	CHECK_EQ(buf[1], '\n');
	CHECK_EQ(read(slave, buf, sizeof(buf)), 0);
	CHECK(!fcntl(slave, F_SETFL, O_NONBLOCK));
	CHECK_ERR(read(slave, buf, sizeof(buf)), EAGAIN);
	CHECK_EQ(write(master, "\004", 1), 1);
	read_is(slave, "three");
}

TEST(a_read_of_exactly_the_line_does_not_meet_its_eof)
{
	char buf[16];

	open_pty();
	local_flags(ECHO, 0);
	CHECK_EQ(write(master, "abc\004de\n", 7), 7);
	wait_queued(slave, 6);
	CHECK_EQ(read(slave, buf, 3), 3);
	CHECK_EQ(read(slave, buf, sizeof(buf)), 3);
	CHECK(!memcmp(buf, "de\n", 3));
}

/* ---- flushing ---- */

static const struct flush_row {
	const char *what;
	bool by_master;
	int queue, slave_keeps, master_keeps;
} flush_rows[] = {
	{ "slave_input", false, TCIFLUSH, 0, 3 },
	{ "slave_output", false, TCOFLUSH, 4, 3 }, /* the master has it already */
	{ "slave_both", false, TCIOFLUSH, 0, 3 },
	{ "master_output", true, TCOFLUSH, 4, 3 },
};

TEST_ROWS(flush, flush_rows)
{
	open_pty();
	local_flags(ECHO, 0);
	CHECK_EQ(write(master, "in1\n", 4), 4);
	CHECK_EQ(write(slave, "out", 3), 3);
	wait_queued(slave, 4);
	wait_queued(master, 3);
	CHECK(!tcflush(row->by_master ? master : slave, row->queue));
	sleep_ms(20);
	CHECK_EQ(queued(slave), row->slave_keeps);
	CHECK_EQ(queued(master), row->master_keeps);
	CHECK_ERR(tcflush(master, 9), EINVAL);
}

/* ---- editing ---- */

static const struct erase_row {
	const char *what, *typed, *line;
	bool utf8;
} erase_rows[] = {
	{ "plain", "ab\177c\n", "ac\n", false },
	{ "utf8_two_bytes", "a\xc3\xa9\177b\n", "ab\n", true },
	{ "utf8_four_bytes", "a\xf0\x9f\x98\x80\177b\n", "ab\n", true },
	{ "utf8_as_bytes", "a\xc3\xa9\177b\n", "a\xc3""b\n", false },
	{ "utf8_word", "x \xc3\xa9\xc3\xa9\027y\n", "x y\n", true },
	{ "utf8_kill", "\xc3\xa9\xe2\x82\xac\025z\n", "z\n", true },
	{ "utf8_stray_continuation", "\x80\x80\177z\n", "\x80\x80z\n", true },
	{ "beyond_the_start", "a\177\177\177b\n", "b\n", false },
};

TEST_ROWS(erase, erase_rows)
{
	struct termios t;

	open_pty();
	CHECK(!tcgetattr(slave, &t));
	t.c_iflag = row->utf8 ? t.c_iflag | IUTF8 : t.c_iflag & ~(tcflag_t)IUTF8;
	CHECK(!tcsetattr(slave, TCSANOW, &t));
	CHECK_EQ(write(master, row->typed, strlen(row->typed)), strlen(row->typed));
	read_is(slave, row->line);
}

TEST(extproc_leaves_editing_to_the_other_side)
{
	open_pty();
	local_flags(ECHO, EXTPROC);
	CHECK_EQ(write(master, "a\177b\003\n", 5), 5);
	wait_queued(slave, 5);
	read_is(slave, "a\177b\003\n");
}

/* ---- packet mode ---- */

TEST(packet_mode_tells_of_flushes_and_flow)
{
	struct termios t;
	char buf[16];
	int on = 1;

	open_pty();
	CHECK(!ioctl(master, TIOCPKT, &on));
	CHECK_EQ(write(slave, "hey", 3), 3);
	CHECK_EQ(read(master, buf, sizeof(buf)), 4);
	CHECK_EQ(buf[0], TIOCPKT_DATA);
	CHECK(!tcflush(slave, TCIOFLUSH));
	CHECK(events(master) & POLLPRI);
	CHECK_EQ(read(master, buf, sizeof(buf)), 1);
	CHECK_EQ(buf[0], TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
	CHECK(!tcflow(slave, TCOOFF));
	CHECK_EQ(read(master, buf, sizeof(buf)), 1);
	CHECK_EQ(buf[0], TIOCPKT_STOP);
	CHECK(!tcflow(slave, TCOON));
	CHECK_EQ(read(master, buf, sizeof(buf)), 1);
	CHECK_EQ(buf[0], TIOCPKT_START);
	CHECK(!tcgetattr(slave, &t));
	t.c_iflag &= ~(tcflag_t)IXON;
	CHECK(!tcsetattr(slave, TCSANOW, &t));
	CHECK_EQ(read(master, buf, sizeof(buf)), 1);
	CHECK_EQ(buf[0] & (TIOCPKT_NOSTOP | TIOCPKT_DOSTOP), TIOCPKT_NOSTOP);
}

/* ---- VMIN and VTIME ---- */

static const struct min_row {
	const char *what;
	int min, time;
	const char *typed;
	int want, got;
	bool readable;
} min_rows[] = {
	{ "poll_of_nothing", 0, 0, "", 4, 0, false },
	{ "poll_of_something", 0, 0, "ab", 4, 2, true },
	{ "time_alone_runs_out", 0, 1, "", 4, 0, false },
	{ "min_is_there", 3, 0, "abc", 8, 3, true },
	{ "min_more_than_wanted", 3, 0, "abcd", 2, 2, true },
	{ "time_between_bytes", 5, 1, "ab", 8, 2, true },
};

TEST_ROWS(min_and_time, min_rows)
{
	char buf[8];

	open_pty();
	raw(row->min, row->time);
	CHECK_EQ(write(master, row->typed, strlen(row->typed)), strlen(row->typed));
	wait_queued(slave, (int)strlen(row->typed));
	CHECK_EQ(!!(events(slave) & POLLIN), row->readable);
	CHECK_EQ(read(slave, buf, (size_t)row->want), row->got);
}

TEST(fewer_than_min_are_not_readable)
{
	open_pty();
	raw(3, 0);
	CHECK_EQ(write(master, "ab", 2), 2);
	wait_queued(slave, 2);
	CHECK_EQ(events(slave) & POLLIN, 0);
}

/* ---- times ---- */

/* Who is idle, w(1) tells by these; whole steps of 8 s, so that nobody counts another's keys. */
TEST(input_moves_atime_and_output_mtime)
{
	struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	struct stat st;
	char c;

	open_pty();
	local_flags(ECHO, 0);
	CHECK(!futimens(slave, old));
	CHECK_EQ(write(master, "\n", 1), 1);
	CHECK_EQ(read(slave, &c, 1), 1);
	CHECK(!fstat(slave, &st));
	CHECK(st.st_atime > 1000);
	CHECK_EQ(st.st_mtime, 1000);
	CHECK_EQ(write(slave, "x", 1), 1);
	CHECK(!fstat(slave, &st));
	CHECK(st.st_mtime > 1000);
}

/* ---- the controlling terminal ---- */

static void make_session(void)
{
	CHECK(setsid() > 0);
	CHECK(!ioctl(slave, TIOCSCTTY, 0));
}

TEST(notty_of_a_member_lets_go_for_it_alone)
{
	pid_t pid;

	open_pty();
	pid = CHILD({
		make_session();
		pid_t member = CHILD({
			CHECK(!ioctl(slave, TIOCNOTTY));
			CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
			CHECK_ERR(ioctl(slave, TIOCNOTTY), ENOTTY);
			pid_t grandchild = CHILD(CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO));
			WAIT_OK(grandchild);
		});
		WAIT_OK(member);
		CHECK(open("/dev/tty", O_RDWR) >= 0);
	});
	WAIT_OK(pid);
}

TEST(winsize_change_signals_the_foreground_once)
{
	struct winsize w = { 24, 80, 0, 0 };
	pid_t pid;

	open_pty();
	pid = CHILD({
		sigset_t set;
		struct timespec none = { 0, 100000000 };

		make_session();
		sigemptyset(&set);
		sigaddset(&set, SIGWINCH);
		sigprocmask(SIG_BLOCK, &set, NULL);
		CHECK(!ioctl(master, TIOCSWINSZ, &w));
		CHECK_EQ(sigtimedwait(&set, NULL, &none), SIGWINCH);
		CHECK(!ioctl(slave, TIOCSWINSZ, &w));
		CHECK_ERR(sigtimedwait(&set, NULL, &none), EAGAIN);
	});
	WAIT_OK(pid);
}
