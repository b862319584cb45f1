// SPDX-License-Identifier: MIT
/* fuzz_calls.c: files, directories, pipes and terminals, and what goes from one to the other. */
#pragma once
#include "fuzz.h"

#include <sys/xattr.h>
#include <termios.h>

static void make_pipe(void)
{
	int p[2];

	if (syscall(SYS_pipe2, one_in(40) ? memory() : p, bits(O_CLOEXEC | O_DIRECT) | (one_in(8) ? 0 : O_NONBLOCK)))
		return;
	put(p[0], PIPE);
	put(p[1], PIPE);
}

static void make_pty(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK), zero = 0;

	if (put(master, PTY) < 0)
		return;
	ioctl(master, TIOCSPTLCK, &zero);
	put(syscall(SYS_ioctl, master, TIOCGPTPEER, O_RDWR | O_NONBLOCK | (one_in(4) ? 0 : O_NOCTTY)), PTY);
}

/* O_NONBLOCK: an open of a fifo would wait for the other end. */
static void open_something(void)
{
	long flags = bits(O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_DIRECTORY | O_NOFOLLOW | O_PATH |
			  O_TMPFILE | O_DIRECT | O_NOATIME | O_SYNC | O_CLOEXEC);
	long fd;

	if (one_in(2))
		flags = O_RDWR | O_CREAT;
	if (one_in(6))
		put(syscall(SYS_memfd_create, one_in(8) ? memory() : "m", bits(3)), REGULAR);
	fd = syscall(SYS_openat, one_in(4) ? fd_of(DIRECTORY) : AT_FDCWD, path(),
		     flags | O_NONBLOCK | O_NOCTTY, bits(0777));
	put(fd, flags & O_DIRECTORY ? DIRECTORY : REGULAR);
}

static void call_read_write(void)
{
	int fd = fd_of((enum kind)below(PIDFD + 1));
	struct iovec v[4];
	long n = 0;

	for (; n < (long)below(5); n++)
		v[n] = (struct iovec){ memory(), one_in(16) ? (size_t)odd() : below(5000) };
	switch (below(8)) {
	case 0: case 1: syscall(SYS_read, fd, memory(), about(5000)); break;
	case 2: case 3: syscall(SYS_write, fd, memory(), about(5000)); break;
	case 4: syscall(SYS_readv, fd, v, one_in(12) ? odd() : n); break;
	case 5: syscall(SYS_writev, fd, v, one_in(12) ? odd() : n); break;
	case 6: syscall(SYS_preadv2, fd, v, n, about(9000), odd(), bits(0x1f)); break;
	case 7: syscall(SYS_pwritev2, fd, v, n, about(9000), odd(), bits(0x1f)); break;
	}
}

static void call_position(void)
{
	int fd = fd_of(REGULAR);

	switch (below(9)) {
	case 0: syscall(SYS_lseek, fd_of(ANY), odd(), about(5)); break;
	case 1: syscall(SYS_ftruncate, fd, about(200000)); break;
	case 2: syscall(SYS_fallocate, fd, bits(0x7f), about(200000), about(200000)); break;
	case 3: syscall(SYS_pread64, fd, memory(), about(5000), about(200000)); break;
	case 4: syscall(SYS_pwrite64, fd, memory(), about(5000), about(200000)); break;
	case 5: syscall(SYS_sync_file_range, fd, odd(), odd(), bits(7)); break;
	case 6: syscall(SYS_fadvise64, fd, odd(), odd(), about(7)); break;
	case 7: syscall(SYS_readahead, fd, odd(), odd()); break;
	case 8: syscall(one_in(8) ? SYS_fsync : SYS_fdatasync, fd); break;
	}
}

