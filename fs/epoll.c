// SPDX-License-Identifier: MIT
/*
 * epoll(7).
 *
 * An epoll set has an item per watched (file, descriptor).  Each item stands on
 * the file's wait queues; a wake-up puts it on the set's ready list and wakes
 * one waiter.  epoll_wait takes items off that list, asks their files what is
 * true now, and puts level-triggered ones back at the end:
 *
 *   idle -> ready (on the list) -> reported -> idle         EPOLLET
 *                                           -> ready        level
 *                                           -> disabled     EPOLLONESHOT, until EPOLL_CTL_MOD
 *
 * An item does not hold its file: when the last reference to the file goes,
 * epoll_file_released() takes the items out.  The item is unlinked from
 * file->epoll_items last, so that the file cannot be freed before its queues
 * are left.
 *
 * Locks: nest_lock (only to put a set into a set); set->lock, the tree and every
 *   report; set->ready_lock (irqs off, taken by wakers under the file's queue
 *   lock); items_lock, the lists file->epoll_items.
 * A report takes the whole ready list, so a list found empty is looked at again under
 * ready_lock: who asks during a report (set->reporting) waits for set->lock instead.
 * Sets in sets: a waker holds the inner set's queue lock when it takes the outer
 *   set's, so lock ranks follow the level: how many sets lie below at most.
 */
#include <arch/uaccess.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <tarn/charge.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/inode.h>
#include <tarn/poll.h>
#include <tarn/proc.h>
#include <tarn/rbtree.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/super.h>
#include <tarn/syscall.h>
#include <tarn/waitq.h>

#include "internal.h"

#define MAX_LEVEL 4u /* sets in sets, as deep as Linux goes */
#define MAX_WAYS 500u /* from a set up to those that hold it: one wake-up walks them all */
#define NOT_EVENTS (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EXCLUSIVE_OK (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

struct epoll {
	struct refcount refs;            /* the file, each item */
	struct file *file;               /* [I] not counted: valid until release */
	struct user *user;               /* [I] the maker: charged for the items */
	struct mutex lock;               /* LR_EPOLL */
	struct rb_root items GUARDED_BY(&lock);
	u32 level;                       /* nest_lock */
	u64 walk;                        /* nest_lock: the last walk that came by */
	struct spinlock ready_lock;
	struct list ready GUARDED_BY(&ready_lock);
	bool reporting GUARDED_BY(&ready_lock); /* a report has what was on the list */
	struct waitq waiters;            /* epoll_wait */
	struct waitq pollers;            /* poll on the set itself */
};

/* The item's place on one wait queue. */
struct item_wait {
	struct wait_entry wait;
	struct epoll_item *item;
	struct item_wait *next;
};

struct epoll_item {
	struct rb_node node;             /* set->lock: by file, then fd */
	struct epoll *set;               /* [I] counted */
	struct file *file;               /* [I] */
	int fd;                          /* [I] */
	u32 events;                      /* set->lock; wakers read it */
	u64 data;                        /* set->lock */
	bool is_ready;                   /* set->ready_lock */
	struct list ready_node;          /* set->ready_lock */
	struct list file_node;           /* items_lock */
	struct item_wait *more;          /* queues after the first; set->lock */
	struct item_wait first;
};

/* About 4 % of memory for one user's items, as on Linux. */
static int max_user_watches = 1 << 16;

static const struct sysctl max_watches_sysctl = {
	.path = "fs/epoll/max_user_watches",
	.value = &max_user_watches,
	.min = 0,
	.max = 0x7fffffff,
};
SECTION_SET(sysctls, max_watches_sysctl);

static struct spinlock items_lock = SPINLOCK_INIT("epoll items", LR_LEAF);
static struct mutex nest_lock = MUTEX_INIT(nest_lock, "epoll nest", LR_EPOLL_NEST);
static struct kmem_cache *_Atomic item_cache;

static const struct file_ops epoll_fops;

static struct epoll *file_epoll(struct file *f)
{
	return f->ops == &epoll_fops ? f->private : NULL;
}

/* ---- sets ---- */

