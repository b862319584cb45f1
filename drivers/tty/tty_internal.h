// SPDX-License-Identifier: MIT
/*
 * struct tty, shared by the files of this folder.
 *
 * Locks, outer first:
 *   read_lock, write_lock, termios_lock   (LR_TTY, one at a time) one reader, one
 *       writer, one change of settings; held while sleeping and copying
 *   proc_tree_lock                        session, pgrp
 *   lock                                  (LR_TTY_SPIN, irqs off) the line discipline
 *   the driver's own lock
 * Signals are sent with none of the spinlocks held.
 *
 * An open file keeps the number of hangups it has seen: when the terminal's
 * count moves on, that file is dead (reads end, writes fail with EIO), while
 * files opened later are not.
 */
#pragma once

#include <tarn/file.h>
#include <tarn/tty.h>
#include <tarn/waitq.h>
#include "n_tty.h"

#define TTY_BACKLOG 4096u /* bytes that wait for the line discipline */

struct tty {
	char name[16];                   /* [I] */
	kdev_t dev;                      /* [I] */
	const struct tty_ops *ops;       /* [I] */
	void *driver;                    /* [I] */
	struct refcount refs;
	struct mutex read_lock, write_lock, termios_lock;

	struct spinlock lock;
	struct n_tty n;                  /* lock; single flags of n.tio are read without it */
	u8 backlog[TTY_BACKLOG];         /* lock */
	u32 backlog_head, backlog_tail;  /* lock */
	bool throttled;                  /* lock: the driver was asked to hold input back */
	struct winsize winsize;          /* lock */
	u32 opens;                       /* lock */
	bool exclusive;                  /* lock: TIOCEXCL */
	_Atomic u32 hangups;             /* [a] */

	struct waitq read_waitq, write_waitq;

	struct session *session;         /* whose controlling terminal it is, counted; proc_tree_lock */
	_Atomic pid_t pgrp;              /* foreground group, 0: none; proc_tree_lock to write */
};

/* file->private of a terminal's file. */
struct tty_file {
	struct tty *tty;  /* [I] counted */
	u32 hangups;      /* [I] as they were at open */
};

extern const struct file_ops tty_fops;
int tty_async_reason(struct file *f, u32 events);

struct tty *tty_find(kdev_t dev);
struct tty *tty_find_name(const char *name);
/* The rest of open(2) for @f: takes over the reference of @t, also on failure. */
int tty_open_file(struct tty *t, struct file *f);
/* The controlling terminal of current's session with a reference, or NULL. */
struct tty *tty_current_get(void);
struct tty *console_tty_get(void);

/* Bytes for the line discipline, as many as it takes (ptys, which can hold the rest back). */
size_t tty_receive_some(struct tty *t, const u8 *data, size_t n);
void tty_receive_flagged(struct tty *t, u8 c, enum n_tty_flag flag);
size_t tty_receive_room(struct tty *t);
/* Throws away what the line discipline has not taken yet. */
void tty_flush_backlog(struct tty *t);
/* A read (ATTR_ATIME) or write (ATTR_MTIME) of @f happened: what w(1) calls idle. */
void tty_touch(struct file *f, u32 which);
/* Flow control by ioctl; flushing. */
void tty_flow(struct tty *t, bool stop);
void tty_flush(struct tty *t, int queue);
int tty_wait_drained(struct tty *t);
long tty_ioctl_common(struct tty *t, struct file *f, unsigned int cmd, unsigned long arg);

/* jobctl.c */
/* May current change (SIGTTOU) or read (SIGTTIN) this terminal?  0, -EIO, -ERESTARTSYS (a signal is on its way). */
int tty_check_job(struct tty *t, int sig);
void tty_signal_foreground(struct tty *t, int sig);
void tty_open_acquire(struct tty *t, struct file *f);
long tty_jobctl_ioctl(struct tty *t, struct file *f, unsigned int cmd, unsigned long arg);
void tty_hangup_session(struct tty *t);
u32 termios_baud(const struct ktermios *t);

void pty_init(void);
void devpts_init(void);
void console_init(void);
/* console.c: whether the kernel log goes to terminal @name; /dev/console's choice, once all exist. */
bool console_wanted(const char *name);
void console_choose(void);
/* pty.c: the master side, /dev/ptmx. */
extern const struct file_ops ptmx_fops;

/* devpts.c */
struct pty;
struct inode *devpts_inode_new(unsigned int index);
void devpts_inode_gone(struct inode *inode);
/* pty.c */
struct inode *pty_inode_get(unsigned int index);
bool pty_next(unsigned int *index); /* first existing one >= *index */
/* Counted; -EIO: locked, gone, or @inode was another's, before the number came again. */
struct tty *pty_slave_get(unsigned int index, const struct inode *inode);
