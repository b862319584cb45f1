// SPDX-License-Identifier: MIT
/*
 * tarn-init: the first program of a machine started by `./tarn run`.
 *
 * It comes in an initramfs beside the kernel, so that the distribution's disk stays as its
 * packages made it.  It mounts what a program expects, makes the root disk "/" and then does one
 * of three things, which the file /tarn.cfg (written by tools/tarn/initramfs.py) names:
 *
 *   cmd     run one command, its streams on virtio-serial ports (command.c).
 *   shell   run a login-like shell with job control on the console, again until it ends.
 *   init    become the distribution's own init.
 *
 * Before any of them it may put files of the host into the root (copy.c).
 *
 * Life of a machine:  early -> root mounted -> child running -> draining -> stopped
 *   early     devices appear while we look: every look-up waits a few seconds for its node.
 *   draining  the command has ended; what is left of it is killed, then the pipes are emptied,
 *             so that no byte of output is lost.
 *
 * It is an ordinary Linux program: it runs on Linux's kernel as well (tools/linux-kernel packs the
 * modules it needs into /modules, and load_modules() loads them).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "init.h"

enum { DYING_WAIT_MS = 10000 };

/* What the kernel's command line asked for. */
struct cmdline {
	char *text; /* the words below point into it */
	const char *root;
	const char *fstype;
	const char *flags;
	const char *init;
	const char *console;
	bool read_only;
};

static volatile sig_atomic_t wanted_reboot_cmd; /* set by the poweroff and reboot programs */

void say(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "tarn-init: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
}

/* A killed process may take a while to die, and until then it keeps its files open for writing. */
static void end_everybody(void)
{
	kill(-1, SIGKILL);
	for (int waited = 0; waited < DYING_WAIT_MS; waited += 2) {
		pid_t p;

		while ((p = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (p < 0 && errno == ECHILD)
			return;
		usleep(2000);
	}
	say("some processes do not end");
}

/* Write everything out, then stop or restart the machine.  */
static _Noreturn void stop_machine(int how)
{
	end_everybody();
	sync();
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL) && errno != EINVAL)
		say("cannot make / read-only: %s", strerror(errno));
	sync();
	reboot(how);
	say("reboot: %s", strerror(errno));
	for (;;)
		pause();
}

void fail(const char *what, const char *name)
{
	say("%s %s: %s", what, name, strerror(errno));
	stop_machine(RB_POWER_OFF);
}

static char *read_whole(const char *path, size_t *len)
{
	size_t size = 0, room = 65536;
	char *buf = malloc(room);
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || !buf)
		return NULL;
	while ((n = read(fd, buf + size, room - size - 1)) > 0) {
		size += (size_t)n;
		if (room - size < 2)
			buf = realloc(buf, room *= 2);
		if (!buf)
			return NULL;
	}
	close(fd);
	buf[size] = 0;
	if (len)
		*len = size;
	return buf;
}

