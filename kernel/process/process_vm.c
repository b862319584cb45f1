// SPDX-License-Identifier: MIT
/*
 * process_vm_readv(2) and process_vm_writev(2): bytes between our memory and
 * another process's, without a copy between.  process_madvise(2).
 *
 * A batch of the other's pages is pinned under its map_lock, as its own access
 * would bring them; then they are copied to or from our buffers, which may
 * fault, with no lock held.  What could be moved before a fault counts.
 */
#include "internal.h"

#include <linux/mman.h>
#include <linux/uio.h>
#include <tarn/iov.h>
#include <tarn/mm.h>
#include <tarn/syscall.h>

#define BATCH 16u /* pages pinned at a time */

struct transfer {
	struct mm *mm;
	struct iov_iter local;
	bool write; /* to the other process */
};

/* Bytes moved between @n pinned pages, from @offset in the first on, and our buffers. */
static size_t move_pages(struct transfer *t, struct page **pages, unsigned int n, size_t offset,
			 size_t len)
{
	size_t done = 0;

	for (unsigned int i = 0; i < n && done < len; i++, offset = 0) {
		char *at = (char *)page_address(pages[i]) + offset;
		size_t want = MIN(len - done, PAGE_SIZE - offset), moved;

		moved = t->write ? iov_copy_from(at, &t->local, want) : iov_copy_to(&t->local, at, want);
		done += moved;
		if (moved < want)
			break;
	}
	return done;
}

