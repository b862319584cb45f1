// SPDX-License-Identifier: MIT
/*
 * /proc and /proc/sys for the rest of the kernel.  fs/proc/.
 *
 * A file's text is made whole at the first read of an open (so a reader sees one
 * state), then served from memory.
 */
#pragma once

#include <tarn/strbuf.h>

/* A file of /proc ("meminfo", "sys/kernel/ostype", "net/unix"): show fills @out; 0 or -errno.
 * @write may be NULL. Directories on the way are made. */
struct proc_entry {
	const char *path;
	int (*show)(struct strbuf *out);
	ssize_t (*write)(const char *text, size_t n);
	u32 mode; /* 0: 0444, or 0644 with write */
};
/* Leaf plug-in: SECTION_SET(proc_entries, my_entry). */

/* For poll(2) of such a file: POLLERR | POLLPRI when *count is not what the reader saw; its changer
 * wakes @waitq.  SECTION_SET(proc_events, my_event). */
struct waitq;
struct proc_event {
	const char *path;
	_Atomic u32 *count;
	struct waitq *waitq;
};

struct file;
struct process;
/* The process whose directory /proc/PID @f is, alive while @f is open; NULL: @f is something else. */
struct process *proc_dir_process(struct file *f);

/*
 * A number under /proc/sys: SECTION_SET(sysctls, x).
 *
 * Where it is kept: in @value; or, with @at, in an object that the caller of read(2) and write(2) has of his
 * own, such as his network namespace: @at finds it from his namespaces, which hold it as long as the call runs.
 * One of @value, @at and @str is given.  Numbers are read and written whole, without a lock.
 */
struct namespaces;
struct sysctl {
	const char *path; /* "vm/overcommit_memory" */
	int *value;
	int *(*at)(const struct namespaces *ns);
	int min, max;     /* a write out of these is -EINVAL; alike: the file is read-only */
	char *str;        /* a text */
	u32 str_size;     /* bytes at @str, the NUL included */
	int cap;          /* capability that a writer needs besides; 0: none */
};
