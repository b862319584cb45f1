// SPDX-License-Identifier: MIT
/*
 * inotify(7): watches on inodes, events in a queue per instance.
 *
 * A watch (mark) pins its inode and hangs both on inode->marks and in its
 * instance's table of watch descriptors.  It goes by inotify_rm_watch, with
 * the instance, with the last link of the file (IN_DELETE_SELF) or at unmount.
 *
 * Locks: marks->lock of an inode guards its list and the marks' masks; under it
 *   instance->lock guards the table and the queue.  A mark comes and goes under
 *   both, so it is on the list exactly as long as it is in the table.  Whoever
 *   finds a mark by its number takes a reference, then the locks in that order.
 * Whoever has no watcher pays one load: nr_marks, then inode->marks.
 *
 * Limits (sysctls of fs/inotify): instances and watches of a user, events of an
 *   instance; and what all queues of a user hold, 1/16 of memory.  A queue that is
 *   full says so once, with IN_Q_OVERFLOW.
 * Tests: tests/abi/ev_inotify.c, ev_limits.c
 */
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <arch/uaccess.h>
#include <tarn/charge.h>
#include <tarn/cred.h>
#include <tarn/idr.h>
#include <tarn/inode.h>
#include <tarn/notify.h>
#include <tarn/poll.h>
#include <tarn/proc.h>
#include <tarn/refcount.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>
#include <tarn/waitq.h>

#include "internal.h"

#define DELIVERED (IN_ALL_EVENTS | IN_UNMOUNT)
#define KEPT_OPTIONS (IN_ONESHOT | IN_EXCL_UNLINK) /* a mark's mask has them */
#define OPTIONS (IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_ADD | IN_MASK_CREATE | \
		 IN_ONESHOT | IN_ISDIR | IN_Q_OVERFLOW | IN_IGNORED)

struct event {
	struct list node;
	s32 wd;
	u32 mask, cookie;
	u32 name_len;      /* 0: none */
	char name[];
};

struct instance {
	struct spinlock lock;      /* LR_INOTIFY_SET */
	struct idr watches GUARDED_BY(&lock); /* wd -> mark */
	struct list events GUARDED_BY(&lock);
	u32 nr_events;             /* lock to write */
	u32 max_events;            /* [I] */
	u64 bytes;                 /* a reader would get; lock to write */
	bool overflow_queued GUARDED_BY(&lock);
	struct user *user;         /* [I] the maker, charged for all of it */
	struct waitq waitq;
};

struct mark {
	struct refcount refs;      /* the list's, and who found it by its number */
	struct list node;          /* marks->lock: inode's */
	bool linked;               /* marks->lock */
	struct inode *inode;       /* [I] counted */
	struct instance *instance; /* [I] valid while linked */
	s32 wd;                    /* [I] */
	u32 mask;                  /* marks->lock */
	struct list dead;          /* on its way out */
};

/* inode->marks: allocated with the first watch, freed with the inode. */
struct inotify_marks {
	struct spinlock lock;      /* LR_INOTIFY */
	struct list list GUARDED_BY(&lock);
};

static struct spinlock marks_new_lock = SPINLOCK_INIT("inotify marks new", LR_LEAF);
static _Atomic u32 nr_marks;

/* ---- limits ---- */

#define WATCH_COST 1280u /* with the inode that a watch keeps, as Linux counts */
#define EVENT_UNIT 64u   /* CHARGE_INOTIFY_EVENTS counts in these */

static int max_queued_events = 16384;
static int max_user_instances = 128;
static int max_user_watches = 8192;
static u64 max_event_units = 1 << 16;