static void set_ranks(struct epoll *set, u32 level)
{
	set->level = level;
	set->ready_lock.rank = (u16)(LR_EPOLL_WAKE + 2 * level);
	set->waiters.lock.rank = (u16)(LR_EPOLL_WAKE + 2 * level + 1);
	set->pollers.lock.rank = (u16)(LR_EPOLL_WAKE + 2 * level + 1);
}

static struct epoll *set_alloc(void)
{
	struct epoll *set = kzalloc(sizeof(*set), GFP_KERNEL);

	if (!set)
		return NULL;
	ref_init(&set->refs, 1);
	mutex_init(&set->lock, "epoll", LR_EPOLL);
	spin_init(&set->ready_lock, "epoll ready", LR_EPOLL_WAKE);
	list_init(&set->ready);
	waitq_init(&set->waiters);
	waitq_init(&set->pollers);
	set_ranks(set, 0);
	set->user = current->cred->user;
	user_get(set->user);
	return set;
}

static void set_put(struct epoll *set)
{
	if (!ref_put(&set->refs))
		return;
	user_put(set->user);
	kfree(set);
}

void epoll_limit_init(u64 pages)
{
	u64 most = pages * PAGE_SIZE / 25 / sizeof(struct epoll_item);

	max_user_watches = (int)MIN(most, 0x7fffffffull);
}

/* A report under way counts: whoever asks takes the set's lock and sees what it left. */
static bool set_has_ready(struct epoll *set) NO_LOCK_CHECK
{
	bool ready = !list_empty(&set->ready);
	u64 flags;

	if (ready)
		return true;
	flags = spin_lock_irqsave(&set->ready_lock);
	ready = !list_empty(&set->ready) || set->reporting;
	spin_unlock_irqrestore(&set->ready_lock, flags);
	return ready;
}

/* ---- wake-ups ---- */

/* Puts the item on the ready list; true if it was not there. */
static bool item_make_ready(struct epoll_item *it)
{
	struct epoll *set = it->set;
	u64 flags = spin_lock_irqsave(&set->ready_lock);
	bool fresh = !it->is_ready;

	if (fresh) {
		it->is_ready = true;
		list_add_tail(&set->ready, &it->ready_node);
	}
	spin_unlock_irqrestore(&set->ready_lock, flags);
	return fresh;
}

static void set_wake(struct epoll *set)
{
	if (waitq_active(&set->waiters))
		waitq_wake_one(&set->waiters, POLLIN);
	if (waitq_active(&set->pollers))
		waitq_wake_all(&set->pollers, POLLIN | POLLRDNORM);
}

/* From the file's waker, its queue lock held. */
static bool item_wake(struct wait_entry *e, u32 events)
{
	struct epoll_item *it = container_of(e, struct item_wait, wait)->item;
	u32 wanted = READ_ONCE(it->events);

	if (!(wanted & ~NOT_EVENTS) || (events && !(events & wanted)))
		return false;
	item_make_ready(it);
	set_wake(it->set);
	return e->exclusive;
}

/* ---- items ---- */

/* Registers the item on one more queue of its file. */
struct item_poll {
	struct poll_wait wait; /* first */
	struct epoll_item *item;
	u32 queues;
	bool no_memory;
};

static void item_add_queue(struct poll_wait *w, struct waitq *q)
{
	struct item_poll *p = container_of(w, struct item_poll, wait);
	struct epoll_item *it = p->item;
	struct item_wait *iw = &it->first;

	if (p->queues++) {
		iw = kzalloc(sizeof(*iw), GFP_KERNEL);
		if (!iw) {
			p->no_memory = true;
			return;
		}
		iw->next = it->more;
		it->more = iw;
	}
	iw->item = it;
	/* No filter by events here: EPOLL_CTL_MOD changes them, item_wake looks. */
	iw->wait = (struct wait_entry){ .wake = item_wake,
					.exclusive = it->events & EPOLLEXCLUSIVE };
	waitq_add(q, &iw->wait);
}

static u32 item_events_now(struct epoll_item *it)
{
	struct poll_wait ask = { .add = NULL, .events = it->events };

	return file_poll(it->file, &ask) & it->events & ~NOT_EVENTS;
}

