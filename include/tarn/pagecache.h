// SPDX-License-Identifier: MIT
/*
 * The page cache: the one truth for a file's bytes.  mm/pagecache.c,
 * mm/readahead.c, mm/dirty.c, mm/truncate.c, mm/rw.c.
 *
 * read, write, mmap, exec, sendfile and splice all use inode->mapping.
 *
 * Life of a page:  absent -> filling -> clean <-> dirty -> writeback -> clean
 *   filling holds the page lock; writeback holds PG_WRITEBACK and not the lock.
 *
 * Bytes past the end of file are zero: page_read_done, page_start_writeback,
 * pagecache_truncate and pagecache_extended see to it.
 *
 * mapping->invalidate_lock: pages are filled with it shared.  A file system
 * that takes blocks away holds it exclusively around pagecache_truncate or
 * pagecache_punch and the freeing, so that no page is filled from a block on
 * its way out.  The functions here never take it exclusively themselves.
 */
#pragma once

#include <tarn/errseq.h>
#include <tarn/iov.h>
#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/page.h>
#include <tarn/radix.h>
#include <tarn/rbtree.h>

struct inode;
struct file;
struct mapping;

/* Radix tags */
#define PC_DIRTY 0
#define PC_WRITEBACK 1
#define PC_TOWRITE 2

struct writeback {
	u64 first, last;       /* page range; 0..~0 for all */
	u64 budget;            /* pages still to write; ~0: no limit */
	bool wait;             /* for data integrity: write everything that was dirty at the start */
	bool for_reclaim;
};

/*
 * op             page lock    may sleep   what it does; NULL means
 * read_pages     held, all    yes         starts or does filling of @n new pages with rising index; each page is
 *                                         unlocked (and PG_UPTODATE or PG_ERROR set) when its data is there, maybe
 *                                         from an interrupt: page_read_done().  Required, but NULL: pages begin as zeros (tmpfs)
 * write_begin    -            yes         prepares [pos, pos + len) within one page for a write: returns it locked,
 *                                         with a reference, parts that the write will not cover are valid. NULL: generic
 *                                         over read_pages
 * write_end      held         yes         @copied bytes are in: marks dirty, grows i_size; unlocks and puts the page.
 *                                         returns bytes accepted. NULL: generic
 * make_writable  held         yes         a store through a shared mapping comes: room on disk must be certain. 0 or -errno
 * write_pages    -            yes         writes dirty pages as @wb says (mapping_next_dirty helps). NULL: memory only
 * invalidate     held         yes         the page leaves the cache: drop page->private
 * dirtied        -            no          a clean mapping got its first dirty page: fs puts the inode on its dirty list
 * swap_place     -            yes         where on super->bdev page @index lies and how many of *pages follow in a row (at least 1
 *                                         on success); -EINVAL: a hole. Everything is on disk, inode->lock held.  NULL: no place to swap to
 */
struct mapping_ops {
	void (*read_pages)(struct mapping *m, struct page **pages, unsigned int n);
	int (*write_begin)(struct mapping *m, u64 pos, u32 len, struct page **page);
	int (*write_end)(struct mapping *m, u64 pos, u32 len, u32 copied, struct page *page);
	int (*make_writable)(struct mapping *m, struct page *page);
	int (*write_pages)(struct mapping *m, struct writeback *wb);
	void (*invalidate)(struct page *page);
	void (*dirtied)(struct mapping *m);
	int (*swap_place)(struct mapping *m, u64 index, u64 *sector, u64 *pages);
};

struct mapping {
	struct inode *host;                     /* [I] */
	const struct mapping_ops *ops;          /* [I] */
	struct spinlock tree_lock;              /* LR_MAPPING_TREE, irqs off: writers of the tree and tags */
	struct radix_root pages GUARDED_BY(&tree_lock); /* lookups run under RCU */
	u64 nrpages GUARDED_BY(&tree_lock);
	struct spinlock vmas_lock;              /* LR_MAPPING_VMAS */
	struct rb_root vmas GUARDED_BY(&vmas_lock); /* mm/file_maps.c */
	struct rwsem invalidate_lock;           /* LR_MAPPING_INVAL: truncate (write) against filling pages (read) */
	u64 writeback_index;                    /* where the flusher goes on */
	struct errseq wb_error;                 /* [a] what writing its pages met, for fsync */
	_Atomic s32 writable_maps;              /* [a] shared writable mappings; < 0 while sealed */
	gfp_t gfp;                              /* [I] how its pages may be asked for */
	bool unevictable;                       /* tmpfs: pages go with the file, or to swap */
	struct shmem_swap *swap;                /* [I] where those are; NULL: they never leave memory */
};

/*
 * struct shmem_swap - the pages of a memory-only file that are in swap.  mm/shmem.c.
 * Lives in the file system's inode.
 */
struct shmem_swap {
	struct mapping *mapping;                /* [I] */
	struct radix_root slots;                /* by page index; mapping->tree_lock */
	u64 nr;                                 /* of them; the same */
	struct list node;                       /* all files that have some: list_lock in shmem.c */
	bool pinned;                            /* pages stay in memory: shmctl(SHM_LOCK), noswap */
};
/* @m is a memory-only file's mapping from now on. */
void shmem_init(struct mapping *m, struct shmem_swap *s);
/* Pages the file has, in memory and in swap; those in swap. */
u64 shmem_pages(const struct mapping *m);
u64 shmem_swapped(const struct mapping *m);
/* Fills a locked page that is new in the cache: 0, -EIO, -ENOMEM, -EINTR. */
int shmem_fill(struct mapping *m, struct page *p);
/* Up to date, with a reference, not locked; from swap if it is there.  NULL: a hole; ERR_PTR(-EIO, -ENOMEM, -EINTR). */
struct page *shmem_read_page(struct mapping *m, u64 index);
/* Nothing was ever stored at @index. */
bool shmem_is_hole(struct mapping *m, u64 index);
/* Somebody has a page of it who is neither the file nor a mapping, and might be storing to it. */
bool shmem_is_held(struct mapping *m);
/* First index at or after @index with data (~0: none), without (at most @end). */
u64 shmem_next_data(struct mapping *m, u64 index);
u64 shmem_next_hole(struct mapping *m, u64 index, u64 end);