#define INOTIFY_SYSCTL(name)                                                                     \
	static const struct sysctl name##_sysctl = { .path = "fs/inotify/" #name, .value = &name, \
						     .min = 0, .max = 0x7fffffff };              \
	SECTION_SET(sysctls, name##_sysctl)
INOTIFY_SYSCTL(max_queued_events);
INOTIFY_SYSCTL(max_user_instances);
INOTIFY_SYSCTL(max_user_watches);

/* Watches of a user take 1 % of memory, as on Linux. */
void inotify_limit_init(u64 pages)
{
	u64 watches = pages * PAGE_SIZE / 100 / WATCH_COST;

	max_user_watches = (int)MAX(MIN(watches, 1048576ull), 8192ull);
	max_event_units = MAX(max_event_units, pages * PAGE_SIZE / 16 / EVENT_UNIT);
}

static u64 event_units(const struct event *e)
{
	return DIV_ROUND_UP(sizeof(*e) + e->name_len + 1, EVENT_UNIT);
}

static bool event_charge(struct instance *in, const struct event *e)
{
	bool bounded = in->user->uid && e->mask != IN_Q_OVERFLOW;

	return charge_try(in->user, CHARGE_INOTIFY_EVENTS, event_units(e),
			  bounded ? max_event_units : CHARGE_NO_LIMIT);
}

static void event_free(struct instance *in, struct event *e)
{
	charge_drop(in->user, CHARGE_INOTIFY_EVENTS, event_units(e));
	kfree(e);
}

/* ---- queueing ---- */

/* The record's name is padded so that the next one is aligned. */
static u32 record_size(const struct event *e)
{
	return (u32)sizeof(struct inotify_event) +
	       (e->name_len ? (u32)ALIGN_UP(e->name_len + 1, sizeof(struct inotify_event)) : 0);
}

static void append(struct instance *in, struct event *e) MUST_HOLD(&in->lock)
{
	list_add_tail(&in->events, &e->node);
	WRITE_ONCE(in->nr_events, in->nr_events + 1);
	in->bytes += record_size(e);
	waitq_wake_all(&in->waitq, POLLIN | POLLRDNORM);
}

/* Charged to the instance's user; NULL: no memory, or the user has too much. */
static struct event *event_new(struct instance *in, s32 wd, u32 mask, u32 cookie,
			       const struct qstr *name)
{
	u32 len = name ? name->len : 0;
	struct event *e = kmalloc(sizeof(*e) + len + 1, GFP_ATOMIC);

	if (!e)
		return NULL;
	*e = (struct event){ .wd = wd, .mask = mask, .cookie = cookie, .name_len = len };
	if (len)
		memcpy(e->name, name->name, len);
	e->name[len] = '\0';
	if (event_charge(in, e))
		return e;
	kfree(e);
	return NULL;
}

/* The last event says the same; of a watch's end, each counts. */
static bool same_as_last(struct instance *in, s32 wd, u32 mask, const struct qstr *name)
	MUST_HOLD(&in->lock)
{
	const struct event *last = list_last(&in->events, struct event, node);
	u32 len = name ? name->len : 0;

	return last && last->wd == wd && last->mask == mask && mask != IN_IGNORED &&
	       last->name_len == len && (!len || memcmp(last->name, name->name, len) == 0);
}

static void queue_overflow(struct instance *in) MUST_HOLD(&in->lock)
{
	struct event *e = in->overflow_queued ? NULL : event_new(in, -1, IN_Q_OVERFLOW, 0, NULL);

	if (!e)
		return;
	in->overflow_queued = true;
	append(in, e);
}

static void queue(struct instance *in, s32 wd, u32 mask, u32 cookie, const struct qstr *name)
	MUST_HOLD(&in->lock)
{
	struct event *e = NULL;

	if (same_as_last(in, wd, mask, name))
		return;
	if (in->nr_events < in->max_events)
		e = event_new(in, wd, mask, cookie, name);
	if (e)
		append(in, e);
	else
		queue_overflow(in);
}

/* ---- the ends of marks ---- */

static void mark_put(struct mark *m)
{
	if (!ref_put(&m->refs))
		return;
	inode_put(m->inode);
	kfree(m);
}

/* Takes @m out of sight, the inode's marks locked; marks_free() follows without the lock. */
static void mark_unlink(struct mark *m, bool tell, struct list *dead)
{
	struct instance *in = m->instance;

	spin_lock(&in->lock);
	if (tell)
		queue(in, m->wd, IN_IGNORED, 0, NULL);
	idr_remove(&in->watches, (u32)m->wd);
	charge_drop(in->user, CHARGE_INOTIFY_WATCHES, 1);
	spin_unlock(&in->lock); /* out of its table, no mark keeps the instance from being freed */
	list_del(&m->node);
	m->linked = false;
	list_add_tail(dead, &m->dead);
}

static void marks_free(struct list *dead)
{
	struct mark *m;

	while ((m = list_first(dead, struct mark, dead)) != NULL) {
		list_del(&m->dead);
		atomic_fetch_sub(&nr_marks, 1);
		mark_put(m);
	}
}

/* Ends @m, of which the caller has a reference: false if somebody else has ended it. */
static bool mark_end(struct mark *m, bool tell)
{
	struct inotify_marks *marks = m->inode->marks;
	struct list dead = LIST_INIT(dead);
	bool ours;

	spin_lock(&marks->lock);
	ours = m->linked;
	if (ours)
		mark_unlink(m, tell, &dead);
	spin_unlock(&marks->lock);
	marks_free(&dead);
	return ours;
}

/* ---- events ---- */

#define UNLINKED BIT(31) /* of an open file whose name is gone: not for IN_EXCL_UNLINK */

static void deliver_one(struct mark *m, u32 shown, u32 cookie, const struct qstr *name)
{
	struct instance *in = m->instance;

	spin_lock(&in->lock);
	queue(in, m->wd, shown, cookie, name);
	spin_unlock(&in->lock);
}

static void deliver(struct inode *inode, u32 event, u32 cookie, const struct qstr *name)
{
	u32 what = event & ~(u32)(NOTIFY_IS_DIR | UNLINKED);
	u32 shown = what | ((event & NOTIFY_IS_DIR) ? IN_ISDIR : 0);
	struct inotify_marks *marks = READ_ONCE(inode->marks);
	struct list dead = LIST_INIT(dead);
	struct mark *m, *next;

	spin_lock(&marks->lock);
	LIST_FOR_EACH_SAFE(m, next, &marks->list, node) {
		if (!(m->mask & what) || ((event & UNLINKED) && (m->mask & IN_EXCL_UNLINK)))
			continue;
		deliver_one(m, shown, cookie, name);
		if (m->mask & IN_ONESHOT)
			mark_unlink(m, true, &dead);
	}
	spin_unlock(&marks->lock);
	marks_free(&dead);
}

static bool watched(const struct inode *inode)
{
	return inode && READ_ONCE(inode->marks);
}

static bool nobody_watches(void)
{
	return likely(atomic_load_explicit(&nr_marks, memory_order_relaxed) == 0);
}

void notify_name(struct inode *dir, const struct qstr *name, u32 event, u32 cookie)
{
	if (!nobody_watches() && watched(dir))
		deliver(dir, event, cookie, name);
}

void notify_dentry_self(struct dentry *d, u32 event)
{
	if (!nobody_watches() && watched(d->inode))
		deliver(d->inode, event, 0, NULL);
}

/* The parent's watchers get the name as it is now. */
static void notify_parent(struct dentry *d, u32 event)
{
	char text[NAME_MAX_LEN + 1];
	struct qstr name = { text, 0, 0 };
	struct dentry *parent;

	spin_lock(&d->lock);
	parent = d->parent;
	if (parent != d && watched(parent->inode) && d->name.len <= NAME_MAX_LEN) {
		dentry_get(parent);
		memcpy(text, d->name.name, d->name.len);
		name.len = d->name.len;
	} else {
		parent = NULL;
	}
	spin_unlock(&d->lock);
	if (!parent)
		return;
	deliver(parent->inode, event, 0, &name);
	dentry_put(parent);
}

void notify_dentry(struct dentry *d, u32 event)
{
	if (nobody_watches() || !d->inode)
		return;
	if (mode_is_dir(d->inode->mode))
		event |= NOTIFY_IS_DIR;
	notify_parent(d, event);
	notify_dentry_self(d, event);
}

void notify_file(struct file *f, u32 event)
{
	struct dentry *d = f->path.dentry;

	if (nobody_watches())
		return;
	if (!dentry_is_hashed(d) && d->parent != d)
		event |= UNLINKED;
	notify_dentry(d, event);
}

static void end_marks(struct inode *inode, u32 event)
{
	struct inotify_marks *marks = inode->marks;
	struct list dead = LIST_INIT(dead);
	struct mark *m, *next;

	spin_lock(&marks->lock);
	LIST_FOR_EACH_SAFE(m, next, &marks->list, node) {
		if (event == IN_UNMOUNT || (m->mask & event))
			deliver_one(m, event, 0, NULL);
		mark_unlink(m, true, &dead);
	}
	spin_unlock(&marks->lock);
	marks_free(&dead);
}

void notify_inode_gone(struct inode *inode)
{
	if (watched(inode))
		end_marks(inode, IN_DELETE_SELF);
}

void inotify_free_marks(struct inode *inode)
{
	kfree(inode->marks);
	inode->marks = NULL;
}

/* An inode with marks, with a reference; NULL: none is left. */
static struct inode *marked_inode(struct super *sb) NO_LOCK_CHECK
{
	struct inode *inode, *found = NULL;

	rcu_read_lock();
	spin_lock(&sb->inodes_lock);
	LIST_FOR_EACH(inode, &sb->inodes, super_node)
		if (inode->marks && !list_empty(&inode->marks->list)) {
			found = inode;
			break;
		}
	spin_unlock(&sb->inodes_lock);
	if (found && !inode_grab(found))
		found = NULL;
	rcu_read_unlock();
	return found;
}

void inotify_unmount(struct super *sb)
{
	struct inode *inode;

	if (nobody_watches())
		return;
	while ((inode = marked_inode(sb)) != NULL) {
		end_marks(inode, IN_UNMOUNT);
		inode_put(inode);
	}
}

/* ---- the instance as a file ---- */

static u32 inotify_poll(struct file *f, struct poll_wait *w)
{
	struct instance *in = f->private;

	poll_on(w, &in->waitq);
	return READ_ONCE(in->nr_events) ? POLLIN | POLLRDNORM : 0;
}

/* The first event if it fits @room; -EAGAIN none, -EINVAL too large. */
static struct event *take_event(struct instance *in, size_t room)
{
	struct event *e;

	spin_lock(&in->lock);
	e = list_first(&in->events, struct event, node);
	if (!e) {
		e = ERR_PTR(-EAGAIN);
	} else if (record_size(e) > room) {
		e = ERR_PTR(-EINVAL);
	} else {
		list_del(&e->node);
		WRITE_ONCE(in->nr_events, in->nr_events - 1);
		in->bytes -= record_size(e);
		if (e->mask == IN_Q_OVERFLOW)
			in->overflow_queued = false;
	}
	spin_unlock(&in->lock);
	return e;
}

static int put_event(struct iov_iter *to, const struct event *e)
{
	struct inotify_event head = { .wd = e->wd, .mask = e->mask, .cookie = e->cookie };
	u32 pad;

	head.len = record_size(e) - (u32)sizeof(head);
	pad = head.len - e->name_len;
	if (iov_copy_to(to, &head, sizeof(head)) < sizeof(head))
		return -EFAULT;
	if (!head.len)
		return 0;
	if (iov_copy_to(to, e->name, e->name_len) < e->name_len || iov_zero(to, pad) < pad)
		return -EFAULT;
	return 0;
}

static ssize_t inotify_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct instance *in = f->private;
	ssize_t done = 0;
	int err;

	for (;;) {
		struct event *e = take_event(in, to->count);

		if (!IS_ERR(e)) {
			u32 size = record_size(e);

			err = put_event(to, e);
			event_free(in, e);
			if (err)
				return err; /* even after others, as on Linux */
			done += size;
			continue;
		}
		if (done)
			return done;
		if (PTR_ERR(e) != -EAGAIN || (file_flags(f) & O_NONBLOCK))
			return PTR_ERR(e);
		err = wait_event_interruptible(&in->waitq, READ_ONCE(in->nr_events));
		if (err)
			return err;
	}
}