static s64 item_compare(const struct epoll_item *it, const struct file *f, int fd)
{
	if (it->file != f)
		return it->file < f ? -1 : 1;
	return (s64)it->fd - fd;
}

static struct epoll_item *item_find(struct epoll *set, struct file *f, int fd)
	MUST_HOLD(&set->lock)
{
	struct rb_node *n = set->items.node;

	while (n) {
		struct epoll_item *it = rb_entry(n, struct epoll_item, node);
		s64 c = item_compare(it, f, fd);

		if (c == 0)
			return it;
		n = c < 0 ? n->right : n->left;
	}
	return NULL;
}

/* Any item of @f. */
static struct epoll_item *item_find_file(struct epoll *set, struct file *f) MUST_HOLD(&set->lock)
{
	struct rb_node *n = set->items.node;

	while (n) {
		struct epoll_item *it = rb_entry(n, struct epoll_item, node);

		if (it->file == f)
			return it;
		n = it->file < f ? n->right : n->left;
	}
	return NULL;
}

static void item_link(struct epoll *set, struct epoll_item *it) MUST_HOLD(&set->lock)
{
	struct rb_node *parent = NULL, **link = &set->items.node;

	while (*link) {
		parent = *link;
		link = item_compare(rb_entry(parent, struct epoll_item, node), it->file, it->fd) < 0
			       ? &parent->right
			       : &parent->left;
	}
	rb_insert(&set->items, &it->node, parent, link, NULL);
	spin_lock(&items_lock);
	list_add_tail(&it->file->epoll_items, &it->file_node);
	spin_unlock(&items_lock);
}

static void item_leave_queues(struct epoll_item *it)
{
	struct item_wait *iw;

	waitq_remove(&it->first.wait);
	while ((iw = it->more)) {
		it->more = iw->next;
		waitq_remove(&iw->wait);
		kfree(iw);
	}
}

static void item_remove(struct epoll *set, struct epoll_item *it) MUST_HOLD(&set->lock)
{
	u64 flags;

	item_leave_queues(it);
	rb_erase(&set->items, &it->node, NULL);
	flags = spin_lock_irqsave(&set->ready_lock);
	if (it->is_ready)
		list_del(&it->ready_node);
	spin_unlock_irqrestore(&set->ready_lock, flags);
	spin_lock(&items_lock);
	list_del(&it->file_node);
	spin_unlock(&items_lock);
	kmem_cache_free(item_cache, it);
	charge_drop(set->user, CHARGE_EPOLL_ITEMS, 1);
	set_put(set);
}

static struct epoll_item *item_alloc(struct epoll *set, struct file *f, int fd)
{
	struct epoll_item *it;

	/* Of the set's maker, whoever adds; root is not excepted, as on Linux. */
	if (!charge_try(set->user, CHARGE_EPOLL_ITEMS, 1, (u64)READ_ONCE(max_user_watches)))
		return ERR_PTR(-ENOSPC);
	it = kmem_cache_alloc(item_cache, GFP_KERNEL);
	if (!it) {
		charge_drop(set->user, CHARGE_EPOLL_ITEMS, 1);
		return ERR_PTR(-ENOMEM);
	}
	*it = (struct epoll_item){ .set = set, .file = f, .fd = fd };
	ref_get(&set->refs);
	return it;
}

/* The item is linked: registers it and takes what is true already. */
static int item_start(struct epoll *set, struct epoll_item *it) MUST_HOLD(&set->lock)
{
	struct item_poll p = { .wait = { .add = item_add_queue, .events = it->events },
			       .item = it };
	u32 now = file_poll(it->file, &p.wait) & it->events & ~NOT_EVENTS;

	if (p.no_memory)
		return -ENOMEM;
	if (now && item_make_ready(it))
		set_wake(set);
	return 0;
}

/* ---- sets in sets ---- */

static u64 walks; /* nest_lock */

/*
 * What @set held when it got its level may be gone. Bottom first: a waker that took the lower
 * set's locks at their old ranks must be done before the upper ones' fall; only debug builds look.
 */
static void lower_level(struct epoll *set, u32 level)
{
	if (level >= set->level)
		return;
	set_ranks(set, level);
#ifdef TARN_DEBUG
	rcu_synchronize();
#endif
}

