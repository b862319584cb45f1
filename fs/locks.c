// SPDX-License-Identifier: MIT
/*
 * Advisory file locks: flock(2), and fcntl(2)'s POSIX and OFD record locks.
 *
 * flock locks cover the whole file and belong to an open file description.  Record
 * locks cover ranges; a POSIX one belongs to a process (its descriptor table) and
 * goes when the process closes any descriptor of the file, an OFD one belongs to
 * the open file description.
 *
 * Here are the calls; locks_list.c has the lists, who waits for whom, deadlocks.
 * Leases are absent: fcntl gives EINVAL for them (fd.c).
 * Tests: tests/abi/ev_locks.c
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <arch/uaccess.h>
#include <tarn/inode.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

#include "internal.h"
#include "locks_internal.h"

/* ---- flock(2) ---- */

/* @spare goes in or, as the owner's new type, replaces what he had.  With @w the caller waits for who is in the way. */
static int flock_try(struct inode_locks *l, const struct flk *req, struct flk **spare,
		     struct lock_waiter *w, struct list *dead) MUST_HOLD(&l->lock)
{
	struct flk *old, *next;

	/* Changing the type is not atomic, as on Linux: the old one goes first. */
	LIST_FOR_EACH_SAFE(old, next, &l->flocks, node)
		if (old->owner == req->owner) {
			if (old->type == req->type)
				return 0;
			locks_let_go(old);
			list_move(dead, &old->node);
		}
	old = flk_conflict(&l->flocks, req);
	if (old) {
		if (w)
			lock_wait_for(w, old); /* only POSIX locks look for circles */
		return -EAGAIN;
	}
	if (!flk_fill(*spare, req))
		return -ENOLCK;
	list_add_tail(&l->flocks, &(*spare)->node);
	*spare = NULL;
	return 0;
}

/* Removes what @owner holds on @list with @kind, and lets go of who waited. */
static void drop_owned(struct inode_locks *l, struct list *list, enum lock_kind kind,
		       const void *owner)
{
	struct list dead = LIST_INIT(dead);
	struct flk *k, *next;

	spin_lock(&l->lock);
	LIST_FOR_EACH_SAFE(k, next, list, node)
		if (k->kind == kind && k->owner == owner) {
			locks_let_go(k);
			list_move(&dead, &k->node);
		}
	spin_unlock(&l->lock);
	flk_free_list(&dead);
}

static int flock_set(struct inode_locks *l, const struct flk *req, bool nonblock)
{
	struct flk *spare = kmalloc(sizeof(*spare), GFP_KERNEL);
	struct lock_waiter w;
	int err;

	if (!spare)
		return -ENOMEM;
	lock_waiter_init(&w, req);
	for (;;) {
		struct list dead = LIST_INIT(dead);

		spin_lock(&l->lock);
		err = flock_try(l, req, &spare, nonblock ? NULL : &w, &dead);
		spin_unlock(&l->lock);
		flk_free_list(&dead);
		if (err != -EAGAIN || nonblock)
			break;
		err = lock_wait(&w);
		if (err)
			break;
	}
	kfree(spare);
	return err;
}