/* One of the other's buffers: 0, or -errno where it ended early. */
static long move_segment(struct transfer *t, u64 addr, u64 len)
{
	struct page *pages[BATCH];

	while (len && t->local.count) {
		size_t offset = addr % PAGE_SIZE;
		u64 want = MIN(MIN(len, t->local.count), BATCH * PAGE_SIZE - offset), moved;
		long n = mm_pin_pages(t->mm, addr, (unsigned int)DIV_ROUND_UP(offset + want, PAGE_SIZE),
				      t->write, pages);

		if (n < 0)
			return n;
		want = MIN(want, (u64)n * PAGE_SIZE - offset);
		moved = move_pages(t, pages, (unsigned int)n, offset, want);
		mm_unpin_pages(pages, (unsigned int)n, t->write);
		if (moved < want)
			return -EFAULT;
		addr += moved;
		len -= moved;
		if (fatal_signal_pending())
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* All of the other's buffers in turn, as far as ours reach: bytes, or -errno if there are none. */
static long move_all(struct transfer *t, const struct iovec *remote, unsigned long n)
{
	size_t total = t->local.count;
	long err = 0;

	for (unsigned long i = 0; i < n && !err; i++)
		err = move_segment(t, (u64)remote[i].iov_base, remote[i].iov_len);
	return total > t->local.count ? (long)(total - t->local.count) : err;
}

static long with_process(struct transfer *t, pid_t pid, const struct iovec *remote, unsigned long n)
{
	struct thread *target = thread_find_get(pid);
	long ret;

	if (!target)
		return -ESRCH;
	t->mm = thread_mm_access(target, ACCESS_REAL_IDS | ACCESS_ATTACH);
	thread_put(target);
	if (IS_ERR(t->mm))
		return PTR_ERR(t->mm) == -EACCES ? -EPERM : PTR_ERR(t->mm);
	if (!t->mm)
		return -ESRCH;
	ret = move_all(t, remote, n);
	mm_put(t->mm);
	return ret;
}

/* The other's buffers; *bytes: do they hold any?  They are judged when they are reached. */
static struct iovec *import_remote(const struct iovec __user *vec, unsigned long n, bool *bytes)
{
	struct iovec *iov;

	if (n > UIO_MAXIOV)
		return ERR_PTR(-EINVAL);
	*bytes = false;
	iov = kmalloc(MAX(n, 1ul) * sizeof(*iov), GFP_KERNEL);
	if (!iov)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(iov, vec, n * sizeof(*iov))) {
		kfree(iov);
		return ERR_PTR(-EFAULT);
	}
	for (unsigned long i = 0; i < n; i++) {
		if ((ssize_t)iov[i].iov_len < 0) {
			kfree(iov);
			return ERR_PTR(-EINVAL);
		}
		*bytes |= iov[i].iov_len > 0;
	}
	return iov;
}

static long process_vm(struct transfer *t, pid_t pid, const struct iovec __user *rvec, unsigned long n)
{
	struct iovec *remote;
	bool bytes;
	long ret;

	if (!t->local.count)
		return 0;
	remote = import_remote(rvec, n, &bytes);
	if (IS_ERR(remote))
		return PTR_ERR(remote);
	ret = bytes ? with_process(t, pid, remote, n) : 0;
	kfree(remote);
	return ret;
}

static long import_and_move(pid_t pid, const struct iovec __user *lvec, unsigned long ln,
			    const struct iovec __user *rvec, unsigned long rn, unsigned long flags,
			    bool write)
{
	struct iovec stack[IOV_ON_STACK], *heap;
	struct transfer t = { .write = write };
	long ret;

	if (flags)
		return -EINVAL;
	ret = iov_import(&t.local, lvec, ln, stack, &heap);
	if (ret)
		return ret;
	ret = process_vm(&t, pid, rvec, rn);
	kfree(heap);
	return ret;
}

long sys_process_vm_readv(pid_t pid, const struct iovec __user *lvec, unsigned long liovcnt,
			  const struct iovec __user *rvec, unsigned long riovcnt, unsigned long flags)
{
	return import_and_move(pid, lvec, liovcnt, rvec, riovcnt, flags, false);
}

long sys_process_vm_writev(pid_t pid, const struct iovec __user *lvec, unsigned long liovcnt,
			   const struct iovec __user *rvec, unsigned long riovcnt, unsigned long flags)
{
	return import_and_move(pid, lvec, liovcnt, rvec, riovcnt, flags, true);
}

/* ---- process_madvise ---- */

/* What does not change the bytes another process sees. */
static bool harmless(int advice)
{
	return advice == MADV_COLD || advice == MADV_PAGEOUT || advice == MADV_WILLNEED;
}

/* Each range of @it in turn: bytes advised, or -errno if the first one fails. */
static long advise_all(struct mm *mm, struct iov_iter *it, int advice)
{
	long done = 0, err = 0;

	while (it->count && !err) {
		u64 start = (u64)it->iov->iov_base, len = it->iov->iov_len;

		err = mm_madvise(mm, start, len, advice);
		iov_advance(it, len);
		if (!err)
			done += (long)len;
	}
	return done ? done : err;
}

static long advise_process(struct process *p, struct iov_iter *it, int advice)
{
	struct thread *leader;
	struct mm *mm;
	long ret;

	leader = thread_find_get(p->pid);
	if (!leader)
		return -ESRCH;
	mm = leader->process == p ? thread_mm_access(leader, ACCESS_FS_IDS) : NULL;
	thread_put(leader);
	if (IS_ERR_OR_NULL(mm))
		return mm ? PTR_ERR(mm) : -ESRCH;
	/* It is a change of how fast that process runs. */
	ret = capable(CAP_SYS_NICE) ? advise_all(mm, it, advice) : -EPERM;
	mm_put(mm);
	return ret;
}

long sys_process_madvise(int pidfd, const struct iovec __user *vec, unsigned long vlen, int advice,
			 unsigned int flags)
{
	struct iovec stack[IOV_ON_STACK], *heap;
	struct iov_iter it;
	struct process *p;
	bool nonblock;
	long ret;

	if (flags)
		return -EINVAL;
	ret = iov_import(&it, vec, vlen, stack, &heap);
	if (ret)
		return ret;
	p = pidfd_process_get((unsigned int)pidfd, &nonblock);
	if (IS_ERR(p)) {
		ret = PTR_ERR(p);
	} else {
		ret = harmless(advice) ? advise_process(p, &it, advice) : -EINVAL;
		process_put(p);
	}
	kfree(heap);
	return ret;
}