void mapping_init(struct mapping *m, struct inode *host, const struct mapping_ops *ops);
/* The inode goes: all pages are dropped, dirty or not; none may be mapped. */
void mapping_destroy(struct mapping *m);

/* ---- pages ---- */
/* With a reference, or NULL. */
struct page *pagecache_find(struct mapping *m, u64 index);
struct page *pagecache_find_locked(struct mapping *m, u64 index);
/* Found or added (then locked, not up to date); locked, with a reference.  NULL: no memory. */
struct page *pagecache_grab(struct mapping *m, u64 index, gfp_t gfp);
/* Up to date, with a reference, not locked; reads if it must.  ERR_PTR(-EIO, -ENOMEM, -EINTR when killed). */
struct page *pagecache_read_page(struct mapping *m, u64 index);
/* For read_pages' completion: any context. */
void page_read_done(struct page *p, bool ok);

/* read(2) and write(2) on page-cached files; *pos moves.  Bytes or -errno.
 * write: inode->lock held by the caller, limits already applied. */
ssize_t pagecache_read(struct file *f, struct iov_iter *to, loff_t *pos);
ssize_t pagecache_write(struct mapping *m, struct iov_iter *from, loff_t *pos);

/* ---- dirty and writeback ---- */
/* Marks a page dirty (page locked or otherwise stable) and its inode with it.  True if it was clean. */
bool page_mark_dirty(struct page *p);
/* Dirty -> writeback, page locked: false if it was clean.  Write-protects user mappings first. */
bool page_start_writeback(struct page *p);
/* Any context. */
void page_end_writeback(struct page *p, int err);
/* Up to @max dirty pages from @wb->first on, with references; advances wb->first. */
unsigned int mapping_next_dirty(struct mapping *m, struct writeback *wb, struct page **pages,
				unsigned int max);
/* write_pages over a range and wait: 0 or what went wrong meanwhile, of which fsync will tell all the same. */
int mapping_write_range(struct mapping *m, u64 first_byte, u64 last_byte);
int mapping_start_writeback(struct mapping *m); /* no waiting */
/* The error since *seen (a file's cursor), once per open file, as fsync(2) reports it. */
int mapping_check_error(struct mapping *m, _Atomic u32 *seen);
/* Any context.  For syncfs(2) too. */
void mapping_set_error(struct mapping *m, int err);
/* For a file's cursor at open: errors nobody has seen yet will be reported to it. */
u32 mapping_sample_error(struct mapping *m);

/* ---- truncation: inode->lock held ---- */
/* i_size has been set to @size: unmaps and drops what is past it and zeroes the tail of the last page. */
void pagecache_truncate(struct mapping *m, u64 size);
/* i_size is about to grow from @old_size (a write beyond it, truncate upward): what a mapping stored past the end goes. */
void pagecache_extended(struct mapping *m, u64 old_size);
/* Drops [first, last] pages' contents (hole punching); zeroes partial ends. */
void pagecache_punch(struct mapping *m, u64 first_byte, u64 last_byte);
/* Clean, unmapped pages only (posix_fadvise DONTNEED, drop_caches); pages dropped. */
u64 pagecache_drop_clean(struct mapping *m, u64 first, u64 last);

/* ---- read-ahead ---- */
/* A file's read-ahead window: the file's pos_lock or nobody minds a race. */
struct readahead {
	u64 start;      /* first page of the present window */
	u32 size;       /* pages */
	u32 async_size; /* start the next window when this many are left */
	u32 max;        /* pages; 0: off */
	u64 prev;       /* last page read */
};
void readahead_init(struct readahead *ra);
void readahead_sync(struct mapping *m, struct readahead *ra, u64 index, u64 want);
void readahead_async(struct mapping *m, struct readahead *ra, struct page *p, u64 index);
/* readahead(2), WILLNEED. */
void readahead_force(struct mapping *m, u64 first, u64 count);

/* ---- LRU and reclaim: mm/reclaim.c ---- */
void lru_add(struct page *p);
void lru_mark_accessed(struct page *p);
/* Frees about @want pages; pages freed.  May sleep. */
u64 reclaim_pages(u64 want, gfp_t gfp);
/* Pages dirty or under writeback now, and the limits: background flushing, throttling. */
struct dirty_state {
	u64 dirty, writeback, background_limit, limit;
};
void dirty_get_state(struct dirty_state *out);
/* proc_sys_vm(5) */
extern u32 vm_dirty_background_ratio, vm_dirty_ratio;
extern u64 vm_dirty_background_bytes, vm_dirty_bytes; /* instead of the ratio when not 0 */
extern u32 vm_dirty_expire_centisecs, vm_dirty_writeback_centisecs; /* for the flusher */
extern u32 vm_swappiness;
/* fs/writeback.c says how to wake its flusher; reclaim calls it when it meets dirty pages. */
void reclaim_set_flusher(void (*wake)(void));
/* Drops every clean page on the lists (drop_caches 1); pages dropped. */
u64 pagecache_drop_all(void);
/* The same of objects, by way of every shrinker (drop_caches 2); what they freed. */
u64 caches_drop_all(void);
