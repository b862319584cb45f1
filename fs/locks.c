// SPDX-License-Identifier: MIT
/*
 * Advisory file locks: flock(2), and fcntl(2)'s POSIX and OFD record locks.
 *
 * An inode has two lists.  flock locks cover the whole file and belong to an
 * open file description.  Record locks cover ranges; a POSIX one belongs to a
 * process (its descriptor table) and goes when the process closes any
 * descriptor of the file, an OFD one belongs to the open file description.
 *
 * locks_lock (one for all) guards everything here.  Waiters sleep on the
 * inode's queue and try again when something was let go.  A POSIX waiter is on
 * `blocked` with the owner it waits for; following these edges finds the
 * cycle that EDEADLK reports.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <arch/uaccess.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>
#include <tarn/waitq.h>

#include "internal.h"

#define RANGE_END 0x7fffffffffffffffull
#define MAX_CYCLE 64

enum lock_kind { LK_FLOCK, LK_POSIX, LK_OFD };

struct flk {
	struct list node;
	enum lock_kind kind;
	const void *owner;     /* struct files (POSIX) or struct file */
	pid_t pid;             /* who asked, for F_GETLK; -1 for OFD */
	short type;            /* F_RDLCK, F_WRLCK */
	u64 start, end;        /* inclusive */
	/* While it waits */
	struct list blocked_node;
	const void *waits_for;
};

struct inode_locks {
	struct list flocks, records; /* records: by start */
	struct waitq waitq;
	struct inode *inode;         /* [I] */
	struct list all_node;
};

static struct spinlock locks_lock = SPINLOCK_INIT("file_locks", LR_FILES);
static struct list all_locks = LIST_INIT(all_locks);
static struct list blocked = LIST_INIT(blocked);

static struct inode_locks *locks_of(struct inode *inode)
{
	struct inode_locks *l = READ_ONCE(inode->locks), *fresh;

	if (l)
		return l;
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return NULL;
	list_init(&fresh->flocks);
	list_init(&fresh->records);
	waitq_init(&fresh->waitq);
	fresh->inode = inode;
	spin_lock(&locks_lock);
	l = inode->locks;
	if (!l) {
		list_add_tail(&all_locks, &fresh->all_node);
		rcu_assign(inode->locks, fresh);
	}
	spin_unlock(&locks_lock);
	if (l)
		kfree(fresh);
	return inode->locks;
}

void inode_locks_free(struct inode *inode)
{
	struct inode_locks *l = inode->locks;

	if (!l)
		return;
	spin_lock(&locks_lock);
	list_del(&l->all_node);
	spin_unlock(&locks_lock);
	inode->locks = NULL;
	kfree(l);
}

static void free_list(struct list *dead)
{
	struct flk *k;

	while ((k = list_first(dead, struct flk, node)) != NULL) {
		list_del(&k->node);
		kfree(k);
	}
}

static bool overlap(const struct flk *a, const struct flk *b)
{
	return a->start <= b->end && b->start <= a->end;
}

/* locks_lock held: a lock that keeps @want from being set. */
static struct flk *conflict(const struct list *list, const struct flk *want)
{
	struct flk *k;

	LIST_FOR_EACH(k, list, node)
		if (k->owner != want->owner && overlap(k, want) &&
		    (k->type == F_WRLCK || want->type == F_WRLCK))
			return k;
	return NULL;
}

/* ---- flock(2) ---- */

/* locks_lock held; @k goes in or, as the owner's new type, replaces what he had.  -EAGAIN: not now. */
static int flock_try(struct inode_locks *l, struct flk *k, struct list *dead)
{
	struct flk *old, *next;
	bool let_go = false;

	/* Changing the type is not atomic, as on Linux: the old one goes first. */
	LIST_FOR_EACH_SAFE(old, next, &l->flocks, node)
		if (old->owner == k->owner) {
			if (old->type == k->type) {
				list_add(dead, &k->node);
				return 0;
			}
			list_move(dead, &old->node);
			let_go = true;
		}
	if (let_go)
		waitq_wake_all(&l->waitq, 0);
	if (conflict(&l->flocks, k))
		return -EAGAIN;
	list_add_tail(&l->flocks, &k->node);
	return 0;
}

static int flock_once(struct inode_locks *l, struct flk *k)
{
	struct list dead = LIST_INIT(dead);
	int err;

	spin_lock(&locks_lock);
	err = flock_try(l, k, &dead);
	spin_unlock(&locks_lock);
	free_list(&dead);
	return err;
}

