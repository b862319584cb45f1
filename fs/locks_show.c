// SPDX-License-Identifier: MIT
/*
 * /proc/locks: every lock, and below it who waits for it ("->"), as lslocks reads it.
 *
 * No lock is held over all of it.  The lists of inodes are walked by references;
 * a list is copied in batches, each under its inode's lock, counted from the list's
 * front.  So who reads while locks come and go may miss one or see one twice.
 */
#include <linux/fcntl.h>
#include <tarn/file.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/thread.h>

#include "locks_internal.h"

#define BATCH 256u

struct shown {
	enum lock_kind kind;
	short type;
	bool waits;
	pid_t pid;
	u64 start, end;
};

/* Where a batch begins, and what it holds. */
struct batch {
	u32 skip, n;
	struct shown at[BATCH];
};

static void note(struct batch *b, const struct flk *k, bool waits)
{
	if (b->skip)
		b->skip--;
	else if (b->n < BATCH)
		b->at[b->n++] = (struct shown){ k->kind, k->type, waits, k->pid, k->start, k->end };
}

static void note_list(struct batch *b, const struct list *list)
{
	struct lock_waiter *w;
	struct flk *k;

	LIST_FOR_EACH(k, list, node) {
		note(b, k, false);
		if (!list_empty(&k->waiters)) {
			spin_lock(&locks_graph_lock);
			LIST_FOR_EACH(w, &k->waiters, node)
				note(b, w->req, true);
			spin_unlock(&locks_graph_lock);
		}
		if (b->n == BATCH)
			break;
	}
}

static void show_one(struct strbuf *out, const struct inode_locks *l, const struct shown *s, u64 n)
{
	static const char *const kinds[] = { "FLOCK ", "POSIX ", "OFDLCK" };

	strbuf_printf(out, "%llu: %s%s ADVISORY  %s %d %02x:%02x:%llu %llu ", (unsigned long long)n,
		      s->waits ? "-> " : "", kinds[s->kind], s->type == F_WRLCK ? "WRITE" : "READ ",
		      s->pid, KDEV_MAJOR(l->dev), KDEV_MINOR(l->dev), (unsigned long long)l->ino,
		      (unsigned long long)s->start);
	if (s->end == RANGE_END)
		strbuf_puts(out, "EOF\n");
	else
		strbuf_printf(out, "%llu\n", (unsigned long long)s->end);
}

static void show_inode(struct strbuf *out, struct inode_locks *l, struct batch *b, u64 *number)
{
	u32 seen = 0;

	do {
		b->skip = seen;
		b->n = 0;
		spin_lock(&l->lock);
		note_list(b, &l->flocks);
		if (b->n < BATCH)
			note_list(b, &l->records);
		spin_unlock(&l->lock);
		for (u32 i = 0; i < b->n; i++) {
			*number += !b->at[i].waits;
			show_one(out, l, &b->at[i], *number);
		}
		seen += b->n;
		cond_resched();
	} while (b->n == BATCH);
}

void locks_show(struct strbuf *out)
{
	struct batch *b = kmalloc(sizeof(*b), GFP_KERNEL);
	struct inode_locks *l = NULL;
	u64 number = 0;

	if (!b) {
		out->error = -ENOMEM;
		return;
	}
	while ((l = locks_next(l)) != NULL)
		show_inode(out, l, b, &number);
	kfree(b);
}
