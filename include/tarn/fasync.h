// SPDX-License-Identifier: MIT
/*
 * Signal-driven I/O: who owns an open file (F_SETOWN) and is sent SIGIO when
 * O_ASYNC is set.  fs/fasync.c.
 */
#pragma once

#include <tarn/types.h>

struct file;
struct file_owner;

/* fcntl(2): F_SETOWN, F_GETOWN, F_SETOWN_EX, F_GETOWN_EX, F_SETSIG, F_GETSIG, F_GETOWNER_UIDS. */
long fasync_fcntl(struct file *f, unsigned int cmd, unsigned long arg);
/* A socket's FIOSETOWN, SIOCSPGRP, FIOGETOWN, SIOCGPGRP; -ENOTTY: another request. */
long fasync_socket_ioctl(struct file *f, unsigned int cmd, unsigned long arg);
/* O_ASYNC by descriptor @fd: 0, -ENOMEM; -ENOTTY: this kind of file has no SIGIO. */
int fasync_set(struct file *f, int fd, bool on);
/* The last put: before the file's wait queues go. */
void fasync_released(struct file *f);
/* A write found no room: the next POLLOUT is worth a signal.  For sockets, which tell of room only then. */
void fasync_no_room(struct file *f);
bool fasync_wanted_room(struct file *f);
/* The owner gets SIGURG: urgent data came in.  No spinlocks above LR_PROC_TREE. */
void fasync_urgent(struct file *f);
