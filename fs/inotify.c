// SPDX-License-Identifier: MIT
/*
 * inotify(7): watches on inodes, events in a queue per instance.
 *
 * A watch (mark) pins its inode and hangs both on inode->marks and in its
 * instance's table of watch descriptors.  It goes by inotify_rm_watch, with
 * the instance, with the last link of the file (IN_DELETE_SELF) or at unmount.
 *
 * inotify_lock (one for all) guards marks and queues.  Whoever has no watcher
 * pays one load: nr_marks, then inode->marks.
 */
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <arch/uaccess.h>
#include <tarn/idr.h>
#include <tarn/poll.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>
#include <tarn/waitq.h>

#include "internal.h"

#define MAX_QUEUED 16384
#define MAX_WATCHES 65536
#define DELIVERED (IN_ALL_EVENTS | IN_UNMOUNT)
#define OPTIONS (IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_ADD | IN_MASK_CREATE | \
		 IN_ONESHOT | IN_ISDIR)

struct event {
	struct list node;
	s32 wd;
	u32 mask, cookie;
	u32 name_len;      /* 0: none */
	char name[];
};

struct instance {
	struct idr watches;        /* wd -> mark; inotify_lock */
	u32 nr_watches;
	struct list events;        /* inotify_lock */
	u32 nr_events;
	u64 bytes;                 /* a reader would get */
	bool overflow_queued;
	struct waitq waitq;
};

struct mark {
	struct list node;          /* inode's */
	struct inode *inode;       /* [I] counted */
	struct instance *instance; /* [I] */
	s32 wd;                    /* [I] */
	u32 mask;
	struct list dead;          /* on its way out */
};

/* inode->marks: allocated with the first watch, freed with the last. */
struct inotify_marks {
	struct list list;
};

static struct spinlock inotify_lock = SPINLOCK_INIT("inotify", LR_FILES);
static _Atomic u32 nr_marks;

/* ---- queueing: inotify_lock held ---- */

/* The record's name is padded so that the next one is aligned. */
static u32 record_size(const struct event *e)
{
	return (u32)sizeof(struct inotify_event) +
	       (e->name_len ? (u32)ALIGN_UP(e->name_len + 1, sizeof(struct inotify_event)) : 0);
}

static void append(struct instance *in, struct event *e)
{
	list_add_tail(&in->events, &e->node);
	in->nr_events++;
	in->bytes += record_size(e);
	waitq_wake_all(&in->waitq, POLLIN | POLLRDNORM);
}

static struct event *event_new(s32 wd, u32 mask, u32 cookie, const struct qstr *name)
{
	u32 len = name ? name->len : 0;
	struct event *e = kmalloc(sizeof(*e) + len + 1, GFP_ATOMIC);

	if (!e)
		return NULL;
	*e = (struct event){ .wd = wd, .mask = mask, .cookie = cookie, .name_len = len };
	if (len)
		memcpy(e->name, name->name, len);
	e->name[len] = '\0';
	return e;
}

static bool same_as_last(struct instance *in, const struct event *e)
{
	const struct event *last = list_last(&in->events, struct event, node);

	return last && last->wd == e->wd && last->mask == e->mask && last->cookie == e->cookie &&
	       last->name_len == e->name_len && memcmp(last->name, e->name, e->name_len) == 0;
}

static void queue(struct instance *in, s32 wd, u32 mask, u32 cookie, const struct qstr *name)
{
	struct event *e = NULL;

	if (in->nr_events < MAX_QUEUED)
		e = event_new(wd, mask, cookie, name);
	if (!e) {
		if (!in->overflow_queued && (e = event_new(-1, IN_Q_OVERFLOW, 0, NULL)) != NULL) {
			in->overflow_queued = true;
			append(in, e);
		}
		return;
	}
	if (same_as_last(in, e))
		kfree(e);
	else
		append(in, e);
}

/* Takes @m out of sight; mark_free() follows without the lock. */
static void mark_unlink(struct mark *m, struct list *dead)
{
	idr_remove(&m->instance->watches, (u32)m->wd);
	m->instance->nr_watches--;
	list_del(&m->node);
	list_add_tail(dead, &m->dead);
}

