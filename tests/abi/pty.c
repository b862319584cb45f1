// SPDX-License-Identifier: MIT
/* Terminals, by a pseudo terminal: line discipline, job control, hangup. */
#include "abi.h"

#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>

static int master, slave;

static void open_pty(void)
{
	char name[64];

	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0)
		SKIP("no /dev/ptmx");
	CHECK(!grantpt(master) && !unlockpt(master) && !ptsname_r(master, name, sizeof(name)));
	slave = open(name, O_RDWR | O_NOCTTY);
	CHECK(slave >= 0);
}

static void type(const char *s)
{
	CHECK_EQ(write(master, s, strlen(s)), strlen(s));
}

/* What the terminal shows within a moment. */
static const char *shown(void)
{
	static char buf[4096];
	struct pollfd p = { .fd = master, .events = POLLIN };
	size_t have = 0;

	while (poll(&p, 1, 60) == 1 && (p.revents & POLLIN)) {
		ssize_t n = read(master, buf + have, sizeof(buf) - 1 - have);

		if (n <= 0)
			break;
		have += (size_t)n;
	}
	buf[have] = 0;
	return buf;
}

static void line_is(const char *want)
{
	char buf[256];
	ssize_t n = read(slave, buf, sizeof(buf));

	CHECK(n >= 0);
	if ((size_t)n != strlen(want) || memcmp(buf, want, (size_t)n))
		ABI_FAIL("read %.*s, want %s", (int)n, buf, want);
}

static struct termios attributes(void)
{
	struct termios t;

	CHECK(!tcgetattr(slave, &t));
	return t;
}

TEST(defaults)
{
	struct termios t;
	struct winsize w;

	open_pty();
	t = attributes();
	CHECK((t.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG));
	CHECK((t.c_oflag & (OPOST | ONLCR)) == (OPOST | ONLCR) && (t.c_iflag & ICRNL));
	CHECK(t.c_cc[VINTR] == 3 && t.c_cc[VEOF] == 4 && t.c_cc[VERASE] == 127);
	CHECK(isatty(slave) && isatty(master) && !ioctl(slave, TIOCGWINSZ, &w));
}

TEST(canonical_lines)
{
	struct pollfd p;

	open_pty();
	p = (struct pollfd){ .fd = slave, .events = POLLIN };
	type("hel");
	CHECK_EQ(poll(&p, 1, 50), 0);
	type("lo\rnext\n");
	CHECK_EQ(poll(&p, 1, 1000), 1);
	line_is("hello\n");
	line_is("next\n");
	CHECK(!strcmp(shown(), "hello\r\nnext\r\n"));
}

TEST(erase_word_kill)
{
	open_pty();
	type("abx\177c\n");
	line_is("abc\n");
	CHECK(!strcmp(shown(), "abx\b \bc\r\n"));
	type("one two\027three\n");
	line_is("one three\n");
	shown();
	type("gone\025kept\n");
	line_is("kept\n");
	shown();
	type("a\026\003b\n"); /* ^V takes the next literally */
	line_is("a\003b\n");
}

TEST(end_of_file)
{
	open_pty();
	type("part\004");
	line_is("part");
	type("\004");
	line_is("");
}

TEST(echo_of_control_characters)
{
	open_pty();
	type("\001\n");
	line_is("\001\n");
	CHECK(!strcmp(shown(), "^A\r\n"));
}

TEST(raw_mode_min_and_time)
{
	struct termios t;
	long long begin;

	open_pty();
	t = attributes();
	cfmakeraw(&t);
	t.c_cc[VMIN] = 3;
	CHECK(!tcsetattr(slave, TCSANOW, &t));
	type("ab");
	CHECK(!fcntl(slave, F_SETFL, O_NONBLOCK));
	char c[8];
	CHECK_EQ(read(slave, c, 8), 2);
	CHECK(!fcntl(slave, F_SETFL, 0));
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 2;
	CHECK(!tcsetattr(slave, TCSANOW, &t));
	begin = now_ns();
	line_is("");
	CHECK(now_ns() - begin >= 150000000);
	type("\003\r");
	CHECK(read(slave, c, 8) == 2 && c[0] == 3 && c[1] == '\r');
	CHECK_EQ(write(slave, "x\n", 2), 2);
	CHECK(!strcmp(shown(), "x\n"));
}

TEST(window_size_signals)
{
	struct winsize w = { 40, 100, 0, 0 };
	int go[2];
	char c;
	pid_t pid;

	open_pty();
	CHECK(!pipe(go));
	pid = CHILD({
		sigset_t s;

		sigemptyset(&s);
		sigaddset(&s, SIGWINCH);
		sigprocmask(SIG_BLOCK, &s, NULL);
		CHECK(setsid() > 0 && !ioctl(slave, TIOCSCTTY, 0));
		CHECK_EQ(write(go[1], "g", 1), 1);
		CHECK_EQ(sigwaitinfo(&s, NULL), SIGWINCH);
		CHECK(!ioctl(slave, TIOCGWINSZ, &w) && w.ws_row == 40 && w.ws_col == 100);
	});
	CHECK_EQ(read(go[0], &c, 1), 1);
	CHECK(!ioctl(master, TIOCSWINSZ, &w));
	WAIT_OK(pid);
}