/*
 * Calls @check for @set and each set below, once, however many ways lead there (an
 * item is a file and a descriptor, so one set may be many times in another), and
 * brings levels down to what is there now. Stops at an error; -ELOOP when too deep.
 */
typedef int walk_fn(struct epoll *set, struct epoll *target);
static int walk_below(struct epoll *set, walk_fn *check, struct epoll *target, u32 depth)
{
	struct rb_node *n;
	u32 level = 0;
	int err;

	if (depth > MAX_LEVEL)
		return -ELOOP;
	if (set->walk == walks)
		return 0;
	set->walk = walks;
	err = check(set, target);
	if (err)
		return err;
	mutex_lock_nested(&set->lock);
	for (n = rb_first(&set->items); n && !err; n = rb_next(n)) {
		struct epoll *inner = file_epoll(rb_entry(n, struct epoll_item, node)->file);

		if (!inner)
			continue;
		err = walk_below(inner, check, target, depth + 1);
		level = MAX(level, inner->level + 1);
	}
	mutex_unlock(&set->lock);
	if (!err)
		lower_level(set, level);
	return err;
}

static int is_not_target(struct epoll *set, struct epoll *target)
{
	return set == target ? -ELOOP : 0;
}

/* Takes off *left each way from @set up to a set that holds it; false: there are more. */
static bool count_ways_up(struct epoll *set, u32 *left) MUST_HOLD(&items_lock)
{
	struct epoll_item *it;

	LIST_FOR_EACH (it, &set->file->epoll_items, file_node) {
		if (!*left)
			return false;
		--*left;
		if (!count_ways_up(it->set, left))
			return false;
	}
	return true;
}

static int has_few_ways_up(struct epoll *set, struct epoll *unused)
{
	u32 left = MAX_WAYS;
	bool few;

	spin_lock(&items_lock);
	few = count_ways_up(set, &left);
	spin_unlock(&items_lock);
	return few ? 0 : -EINVAL;
}

/* After @inner became an item, before it stands on queues: -EINVAL, as Linux says, if a wake-up would go too many ways. */
static int check_ways(struct epoll *inner)
{
	walks++;
	return walk_below(inner, has_few_ways_up, NULL, 0);
}

/* @set gets at least @level, and the sets that hold it more; -ELOOP if one would become too deep. */
static int raise_level(struct epoll *set, u32 level) MUST_HOLD(&items_lock)
{
	struct epoll_item *it;
	int err;

	if (set->level >= level)
		return 0;
	if (level > MAX_LEVEL)
		return -ELOOP;
	LIST_FOR_EACH (it, &set->file->epoll_items, file_node) {
		err = raise_level(it->set, level + 1);
		if (err)
			return err;
	}
	set_ranks(set, level);
	return 0;
}

/* Before @inner becomes an item of @set; nest_lock held. */
static int check_nesting(struct epoll *set, struct epoll *inner)
{
	int err;

	walks++;
	err = walk_below(inner, is_not_target, set, 0);
	if (err)
		return err;
	spin_lock(&items_lock);
	err = raise_level(set, inner->level + 1);
	spin_unlock(&items_lock);
	return err;
}

/* ---- epoll_ctl ---- */

static int ctl_add(struct epoll *set, struct file *f, int fd, const struct epoll_event *ev)
	MUST_HOLD(&set->lock)
{
	struct epoll *inner = file_epoll(f);
	struct epoll_item *it;
	int err;

	if (item_find(set, f, fd))
		return -EEXIST;
	it = item_alloc(set, f, fd);
	if (IS_ERR(it))
		return (int)PTR_ERR(it);
	it->events = ev->events | EPOLLERR | EPOLLHUP;
	it->data = ev->data;
	item_link(set, it);
	err = inner ? check_ways(inner) : 0;
	if (!err)
		err = item_start(set, it);
	if (err)
		item_remove(set, it);
	return err;
}

static int ctl_mod(struct epoll *set, struct epoll_item *it, const struct epoll_event *ev)
	MUST_HOLD(&set->lock)
{
	if (it->events & EPOLLEXCLUSIVE)
		return -EINVAL;
	WRITE_ONCE(it->events, ev->events | EPOLLERR | EPOLLHUP);
	it->data = ev->data;
	/* A waker that saw the old mask came before the question below. */
	atomic_thread_fence(memory_order_seq_cst);
	if (item_events_now(it) && item_make_ready(it))
		set_wake(set);
	return 0;
}

