// SPDX-License-Identifier: MIT
/*
 * Descriptors: the table from small integers to open files.  fs/fd.c.
 *
 * Calls that look a descriptor up take it from current's table.
 */
#pragma once

#include <tarn/file.h>
#include <tarn/lock.h>
#include <tarn/refcount.h>

struct fdtable;

struct files {
	struct refcount refs;               /* threads that share it (CLONE_FILES), and visitors */
	struct spinlock lock;               /* LR_FILES */
	struct fdtable *table;              /* RCU to read, lock to write */
	u32 next_fd;                        /* hint: lowest that may be free; lock */
	struct rcu_head rcu;                /* others look at a table under RCU: thread_file() */
};
/* An empty table; a copy of those below @max_fds.  One reference; NULL: no memory. */
struct files *files_alloc(void);
struct files *files_copy(struct files *old, u32 max_fds);
/* The last put closes all. */
void files_put(struct files *files);
void files_close_on_exec(struct files *files);

/* With a reference, or NULL (closed, or O_PATH unless fd_get_raw). */
struct file *fd_get(unsigned int fd);
struct file *fd_get_raw(unsigned int fd);
/* Cheap form: no atomic when the table is not shared; fd_put must be called by the same thread. */
struct fdref {
	struct file *file;
	bool counted;
};
struct fdref fd_ref(unsigned int fd);
struct fdref fd_ref_raw(unsigned int fd); /* O_PATH too */
static inline void fd_unref(struct fdref r)
{
	if (r.counted)
		file_put(r.file);
}
/* Lowest free descriptor >= @min, not visible until fd_install. -EMFILE. */
int fd_reserve(u32 min, u32 flags /* O_CLOEXEC */);
void fd_install(unsigned int fd, struct file *f); /* takes the reference */
void fd_unreserve(unsigned int fd);
/* No descriptor of current is this large: for select(2). */
u32 fd_table_size(void);
/* reserve + install; on error the file is put. */
int fd_add(struct file *f, u32 flags);
/* Of any thread, @t being counted: its next open descriptor >= @fd, -1 at the end. */
int thread_next_fd(struct thread *t, unsigned int fd);
/* Its file @fd with a reference, and, unless @cloexec is NULL, whether exec closes it; NULL: not open. */
struct file *thread_file(struct thread *t, unsigned int fd, bool *cloexec);
/* FMODE_* of its file @fd, without a reference that would have to be put; false: not open. */
bool thread_file_mode(struct thread *t, unsigned int fd, u32 *mode);
