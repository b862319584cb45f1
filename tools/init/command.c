// SPDX-License-Identifier: MIT
/*
 * One command: its standard streams are pipes, or one terminal, that this program connects to the
 * virtio-serial ports 1 (input), 2 (output), 3 (error).  Port 4 is for control: the wait status
 * goes out as "exit N", changes of the terminal's size come in as "size ROWS COLUMNS".
 *
 * Why pipes and not the ports themselves: a port can be opened once only, so /dev/stdout and
 * /dev/stderr would not open again in a script.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "init.h"

enum { CHUNK = 32 * 1024, STREAMS = 3 };

/* One direction of copying: from @in through @buf to @out.  Closed ends are -1. */
struct relay {
	int in, out;
	size_t head, tail; /* buf[head..tail) waits to be written */
	char buf[CHUNK];
};

/* The command and what connects it with the host. */
struct session {
	pid_t pid;
	struct relay relays[STREAMS]; /* input, output, error; a terminal has no third */
	int control;                  /* port 4; -1 once the host has closed it */
	int terminal;                 /* the master's side; -1: pipes */
	char words[64];               /* what came of a line from the host */
	size_t nwords;
};

static struct session session = { .control = -1, .terminal = -1 };

static void relay_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* What the next try may get over: nothing lost, nobody gone. */
static bool passes(int error)
{
	return error == EAGAIN || error == EINTR || error == ENOMEM;
}

/* Read if the buffer is empty, write if it is not.  Ends at end of input or when @out breaks. */
static void relay_step(struct relay *r, short in_events, short out_events)
{
	ssize_t n;

	if (r->in >= 0 && r->head == r->tail && in_events) {
		n = read(r->in, r->buf, sizeof(r->buf));
		if (n > 0) {
			r->head = 0;
			r->tail = (size_t)n;
			out_events = POLLOUT; /* a try costs less than another poll() */
		} else if (n == 0 || !passes(errno)) {
			relay_close(&r->in);
		}
	}
	if (r->out >= 0 && r->head < r->tail && out_events) {
		n = write(r->out, r->buf + r->head, r->tail - r->head);
		if (n > 0) {
			r->head += (size_t)n;
		} else if (n < 0 && !passes(errno)) {
			relay_close(&r->out);
			relay_close(&r->in); /* nobody reads: let the writer see EPIPE */
			r->head = r->tail = 0;
		}
	}
	if (r->in < 0 && r->head == r->tail)
		relay_close(&r->out);
}

static bool relay_busy(const struct relay *r)
{
	return r->in >= 0 || r->head < r->tail;
}

static void on_child(int sig)
{
	(void)sig;
}

/* Reap everything; true once @pid has ended, with its status in @status. */
static bool reap(pid_t pid, int *status)
{
	bool ended = false;
	int st;
	pid_t p;

	while ((p = waitpid(-1, &st, WNOHANG)) > 0) {
		if (p == pid) {
			*status = st;
			ended = true;
		}
	}
	return ended;
}

static void fill_pollfd(struct pollfd *p, const struct relay *r)
{
	bool full = r->head < r->tail;

	p[0] = (struct pollfd){.fd = full ? -1 : r->in, .events = POLLIN};
	/*
	 * With the buffer empty the writing end is watched without events: POLLERR alone says that
	 * nobody reads any more.
	 */
	p[1] = (struct pollfd){.fd = r->out, .events = full ? POLLOUT : 0};
}

/* A line from the host.  The only one there is: "size ROWS COLUMNS". */
static void obey(struct session *s, const char *line)
{
	struct winsize size = { 0 };

	if (s->terminal >= 0 && sscanf(line, "size %hu %hu", &size.ws_row, &size.ws_col) == 2)
		ioctl(s->terminal, TIOCSWINSZ, &size);
}

/* Gathers lines from the host; one that is too long is none of ours and dropped. */
static void hear_host(struct session *s)
{
	char c;
	ssize_t n = read(s->control, &c, 1);

	if (n == 0 || (n < 0 && !passes(errno)))
		s->control = -1;
	if (n != 1)
		return;
	if (c != '\n') {
		s->words[s->nwords] = c;
		s->nwords = s->nwords + 1 < sizeof(s->words) ? s->nwords + 1 : 0;
		return;
	}
	s->words[s->nwords] = 0;
	s->nwords = 0;
	obey(s, s->words);
}

/* The command has ended: what it left behind would hold the streams open; nobody reads its input. */
static void end_input(struct session *s)
{
	struct relay *input = &s->relays[0];

	kill(-1, SIGKILL);
	relay_close(&input->in);
	relay_close(&input->out);
	input->head = input->tail = 0;
	relay_close(&s->terminal);
}

static void copy_some(struct session *s, const struct pollfd *p)
{
	for (int i = 0; i < STREAMS; i++) {
		struct relay *r = &s->relays[i];

		if (r->head == r->tail && p[2 * i + 1].revents & (POLLERR | POLLNVAL)) {
			relay_close(&r->out);
			relay_close(&r->in);
		}
		relay_step(r, p[2 * i].revents, p[2 * i + 1].revents);
	}
}