static void call_transfer(void)
{
	long in = one_in(3) ? odd() : (long)below(9000), out = in;
	enum kind from = (enum kind)below(PIDFD + 1), to = (enum kind)below(PIDFD + 1);
	long flags = bits(15) | (one_in(12) ? 0 : 2); /* SPLICE_F_NONBLOCK */
	struct iovec v = { memory(), below(20000) };

	switch (below(7)) {
	case 0:
		syscall(SYS_splice, fd_of(from), one_in(2) ? NULL : &in, fd_of(PIPE), NULL,
			about(70000), flags);
		break;
	case 1:
		syscall(SYS_splice, fd_of(PIPE), NULL, fd_of(to), one_in(2) ? NULL : &out,
			about(70000), flags);
		break;
	case 2: syscall(SYS_splice, fd_of(PIPE), NULL, fd_of(PIPE), NULL, about(70000), flags); break;
	case 3: syscall(SYS_tee, fd_of(PIPE), fd_of(PIPE), about(70000), flags); break;
	case 4: syscall(SYS_vmsplice, fd_of(PIPE), one_in(12) ? memory() : &v, about(2), flags); break;
	case 5: syscall(SYS_sendfile, fd_of(to), fd_of(REGULAR), one_in(2) ? NULL : &in, about(70000)); break;
	case 6:
		syscall(SYS_copy_file_range, fd_of(REGULAR), one_in(2) ? NULL : &in,
			fd_of(REGULAR), one_in(2) ? NULL : &out, about(70000), one_in(20));
		break;
	}
}

static void call_names_of_files(void)
{
	switch (below(10)) {
	case 0: syscall(SYS_renameat2, AT_FDCWD, path(), AT_FDCWD, path(), bits(7)); break;
	case 1:
		syscall(SYS_linkat, fd_of(DIRECTORY), path(), AT_FDCWD, path(),
			bits(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH));
		break;
	case 2: syscall(SYS_symlink, path(), path()); break;
	case 3: syscall(SYS_unlinkat, AT_FDCWD, path(), bits(AT_REMOVEDIR)); break;
	case 4: syscall(SYS_mkdir, path(), bits(0777) | 0700); break;
	case 5: syscall(SYS_mknod, path(), bits(0777) | ONE_OF(S_IFIFO, S_IFREG, S_IFSOCK, S_IFCHR), about(3)); break;
	case 6: syscall(SYS_chdir, one_in(2) ? "dir" : ".."); break;
	case 7: syscall(SYS_truncate, path(), about(100000)); break;
	case 8: syscall(SYS_readlink, path(), memory(), about(200)); break;
	case 9: syscall(SYS_getdents64, fd_of(DIRECTORY), memory(), about(4000)); break;
	}
}

static void call_attributes(void)
{
	int fd = fd_of(REGULAR);
	struct timespec t[2] = { { odd(), odd() }, { odd(), one_in(2) ? UTIME_NOW : odd() } };
	const char *name = ONE_NAME_OF("user.a", "user.b", "user.", "trusted.a", "security.a",
				       "system.posix_acl_access", "");

	switch (below(11)) {
	case 0: syscall(SYS_fchmod, fd, bits(07777)); break;
	case 1: syscall(SYS_fchown, fd, about(2) - 1, about(2) - 1); break;
	case 2: syscall(SYS_utimensat, AT_FDCWD, path(), t, bits(AT_SYMLINK_NOFOLLOW)); break;
	case 3: syscall(SYS_fsetxattr, fd, name, memory(), about(5000), about(3)); break;
	case 4: syscall(SYS_fgetxattr, fd, name, memory(), about(5000)); break;
	case 5: syscall(SYS_flistxattr, fd, memory(), about(300)); break;
	case 6: syscall(SYS_fremovexattr, fd, name); break;
	case 7: syscall(SYS_statx, fd_of(ANY), path(), bits(0x7900), odd(), memory()); break;
	case 8: syscall(SYS_fstatfs, fd_of(ANY), memory()); break;
	case 9: syscall(SYS_faccessat2, AT_FDCWD, path(), about(8), bits(0x1300)); break;
	case 10:
		syscall(SYS_ioctl, fd, ONE_OF(0x80086601ul, 0x40086602ul, 0x801c581ful,
			0x401c5820ul, 0xc020660bul), memory());
		break;
	}
}