static long inotify_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct instance *in = f->private;

	if (cmd != FIONREAD)
		return -ENOTTY;
	return put_user((int)READ_ONCE(in->bytes), (int __user *)arg);
}

static struct mark *mark_get_next(struct instance *in, u32 *wd)
{
	struct mark *m;

	spin_lock(&in->lock);
	m = idr_next(&in->watches, wd);
	if (m)
		ref_get(&m->refs);
	spin_unlock(&in->lock);
	return m;
}

static void instance_free(struct instance *in) NO_LOCK_CHECK
{
	struct event *e;

	while ((e = list_first(&in->events, struct event, node)) != NULL) {
		list_del(&e->node);
		event_free(in, e);
	}
	charge_return(in->user, CHARGE_INOTIFY_SETS, 1);
	kfree(in);
}

static void inotify_release(struct file *f)
{
	struct instance *in = f->private;
	struct mark *m;
	u32 wd = 0;

	for (; (m = mark_get_next(in, &wd)) != NULL; wd++) {
		mark_end(m, false);
		mark_put(m);
		cond_resched();
	}
	instance_free(in);
}

static void inotify_fdinfo(struct file *f, struct strbuf *out)
{
	struct mark *m;
	u32 wd = 0;

	for (; (m = mark_get_next(f->private, &wd)) != NULL; wd++) {
		strbuf_printf(out, "inotify wd:%x ino:%llx sdev:%x mask:%x ignored_mask:0\n", wd,
			      (unsigned long long)m->inode->ino, m->inode->super->dev,
			      READ_ONCE(m->mask));
		mark_put(m);
	}
}

