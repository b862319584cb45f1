// SPDX-License-Identifier: MIT
/*
 * Charging users for what the kernel keeps for them; include/tarn/charge.h.
 *
 * A charge is one atomic addition to a counter of the user. It is made first and
 * taken back if it went over the limit, so two makers at the limit may both be
 * refused, never both be admitted.
 */
#include <tarn/charge.h>
#include <tarn/cred.h>
#include <tarn/page.h>
#include <tarn/thread.h>

/* Bytes that a unit of each kind costs, for the OOM killer: 0 where a process's own pages show it. */
static const u32 unit_bytes[CHARGE_KINDS] = {
	[CHARGE_SIGNALS] = 192,
	[CHARGE_FLYING_FILES] = 256,
	[CHARGE_PIPE_PAGES] = PAGE_SIZE,
	[CHARGE_SOCKET_BYTES] = 1,
	[CHARGE_INOTIFY_SETS] = 512,
	[CHARGE_INOTIFY_WATCHES] = 1024, /* with the inode that it keeps */
	[CHARGE_INOTIFY_EVENTS] = 64,
	[CHARGE_EPOLL_ITEMS] = 192,
	[CHARGE_FILE_LOCKS] = 192,
	[CHARGE_PTYS] = 24 << 10,
};

bool charge_try(struct user *u, enum charge_kind kind, u64 n, u64 limit)
{
	u64 had = atomic_fetch_add_explicit(&u->charged[kind], n, memory_order_relaxed);

	if (had + n <= limit && had + n >= had)
		return true;
	charge_drop(u, kind, n);
	return false;
}

void charge_drop(struct user *u, enum charge_kind kind, u64 n)
{
	atomic_fetch_sub_explicit(&u->charged[kind], n, memory_order_relaxed);
}

u64 charge_of(const struct user *u, enum charge_kind kind)
{
	return atomic_load_explicit(&u->charged[kind], memory_order_relaxed);
}

struct user *charge_current(enum charge_kind kind, u64 n, u64 limit)
{
	struct user *u = current->cred->user;

	if (!charge_try(u, kind, n, limit))
		return NULL;
	user_get(u);
	return u;
}

void charge_return(struct user *u, enum charge_kind kind, u64 n)
{
	charge_drop(u, kind, n);
	user_put(u);
}

u64 charge_pages(const struct user *u)
{
	u64 bytes = 0;

	for (int kind = 0; kind < CHARGE_KINDS; kind++)
		bytes += charge_of(u, kind) * unit_bytes[kind];
	return bytes / PAGE_SIZE;
}
