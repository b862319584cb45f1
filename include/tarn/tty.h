// SPDX-License-Identifier: MIT
/*
 * Terminals: line discipline, job control, the pieces that drivers fill in.
 * drivers/tty/.
 */
#pragma once

#include <asm/termbits.h>
#include <asm/termios.h>
#include <tarn/lock.h>
#include <tarn/refcount.h>

struct tty;
struct session;

/*
 * op          may sleep   NULL means
 * write       no          required: bytes taken (may be fewer than @n when full); wakes tty_wake_writers() later
 * write_room  no          always room
 * pending     no          output is gone as soon as written: bytes still in the driver
 * flush       no          nothing to throw away: drops output not sent yet
 * throttle    no          input cannot be held back
 * input_room  yes         a reader made room: nobody waits for it
 * packet      no          TIOCPKT_* events are not wanted (pty masters want them)
 * gone        no          the other side is always there; true: writes give EIO
 * set_termios yes         nothing to program
 * hangup      yes         nothing
 * open        yes         nothing
 * close       yes         nothing: last user gone
 * ioctl       yes         no further calls
 * destroy     yes         nothing: the last reference is gone
 */
struct tty_ops {
	size_t (*write)(struct tty *t, const u8 *data, size_t n);
	size_t (*write_room)(struct tty *t);
	size_t (*pending)(struct tty *t);
	void (*flush)(struct tty *t);
	void (*throttle)(struct tty *t, bool on);
	void (*input_room)(struct tty *t);
	void (*packet)(struct tty *t, u8 events);
	bool (*gone)(struct tty *t);
	void (*set_termios)(struct tty *t, const struct ktermios *old);
	void (*hangup)(struct tty *t);
	void (*open)(struct tty *t);
	void (*close)(struct tty *t);
	long (*ioctl)(struct tty *t, unsigned int cmd, unsigned long arg); /* -ENOIOCTLCMD: not mine */
	void (*destroy)(struct tty *t);
};

/* A driver's terminal, ready for open.  @dev its number, @name "ttyS0".  Never freed for hardware. ERR_PTR. */
struct tty *tty_create(const char *name, kdev_t dev, const struct tty_ops *ops, void *driver);
void *tty_driver_data(struct tty *t);
/* Bytes from the line; any context.  They reach the line discipline in a worker or at once. */
void tty_receive(struct tty *t, const u8 *data, size_t n);
/* The device has room again. */
void tty_wake_writers(struct tty *t);
/* Carrier lost or master closed: SIGHUP to the session, reads end, writes EIO. */
void tty_hangup(struct tty *t);
void tty_get(struct tty *t);
void tty_put(struct tty *t);
kdev_t tty_dev(const struct tty *t);
const char *tty_name(const struct tty *t);
/* Foreground process group, for /proc/PID/stat; -1: none. */
pid_t tty_foreground(struct tty *t);
/* The session leader exits: SIGHUP, SIGCONT to the foreground group; terminal let go.  No locks held. */
void tty_session_leader_exit(struct session *s);
void tty_init(void); /* tty core, ptys, /dev/tty, /dev/console, /dev/ptmx, devpts */
void serial_init(void); /* the 16550s: /dev/ttyS0... */