static const struct file_ops inotify_fops = {
	.llseek = llseek_nowhere,
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.release = inotify_release,
	.show_fdinfo = inotify_fdinfo,
	.async_reason = async_reason_in_out,
};

/* ---- system calls ---- */

_Static_assert(IN_CLOEXEC == O_CLOEXEC && IN_NONBLOCK == O_NONBLOCK, "flags pass through");

/* -EMFILE: the user has as many as a user may have. */
static struct instance *instance_alloc(void) NO_LOCK_CHECK
{
	struct user *u = charge_current(CHARGE_INOTIFY_SETS, 1, (u64)READ_ONCE(max_user_instances));
	struct instance *in;

	if (!u)
		return ERR_PTR(-EMFILE);
	in = kzalloc(sizeof(*in), GFP_KERNEL);
	if (!in) {
		charge_return(u, CHARGE_INOTIFY_SETS, 1);
		return ERR_PTR(-ENOMEM);
	}
	spin_init(&in->lock, "inotify", LR_INOTIFY_SET);
	idr_init(&in->watches);
	list_init(&in->events);
	waitq_init(&in->waitq);
	in->user = u;
	in->max_events = (u32)READ_ONCE(max_queued_events);
	return in;
}

long sys_inotify_init1(int flags)
{
	struct instance *in;
	struct file *f;

	if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	in = instance_alloc();
	if (IS_ERR(in))
		return PTR_ERR(in);
	f = file_anon("anon_inode:inotify", &inotify_fops, in,
		      O_RDONLY | ((u32)flags & O_NONBLOCK));
	if (IS_ERR(f)) {
		instance_free(in);
		return PTR_ERR(f);
	}
	return fd_add(f, (u32)flags & O_CLOEXEC);
}

