// SPDX-License-Identifier: MIT
/* Pipes and FIFOs: pipe(2), fifo(7).  fs/pipe.c. */
#pragma once

#include <tarn/file.h>

struct pipe;

/* Two open ends; @flags O_CLOEXEC is the caller's business, O_NONBLOCK and O_DIRECT apply. 0 or -errno. */
int pipe_create(u32 flags, struct file **rd, struct file **wr);
/* For inode_init_special: a FIFO's open does the rest. */
extern const struct file_ops fifo_fops;
/* The pipe behind @f, or NULL: for splice. */
struct pipe *file_pipe(struct file *f);
/* F_SETPIPE_SZ, F_GETPIPE_SZ of fcntl(2): the size in bytes; -EBADF when @f is no pipe. */
long pipe_fcntl(struct file *f, unsigned int cmd, unsigned long arg);
/* Moves a page reference into the pipe (splice_read implementations): bytes taken, or -EAGAIN, -EPIPE, -ERESTARTSYS. */
ssize_t pipe_push_page(struct pipe *p, struct page *page, u32 offset, u32 len, bool nonblock);
/* fcntl(2) F_SETPIPE_SZ, F_GETPIPE_SZ; -EBADF if @f is no pipe. */
long pipe_fcntl(struct file *f, unsigned int cmd, unsigned long arg);
