// SPDX-License-Identifier: MIT
/*
 * read(2) and write(2) through the page cache.
 *
 * A read copies from pages that are up to date without locking them: a reader
 * beside a writer may see a mix, as POSIX lets it, but never stale memory.
 *
 * A write copies with the page locked and therefore must not fault: the source
 * might be a mapping of this very page.  The source is touched first, copied
 * without faults, and if a page of it vanished between, touched again.
 */
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include "mm_int.h"
#include "pagecache_int.h"

/* ---- reading ---- */

/* The page at @index for a reader who wants @want pages from there on. */
static struct page *page_for_read(struct mapping *m, struct readahead *ra, u64 index, u64 want)
{
	struct page *p = pagecache_find(m, index);

	if (!p) {
		readahead_sync(m, ra, index, want);
		p = pagecache_find(m, index);
	}
	if (p && page_test(p, PG_READAHEAD))
		readahead_async(m, ra, p, index);
	if (p && page_test(p, PG_UPTODATE))
		return p;
	if (p)
		page_put(p);
	return pagecache_read_page(m, index);
}

/* From one page; bytes, 0 at the end of file, or -errno. */
static ssize_t read_some(struct file *f, struct iov_iter *to, u64 pos)
{
	struct mapping *m = f->inode->mapping;
	size_t off = pos % PAGE_SIZE, n, done;
	u64 index = pos >> PAGE_SHIFT, size;
	struct page *p;

	if (pos >= inode_size(m->host))
		return 0;
	p = page_for_read(m, &f->ra, index, (off + to->count + PAGE_SIZE - 1) >> PAGE_SHIFT);
	if (IS_ERR(p))
		return PTR_ERR(p);
	size = inode_size(m->host); /* again: bytes past a new end are none of ours */
	n = MIN(PAGE_SIZE - off, to->count);
	n = pos < size ? MIN(n, size - pos) : 0;
	done = n ? iov_copy_to(to, (char *)page_address(p) + off, n) : 0;
	if (f->ra.prev != index || off == 0)
		lru_mark_accessed(p);
	f->ra.prev = index;
	page_put(p);
	return done || !n ? (ssize_t)done : -EFAULT;
}

ssize_t pagecache_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	ssize_t total = 0, n = 0;

	while (to->count) {
		n = read_some(f, to, (u64)*pos);
		if (n <= 0)
			break;
		*pos += n;
		total += n;
		cond_resched();
		if (fatal_signal_pending()) {
			n = -EINTR;
			break;
		}
	}
	return total ? total : n;
}

/* ---- writing: the generic halves ---- */

/* Locked again after the read, and still in the file: 0 or -errno. */
static int fill_for_write(struct mapping *m, struct page *p)
{
	page_get(p);
	cache_start_read(m, &p, 1);
	page_lock(p);
	page_put(p);
	if (p->mapping != m)
		return -EAGAIN;
	return page_test(p, PG_UPTODATE) ? 0 : -EIO;
}

static int begin_once(struct mapping *m, u64 pos, u32 len, struct page **out)
{
	struct page *p = pagecache_grab(m, pos >> PAGE_SHIFT, m->gfp);
	int err = 0;

	if (!p)
		return -ENOMEM;
	if (!page_test(p, PG_UPTODATE)) {
		if (!m->ops->read_pages || ALIGN_DOWN(pos, PAGE_SIZE) >= inode_size(m->host)) {
			clear_page(page_address(p));
			page_set(p, PG_UPTODATE);
		} else if (len < PAGE_SIZE) {
			err = fill_for_write(m, p);
		}
	}
	if (err) {
		page_unlock(p);
		page_put(p);
		return err;
	}
	*out = p;
	return 0;
}

static int write_begin(struct mapping *m, u64 pos, u32 len, struct page **out)
{
	int err;

	if (m->ops->write_begin)
		return m->ops->write_begin(m, pos, len, out);
	do
		err = begin_once(m, pos, len, out);
	while (err == -EAGAIN);
	return err;
}

static int write_end(struct mapping *m, u64 pos, u32 len, u32 copied, struct page *p)
{
	if (m->ops->write_end)
		return m->ops->write_end(m, pos, len, copied, p);
	/* A whole page was promised and did not come: what is in it is nothing. */
	if (!page_test(p, PG_UPTODATE) && copied < len)
		copied = 0;
	if (copied) {
		if (pos + copied > inode_size(m->host))
			atomic_store_explicit(&m->host->size, pos + copied, memory_order_release);
		page_set(p, PG_UPTODATE);
		page_mark_dirty(p);
	}
	page_unlock(p);
	lru_mark_accessed(p);
	page_put(p);
	return (int)copied;
}

/* ---- writing ---- */

static ssize_t write_some(struct mapping *m, struct iov_iter *from, u64 pos)
{
	u32 off = (u32)(pos % PAGE_SIZE);
	ssize_t n = iov_fault_in(from, MIN(PAGE_SIZE - off, from->count), false);
	struct page *p;
	size_t copied;
	int err;

	if (n < 0)
		return n;
	err = write_begin(m, pos, (u32)n, &p);
	if (err)
		return err;
	copied = iov_copy_from_nofault((char *)page_address(p) + off, from, n);
	err = write_end(m, pos, (u32)n, (u32)copied, p);
	if (err < 0) {
		iov_revert(from, copied);
		return err;
	}
	if ((size_t)err < copied)
		iov_revert(from, copied - (size_t)err);
	return err;
}

ssize_t pagecache_write(struct mapping *m, struct iov_iter *from, loff_t *pos)
{
	u64 old_size = inode_size(m->host);
	ssize_t total = 0, n = 0;

	if ((u64)*pos > old_size)
		pagecache_extended(m, old_size);
	while (from->count) {
		n = write_some(m, from, (u64)*pos);
		if (n < 0)
			break;
		*pos += n;
		total += n;
		cond_resched();
		if (fatal_signal_pending()) {
			n = -EINTR;
			break;
		}
	}
	return total ? total : n;
}