static bool flock_free(struct inode_locks *l, const struct flk *k)
{
	bool free;

	spin_lock(&locks_lock);
	free = !conflict(&l->flocks, k);
	spin_unlock(&locks_lock);
	return free;
}

/* Removes what @owner holds on @list with @kind; wakes waiters. */
static void drop_owned(struct inode_locks *l, struct list *list, enum lock_kind kind,
		       const void *owner)
{
	struct list dead = LIST_INIT(dead);
	struct flk *k, *next;

	spin_lock(&locks_lock);
	LIST_FOR_EACH_SAFE(k, next, list, node)
		if (k->kind == kind && k->owner == owner)
			list_move(&dead, &k->node);
	if (!list_empty(&dead))
		waitq_wake_all(&l->waitq, 0);
	spin_unlock(&locks_lock);
	free_list(&dead);
}

static long do_flock(struct file *f, short type, bool nonblock)
{
	struct inode_locks *l = locks_of(f->inode);
	struct flk *k;
	int err;

	if (!l)
		return -ENOMEM;
	if (type == F_UNLCK) {
		drop_owned(l, &l->flocks, LK_FLOCK, f);
		return 0;
	}
	k = kzalloc(sizeof(*k), GFP_KERNEL);
	if (!k)
		return -ENOMEM;
	*k = (struct flk){ .kind = LK_FLOCK, .owner = f, .type = type, .end = RANGE_END,
			   .pid = current->process->pid };
	while ((err = flock_once(l, k)) == -EAGAIN && !nonblock) {
		err = wait_event_interruptible(&l->waitq, flock_free(l, k));
		if (err)
			break;
	}
	if (err)
		kfree(k);
	return err;
}

long sys_flock(unsigned int fd, unsigned int cmd)
{
	static const short types[] = { [LOCK_SH] = F_RDLCK, [LOCK_EX] = F_WRLCK,
				       [LOCK_UN] = F_UNLCK };
	unsigned int op = cmd & ~(unsigned int)LOCK_NB;
	struct fdref r;
	long err;

	if (op != LOCK_SH && op != LOCK_EX && op != LOCK_UN)
		return -EINVAL;
	r = fd_ref(fd);
	if (!r.file)
		return -EBADF;
	if (op != LOCK_UN && !(r.file->mode & (FMODE_READ | FMODE_WRITE)))
		err = -EBADF;
	else
		err = do_flock(r.file, types[op], cmd & LOCK_NB);
	fd_unref(r);
	return err;
}

/* ---- record locks ---- */

/* Three spare structs: the lock itself and the rest of a range that is cut in two. */
struct spare {
	struct flk *k[2];
};

static int spare_fill(struct spare *s)
{
	for (int i = 0; i < 2; i++) {
		s->k[i] = kzalloc(sizeof(struct flk), GFP_KERNEL);
		if (!s->k[i])
			return -ENOMEM;
	}
	return 0;
}

static void spare_drop(struct spare *s)
{
	kfree(s->k[0]);
	kfree(s->k[1]);
}

static struct flk *spare_take(struct spare *s, const struct flk *like)
{
	int i = s->k[0] ? 0 : 1;
	struct flk *k = s->k[i];

	s->k[i] = NULL;
	*k = *like;
	return k;
}

static void insert_sorted(struct list *list, struct flk *k)
{
	struct flk *at;

	LIST_FOR_EACH(at, list, node)
		if (at->start > k->start) {
			list_add_tail(&at->node, &k->node);
			return;
		}
	list_add_tail(list, &k->node);
}

/* Cuts [want->start, want->end] out of @k, its owner's; what remains stays. */
static void cut(struct list *list, struct flk *k, const struct flk *want, struct spare *s,
		struct list *dead)
{
	bool left = k->start < want->start, right = k->end > want->end;

	if (left && right) {
		struct flk *rest = spare_take(s, k);

		rest->start = want->end + 1;
		k->end = want->start - 1;
		insert_sorted(list, rest);
	} else if (left) {
		k->end = want->start - 1;
	} else if (right) {
		k->start = want->end + 1;
		list_del(&k->node);
		insert_sorted(list, k);
	} else {
		list_move(dead, &k->node);
	}
}

static bool touches(const struct flk *a, const struct flk *b)
{
	return (a->start == 0 || a->start - 1 <= b->end) && (b->start == 0 || b->start - 1 <= a->end);
}

