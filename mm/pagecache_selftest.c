// SPDX-License-Identifier: MIT
/*
 * The page cache against a disk made of memory (tarn.test=pagecache): bytes go
 * out and come back, tails past the end are zero, errors are told once, clean
 * pages can go and dirty ones cannot.
 */
#include <tarn/boot_test.h>
#include <tarn/errno.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/vmalloc.h>
#include "mm_int.h"
#include "page_int.h"

#define CHECK(cond)                                            \
	do {                                                   \
		if (!(cond))                                   \
			return "line " STRING(__LINE__) ": " #cond; \
	} while (0)
#define STRING(x) STRING_(x)
#define STRING_(x) #x

#define DISK_SIZE (4ul << 20)

static char *disk;
static struct super super;
static int disk_error; /* what writes give */
static u64 disk_reads;

static void disk_read_pages(struct mapping *m, struct page **pages, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		memcpy(page_address(pages[i]), disk + (pages[i]->index << PAGE_SHIFT), PAGE_SIZE);
		disk_reads++;
		page_read_done(pages[i], true);
	}
}

static int disk_write_pages(struct mapping *m, struct writeback *wb)
{
	struct page *pages[8];
	unsigned int n;

	while ((n = mapping_next_dirty(m, wb, pages, ARRAY_SIZE(pages)))) {
		for (unsigned int i = 0; i < n; i++) {
			struct page *p = pages[i];

			page_lock(p);
			if (p->mapping == m && page_start_writeback(p)) {
				memcpy(disk + (p->index << PAGE_SHIFT), page_address(p), PAGE_SIZE);
				page_end_writeback(p, disk_error);
			}
			page_unlock(p);
			page_put(p);
		}
	}
	return 0;
}

static const struct mapping_ops disk_ops = {
	.read_pages = disk_read_pages,
	.write_pages = disk_write_pages,
};

static struct inode *inode;
static struct file *file;

static ssize_t wr(const void *buf, size_t n, loff_t pos)
{
	struct iov_iter it;

	iov_init_kernel(&it, (void *)buf, n);
	return pagecache_write(&inode->data, &it, &pos);
}

static ssize_t rd(void *buf, size_t n, loff_t pos)
{
	struct iov_iter it;

	iov_init_kernel(&it, buf, n);
	return pagecache_read(file, &it, &pos);
}

static void set_size(u64 size)
{
	u64 old = inode_size(inode);

	if (size > old)
		pagecache_extended(&inode->data, old);
	atomic_store(&inode->size, size);
	if (size < old) {
		pagecache_truncate(&inode->data, size);
		/* The file system's part: whole blocks past the end are gone. */
		memset(disk + ALIGN_UP(size, PAGE_SIZE), 0, DISK_SIZE - ALIGN_UP(size, PAGE_SIZE));
	}
}

static char buf[3 * PAGE_SIZE];

static const char *check_rw(void)
{
	memset(buf, 'x', sizeof(buf));
	CHECK(wr(buf, 10000, 100) == 10000 && inode_size(inode) == 10100);
	CHECK(rd(buf, sizeof(buf), 0) == 10100);
	CHECK(!memchr_inv(buf, 0, 100) && !memchr_inv(buf + 100, 'x', 10000));
	CHECK(rd(buf, 1, 10100) == 0);
	CHECK(mapping_write_range(&inode->data, 0, ~0ul) == 0);
	CHECK(disk[99] == 0 && disk[100] == 'x' && disk[10099] == 'x' && disk[10100] == 0);
	CHECK(pagecache_drop_clean(&inode->data, 0, ~0ul) == 3 && READ_UNLOCKED(inode->data.nrpages) == 0);
	CHECK(rd(buf, 3, 10098) == 2 && buf[0] == 'x');
	return NULL;
}

