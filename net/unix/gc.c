// SPDX-License-Identifier: MIT
/*
 * Sockets in flight, and those that nothing but messages refers to.
 *
 * A socket sent over itself, or two sent over each other and then closed, keep
 * one another alive for ever: each file's only references are in the other's
 * queue.  After a close, when sockets are in flight, a worker looks for such
 * cycles; also after a send, when twice as many are in flight as the last search
 * left, because closing a socket that is in flight is no release of it.
 *
 *   candidates   in-flight sockets all of whose file references are in flight
 *   trial        each reference from a candidate's queue is taken off its target
 *   live         who still has references is held from outside; so is what its
 *                queue holds, and so on
 *   garbage      the other candidates: their messages with files are dropped,
 *                which closes the files
 *
 * Nobody can take a file out of a candidate's queue meanwhile: that needs a
 * descriptor of the candidate, which would be one more reference.  A peek takes
 * references out of a queue that may not be a candidate's and lets it be closed
 * before the search comes to count there; so it waits for the search to end while
 * the call still holds the peeked socket (unix_gc_barrier):
 *
 *	search                          recvmsg(C, MSG_PEEK), A in C's queue
 *	A: all references in flight
 *	                                A gets a descriptor; close(C)
 *	C: all references in flight
 *	strips A's queue                recvmsg(A) is reading there
 *
 * Locks: gc_lock guards in-flight counts and lists, and is held for a whole
 * search; queues are walked under their socket's lock.
 */
#include <tarn/charge.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/slab.h>
#include <tarn/work.h>
#include "unix.h"

#define SEARCH_ABOVE_MIN 512u /* references in flight from which on sends make a search */

static struct spinlock gc_lock = SPINLOCK_INIT("unix gc", LR_UNIX_GC);
static struct list inflight = LIST_INIT(inflight);
static struct unix_files *to_free GUARDED_BY(&gc_lock);
static struct work gc_work, free_work;
static u32 inflight_total GUARDED_BY(&gc_lock);
static u32 search_above GUARDED_BY(&gc_lock) = SEARCH_ABOVE_MIN;

static struct unix_sock *file_unix(struct file *f)
{
	struct socket *s = file_socket(f);

	return s && s->family == AF_UNIX ? s->sk : NULL;
}

static void count_flight(struct unix_sock *u, int by) MUST_HOLD(&gc_lock)
{
	if (!u->inflight)
		list_add_tail(&inflight, &u->inflight_node);
	u->inflight += (u32)by;
	inflight_total += (u32)by;
	if (!u->inflight)
		list_del_init(&u->inflight_node);
}

/* The sender is made accountable, who may be another than he who receives. */
static void count_user(struct unix_files *files, int by)
{
	if (by > 0) {
		files->user = charge_current(CHARGE_FLYING_FILES, files->count, CHARGE_NO_LIMIT);
		return;
	}
	charge_return(files->user, CHARGE_FLYING_FILES, files->count);
}

void unix_inflight(struct unix_files *files, int by)
{
	struct unix_sock *u;
	bool many;

	count_user(files, by);
	spin_lock(&gc_lock);
	for (u32 i = 0; i < files->count; i++) {
		u = file_unix(files->file[i]);
		if (u)
			count_flight(u, by);
	}
	many = by > 0 && inflight_total > search_above;
	spin_unlock(&gc_lock);
	if (many)
		work_queue(&gc_work);
}

void unix_gc_barrier(void)
{
	spin_lock(&gc_lock);
	spin_unlock(&gc_lock);
}

/* ---- closing later ---- */

void unix_files_free_later(struct unix_files *files)
{
	spin_lock(&gc_lock);
	files->next = to_free;
	to_free = files;
	spin_unlock(&gc_lock);
	work_queue(&free_work);
}

static void free_run(struct work *w)
{
	struct unix_files *files, *next;

	spin_lock(&gc_lock);
	files = to_free;
	to_free = NULL;
	spin_unlock(&gc_lock);
	for (; files; files = next) {
		next = files->next;
		unix_files_free(files);
	}
}

/* ---- the search ---- */

typedef void visit_fn(struct unix_sock *child, struct list *live);