static int check_exclusive(int op, const struct epoll_event *ev, struct file *target)
{
	if (!(ev->events & EPOLLEXCLUSIVE))
		return 0;
	if (op != EPOLL_CTL_ADD || file_epoll(target) || (ev->events & ~EXCLUSIVE_OK))
		return -EINVAL;
	return 0;
}

static int ctl_locked(struct epoll *set, int op, struct file *target, int fd,
		      const struct epoll_event *ev) MUST_HOLD(&set->lock)
{
	struct epoll_item *it;

	if (op == EPOLL_CTL_ADD)
		return ctl_add(set, target, fd, ev);
	it = item_find(set, target, fd);
	if (!it)
		return -ENOENT;
	if (op == EPOLL_CTL_MOD)
		return ctl_mod(set, it, ev);
	item_remove(set, it);
	return 0;
}

/* nest_lock is taken only for sets in sets, which the lock checker cannot follow. */
static int epoll_control(struct file *f, int op, struct file *target, int fd,
			 struct epoll_event *ev) NO_LOCK_CHECK
{
	struct epoll *set = file_epoll(f), *inner = file_epoll(target);
	bool nesting = inner && op == EPOLL_CTL_ADD;
	int err;

	if (!target->ops->poll)
		return -EPERM;
	if (!set || set == inner)
		return -EINVAL;
	if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL)
		return -EINVAL;
	err = check_exclusive(op, ev, target);
	if (err)
		return err;
	ev->events &= ~EPOLLWAKEUP; /* there is no system sleep to keep off */
	if (nesting) {
		mutex_lock(&nest_lock);
		err = check_nesting(set, inner);
	}
	if (!err) {
		mutex_lock(&set->lock);
		err = ctl_locked(set, op, target, fd, ev);
		mutex_unlock(&set->lock);
	}
	if (nesting)
		mutex_unlock(&nest_lock);
	return err;
}

long sys_epoll_ctl(int epfd, int op, int fd, void __user *event)
{
	struct epoll_event ev = { 0 };
	struct file *f, *target;
	long err = -EBADF;

	if (op != EPOLL_CTL_DEL && copy_from_user(&ev, event, sizeof(ev)))
		return -EFAULT;
	f = fd_get((unsigned int)epfd);
	if (!f)
		return -EBADF;
	target = fd_get((unsigned int)fd);
	if (target) {
		err = epoll_control(f, op, target, fd, &ev);
		file_put(target);
	}
	file_put(f);
	return err;
}

/* ---- epoll_wait ---- */

/* Takes the whole ready list for a report. */
static void report_begin(struct epoll *set, struct list *scan)
{
	u64 flags;

	list_init(scan);
	flags = spin_lock_irqsave(&set->ready_lock);
	list_splice_tail(scan, &set->ready);
	set->reporting = true;
	spin_unlock_irqrestore(&set->ready_lock, flags);
}

/* Level-triggered: it is ready still, behind the others. */
static inline void keep_ready(struct epoll *set, struct epoll_item *it) MUST_HOLD(&set->ready_lock)
{
	if (it && !it->is_ready) {
		it->is_ready = true;
		list_add_tail(&set->ready, &it->ready_node);
	}
}

/* What was not looked at goes back to the front; @again (or NULL) was looked at last, and stays ready. */
static void report_end(struct epoll *set, struct list *scan, struct epoll_item *again)
{
	u64 flags = spin_lock_irqsave(&set->ready_lock);

	keep_ready(set, again);
	list_splice_tail(scan, &set->ready);
	list_splice_tail(&set->ready, scan);
	set->reporting = false;
	spin_unlock_irqrestore(&set->ready_lock, flags);
}

/* The next one; @again as above: one locked section an item. */
static inline struct epoll_item *report_next(struct epoll *set, struct list *scan,
					     struct epoll_item *again)
{
	u64 flags = spin_lock_irqsave(&set->ready_lock);
	struct epoll_item *it = list_first(scan, struct epoll_item, ready_node);