static void call_locks(void)
{
	struct flock l = { (short)about(3), (short)about(3), odd(), odd(), one_in(8) ? (int)odd() : 0 };
	int fd = fd_of(REGULAR);

	switch (below(4)) {
	case 0: syscall(SYS_flock, fd, about(9) | (one_in(8) ? 0 : 4)); break;
	case 1: syscall(SYS_fcntl, fd, ONE_OF(F_SETLK, F_GETLK, F_OFD_SETLK, F_OFD_GETLK), &l); break;
	case 2: syscall(SYS_fcntl, fd, one_in(2) ? F_SETLKW : F_OFD_SETLKW, &l); break;
	case 3:
		syscall(SYS_fcntl, fd_of(ANY), ONE_OF(F_SETPIPE_SZ, F_GETPIPE_SZ, F_ADD_SEALS,
			F_GET_SEALS, F_SETLEASE, 1036, 1037), odd());
		break;
	}
}

static void call_descriptors(void)
{
	int fd = fd_of(ANY);

	switch (below(5)) {
	case 0: put(syscall(SYS_dup, fd), ANY); break;
	case 1: put(syscall(SYS_fcntl, fd, one_in(2) ? F_DUPFD : F_DUPFD_CLOEXEC, about(200)), ANY); break;
	case 2: put(syscall(SYS_dup3, fd, 3 + about(200), bits(O_CLOEXEC)), ANY); break;
	case 3: syscall(SYS_close, fd > 2 ? fd : -1); break;
	case 4: syscall(SYS_ioctl, fd, ONE_OF(FIONREAD, FIOASYNC, FIONBIO, FIOQSIZE, 2, FIOCLEX), memory()); break;
	}
}

static void call_terminal(void)
{
	struct termios t;
	struct winsize w = { (unsigned short)any(), (unsigned short)any(), 0, 0 };
	int fd = fd_of(PTY), value = (int)about(8);

	if (one_in(3)) {
		/* Any flags, one after the other: canonical, raw, echo, flow control, odd characters. */
		if (ioctl(fd, TCGETS, &t))
			return;
		for (int i = 0; i < 2; i++)
			((unsigned char *)&t)[below(36)] ^= (unsigned char)(1u << below(8));
		ioctl(fd, ONE_OF(TCSETS, TCSETSF, TCSETS), &t);
		return;
	}
	switch (below(6)) {
	case 0: ioctl(fd, TIOCSWINSZ, &w); break;
	case 1:
		syscall(SYS_ioctl, fd, ONE_OF(TCFLSH, TCXONC, TCSBRK, TIOCSCTTY, TIOCNOTTY,
			TIOCEXCL, TIOCNXCL), about(4));
		break;
	case 2:
		syscall(SYS_ioctl, fd, ONE_OF(TIOCPKT, TIOCSTI, TIOCSETD, TIOCSPTLCK, TIOCMSET,
			TIOCCONS), one_in(8) ? memory() : &value);
		break;
	case 3:
		syscall(SYS_ioctl, fd, ONE_OF(TIOCOUTQ, FIONREAD, TIOCGPGRP, TIOCGSID, TIOCGPKT,
			TIOCGPTN, TIOCGETD, TIOCGEXCL, TIOCGWINSZ), memory());
		break;
	case 4: syscall(SYS_ioctl, fd, 0x5400ul + below(0x60), memory()); break;
	case 5: write(fd, "a\003b\nc\026\004\021\023\032\177\025xy\r\n", 1 + below(16)); break;
	}
}

static void (*const file_calls[])(void) = {
	make_pipe, make_pty, open_something, open_something, call_read_write, call_read_write, call_read_write,
	call_position, call_position, call_transfer, call_transfer, call_names_of_files, call_names_of_files,
	call_attributes, call_locks, call_descriptors, call_terminal, call_terminal,
};
