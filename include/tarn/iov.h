// SPDX-License-Identifier: MIT
/*
 * struct iov_iter: where bytes come from or go to, and how much is left.
 *
 * A cursor over user buffers, kernel buffers or pages, so that one read or
 * write path serves read(2), writev(2), sendfile(2), splice(2) and the kernel.
 * mm/iov.c.
 */
#pragma once

#include <linux/uio.h>

struct page;

enum iov_kind { IOV_USER, IOV_KERNEL, IOV_PAGES };

struct iov_page {
	struct page *page;
	u32 offset, len;
};

struct iov_iter {
	enum iov_kind kind;
	bool append;               /* a write goes to the file's end (RWF_APPEND) */
	size_t count;              /* bytes left */
	size_t done_in_seg;        /* of the first segment */
	unsigned int nr_segs;      /* left */
	union {
		const struct iovec *iov;      /* IOV_USER: iov_base is a user pointer */
		struct { void *buf; } kernel; /* IOV_KERNEL: one buffer */
		const struct iov_page *pages;
	};
	struct iovec single;       /* backs iov for one user buffer */
};

void iov_init_user(struct iov_iter *it, void __user *buf, size_t len);
void iov_init_kernel(struct iov_iter *it, void *buf, size_t len);
void iov_init_pages(struct iov_iter *it, const struct iov_page *pages, unsigned int n);
/*
 * A vector from user space: checks counts and lengths (-EINVAL, -EFAULT); *heap is NULL or must be kfree()d.
 * @stack: room for IOV_ON_STACK entries that must outlive the iterator.
 */
#define IOV_ON_STACK 8
int iov_import(struct iov_iter *it, const struct iovec __user *uvec, unsigned long n,
	       struct iovec *stack, struct iovec **heap);

/* Bytes moved; short on a fault.  They advance the iterator and may sleep. */
size_t iov_copy_to(struct iov_iter *it, const void *src, size_t n);
size_t iov_copy_from(void *dst, struct iov_iter *it, size_t n);
/* Never sleeps: stops at the first user page that is not there.  For copying under a page lock. */
size_t iov_copy_from_nofault(void *dst, struct iov_iter *it, size_t n);
size_t iov_zero(struct iov_iter *it, size_t n);
void iov_advance(struct iov_iter *it, size_t n);
/* Undoes the last @n bytes of progress. */
void iov_revert(struct iov_iter *it, size_t n);
/*
 * Touches the user pages of the next @n bytes, so that a copy under a page lock is likely not to fault.
 * How many of the bytes are there, or -EFAULT: none.
 */
ssize_t iov_fault_in(struct iov_iter *it, size_t n, bool write_to_user);