/* locks_lock held, no conflict: the owner's locks become what @req says. */
static void record_apply(struct inode_locks *l, const struct flk *req, struct spare *s,
			 struct list *dead)
{
	struct flk want = *req, *k, *next;

	LIST_FOR_EACH_SAFE(k, next, &l->records, node) {
		if (k->owner != want.owner || k->kind != want.kind)
			continue;
		if (k->type == want.type && touches(k, &want)) {
			want.start = MIN(want.start, k->start);
			want.end = MAX(want.end, k->end);
			list_move(dead, &k->node);
		}
	}
	LIST_FOR_EACH_SAFE(k, next, &l->records, node)
		if (k->owner == want.owner && k->kind == want.kind && overlap(k, &want))
			cut(&l->records, k, &want, s, dead);
	if (want.type != F_UNLCK)
		insert_sorted(&l->records, spare_take(s, &want));
	waitq_wake_all(&l->waitq, 0);
}

/* locks_lock held: would waiting for @holder close a circle back to @me? */
static bool deadlocks(const void *me, const void *holder)
{
	for (int i = 0; i < MAX_CYCLE; i++) {
		const struct flk *b;
		const void *next = NULL;

		if (holder == me)
			return true;
		LIST_FOR_EACH(b, &blocked, blocked_node)
			if (b->owner == holder) {
				next = b->waits_for;
				break;
			}
		if (!next)
			return false;
		holder = next;
	}
	return false;
}

/* 0 done, -EAGAIN another has it, -EDEADLK. With @wait the request is put among the blocked. */
static int record_try(struct inode_locks *l, struct flk *req, struct spare *s, bool wait)
{
	struct list dead = LIST_INIT(dead);
	struct flk *k;
	int err = 0;

	spin_lock(&locks_lock);
	if (!list_empty(&req->blocked_node))
		list_del_init(&req->blocked_node);
	k = req->type == F_UNLCK ? NULL : conflict(&l->records, req);
	if (!k) {
		record_apply(l, req, s, &dead);
	} else if (wait && req->kind == LK_POSIX && deadlocks(req->owner, k->owner)) {
		err = -EDEADLK;
	} else {
		err = -EAGAIN;
		if (wait && req->kind == LK_POSIX && k->kind == LK_POSIX) {
			req->waits_for = k->owner;
			list_add_tail(&blocked, &req->blocked_node);
		}
	}
	spin_unlock(&locks_lock);
	free_list(&dead);
	return err;
}

static bool record_free(struct inode_locks *l, const struct flk *req)
{
	bool free;

	spin_lock(&locks_lock);
	free = !conflict(&l->records, req);
	spin_unlock(&locks_lock);
	return free;
}

static void unblock(struct flk *req)
{
	spin_lock(&locks_lock);
	list_del_init(&req->blocked_node);
	spin_unlock(&locks_lock);
}

static long record_set(struct file *f, struct flk *req, bool wait)
{
	struct inode_locks *l = locks_of(f->inode);
	struct spare s = { { NULL } };
	long err = spare_fill(&s);

	if (!l)
		err = -ENOMEM;
	list_init(&req->blocked_node);
	while (!err && (err = record_try(l, req, &s, wait)) == -EAGAIN && wait)
		err = wait_event_interruptible(&l->waitq, record_free(l, req));
	if (err)
		unblock(req);
	spare_drop(&s);
	return err;
}