	keep_ready(set, again);
	if (it) {
		list_del(&it->ready_node);
		it->is_ready = false;
	}
	spin_unlock_irqrestore(&set->ready_lock, flags);
	return it;
}

static inline int put_event(struct epoll_event __user *out, u32 events, u64 data)
{
	int err = put_user(events, &out->events);

	return err ? err : put_user(data, &out->data);
}

/* Up to @max events for user space: how many, or -EFAULT. */
static int report(struct epoll *set, struct epoll_event __user *out, int max)
{
	struct epoll_item *it, *again = NULL;
	struct list scan;
	int n = 0;

	mutex_lock(&set->lock);
	report_begin(set, &scan);
	while (n < max && (it = report_next(set, &scan, again))) {
		u32 events = item_events_now(it);

		again = NULL;
		if (!events)
			continue;
		if (put_event(&out[n], events, it->data)) {
			again = it;
			n = n ? n : -EFAULT;
			break;
		}
		n++;
		if (it->events & EPOLLONESHOT)
			WRITE_ONCE(it->events, it->events & NOT_EVENTS);
		else if (!(it->events & EPOLLET))
			again = it;
	}
	report_end(set, &scan, again);
	mutex_unlock(&set->lock);
	/* Others may take what is left.  The set's own pollers know already. */
	if (set_has_ready(set) && waitq_active(&set->waiters))
		waitq_wake_one(&set->waiters, POLLIN);
	return n;
}

/* @deadline 0: only look. */
static int wait_events(struct epoll *set, struct epoll_event __user *out, int max,
		       ktime_t deadline)
{
	int n, err = 0;

	for (;;) {
		if (set_has_ready(set)) {
			n = report(set, out, max);
			if (n)
				return n;
		}
		if (!deadline || err == -ETIMEDOUT)
			return 0;
		if (signal_pending())
			return -EINTR;
		err = WAIT_EVENT(&set->waiters, set_has_ready(set), TS_INTERRUPTIBLE, deadline,
				 true);
		if (err == -ERESTARTSYS) {
			/* The wake-up this sleeper may have eaten is for somebody. */
			if (set_has_ready(set))
				set_wake(set);
			return -EINTR;
		}
	}
}

static long epoll_wait_until(int epfd, void __user *events, int max, ktime_t deadline)
{
	struct fdref r;
	long ret = -EINVAL;

	if (max <= 0 || max > (int)(0x7fffffff / sizeof(struct epoll_event)))
		return -EINVAL;
	if (!user_range_ok(events, (size_t)max * sizeof(struct epoll_event)))
		return -EFAULT;
	r = fd_ref((unsigned int)epfd);
	if (!r.file)
		return -EBADF;
	if (file_epoll(r.file))
		ret = wait_events(file_epoll(r.file), events, max, deadline);
	fd_unref(r);
	return ret;
}

static ktime_t deadline_of_ms(int ms)
{
	if (ms < 0)
		return KTIME_MAX;
	return ms ? clock_monotonic() + (u64)ms * NSEC_PER_MSEC : 0;
}

long sys_epoll_wait(int epfd, void __user *events, int maxevents, int timeout_ms)
{
	return epoll_wait_until(epfd, events, maxevents, deadline_of_ms(timeout_ms));
}

static long wait_masked(int epfd, void __user *events, int max, ktime_t deadline,
			const u64 __user *sigmask, size_t size)
{
	long ret = signal_set_temporary_mask(sigmask, size);

	if (ret)
		return ret;
	ret = epoll_wait_until(epfd, events, max, deadline);
	if (ret != -EINTR)
		signal_restore_mask();
	return ret;
}

long sys_epoll_pwait(int epfd, void __user *events, int maxevents, int timeout_ms,
		     const u64 __user *sigmask, size_t sigsetsize)
{
	return wait_masked(epfd, events, maxevents, deadline_of_ms(timeout_ms), sigmask,
			   sigsetsize);
}