/* If @word is "@key=value", give value. */
static char *value_of(char *word, const char *key)
{
	size_t n = strlen(key);

	return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

/* /tarn.cfg: "key=value" records, each ended by a zero byte. */
static void read_config(struct config *c)
{
	size_t len;
	char *text = read_whole("/tarn.cfg", &len), *v;

	if (!text)
		fail("cannot read", "/tarn.cfg");
	for (char *p = text; p < text + len; p += strlen(p) + 1) {
		if ((v = value_of(p, "mode")))
			c->mode = v;
		else if ((v = value_of(p, "hostname")))
			c->hostname = v;
		else if ((v = value_of(p, "cwd")))
			c->cwd = v;
		else if ((v = value_of(p, "shell")))
			c->shell = v;
		else if ((v = value_of(p, "copies")))
			c->copies = v;
		else if ((v = value_of(p, "terminal")))
			c->terminal = true;
		else if ((v = value_of(p, "network")))
			c->user_network = !strcmp(v, "user");
		else if ((v = value_of(p, "rows")))
			c->rows = (unsigned short)atoi(v);
		else if ((v = value_of(p, "cols")))
			c->cols = (unsigned short)atoi(v);
		else if ((v = value_of(p, "arg")) && c->nargs < MAX_WORDS)
			c->args[c->nargs++] = v;
		else if ((v = value_of(p, "env")) && c->nenv < MAX_WORDS)
			c->env[c->nenv++] = v;
	}
}

static void read_cmdline(struct cmdline *k)
{
	char *save = NULL, *v;

	k->root = "/dev/vda";
	k->fstype = "ext4";
	k->text = read_whole("/proc/cmdline", NULL);
	if (!k->text)
		fail("cannot read", "/proc/cmdline");
	for (char *w = strtok_r(k->text, " \n", &save); w; w = strtok_r(NULL, " \n", &save)) {
		if ((v = value_of(w, "root")))
			k->root = v;
		else if ((v = value_of(w, "rootfstype")))
			k->fstype = v;
		else if ((v = value_of(w, "rootflags")))
			k->flags = v;
		else if ((v = value_of(w, "init")))
			k->init = v;
		else if ((v = value_of(w, "console")))
			k->console = v;
		else if (!strcmp(w, "ro"))
			k->read_only = true;
		else if (!strcmp(w, "rw"))
			k->read_only = false;
		else if (!strcmp(w, "--"))
			break;
	}
}

/* Gather "name.option=value" words of the kernel's command line, as modprobe does. */
static void module_options(const char *module, char *out, size_t room)
{
	char *text = read_whole("/proc/cmdline", NULL), *save = NULL;
	size_t n = strlen(module), used = 0;

	out[0] = 0;
	for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		if (!strncmp(w, module, n) && w[n] == '.' && used + strlen(w) < room)
			used += (size_t)sprintf(out + used, "%s ", w + n + 1);
	free(text);
}

/* Load /modules/NN-name.ko in the order of their names.  Tarn has no modules: no such folder. */
static void load_modules(void)
{
	struct dirent **list;
	int count = scandir("/modules", &list, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		char path[300], name[256], options[1024];
		int fd;

		if (list[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/modules/%s", list[i]->d_name);
		snprintf(name, sizeof(name), "%s", list[i]->d_name + 3);
		name[strcspn(name, ".")] = 0;
		module_options(name, options, sizeof(options));
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (syscall(SYS_finit_module, fd, options, 0) && errno != EEXIST)
			say("module %s: %s", name, strerror(errno));
		close(fd);
	}
}

int open_device(const char *path, int flags)
{
	for (int waited = 0;; waited += 2) {
		int fd = open(path, flags | O_CLOEXEC);

		if (fd >= 0 || waited >= DEVICE_WAIT_MS)
			return fd;
		usleep(2000);
	}
}

static void mount_or_say(const char *type, const char *where, unsigned long flags, const char *data)
{
	mkdir(where, 0755);
	if (mount(type, where, type, flags, data) && errno != EBUSY)
		say("cannot mount %s on %s: %s", type, where, strerror(errno));
}

/* Before the root disk: enough to see the command line, devices and our own messages. */
static void early_mounts(void)
{
	int console;

	mount_or_say("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	mount_or_say("devtmpfs", "/dev", MS_NOSUID, "mode=0755");
	console = open("/dev/console", O_RDWR | O_NOCTTY);
	for (int fd = 0; console >= 0 && fd < 3; fd++)
		dup2(console, fd);
	if (console > 2)
		close(console);
}

/* Make the root disk "/".  The empty initramfs stays below it, out of sight. */
static void switch_root(const struct config *c, const struct cmdline *k)
{
	unsigned long flags = k->read_only ? MS_RDONLY : 0;
	int fd = open_device(k->root, O_RDONLY);

	if (fd < 0)
		fail("no root disk", k->root);
	close(fd);
	mkdir("/newroot", 0755);
	if (mount(k->root, "/newroot", k->fstype, flags, k->flags))
		fail("cannot mount the root disk", k->root);
	if (c->copies)
		copy_files(c->copies, "/newroot");
	umount2("/proc", MNT_DETACH);
	umount2("/dev", MNT_DETACH);
	if (chdir("/newroot") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		fail("cannot change the root to", k->root);
}

/* What every distribution has mounted once it is up. */
static void late_mounts(void)
{
	mount_or_say("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	mount_or_say("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	mount_or_say("devtmpfs", "/dev", MS_NOSUID, "mode=0755");
	mount_or_say("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666");
	mount_or_say("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
	mount_or_say("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755");
	if (symlink("/proc/self/fd", "/dev/fd") == 0) {
		(void)!symlink("/proc/self/fd/0", "/dev/stdin");
		(void)!symlink("/proc/self/fd/1", "/dev/stdout");
		(void)!symlink("/proc/self/fd/2", "/dev/stderr");
	}
}

static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void exec_command(struct config *c, char **args)
{
	int code;

	reset_signals();
	if (chdir(c->cwd))
		(void)!chdir("/");
	/* execvp() searches the PATH of environ: the command's, which may have come by --env */
	environ = c->env;
	execvp(args[0], args);
	code = errno == ENOENT || errno == ENOTDIR ? 127 : 126;
	fprintf(stderr, "tarn: %s: %s\n", args[0], strerror(errno));
	_exit(code);
}

/* ---- shell: job control on the console ---- */

static void on_stop_request(int sig)
{
	wanted_reboot_cmd = sig == SIGTERM ? RB_AUTOBOOT : RB_POWER_OFF;
}

/* `poweroff` and `reboot` for a system that has no init of its own: this very program again. */
static void install_stop_commands(void)
{
	static const char *const names[] = {"poweroff", "halt", "reboot"};

	mkdir("/run/tarn", 0755);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[64];
		FILE *f;

		snprintf(path, sizeof(path), "/run/tarn/%s", names[i]);
		f = fopen(path, "w");
		if (!f)
			continue;
		fprintf(f, "#!/bin/sh\nkill -%s 1\n", strcmp(names[i], "reboot") ? "USR2" : "TERM");
		fclose(f);
		chmod(path, 0755);
	}
}

static void open_console(struct config *c, const struct cmdline *k)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", k->console ? k->console : "ttyS0");
	path[strcspn(path, ",")] = 0;
	setsid();
	fd = open(path, O_RDWR);
	if (fd < 0)
		fail("cannot open the console", path);
	if (ioctl(fd, TIOCSCTTY, 1))
		say("%s: no controlling terminal: %s", path, strerror(errno));
	if (c->rows && c->cols) {
		struct winsize size = {.ws_row = c->rows, .ws_col = c->cols};

		ioctl(fd, TIOCSWINSZ, &size);
	}
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static void run_shell(struct config *c, const struct cmdline *k)
{
	struct sigaction act = {.sa_handler = on_stop_request};
	char *args[] = {(char *)c->shell, NULL};
	int how = RB_POWER_OFF, status;
	pid_t pid, ended;

	install_stop_commands();
	sigaction(SIGUSR2, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	pid = fork();
	if (pid == 0) {
		open_console(c, k);
		exec_command(c, args);
	}
	if (pid < 0)
		fail("cannot", "fork");
	do {
		ended = waitpid(-1, &status, 0);
		if (wanted_reboot_cmd)
			how = wanted_reboot_cmd;
	} while (!wanted_reboot_cmd && (ended > 0 ? ended != pid : errno == EINTR));
	kill(-1, SIGTERM);
	usleep(50000);
	stop_machine(how);
}

/* ---- init: hand over ---- */

static void become_init(const struct cmdline *k, char **argv)
{
	static const char *const usual[] = {"/sbin/init", "/etc/init", "/bin/init", "/bin/sh"};

	if (k->init) {
		argv[0] = (char *)k->init;
		execv(k->init, argv);
		fail("cannot run", k->init);
	}
	for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
		argv[0] = (char *)usual[i];
		execv(usual[i], argv);
	}
	fail("cannot run", "/sbin/init");
}

int main(int argc, char **argv)
{
	static struct config c = {.mode = "shell", .cwd = "/root", .shell = "/bin/sh"};
	static struct cmdline k;

	(void)argc;
	if (getpid() != 1) {
		fprintf(stderr, "tarn-init: only for the first process of a machine\n");
		return 1;
	}
	early_mounts();
	read_config(&c);
	read_cmdline(&k);
	load_modules();
	switch_root(&c, &k);
	if (!strcmp(c.mode, "init")) {
		mount_or_say("devtmpfs", "/dev", MS_NOSUID, "mode=0755");
		become_init(&k, argv);
	}
	late_mounts();
	if (c.hostname && sethostname(c.hostname, strlen(c.hostname)))
		say("sethostname: %s", strerror(errno));
	network_up(c.user_network);
	if (!strcmp(c.mode, "cmd"))
		run_command(&c);
	else
		run_shell(&c, &k);
	stop_machine(RB_POWER_OFF);
}