/* The range of @fl as inclusive offsets; 0, -EINVAL, -EOVERFLOW. */
static int range_of(struct file *f, const struct flock *fl, struct flk *k)
{
	s64 base = 0, start, end;

	switch (fl->l_whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = READ_UNLOCKED(f->pos); /* may race with lseek(2), as the caller may */
		break;
	case SEEK_END:
		base = (s64)inode_size(f->inode);
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, fl->l_start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	if (fl->l_len > 0) {
		if (__builtin_add_overflow(start, fl->l_len - 1, &end))
			return -EOVERFLOW;
	} else if (fl->l_len < 0) {
		end = start - 1;
		start += fl->l_len;
		if (start < 0)
			return -EINVAL;
	} else {
		end = (s64)RANGE_END;
	}
	k->start = (u64)start;
	k->end = (u64)end;
	return 0;
}

static long record_get(struct file *f, struct flk *req, struct flock *fl)
{
	struct inode_locks *l = locks_of(f->inode);
	struct flk *k;

	if (!l)
		return -ENOMEM;
	spin_lock(&locks_lock);
	k = conflict(&l->records, req);
	if (k) {
		fl->l_type = k->type;
		fl->l_whence = SEEK_SET;
		fl->l_start = (s64)k->start;
		fl->l_len = k->end == RANGE_END ? 0 : (s64)(k->end - k->start + 1);
		fl->l_pid = k->kind == LK_OFD ? -1 : k->pid;
	} else {
		fl->l_type = F_UNLCK;
	}
	spin_unlock(&locks_lock);
	return 0;
}

/* The descriptor may have been closed while we set a lock that its close should have taken away. */
static void check_closed_race(struct file *f, unsigned int fd)
{
	struct fdref r;

	if (ref_read(&current->files->refs) == 1)
		return;
	r = fd_ref(fd);
	if (r.file != f)
		locks_on_close(f, current->files);
	if (r.file)
		fd_unref(r);
}

static bool mode_fits(const struct file *f, short type)
{
	if (type == F_RDLCK)
		return f->mode & FMODE_READ;
	return type != F_WRLCK || (f->mode & FMODE_WRITE);
}

long fcntl_lock(struct file *f, unsigned int cmd, unsigned long arg, unsigned int fd)
{
	bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
	bool get = cmd == F_GETLK || cmd == F_OFD_GETLK;
	struct flock fl;
	struct flk req = { .kind = ofd ? LK_OFD : LK_POSIX };
	long err;

	if (copy_from_user(&fl, (void __user *)arg, sizeof(fl)))
		return -EFAULT;
	if (fl.l_type != F_RDLCK && fl.l_type != F_WRLCK && (get || fl.l_type != F_UNLCK))
		return -EINVAL;
	if (ofd && fl.l_pid)
		return -EINVAL;
	err = range_of(f, &fl, &req);
	if (err)
		return err;
	req.type = fl.l_type;
	req.owner = ofd ? (const void *)f : (const void *)current->files;
	req.pid = ofd ? -1 : current->process->pid;
	if (get) {
		err = record_get(f, &req, &fl);
		return err ? err : copy_to_user((void __user *)arg, &fl, sizeof(fl));
	}
	if (!mode_fits(f, fl.l_type))
		return -EBADF;
	err = record_set(f, &req, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
	if (!err && !ofd && fl.l_type != F_UNLCK)
		check_closed_race(f, fd);
	return err;
}

/* ---- the ends of owners ---- */

void locks_on_close(struct file *f, struct files *owner)
{
	drop_owned(f->inode->locks, &f->inode->locks->records, LK_POSIX, owner);
}

void locks_on_release(struct file *f)
{
	struct inode_locks *l = f->inode->locks;

	drop_owned(l, &l->flocks, LK_FLOCK, f);
	drop_owned(l, &l->records, LK_OFD, f);
}

/* ---- /proc/locks ---- */

static void show_one(struct strbuf *out, u32 n, const struct inode *inode, const struct flk *k)
{
	static const char *const kinds[] = { "FLOCK ", "POSIX ", "OFDLCK" };

	strbuf_printf(out, "%u: %s ADVISORY  %s %d %02x:%02x:%llu %llu ", n, kinds[k->kind],
		      k->type == F_WRLCK ? "WRITE" : "READ ", k->pid,
		      KDEV_MAJOR(inode->super->dev), KDEV_MINOR(inode->super->dev),
		      (unsigned long long)inode->ino, (unsigned long long)k->start);
	if (k->end == RANGE_END)
		strbuf_puts(out, "EOF\n");
	else
		strbuf_printf(out, "%llu\n", (unsigned long long)k->end);
}

/* Text is written in memory got beforehand: nothing may sleep under the lock. */
void locks_show(struct strbuf *out)
{
	struct inode_locks *l;
	struct flk *k;
	u32 n = 0;

	if (strbuf_reserve(out, out->len + (64 << 10)))
		return;
	spin_lock(&locks_lock);
	LIST_FOR_EACH(l, &all_locks, all_node) {
		LIST_FOR_EACH(k, &l->flocks, node)
			if (out->len + 128 < out->cap)
				show_one(out, ++n, l->inode, k);
		LIST_FOR_EACH(k, &l->records, node)
			if (out->len + 128 < out->cap)
				show_one(out, ++n, l->inode, k);
	}
	spin_unlock(&locks_lock);
}
