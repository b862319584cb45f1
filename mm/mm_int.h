// SPDX-License-Identifier: MIT
/* What the files of mm/ say to each other. */
#pragma once

#include <tarn/file.h>
#include <tarn/inode.h>
#include <tarn/mm.h>
#include <tarn/pagecache.h>
#include "vmstat.h"

/* ---- page_lock.c ---- */
void page_lock_init(void);
void page_clear_writeback(struct page *p);

/* ---- commit.c: pages promised ---- */
u64 commit_used(void);
u64 commit_limit(void);

/* ---- lru.c ---- */
void lru_get_sizes(u64 *active, u64 *inactive);
u64 lru_file_pages(void);
void lru_init(void);

/* ---- kstack.c, reclaim.c: when workers exist ---- */
void kstack_init(void);
void reclaim_init(void);

/* How many pages a window of reading ahead may have: where file pages are few, more would push each other out. */
u64 reclaim_readahead_limit(void);

/* ---- mappings (vma_life.c) ---- */

/* The page cache behind @v; NULL: anonymous or served by ops->fault. */
static inline struct mapping *vma_mapping(const struct vma *v)
{
	return v->file && !(v->ops && v->ops->fault) ? v->file->inode->mapping : NULL;
}
static inline bool vma_is_anon(const struct vma *v)
{
	return !v->file && !(v->ops && v->ops->fault);
}
/* May current know, and change, what of @v's file is in memory?  Who could write the file, or owns it. */
bool vma_file_is_ours(const struct vma *v);
static inline bool vma_is_shmem(const struct vma *v)
{
	struct mapping *m = vma_mapping(v);

	return m && m->unevictable;
}
static inline u64 vma_pages(const struct vma *v)
{
	return (v->end - v->start) >> PAGE_SHIFT;
}
/* Can a mapping show @pages of @f (NULL: none) from @pgoff on?  No byte of a file lies beyond what loff_t can say. */
bool file_reaches(const struct file *f, u64 pgoff, u64 pages);
/* File page number of @addr. */
static inline u64 vma_index(const struct vma *v, u64 addr)
{
	return v->pgoff + ((addr - v->start) >> PAGE_SHIFT);
}
/* A mapping like @like for [start, end), in no tree yet, files and ops told; NULL: no memory. */
struct vma *vma_copy(const struct vma *like, struct mm *mm, u64 start, u64 end, u64 pgoff);
struct vma *vma_alloc(struct mm *mm);
/* Into the tree and its file's; sizes counted.  map_lock exclusive. */
void vma_link(struct vma *v);
/* The same behind @last, the highest mapping (fork copies in order). */
void vma_link_last(struct vma *v, struct vma *last);
/* Out of both; sizes uncounted. */
void vma_unlink(struct vma *v);
/* New bounds, with pgoff moved along if the start moves; holes refreshed. */
void vma_set_bounds(struct vma *v, u64 start, u64 end);
/* Cuts @v at @addr: it keeps what is below; the rest becomes the next one. 0 or -ENOMEM. */
int vma_split(struct vma *v, u64 addr);
/* Joins @v with its neighbours where nothing tells them apart; the one that covers @v's place.
 * Freed ones go to @dead (vma_free_list). */
struct vma *vma_merge(struct vma *v, struct list *dead);
void vma_free_list(struct list *dead);
/* Its flags change: size counters follow.  Its place in the file's tree does not depend on flags. */
void vma_set_flags(struct vma *v, u32 flags);
void vma_life_init(void);
/* The bits of a leaf entry of @v that may not be written through. */
u64 vma_pte_bits(const struct vma *v);
/* Private and writable: its pages count as promised. */
static inline bool vma_accountable(u32 flags)
{
	return (flags & (VM_SHARED | VM_WRITE)) == VM_WRITE;
}

/* ---- pkeys.c: map_lock held ---- */
static inline u32 vma_pkey(const struct vma *v)
{
	return v->flags >> VM_PKEY_SHIFT & 15;
}
void pkeys_init(struct mm *mm);
bool pkey_is_allocated(const struct mm *mm, int key);
/* The key that @v gets by mprotect(2) (@key -1) or pkey_mprotect(2). */
u32 pkey_for_protect(const struct vma *v, bool exec_only, int key);
/* VM_PKEY bits of a new mapping with PROT_EXEC alone; takes map_lock. */
u32 pkey_flags_exec_only(struct mm *mm);
/* Of current's register; other address spaces have no say over it. */
bool pkey_permits(const struct vma *v, bool write);