long sys_epoll_pwait2(int epfd, void __user *events, int maxevents, const void __user *timeout,
		      const u64 __user *sigmask, size_t sigsetsize)
{
	ktime_t deadline = KTIME_MAX, ns, now;
	int err;

	if (timeout) {
		err = ktime_from_user_timespec(&ns, timeout);
		if (err)
			return err;
		now = clock_monotonic();
		deadline = !ns ? 0 : ns >= KTIME_MAX - 1 - now ? KTIME_MAX - 1 : now + ns;
	}
	return wait_masked(epfd, events, maxevents, deadline, sigmask, sigsetsize);
}

/* ---- the set as a file ---- */

/* Readable when an item is really ready; those that are not any more leave the list. */
static u32 epoll_poll(struct file *f, struct poll_wait *w)
{
	struct epoll *set = f->private;
	struct epoll_item *it, *again = NULL;
	struct list scan;

	poll_on(w, &set->pollers);
	if (!set_has_ready(set))
		return 0;
	mutex_lock_nested(&set->lock);
	report_begin(set, &scan);
	while (!again && (it = report_next(set, &scan, NULL)))
		if (item_events_now(it))
			again = it;
	report_end(set, &scan, again);
	mutex_unlock(&set->lock);
	return again ? POLLIN | POLLRDNORM : 0;
}

static void epoll_release(struct file *f)
{
	struct epoll *set = f->private;
	struct rb_node *n;

	mutex_lock(&set->lock);
	while ((n = rb_first(&set->items)))
		item_remove(set, rb_entry(n, struct epoll_item, node));
	mutex_unlock(&set->lock);
	set_put(set);
}

/* Other files' positions are shown as they happen to be. */
static void epoll_show_fdinfo(struct file *f, struct strbuf *out) NO_LOCK_CHECK
{
	struct epoll *set = f->private;
	struct rb_node *n;

	mutex_lock(&set->lock);
	for (n = rb_first(&set->items); n; n = rb_next(n)) {
		struct epoll_item *it = rb_entry(n, struct epoll_item, node);

		strbuf_printf(out, "tfd: %8d events: %8x data: %16llx  pos:%lli ino:%llx sdev:%x\n",
			      it->fd, it->events, (unsigned long long)it->data,
			      (long long)it->file->pos, (unsigned long long)it->file->inode->ino,
			      it->file->inode->super->dev);
	}
	mutex_unlock(&set->lock);
}

static const struct file_ops epoll_fops = {
	.llseek = llseek_nowhere,
	.poll = epoll_poll,
	.release = epoll_release,
	.show_fdinfo = epoll_show_fdinfo,
};

/* A set that watches @f, with a reference; NULL: none is left. */
static struct epoll *watching_set(struct file *f)
{
	struct epoll_item *it;
	struct epoll *set = NULL;

	spin_lock(&items_lock);
	it = list_first(&f->epoll_items, struct epoll_item, file_node);
	if (it) {
		set = it->set;
		ref_get(&set->refs);
	}
	spin_unlock(&items_lock);
	return set;
}

void epoll_file_released(struct file *f)
{
	struct epoll_item *it;
	struct epoll *set;

	while ((set = watching_set(f))) {
		mutex_lock(&set->lock);
		while ((it = item_find_file(set, f)))
			item_remove(set, it);
		mutex_unlock(&set->lock);
		set_put(set);
	}
}

static int cache_ready(void)
{
	struct kmem_cache *none = NULL, *made;

	if (item_cache)
		return 0;
	made = kmem_cache_create("epoll_item", sizeof(struct epoll_item), 0, NULL);
	if (!made)
		return -ENOMEM;
	/* A second one, made at the same moment, stays empty. */
	atomic_compare_exchange_strong(&item_cache, &none, made);
	return 0;
}

long sys_epoll_create1(int flags)
{
	struct epoll *set;
	struct file *f;

	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	set = cache_ready() ? NULL : set_alloc();
	if (!set)
		return -ENOMEM;
	f = file_anon("anon_inode:[eventpoll]", &epoll_fops, set, O_RDWR);
	if (IS_ERR(f)) {
		set_put(set);
		return PTR_ERR(f);
	}
	set->file = f;
	return fd_add(f, (u32)flags);
}

long sys_epoll_create(int size)
{
	return size > 0 ? sys_epoll_create1(0) : -EINVAL;
}