static pid_t session(void (*fn)(void))
{
	return CHILD({
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* its group is not the case's */
		close(master);
		CHECK(setsid() > 0 && !ioctl(slave, TIOCSCTTY, 0));
		fn();
	});
}

static void wait_forever(void)
{
	write(slave, "ready", 5);
	for (;;)
		pause();
}

TEST(interrupt_and_quit_keys)
{
	pid_t pid;

	open_pty();
	pid = session(wait_forever);
	while (!strstr(shown(), "ready"))
		;
	type("\003");
	WAIT_SIGNAL(pid, SIGINT);
	CHECK(strstr(shown(), "^C"));
	open_pty();
	pid = session(wait_forever);
	while (!strstr(shown(), "ready"))
		;
	type("\034");
	int st = wait_status(pid);
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGQUIT);
}

static void job_control(void)
{
	int st;
	char c;
	pid_t job = CHILD({
		setpgid(0, 0);
		read(slave, &c, 1); /* from the background: stopped */
		_exit(0);
	});

	setpgid(job, job);
	CHECK(waitpid(job, &st, WUNTRACED) == job && WIFSTOPPED(st) && WSTOPSIG(st) == SIGTTIN);
	CHECK(!tcsetpgrp(slave, job) && tcgetpgrp(slave) == job && !kill(-job, SIGCONT));
	write(slave, "go", 2);
	CHECK(waitpid(job, &st, 0) == job && WIFEXITED(st));
	signal(SIGTTOU, SIG_IGN);
	CHECK(!tcsetpgrp(slave, getpgrp()));
	CHECK_ERR(tcsetpgrp(slave, 99999999), ESRCH);
}

TEST(background_read_stops)
{
	pid_t pid;

	open_pty();
	pid = session(job_control);
	while (!strstr(shown(), "go"))
		;
	type("x\n");
	WAIT_OK(pid);
}

static void suspended(void)
{
	int st;
	pid_t job = CHILD({
		setpgid(0, 0);
		sleep_ms(20);
		write(slave, "job", 3);
		for (;;)
			pause();
	});

	setpgid(job, job);
	signal(SIGTTOU, SIG_IGN);
	CHECK(!tcsetpgrp(slave, job));
	CHECK(waitpid(job, &st, WUNTRACED) == job && WIFSTOPPED(st) && WSTOPSIG(st) == SIGTSTP);
	kill(job, SIGKILL);
	wait_status(job);
}

TEST(suspend_key_stops_the_foreground)
{
	pid_t pid;

	open_pty();
	pid = session(suspended);
	while (!strstr(shown(), "job"))
		;
	type("\032");
	WAIT_OK(pid);
}

TEST(hangup_when_master_closes)
{
	pid_t pid;
	char c;

	open_pty();
	pid = session(wait_forever);
	while (!strstr(shown(), "ready"))
		;
	close(master);
	WAIT_SIGNAL(pid, SIGHUP);
	CHECK_EQ(read(slave, &c, 1), 0);
	CHECK_ERR(write(slave, "x", 1), EIO);
}

TEST(master_reads_eio_when_slave_is_gone)
{
	char c;
	struct pollfd p;

	open_pty();
	CHECK_EQ(write(slave, "bye", 3), 3);
	close(slave);
	CHECK(!strcmp(shown(), "bye"));
	CHECK_ERR(read(master, &c, 1), EIO);
	p = (struct pollfd){ .fd = master, .events = POLLIN };
	CHECK(poll(&p, 1, 0) == 1 && (p.revents & POLLHUP));
}

TEST(dev_tty_needs_a_terminal)
{
	open_pty();
	WAIT_OK(CHILD({
		CHECK(setsid() > 0);
		CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
		CHECK(!ioctl(slave, TIOCSCTTY, 0) && open("/dev/tty", O_RDWR) >= 0);
	}));
}

/* Its number comes again with the next terminal, which is somebody else's. */
TEST(slave_of_a_closed_pair_opens_no_other)
{
	char name[64], link[64];
	int path;

	open_pty();
	CHECK(!ptsname_r(master, name, sizeof(name)));
	path = open(name, O_PATH);
	CHECK(path >= 0 && !close(slave) && !close(master));
	open_pty();
	CHECK(!ptsname_r(master, link, sizeof(link)));
	if (strcmp(name, link))
		SKIP("another terminal was opened meanwhile");
	sprintf(link, "/proc/self/fd/%d", path);
	CHECK_ERR(open(link, O_RDWR | O_NOCTTY), EIO);
}