static long do_flock(struct file *f, short type, bool nonblock)
{
	struct inode_locks *l = locks_of(f->inode, type != F_UNLCK);
	struct flk req = { .kind = LK_FLOCK, .owner = f, .type = type, .end = RANGE_END,
			   .pid = current->process->pid };

	if (type != F_UNLCK)
		return l ? flock_set(l, &req, nonblock) : -ENOMEM;
	if (l)
		drop_owned(l, &l->flocks, LK_FLOCK, f);
	return 0;
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

/* The lock itself and the rest of a range that is cut in two. */
struct spare {
	struct flk *k[2];
};

static int spare_fill(struct spare *s)
{
	for (int i = 0; i < 2; i++) {
		s->k[i] = kmalloc(sizeof(struct flk), GFP_KERNEL);
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

/* A new lock, charged to whom @like is charged. */
static struct flk *spare_take(struct spare *s, const struct flk *like)
{
	int i = s->k[0] ? 0 : 1;
	struct flk *k = s->k[i];

	s->k[i] = NULL;
	flk_fill_rest(k, like);
	return k;
}

static void insert_sorted(struct list *list, struct flk *k)
{
	struct flk *at;

	LIST_FOR_EACH_REVERSE(at, list, node)
		if (at->start <= k->start) {
			list_add(&at->node, &k->node);
			return;
		}
	list_add(list, &k->node);
}

/* Cuts [want->start, want->end] out of @k, its owner's; what remains stays. */
static void cut(struct list *list, struct flk *k, const struct flk *want, struct spare *s,
		struct list *dead)
{
	bool left = k->start < want->start, right = k->end > want->end;

	locks_let_go(k);
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

static bool beyond(const struct flk *k, const struct flk *want)
{
	return k->start > want->end && k->start - 1 > want->end;
}

static bool same_owner(const struct flk *a, const struct flk *b)
{
	return a->owner == b->owner && a->kind == b->kind;
}

/* By how many locks @req makes the list longer; less than 0: shorter. */
static int growth(const struct inode_locks *l, const struct flk *req) MUST_HOLD(&l->lock)
{
	int n = req->type != F_UNLCK;
	struct flk *k;

	LIST_FOR_EACH(k, &l->records, node) {
		if (beyond(k, req))
			break;
		if (!same_owner(k, req) || !touches(k, req))
			continue;
		if (k->type == req->type)
			n--;
		else if (k->start < req->start && k->end > req->end)
			n++;
		else if (k->start >= req->start && k->end <= req->end)
			n--;
	}
	return n;
}

/* No conflict: the owner's locks become what @req says. */
static void record_apply(struct inode_locks *l, const struct flk *req, struct spare *s,
			 struct list *dead) MUST_HOLD(&l->lock)
{
	struct flk want = *req, *k, *next;

	LIST_FOR_EACH_SAFE(k, next, &l->records, node) {
		if (beyond(k, &want))
			break;
		if (same_owner(k, &want) && k->type == want.type && touches(k, &want)) {
			want.start = MIN(want.start, k->start);
			want.end = MAX(want.end, k->end);
			locks_let_go(k);
			list_move(dead, &k->node);
		}
	}
	LIST_FOR_EACH_SAFE(k, next, &l->records, node) {
		if (k->start > want.end)
			break;
		if (same_owner(k, &want) && flk_overlap(k, &want))
			cut(&l->records, k, &want, s, dead);
	}
	if (want.type != F_UNLCK)
		insert_sorted(&l->records, spare_take(s, &want));
}

/* The same, if the user may have that many. */
static int record_charge_and_apply(struct inode_locks *l, const struct flk *req, struct spare *s,
				   struct list *dead) MUST_HOLD(&l->lock)
{
	int more = growth(l, req);

	if (more > 0 && !locks_promise((u32)more))
		return -ENOLCK;
	record_apply(l, req, s, dead);
	if (more > 0)
		locks_unpromise((u32)more);
	return 0;
}

/* 0 done, -EAGAIN another has it (with @w the caller waits for it now), -EDEADLK, -ENOLCK. */
static int record_try(struct inode_locks *l, const struct flk *req, struct spare *s,
		      struct lock_waiter *w)
{
	struct list dead = LIST_INIT(dead);
	struct flk *blocker;
	int err = 0;

	spin_lock(&l->lock);
	blocker = req->type == F_UNLCK ? NULL : flk_conflict(&l->records, req);
	if (!blocker) {
		err = record_charge_and_apply(l, req, s, &dead);
	} else {
		if (w)
			err = lock_wait_for(w, blocker);
		if (!err)
			err = -EAGAIN;
	}
	spin_unlock(&l->lock);
	flk_free_list(&dead);
	return err;
}

static long record_set(struct file *f, const struct flk *req, bool wait)
{
	struct inode_locks *l = locks_of(f->inode, req->type != F_UNLCK);
	struct spare s = { { NULL } };
	struct lock_waiter w;
	long err;

	if (!l)
		return req->type == F_UNLCK ? 0 : -ENOLCK;
	lock_waiter_init(&w, req);
	err = spare_fill(&s);
	while (!err && (err = record_try(l, req, &s, wait ? &w : NULL)) == -EAGAIN && wait)
		err = lock_wait(&w);
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

/* The type was looked at before: F_UNLCK asks about nothing. */
static long record_get(struct file *f, const struct flk *req, struct flock *fl)
{
	struct inode_locks *l = locks_of(f->inode, false);
	struct flk *k = NULL;

	fl->l_type = F_UNLCK;
	if (!l)
		return 0;
	spin_lock(&l->lock);
	k = flk_conflict(&l->records, req);
	if (k) {
		fl->l_type = k->type;
		fl->l_whence = SEEK_SET;
		fl->l_start = (s64)k->start;
		fl->l_len = k->end == RANGE_END ? 0 : (s64)(k->end - k->start + 1);
		fl->l_pid = k->kind == LK_OFD ? -1 : k->pid;
	}
	spin_unlock(&l->lock);
	return 0;
}

/* The descriptor may have been closed while we set a lock that its close should have taken away: -EBADF. */
static int check_closed_race(struct file *f, unsigned int fd)
{
	struct fdref r;
	int err = 0;

	if (ref_read(&current->files->refs) == 1)
		return 0;
	r = fd_ref(fd);
	if (r.file != f) {
		locks_on_close(f, current->files);
		err = -EBADF;
	}
	if (r.file)
		fd_unref(r);
	return err;
}

static bool mode_fits(const struct file *f, short type)
{
	if (type == F_RDLCK)
		return f->mode & FMODE_READ;
	return type != F_WRLCK || (f->mode & FMODE_WRITE);
}

static bool is_type(short type, bool get)
{
	return type == F_RDLCK || type == F_WRLCK || (type == F_UNLCK && !get);
}

static long do_get(struct file *f, struct flk *req, struct flock *fl, void __user *ufl)
{
	long err = req->kind == LK_OFD && fl->l_pid ? -EINVAL : record_get(f, req, fl);

	return err ? err : copy_to_user(ufl, fl, sizeof(*fl));
}

static long do_set(struct file *f, const struct flk *req, const struct flock *fl, bool wait,
		   unsigned int fd)
{
	long err;

	if (!mode_fits(f, fl->l_type))
		return -EBADF;
	if (req->kind == LK_OFD && fl->l_pid)
		return -EINVAL;
	err = record_set(f, req, wait);
	if (!err && req->kind == LK_POSIX && fl->l_type != F_UNLCK)
		err = check_closed_race(f, fd);
	return err;
}

/* The order of errors is Linux's: F_GETLK looks at the type before the range, F_SETLK after it. */
long fcntl_lock(struct file *f, unsigned int cmd, unsigned long arg, unsigned int fd)
{
	bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
	bool get = cmd == F_GETLK || cmd == F_OFD_GETLK;
	struct flk req = { .kind = ofd ? LK_OFD : LK_POSIX };
	struct flock fl;
	long err;

	if (copy_from_user(&fl, (void __user *)arg, sizeof(fl)))
		return -EFAULT;
	if (get && !is_type(fl.l_type, true))
		return -EINVAL;
	err = range_of(f, &fl, &req);
	if (err)
		return err;
	if (!is_type(fl.l_type, get))
		return -EINVAL;
	req.type = fl.l_type;
	req.owner = ofd ? (const void *)f : (const void *)current->files;
	req.pid = ofd ? -1 : current->process->pid;
	if (get)
		return do_get(f, &req, &fl, (void __user *)arg);
	return do_set(f, &req, &fl, cmd == F_SETLKW || cmd == F_OFD_SETLKW, fd);
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