long sys_inotify_init(void)
{
	return sys_inotify_init1(0);
}

/* ---- adding a watch ---- */

/* The inode's marks, made if there are none; NULL: no memory. */
static struct inotify_marks *marks_of(struct inode *inode)
{
	struct inotify_marks *marks = READ_ONCE(inode->marks), *fresh;

	if (marks)
		return marks;
	fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return NULL;
	spin_init(&fresh->lock, "inotify marks", LR_INOTIFY);
	list_init(&fresh->list);
	spin_lock(&marks_new_lock);
	marks = inode->marks;
	if (!marks)
		rcu_assign(inode->marks, fresh);
	spin_unlock(&marks_new_lock);
	if (!marks)
		return fresh;
	kfree(fresh);
	return marks;
}

static struct mark *find_mark(struct inotify_marks *marks, const struct instance *in)
	MUST_HOLD(&marks->lock)
{
	struct mark *m;

	LIST_FOR_EACH(m, &marks->list, node)
		if (m->instance == in)
			return m;
	return NULL;
}

static s32 update_mark(struct mark *m, u32 mask)
{
	u32 kept = mask & (DELIVERED | KEPT_OPTIONS);

	if (mask & IN_MASK_CREATE)
		return -EEXIST;
	m->mask = mask & IN_MASK_ADD ? m->mask | kept : kept;
	return m->wd;
}

