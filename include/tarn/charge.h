// SPDX-License-Identifier: MIT
/*
 * What the kernel keeps for a user is charged to that user: the one interface.
 * kernel/process/charge.c; docs/security.md lists each kind, its limit and its test.
 *
 * Whoever makes an object charges the maker's real user where the object is
 * made, keeps the counted `struct user`, and takes the charge back where the
 * object is freed - by then the maker may be gone, or be somebody else. A limit
 * is the caller's: an rlimit, a sysctl, or CHARGE_NO_LIMIT for whom a
 * capability excuses; what is beyond the limit is still counted. Control groups
 * will hang on the same calls.
 */
#pragma once

#include <tarn/types.h>

struct user;

enum charge_kind {
	CHARGE_THREADS,         /* threads: RLIMIT_NPROC */
	CHARGE_SIGNALS,         /* queued signals and POSIX timers: RLIMIT_SIGPENDING */
	CHARGE_FLYING_FILES,    /* files in messages of Unix sockets: RLIMIT_NOFILE of the sender */
	CHARGE_LOCKED_SHM,      /* pages of System V segments under SHM_LOCK: RLIMIT_MEMLOCK */
	CHARGE_PIPE_PAGES,      /* room of pipes: fs.pipe-user-pages-soft, -hard */
	CHARGE_SOCKET_BYTES,    /* bytes, with their buffers' overhead, in sockets' queues */
	CHARGE_INOTIFY_SETS,    /* inotify instances: fs.inotify.max_user_instances */
	CHARGE_INOTIFY_WATCHES, /* fs.inotify.max_user_watches */
	CHARGE_INOTIFY_EVENTS,  /* queued events */
	CHARGE_EPOLL_ITEMS,     /* fs.epoll.max_user_watches */
	CHARGE_FILE_LOCKS,      /* record locks, flocks */
	CHARGE_PTYS,            /* pairs of terminals: kernel.pty.max is for all, this is for the OOM killer */
	CHARGE_KINDS
};

#define CHARGE_NO_LIMIT (~0ull)

/* Charges @n units of @kind to @u. False, and nothing charged: @u would have more than @limit. Any context. */
bool charge_try(struct user *u, enum charge_kind kind, u64 n, u64 limit);
/* Takes back what charge_try() charged. Any context. */
void charge_drop(struct user *u, enum charge_kind kind, u64 n);
/* What @u has of @kind at this moment. */
u64 charge_of(const struct user *u, enum charge_kind kind);

/* For an object that current makes: charges its real user and takes a reference; NULL: over @limit. */
struct user *charge_current(enum charge_kind kind, u64 n, u64 limit);
/* Takes back the charge of charge_current() and its reference. Any context. */
void charge_return(struct user *u, enum charge_kind kind, u64 n);

/* Memory, in pages, that the kernel holds for @u: what the OOM killer adds to a process's own. */
u64 charge_pages(const struct user *u);
