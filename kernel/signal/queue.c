// SPDX-License-Identifier: MIT
/*
 * Queues of pending signals.
 *
 * A queue is a bit mask and a list.  The mask decides what is pending; an item
 * carries the siginfo.  A signal may be pending without an item (memory or the
 * limit ran out): it is then delivered with a siginfo of zeros.
 *
 * Locks: the signal lock for everything.
 */
#include "internal.h"

#include <tarn/time.h>

static struct kmem_cache *item_cache;

void signal_init(void)
{
	item_cache = kmem_cache_create("sigitem", sizeof(struct sigitem), 0, NULL);
	if (!item_cache)
		panic("no memory for signals");
}

void sigqueue_init(struct sigqueue *q)
{
	q->pending = 0;
	list_init(&q->items);
}

static void item_release(struct sigitem *item)
{
	if (item->timer)
		return; /* its timer's own */
	charge_return(item->user, CHARGE_SIGNALS, 1);
	kmem_cache_free(item_cache, item);
}

void sigqueue_remove(struct sigqueue *q, u64 set)
{
	struct sigitem *item, *tmp;

	if (!(q->pending & set))
		return;
	q->pending &= ~set;
	LIST_FOR_EACH_SAFE(item, tmp, &q->items, node) {
		if (!(SIGMASK(item->info.si.si_signo) & set))
			continue;
		list_del_init(&item->node);
		if (item->timer)
			posix_timer_dropped(item->timer);
		item_release(item);
	}
}

void sigqueue_flush(struct sigqueue *q)
{
	sigqueue_remove(q, ~0ull);
}

/* Counted against the target's user; NULL: limit or memory. */
static struct sigitem *item_alloc(struct process *p, bool past_limit)
{
	u64 limit = past_limit ? CHARGE_NO_LIMIT : READ_ONCE(p->rlimits[RLIMIT_SIGPENDING].cur);
	struct sigitem *item = NULL;
	struct user *u;

	rcu_read_lock();
	u = rcu_dereference(p->leader->cred)->user;
	user_get(u);
	rcu_read_unlock();
	if (!charge_try(u, CHARGE_SIGNALS, 1, limit)) {
		user_put(u);
		return NULL;
	}
	item = kmem_cache_alloc(item_cache, GFP_ATOMIC);
	if (!item) {
		charge_return(u, CHARGE_SIGNALS, 1);
		return NULL;
	}
	item->timer = NULL;
	item->target = NULL;
	item->user = u;
	return item;
}

int sigqueue_add(struct sigqueue *q, struct process *p, const struct ksiginfo *info)
{
	int sig = info->si.si_signo;
	bool real_time = sig >= SIGRTMIN;
	struct sigitem *item;

	if (!real_time && q->pending & SIGMASK(sig))
		return 1; /* a standard signal is pending or not, never twice */
	/* Kernel-born and kill(2)'s standard signals are too important for a limit. */
	item = item_alloc(p, !real_time && info->si.si_code >= 0);
	if (item) {
		item->info = *info;
		list_add_tail(&q->items, &item->node);
	} else if (real_time && info->si.si_code != SI_USER) {
		return -EAGAIN;
	}
	q->pending |= SIGMASK(sig);
	return 0;
}

/* Faults first: they belong to the instruction that the frame will show. */
static int lowest_signal(u64 set)
{
	if (!set)
		return 0;
	if (set & SIG_FAULTS)
		set &= SIG_FAULTS;
	return __builtin_ctzll(set) + 1;
}

static void info_without_item(struct ksiginfo *info, int sig)
{
	memset(info, 0, sizeof(*info));
	info->si.si_signo = sig;
	info->si.si_code = SI_USER;
}

int sigqueue_take(struct sigqueue *q, u64 wanted, struct ksiginfo *info)
{
	struct sigitem *item, *tmp, *first = NULL;
	int sig = lowest_signal(q->pending & wanted);
	bool more = false;

	if (!sig)
		return 0;
	LIST_FOR_EACH_SAFE(item, tmp, &q->items, node) {
		if (item->info.si.si_signo != sig)
			continue;
		if (first) {
			more = true;
			break;
		}
		first = item;
	}
	if (!more)
		q->pending &= ~SIGMASK(sig);
	if (!first) {
		info_without_item(info, sig);
		return sig;
	}
	list_del_init(&first->node);
	*info = first->info;
	if (first->timer)
		posix_timer_dequeued(first->timer, info);
	item_release(first);
	return sig;
}

void signal_recalc(struct thread *t)
{
	struct process *p = t->process;
	u64 pending = (t->sig.pending | p->sig.pending) & ~t->blocked;

	if (pending || t->stop_pending || p->notify_parent)
		atomic_fetch_or(&t->pending, TP_SIGNAL);
	else if (t == current)
		/* Only the thread itself may take the mark away: it alone knows that it looked. */
		atomic_fetch_and(&t->pending, ~(u32)TP_SIGNAL);
}

int signal_dequeue(u64 set, struct ksiginfo *info)
{
	struct thread *t = current;
	int sig = sigqueue_take(&t->sig, set, info);

	if (!sig) {
		sig = sigqueue_take(&t->process->sig, set, info);
		if (sig == SIGALRM)
			itimer_real_dequeued(t->process);
	}
	if (sig && SIGMASK(sig) & SIG_STOPS)
		t->process->stop_dequeued = true;
	signal_recalc(t);
	return sig;
}