static void marks_free(struct list *dead)
{
	struct mark *m;

	while ((m = list_first(dead, struct mark, dead)) != NULL) {
		list_del(&m->dead);
		atomic_fetch_sub(&nr_marks, 1);
		inode_put(m->inode);
		kfree(m);
	}
}

/* ---- events ---- */

static void deliver(struct inode *inode, u32 event, u32 cookie, const struct qstr *name)
{
	struct list dead = LIST_INIT(dead);
	u32 what = event & ~(u32)NOTIFY_IS_DIR;
	u32 shown = what | ((event & NOTIFY_IS_DIR) ? IN_ISDIR : 0);
	struct mark *m, *next;

	spin_lock(&inotify_lock);
	if (inode->marks)
		LIST_FOR_EACH_SAFE(m, next, &inode->marks->list, node) {
			if (!(m->mask & what))
				continue;
			queue(m->instance, m->wd, shown, cookie, name);
			if (m->mask & IN_ONESHOT) {
				queue(m->instance, m->wd, IN_IGNORED, 0, NULL);
				mark_unlink(m, &dead);
			}
		}
	spin_unlock(&inotify_lock);
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
	if (!nobody_watches())
		notify_dentry(f->path.dentry, event);
}

static void end_marks(struct inode *inode, u32 event)
{
	struct list dead = LIST_INIT(dead);
	struct mark *m, *next;

	spin_lock(&inotify_lock);
	if (inode->marks)
		LIST_FOR_EACH_SAFE(m, next, &inode->marks->list, node) {
			if (event == IN_UNMOUNT || (m->mask & event))
				queue(m->instance, m->wd, event, 0, NULL);
			queue(m->instance, m->wd, IN_IGNORED, 0, NULL);
			mark_unlink(m, &dead);
		}
	spin_unlock(&inotify_lock);
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

void inotify_unmount(struct super *sb)
{
	struct inode *inode, *found;

	if (nobody_watches())
		return;
	do {
		found = NULL;
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
		if (found) {
			end_marks(found, IN_UNMOUNT);
			inode_put(found);
		}
	} while (found);
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

	spin_lock(&inotify_lock);
	e = list_first(&in->events, struct event, node);
	if (!e) {
		e = ERR_PTR(-EAGAIN);
	} else if (record_size(e) > room) {
		e = ERR_PTR(-EINVAL);
	} else {
		list_del(&e->node);
		in->nr_events--;
		in->bytes -= record_size(e);
		if (e->mask == IN_Q_OVERFLOW)
			in->overflow_queued = false;
	}
	spin_unlock(&inotify_lock);
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
			kfree(e);
			if (err)
				return done ? done : err;
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

static void inotify_release(struct file *f)
{
	struct instance *in = f->private;
	struct list dead = LIST_INIT(dead);
	struct event *e;
	struct mark *m;
	u32 wd;

	spin_lock(&inotify_lock);
	IDR_FOR_EACH(&in->watches, m, wd)
		mark_unlink(m, &dead);
	spin_unlock(&inotify_lock);
	marks_free(&dead);
	while ((e = list_first(&in->events, struct event, node)) != NULL) {
		list_del(&e->node);
		kfree(e);
	}
	kfree(in);
}

static void inotify_fdinfo(struct file *f, struct strbuf *out)
{
	struct instance *in = f->private;
	struct mark *m;
	u32 wd = 0;

	for (;; wd++) {
		u64 ino = 0;
		kdev_t dev = 0;
		u32 mask = 0;

		spin_lock(&inotify_lock);
		m = idr_next(&in->watches, &wd);
		if (m) {
			ino = m->inode->ino;
			dev = m->inode->super->dev;
			mask = m->mask;
		}
		spin_unlock(&inotify_lock);
		if (!m)
			return;
		strbuf_printf(out, "inotify wd:%x ino:%llx sdev:%x mask:%x ignored_mask:0\n", wd,
			      (unsigned long long)ino, dev, mask);
	}
}

static const struct file_ops inotify_fops = {
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.release = inotify_release,
	.show_fdinfo = inotify_fdinfo,
	.async_reason = async_reason_in_out,
};

/* ---- system calls ---- */

_Static_assert(IN_CLOEXEC == O_CLOEXEC && IN_NONBLOCK == O_NONBLOCK, "flags pass through");

long sys_inotify_init1(int flags)
{
	struct instance *in;
	struct file *f;

	if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	in = kzalloc(sizeof(*in), GFP_KERNEL);
	if (!in)
		return -ENOMEM;
	idr_init(&in->watches);
	list_init(&in->events);
	waitq_init(&in->waitq);
	f = file_anon("anon_inode:inotify", &inotify_fops, in,
		      O_RDONLY | ((u32)flags & O_NONBLOCK));
	if (IS_ERR(f)) {
		kfree(in);
		return PTR_ERR(f);
	}
	return fd_add(f, (u32)flags & O_CLOEXEC);
}

long sys_inotify_init(void)
{
	return sys_inotify_init1(0);
}

/* inotify_lock held: the instance's mark on @inode. */
static struct mark *find_mark(struct instance *in, struct inode *inode)
{
	struct mark *m;

	if (inode->marks)
		LIST_FOR_EACH(m, &inode->marks->list, node)
			if (m->instance == in)
				return m;
	return NULL;
}

static s32 update_mark(struct mark *m, u32 mask)
{
	if (mask & IN_MASK_CREATE)
		return -EEXIST;
	if (mask & IN_MASK_ADD)
		m->mask |= mask & (DELIVERED | IN_ONESHOT);
	else
		m->mask = mask & (DELIVERED | IN_ONESHOT);
	return m->wd;
}

/* inotify_lock held.  Uses *@fresh and *@marks up and clears them. */
static s32 insert_mark(struct instance *in, struct inode *inode, u32 mask, struct mark **fresh,
		       struct inotify_marks **marks)
{
	struct mark *m = *fresh;
	int wd;

	if (in->nr_watches >= MAX_WATCHES)
		return -ENOSPC;
	wd = idr_alloc_cyclic(&in->watches, m, 1, IDR_MAX);
	if (wd < 0)
		return wd;
	if (!inode->marks) {
		list_init(&(*marks)->list);
		inode->marks = *marks;
		*marks = NULL;
	}
	inode_get(inode);
	*m = (struct mark){ .inode = inode, .instance = in, .wd = wd,
			    .mask = mask & (DELIVERED | IN_ONESHOT) };
	list_add_tail(&inode->marks->list, &m->node);
	in->nr_watches++;
	atomic_fetch_add(&nr_marks, 1);
	*fresh = NULL;
	return wd;
}

static s32 add_watch(struct instance *in, struct inode *inode, u32 mask)
{
	struct mark *m, *fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);
	struct inotify_marks *marks = kmalloc(sizeof(*marks), GFP_KERNEL);
	s32 wd = -ENOMEM;

	if (fresh && marks) {
		spin_lock(&inotify_lock);
		m = find_mark(in, inode);
		wd = m ? update_mark(m, mask) : insert_mark(in, inode, mask, &fresh, &marks);
		spin_unlock(&inotify_lock);
	}
	kfree(fresh);
	kfree(marks);
	return wd;
}

long sys_inotify_add_watch(int fd, const char __user *name, u32 mask)
{
	u32 lookup = (mask & IN_DONT_FOLLOW) ? 0 : LOOKUP_FOLLOW;
	struct fdref r;
	struct path p;
	long err;

	if (!(mask & (DELIVERED | OPTIONS)))
		return -EINVAL;
	if ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE))
		return -EINVAL;
	r = fd_ref((unsigned int)fd);
	if (!r.file)
		return -EBADF;
	err = -EINVAL;
	if (r.file->ops != &inotify_fops)
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

long sys_inotify_rm_watch(int fd, int wd)
{
	struct list dead = LIST_INIT(dead);
	struct fdref r = fd_ref((unsigned int)fd);
	struct instance *in;
	struct mark *m = NULL;
	long err = -EINVAL;

	if (!r.file)
		return -EBADF;
	if (r.file->ops == &inotify_fops && wd > 0) {
		in = r.file->private;
		spin_lock(&inotify_lock);
		m = idr_find(&in->watches, (u32)wd);
		if (m) {
			queue(in, wd, IN_IGNORED, 0, NULL);
			mark_unlink(m, &dead);
			err = 0;
		}
		spin_unlock(&inotify_lock);
		marks_free(&dead);
	}
	fd_unref(r);
	return err;
}