/* Uses *@fresh up and clears it. */
static s32 insert_mark(struct inotify_marks *marks, struct instance *in, struct inode *inode, u32 mask,
		       struct mark **fresh) MUST_HOLD(&marks->lock)
{
	struct mark *m = *fresh;
	int wd;

	if (!charge_try(in->user, CHARGE_INOTIFY_WATCHES, 1, (u64)READ_ONCE(max_user_watches)))
		return -ENOSPC;
	spin_lock(&in->lock);
	wd = idr_alloc_cyclic(&in->watches, m, 1, IDR_MAX);
	if (wd > 0)
		*m = (struct mark){ .inode = inode, .instance = in, .wd = wd, .linked = true,
				    .mask = mask & (DELIVERED | KEPT_OPTIONS) };
	if (wd > 0)
		ref_init(&m->refs, 1);
	spin_unlock(&in->lock);
	if (wd < 0) {
		charge_drop(in->user, CHARGE_INOTIFY_WATCHES, 1);
		return wd;
	}
	inode_get(inode);
	list_add_tail(&marks->list, &m->node);
	atomic_fetch_add(&nr_marks, 1);
	*fresh = NULL;
	return wd;
}

static s32 add_watch(struct instance *in, struct inode *inode, u32 mask)
{
	struct inotify_marks *marks = marks_of(inode);
	struct mark *m, *fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);
	s32 wd = -ENOMEM;

	if (fresh && marks) {
		spin_lock(&marks->lock);
		m = find_mark(marks, in);
		wd = m ? update_mark(m, mask) : insert_mark(marks, in, inode, mask, &fresh);
		spin_unlock(&marks->lock);
	}
	kfree(fresh);
	return wd;
}

long sys_inotify_add_watch(int fd, const char __user *name, u32 mask)
{
	u32 lookup = (mask & IN_DONT_FOLLOW) ? 0 : LOOKUP_FOLLOW;
	struct fdref r;
	struct path p;
	long err;

	if (!(mask & (DELIVERED | OPTIONS)) || (mask & ~(u32)(DELIVERED | OPTIONS)))
		return -EINVAL;
	r = fd_ref((unsigned int)fd);
	if (!r.file)
		return -EBADF;
	err = -EINVAL;
	if (r.file->ops != &inotify_fops || ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE)))
		goto out;
	if (mask & IN_ONLYDIR)
		lookup |= LOOKUP_DIRECTORY;
	err = path_lookup_user(AT_FDCWD, name, lookup, &p);
	if (err)
		goto out;
	err = inode_permission(p.dentry->inode, MAY_READ);
	if (!err)
		err = add_watch(r.file->private, p.dentry->inode, mask);
	path_put(&p);
out:
	fd_unref(r);
	return err;
}

static long rm_watch(struct instance *in, int wd)
{
	struct mark *m;
	bool ended;

	spin_lock(&in->lock);
	m = idr_find(&in->watches, (u32)wd);
	if (m)
		ref_get(&m->refs);
	spin_unlock(&in->lock);
	if (!m)
		return -EINVAL;
	ended = mark_end(m, true);
	mark_put(m);
	return ended ? 0 : -EINVAL;
}

long sys_inotify_rm_watch(int fd, int wd)
{
	struct fdref r = fd_ref((unsigned int)fd);
	long err = -EINVAL;

	if (!r.file)
		return -EBADF;
	if (r.file->ops == &inotify_fops && wd > 0)
		err = rm_watch(r.file->private, wd);
	fd_unref(r);
	return err;
}