static void visit_queue(struct unix_sock *u, visit_fn *fn, struct list *live) MUST_HOLD(&u->lock)
{
	struct unix_sock *child;
	struct unix_buf *b;

	LIST_FOR_EACH(b, &u->with_files, files_node)
		for (u32 i = 0; i < b->files->count; i++) {
			child = file_unix(b->files->file[i]);
			if (child && child->gc_candidate)
				fn(child, live);
		}
}

/* Each candidate that messages to @u carry; a listener's embryos have queues too. */
static void visit_children(struct unix_sock *u, visit_fn *fn, struct list *live)
{
	struct unix_sock *e;

	spin_lock(&u->lock);
	visit_queue(u, fn, live);
	LIST_FOR_EACH(e, &u->embryos, embryo_node) {
		if (list_empty(&e->with_files))
			continue; /* whoever adds files now is outside of all candidates */
		spin_lock_nested(&e->lock);
		visit_queue(e, fn, live);
		spin_unlock(&e->lock);
	}
	spin_unlock(&u->lock);
}

static void take_reference(struct unix_sock *child, struct list *live)
{
	child->gc_refs--;
}

/* No longer a candidate: what it holds will be looked at. */
static void make_live(struct unix_sock *child, struct list *live)
{
	child->gc_candidate = false;
	list_move_tail(live, &child->gc_node);
}

static void find_candidates(struct list *candidates)
{
	struct unix_sock *u;

	LIST_FOR_EACH(u, &inflight, inflight_node) {
		u->gc_candidate = u->socket && ref_read(&u->socket->file->refs) == u->inflight;
		u->gc_refs = u->inflight;
		if (u->gc_candidate)
			list_add_tail(candidates, &u->gc_node);
	}
}

static void drop_live(struct list *candidates)
{
	struct list live = LIST_INIT(live);
	struct unix_sock *u, *next;

	LIST_FOR_EACH(u, candidates, gc_node)
		visit_children(u, take_reference, NULL);
	LIST_FOR_EACH_SAFE(u, next, candidates, gc_node)
		if (u->gc_refs)
			make_live(u, &live);
	while ((u = list_first(&live, struct unix_sock, gc_node))) {
		list_del_init(&u->gc_node);
		visit_children(u, make_live, &live);
	}
}

/* Messages with files leave the queue of @u for @out. */
static void strip_queue(struct unix_sock *u, struct list *out) MUST_HOLD(&u->lock)
{
	struct unix_buf *b, *next;

	LIST_FOR_EACH_SAFE(b, next, &u->with_files, files_node) {
		unix_dequeue(u, b);
		list_add_tail(out, &b->node);
	}
}

static void strip(struct unix_sock *u, struct list *out)
{
	struct unix_sock *e;

	spin_lock(&u->lock);
	strip_queue(u, out);
	LIST_FOR_EACH(e, &u->embryos, embryo_node) {
		spin_lock_nested(&e->lock);
		strip_queue(e, out);
		spin_unlock(&e->lock);
	}
	spin_unlock(&u->lock);
}

static void gc_run(struct work *w)
{
	struct list candidates = LIST_INIT(candidates), garbage = LIST_INIT(garbage);
	struct unix_sock *u;
	struct unix_buf *b;

	spin_lock(&gc_lock);
	search_above = MAX(2 * inflight_total, SEARCH_ABOVE_MIN);
	find_candidates(&candidates);
	drop_live(&candidates);
	while ((u = list_first(&candidates, struct unix_sock, gc_node))) {
		list_del_init(&u->gc_node);
		u->gc_candidate = false;
		strip(u, &garbage);
	}
	spin_unlock(&gc_lock);
	while ((b = list_first(&garbage, struct unix_buf, node))) {
		list_del(&b->node);
		unix_buf_free(b);
	}
	spin_lock(&gc_lock);
	search_above = MAX(2 * inflight_total, SEARCH_ABOVE_MIN);
	spin_unlock(&gc_lock);
}

void unix_gc_schedule(void)
{
	if (!list_empty(&inflight))
		work_queue(&gc_work);
}

void unix_gc_init(void)
{
	work_init(&gc_work, gc_run);
	work_init(&free_work, free_run);
}