static const char *check_tails(void)
{
	/* Cut with the page uncached: what was behind must not come back. */
	CHECK(pagecache_drop_clean(&inode->data, 0, ~0ul) > 0);
	set_size(5000);
	set_size(9000);
	CHECK(rd(buf, sizeof(buf), 0) == 9000);
	CHECK(buf[4999] == 'x' && !memchr_inv(buf + 5000, 0, 4000));
	CHECK(mapping_write_range(&inode->data, 0, ~0ul) == 0);
	CHECK(!memchr_inv(disk + 5000, 0, 3192));
	/* A disk with rubbish past the end. */
	CHECK(pagecache_drop_clean(&inode->data, 0, ~0ul) > 0);
	memset(disk + 9000, 'r', 1000);
	set_size(9001);
	CHECK(rd(buf, sizeof(buf), 0) == 9001);
	set_size(8200);
	set_size(12000);
	CHECK(rd(buf, sizeof(buf), 0) == 12000 && !memchr_inv(buf + 8200, 0, 3800));
	/* A hole in the middle. */
	memset(buf, 'y', sizeof(buf));
	CHECK(wr(buf, 12000, 0) == 12000);
	pagecache_punch(&inode->data, 10, 8199);
	CHECK(rd(buf, sizeof(buf), 0) == 12000);
	CHECK(buf[9] == 'y' && !buf[10] && !buf[4095] && !buf[8199] && buf[8200] == 'y');
	return NULL;
}

static const char *check_errors(void)
{
	_Atomic u32 early = mapping_sample_error(&inode->data), late, syncfs = 0;

	disk_error = -EIO;
	CHECK(wr("z", 1, 0) == 1);
	CHECK(mapping_write_range(&inode->data, 0, ~0ul) == -EIO);
	disk_error = 0;
	late = mapping_sample_error(&inode->data);
	CHECK(mapping_check_error(&inode->data, &early) == -EIO);
	CHECK(mapping_check_error(&inode->data, &early) == 0);
	CHECK(mapping_check_error(&inode->data, &late) == -EIO);
	late = mapping_sample_error(&inode->data);
	CHECK(mapping_check_error(&inode->data, &late) == 0);
	CHECK(errseq_check(&inode->super->wb_error, &syncfs) == -EIO);
	return NULL;
}

static const char *check_read_ahead(void)
{
	u64 reads;

	set_size(0);
	set_size(DISK_SIZE);
	for (u64 i = 0; i < DISK_SIZE; i += PAGE_SIZE)
		memset(disk + i, (int)(i >> PAGE_SHIFT), PAGE_SIZE);
	disk_reads = 0;
	for (u64 i = 0; i < DISK_SIZE; i += PAGE_SIZE) {
		CHECK(rd(buf, PAGE_SIZE, (loff_t)i) == (ssize_t)PAGE_SIZE);
		CHECK(!memchr_inv(buf, (int)(u8)(i >> PAGE_SHIFT), PAGE_SIZE));
		if (i == 0)
			CHECK(disk_reads > 1);
	}
	reads = disk_reads;
	CHECK(reads == DISK_SIZE >> PAGE_SHIFT);
	CHECK(wr("d", 1, 0) == 1);
	CHECK(pagecache_drop_clean(&inode->data, 0, ~0ul) == reads - 1);
	set_size(0);
	CHECK(READ_UNLOCKED(inode->data.nrpages) == 0);
	return NULL;
}

static const char *test_pagecache(void)
{
	static const char *(*const checks[])(void) = { check_rw, check_tails, check_errors,
						       check_read_ahead };
	const char *err = NULL;

	disk = vmalloc(DISK_SIZE);
	inode = kzalloc(sizeof(*inode), GFP_KERNEL);
	file = kzalloc(sizeof(*file), GFP_KERNEL);
	CHECK(disk && inode && file);
	mapping_init(&inode->data, inode, &disk_ops);
	inode->mapping = &inode->data;
	inode->super = &super;
	file->inode = inode;
	readahead_init(&file->ra);
	for (size_t i = 0; i < ARRAY_SIZE(checks) && !err; i++)
		err = checks[i]();
	mapping_destroy(&inode->data);
	kfree(file);
	kfree(inode);
	vfree(disk);
	return err;
}

static const struct boot_test pagecache_test = { "pagecache", test_pagecache };
SECTION_SET(boot_tests, pagecache_test);