/*
 * Copy until the command has ended and its output is drained; gives its wait status.  SIGCHLD is
 * let in by ppoll() only, so that a child that ends between reap() and the wait is not missed.
 */
static int serve(struct session *s)
{
	struct pollfd p[2 * STREAMS + 1];
	sigset_t open_mask;
	bool ended = false;
	int status = 0;

	sigemptyset(&open_mask);
	for (;;) {
		if (reap(s->pid, &status)) {
			ended = true;
			end_input(s);
		}
		if (ended && !relay_busy(&s->relays[1]) && !relay_busy(&s->relays[2]))
			return status;
		for (int i = 0; i < STREAMS; i++)
			fill_pollfd(p + 2 * i, &s->relays[i]);
		p[2 * STREAMS] = (struct pollfd){ .fd = s->terminal >= 0 ? s->control : -1, .events = POLLIN };
		if (ppoll(p, ARRAY_LEN(p), NULL, &open_mask) < 0)
			continue;
		copy_some(s, p);
		if (p[2 * STREAMS].revents)
			hear_host(s);
	}
}

/* Find /dev/vport<device>p<number>.  The device's number depends on what else the machine has. */
static bool find_port(int number, char *path, size_t room)
{
	DIR *dev = opendir("/dev");
	bool found = false;
	struct dirent *e;

	while (dev && !found && (e = readdir(dev))) {
		int device, port;

		if (sscanf(e->d_name, "vport%dp%d", &device, &port) == 2 && port == number) {
			snprintf(path, room, "/dev/%s", e->d_name);
			found = true;
		}
	}
	if (dev)
		closedir(dev);
	return found;
}

/* A port's node may be there a moment before its driver lets it be opened. */
static int open_port(int number, int flags)
{
	char path[300];

	for (int waited = 0;; waited += 2) {
		int fd = -1;

		snprintf(path, sizeof(path), "/dev/vport*p%d", number);
		if (find_port(number, path, sizeof(path)))
			fd = open(path, flags | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		if (waited >= DEVICE_WAIT_MS)
			fail("no virtio-serial port", path);
		usleep(2000);
	}
}

/* The status a shell would show: what it exited with, or 128 + the signal that ended it. */
static int shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A relay that copies nothing and ends at once. */
static const struct relay no_relay = { .in = -1, .out = -1 };

static void use_streams(const int fd[STREAMS])
{
	for (int i = 0; i < STREAMS; i++)
		dup2(fd[i], i);
}

/* Starts the command on three pipes; our ends of them go to the relays. */
static void start_on_pipes(struct config *c, struct session *s)
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		fail("cannot make", "pipes");
	s->pid = fork();
	if (s->pid == 0) {
		setsid();
		use_streams((int[]){ in[0], out[1], err[1] });
		exec_command(c, c->args);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	s->relays[0].out = in[1];
	s->relays[1].in = out[0];
	s->relays[2].in = err[0];
}

/* The slave's side of @master as the command's controlling terminal and streams. */
static void enter_terminal(int master)
{
	int fd;

	setsid();
	fd = open(ptsname(master), O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0))
		say("no controlling terminal: %s", strerror(errno));
	use_streams((int[]){ fd, fd, fd });
}

static void start_on_terminal(struct config *c, struct session *s)
{
	struct winsize size = { .ws_row = c->rows, .ws_col = c->cols };
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || grantpt(master) || unlockpt(master))
		fail("cannot make", "a terminal");
	ioctl(master, TIOCSWINSZ, &size);
	s->pid = fork();
	if (s->pid == 0) {
		enter_terminal(master);
		exec_command(c, c->args);
	}
	s->terminal = master;
	s->relays[0].out = fcntl(master, F_DUPFD_CLOEXEC, 0);
	s->relays[1].in = fcntl(master, F_DUPFD_CLOEXEC, 0);
	close(s->relays[2].out);
	s->relays[2] = no_relay;
}

static void catch_children(void)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signal(SIGCHLD, on_child);
	signal(SIGPIPE, SIG_IGN);
}

void run_command(struct config *c)
{
	struct session *s = &session;
	char text[32];
	int control;

	control = s->control = open_port(4, O_RDWR);
	s->relays[0] = (struct relay){ .in = open_port(1, O_RDONLY | O_NONBLOCK), .out = -1 };
	s->relays[1] = (struct relay){ .in = -1, .out = open_port(2, O_WRONLY | O_NONBLOCK) };
	s->relays[2] = (struct relay){ .in = -1, .out = open_port(3, O_WRONLY | O_NONBLOCK) };
	catch_children();
	if (c->terminal)
		start_on_terminal(c, s);
	else
		start_on_pipes(c, s);
	if (s->pid < 0)
		fail("cannot", "fork");
	/* Only our ends, after the fork: the command's must block as pipes do. */
	fcntl(s->relays[0].out, F_SETFL, O_NONBLOCK);
	fcntl(s->relays[1].in, F_SETFL, O_NONBLOCK);
	if (!c->terminal)
		fcntl(s->relays[2].in, F_SETFL, O_NONBLOCK);
	snprintf(text, sizeof(text), "exit %d\n", shell_status(serve(s)));
	sync();
	if (write(control, text, strlen(text)) < 0)
		say("control port: %s", strerror(errno));
}
