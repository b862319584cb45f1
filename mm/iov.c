// SPDX-License-Identifier: MIT
/*
 * struct iov_iter's operations.  The iterator stands at done_in_seg bytes in its
 * first segment; segments behind it are not counted any more, but stay in
 * memory so that iov_revert can walk back.
 */
#include <linux/uio.h>
#include <arch/uaccess.h>
#include <tarn/errno.h>
#include <tarn/iov.h>
#include <tarn/page.h>
#include <tarn/slab.h>
#include <tarn/string.h>

#define IO_MAX 0x7ffff000ul /* as much as one call moves: read(2) */

void iov_init_user(struct iov_iter *it, void __user *buf, size_t len)
{
	*it = (struct iov_iter){ .kind = IOV_USER, .count = len, .nr_segs = 1 };
	it->single.iov_base = (void *)buf;
	it->single.iov_len = len;
	it->iov = &it->single;
}

void iov_init_kernel(struct iov_iter *it, void *buf, size_t len)
{
	*it = (struct iov_iter){ .kind = IOV_KERNEL, .count = len, .nr_segs = 1 };
	it->kernel.buf = buf;
	it->single.iov_len = len;
}

void iov_init_pages(struct iov_iter *it, const struct iov_page *pages, unsigned int n)
{
	*it = (struct iov_iter){ .kind = IOV_PAGES, .nr_segs = n, .pages = pages };
	for (unsigned int i = 0; i < n; i++)
		it->count += pages[i].len;
}

/* Lengths are cut so that their sum is at most IO_MAX; a negative one is an error. */
static int check_lengths(struct iovec *iov, unsigned long n, size_t *total)
{
	*total = 0;
	for (unsigned long i = 0; i < n; i++) {
		if ((ssize_t)iov[i].iov_len < 0)
			return -EINVAL;
		if (iov[i].iov_len && !user_range_ok(iov[i].iov_base, iov[i].iov_len))
			return -EFAULT;
		iov[i].iov_len = MIN((size_t)iov[i].iov_len, IO_MAX - *total);
		*total += iov[i].iov_len;
	}
	return 0;
}

int iov_import(struct iov_iter *it, const struct iovec __user *uvec, unsigned long n,
	       struct iovec *stack, struct iovec **heap)
{
	struct iovec *iov = stack;
	size_t total;
	int err;

	*heap = NULL;
	if (n > UIO_MAXIOV)
		return -EINVAL;
	if (n > IOV_ON_STACK) {
		iov = kmalloc(n * sizeof(*iov), GFP_KERNEL);
		if (!iov)
			return -ENOMEM;
		*heap = iov;
	}
	err = copy_from_user(iov, uvec, n * sizeof(*iov));
	if (!err)
		err = check_lengths(iov, n, &total);
	if (err) {
		kfree(*heap);
		*heap = NULL;
		return err;
	}
	*it = (struct iov_iter){
		.kind = IOV_USER, .count = total, .nr_segs = (unsigned int)n, .iov = iov
	};
	return 0;
}

/* ---- position ---- */

static size_t seg_len(const struct iov_iter *it)
{
	switch (it->kind) {
	case IOV_USER:
		return it->iov->iov_len;
	case IOV_KERNEL:
		return it->single.iov_len;
	case IOV_PAGES:
		return it->pages->len;
	}
	return 0;
}

static void seg_step(struct iov_iter *it, int by)
{
	if (it->kind == IOV_USER)
		it->iov += by;
	else if (it->kind == IOV_PAGES)
		it->pages += by;
	it->nr_segs -= (unsigned int)by;
}

/* Past segments that are used up (or empty); at the last one it stops. */
static void settle(struct iov_iter *it)
{
	while (it->count && it->nr_segs > 1 && it->done_in_seg >= seg_len(it)) {
		it->done_in_seg -= seg_len(it);
		seg_step(it, 1);
	}
}

void iov_advance(struct iov_iter *it, size_t n)
{
	n = MIN(n, it->count);
	it->count -= n;
	it->done_in_seg += n;
	settle(it);
}

void iov_revert(struct iov_iter *it, size_t n)
{
	it->count += n;
	while (n > it->done_in_seg) {
		n -= it->done_in_seg;
		seg_step(it, -1);
		it->done_in_seg = seg_len(it);
	}
	it->done_in_seg -= n;
}