/* ---- map.c ---- */
/* The rest of munmap with map_lock exclusive: @dead gets what vma_free_list must free after unlocking. */
int unmap_locked(struct mm *mm, u64 start, u64 end, struct list *dead);
/* Cuts so that no mapping crosses @start or @end: 0 or -ENOMEM. */
int split_range(struct mm *mm, u64 start, u64 end);
/* Sets and clears flags in [start, end), cutting and joining: 0, -ENOMEM (also: there are holes). */
int change_flags(struct mm *mm, u64 start, u64 end, u32 set, u32 clear, struct list *dead);
/* RLIMIT_AS and, for private writable pages, RLIMIT_DATA: 0 or -ENOMEM. */
int check_limits(struct mm *mm, u64 pages, u32 flags);
/* -EAGAIN or -ENOMEM when @pages more may not be locked. */
int check_lock_limit(struct mm *mm, u64 pages);
/* Room for @len bytes as mmap finds it; -ENOMEM. */
s64 find_room(struct mm *mm, u64 hint, u64 len, bool low32);
/* Pages are about to leave: the most that were resident is kept. */
void note_peak_rss(struct mm *mm);
/* Everything goes: the last user left. */
void unmap_everything(struct mm *mm);
/* ---- mm.c: all address spaces ---- */
/* The one whose turn it is, with a user reference; NULL: none lives. */
struct mm *mm_first_get(void);
/* Its turn is over. */
void mm_move_last(struct mm *mm);
u32 mm_count_live(void);
/* After @prev (NULL: the first), whose reference is put; NULL: the end. */
struct mm *mm_next_get(struct mm *prev);
extern _Atomic u32 mms_dying; /* without users, under way or waiting: memory that is about to be free */

/* ---- fault.c ---- */
extern struct page *zero_page;
void fault_init(void);
/* One page as an access would bring it, map_lock shared, access allowed: 0 (perhaps to be tried again) or
 * -errno (-EFAULT: SIGBUS). */
int fault_in_page(struct vma *v, u64 addr, bool write, bool *major);
/* The stack reaches down to @addr from now on: map_lock exclusive.  0 or -ENOMEM. */
int expand_stack(struct vma *v, u64 addr);
enum populate {
	POPULATE_AS_MAPPED, /* as the first natural access would: holes and errors are passed over */
	POPULATE_LOCKED,    /* the same, but -EFAULT where there can be no access, or for SIGBUS */
	POPULATE_READ,      /* madvise: -ENOMEM at a hole, -EINVAL for SIGSEGV, -EFAULT for SIGBUS */
	POPULATE_WRITE,
};
/* Brings in the pages of [start, end); takes map_lock shared itself.  0 or -errno. */
int populate_range(struct mm *mm, u64 start, u64 end, enum populate how);
/* fault_anon.c, fault_file.c: map_lock shared */
int fault_anon(struct vma *v, u64 addr, bool write);
/* A store to a private mapping met the read-only entry @old. */
int fault_cow(struct vma *v, u64 addr);
int fault_file(struct vma *v, u64 addr, bool write, bool *major);
/* A store to a shared mapping met a read-only entry. */
int fault_shared_write(struct vma *v, u64 addr);
/* A private copy of cache page @p, which has a reference, in place of @old; 0 also when it left the file. */
int fault_copy(struct vma *v, u64 addr, pte_t old, struct page *p);
/* A fresh private copy of @src (NULL: zeros) in place of @old at @addr; 0 also when @old has changed. */
int install_private(struct vma *v, u64 addr, pte_t old, struct page *src);

/* ---- pagemap.c: map_lock shared ---- */
void clear_accessed(struct vma *v, u64 start, u64 end);
/* ---- huge.c: map_lock shared ---- */
/* A first store to @addr: 2 MiB at once, in a leaf.  False: 4 KiB, please. */
bool huge_fault(struct vma *v, u64 addr);
/* A store met a read-only leaf: true if that is settled, false: it must be split. */
bool huge_reuse(struct vma *v, u64 addr);
/* A store somewhere in @v could make a leaf. */
bool huge_eligible(const struct vma *v);
void huge_init(void);

/* ---- rmap ---- */
static inline void page_mapcount_inc(struct page *p)
{
	if (atomic_fetch_add_explicit(&p->mapcount, 1, memory_order_relaxed) == 0)
		vm_count(VM_MAPPED, 1);
}
static inline void page_mapcount_dec(struct page *p)
{
	s32 old = atomic_fetch_sub_explicit(&p->mapcount, 1, memory_order_release);

	assert(old > 0);
	if (old == 1)
		vm_count(VM_MAPPED, -1);
}
static inline bool page_mapped(const struct page *p)
{
	return atomic_load_explicit(&p->mapcount, memory_order_acquire) > 0;
}
/* How many entries had the accessed bit, which is cleared; *locked: a VM_LOCKED mapping has it.  Page locked. */
u32 page_test_accessed(struct page *p, bool *locked);