/* ---- moving bytes ---- */

enum move { MOVE_TO, MOVE_FROM, MOVE_FROM_NOFAULT, MOVE_ZERO };

static size_t move_user(void __user *u, void *k, size_t n, enum move how)
{
	switch (how) {
	case MOVE_TO:
		return n - copy_to_user_partial(u, k, n);
	case MOVE_FROM:
		return n - copy_from_user_partial(k, u, n);
	case MOVE_FROM_NOFAULT:
		return copy_from_user_nofault(k, u, n) ? 0 : n;
	case MOVE_ZERO:
		return n - clear_user_partial(u, n);
	}
	return 0;
}

static size_t move_kernel(void *there, void *k, size_t n, enum move how)
{
	if (how == MOVE_TO)
		memcpy(there, k, n);
	else if (how == MOVE_ZERO)
		memset(there, 0, n);
	else
		memcpy(k, there, n);
	return n;
}

/* One chunk within the present segment (and page): at most @n bytes; *want: how many it tried. */
static size_t move_chunk(struct iov_iter *it, char *k, size_t n, enum move how, size_t *want)
{
	size_t off = it->done_in_seg;

	n = MIN(n, seg_len(it) - off);
	/* All or nothing, and only the first page was touched: a page at a time, or nothing would ever move. */
	if (it->kind == IOV_USER && how == MOVE_FROM_NOFAULT)
		n = MIN(n, PAGE_SIZE - ((ulong)it->iov->iov_base + off) % PAGE_SIZE);
	*want = n;
	switch (it->kind) {
	case IOV_USER:
		return move_user((char __user *)it->iov->iov_base + off, k, n, how);
	case IOV_KERNEL:
		return move_kernel((char *)it->kernel.buf + off, k, n, how);
	case IOV_PAGES:
		return move_kernel((char *)page_address(it->pages->page) + it->pages->offset + off,
				   k, n, how);
	}
	return 0;
}

static size_t move_all(struct iov_iter *it, char *k, size_t n, enum move how)
{
	size_t done = 0, want, moved;

	n = MIN(n, it->count);
	settle(it);
	while (done < n) {
		moved = move_chunk(it, k ? k + done : NULL, n - done, how, &want);
		iov_advance(it, moved);
		done += moved;
		if (moved < want)
			break;
	}
	return done;
}

size_t iov_copy_to(struct iov_iter *it, const void *src, size_t n)
{
	return move_all(it, (char *)src, n, MOVE_TO);
}

size_t iov_copy_from(void *dst, struct iov_iter *it, size_t n)
{
	return move_all(it, dst, n, MOVE_FROM);
}

size_t iov_copy_from_nofault(void *dst, struct iov_iter *it, size_t n)
{
	return move_all(it, dst, n, MOVE_FROM_NOFAULT);
}

size_t iov_zero(struct iov_iter *it, size_t n)
{
	return move_all(it, NULL, n, MOVE_ZERO);
}

/* ---- touching ---- */

/* Touches each page of [u, u + n): how many bytes of it are there now. */
static size_t fault_in_range(const char __user *u, size_t n)
{
	size_t done = 0;
	u8 byte;

	while (done < n && !get_user(byte, (const u8 __user *)(u + done)))
		done += PAGE_SIZE - (size_t)((u64)__force_user(u + done) % PAGE_SIZE);
	return MIN(done, n);
}

/*
 * Only reads: a store of the byte just read could undo another thread's.  A
 * write to the page later costs one more fault and nothing else.
 */
ssize_t iov_fault_in(struct iov_iter *it, size_t n, bool write_to_user)
{
	struct iov_iter at;
	size_t done = 0, step, there;

	n = MIN(n, it->count);
	if (it->kind != IOV_USER)
		return n;
	at = *it;
	if (at.iov == &it->single)
		at.iov = &at.single;
	settle(&at);
	while (done < n) {
		step = MIN(n - done, seg_len(&at) - at.done_in_seg);
		there = fault_in_range((const char __user *)at.iov->iov_base + at.done_in_seg,
				       step);
		done += there;
		if (there < step)
			return done ? (ssize_t)done : -EFAULT;
		if (done < n)
			iov_advance(&at, step);
	}
	return done;
}
