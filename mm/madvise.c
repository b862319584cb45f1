// SPDX-License-Identifier: MIT
/*
 * madvise(2), also for process_madvise(2).
 *
 * Advice that changes what a program sees (DONTNEED, FREE, REMOVE, the fork
 * ones, POPULATE) is done; hints are done where the machinery exists.  Advice
 * whose machinery does not exist (KSM, poison, MADV_COLLAPSE) is refused with
 * EINVAL, as a Linux built without it does.
 */
#include <linux/falloc.h>
#include <linux/mman.h>
#include <tarn/errno.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>
#include "gather.h"
#include "mm_int.h"
#include "pgtable.h"
#include "swap.h"
#include "vma.h"
#include "zap.h"

/* ---- dropping pages: map_lock shared ---- */

static int drop(struct mm *mm, struct vma *v, u64 start, u64 end, int advice)
{
	struct zap z = { .vma = v, .may_resched = true };
	struct gather g;

	if (v->flags & (VM_LOCKED | VM_IO))
		return -EINVAL;
	if (advice == MADV_FREE && !vma_is_anon(v))
		return -EINVAL;
	/* MADV_FREE promises only that the bytes may be gone. */
	z.what = ZAP_ALL;
	note_peak_rss(mm);
	gather_begin(&g, mm, false);
	zap_range(&g, &z, start, end);
	gather_end(&g);
	return 0;
}

static int cold(struct vma *v, u64 start, u64 end, bool page_out)
{
	struct mapping *m = vma_mapping(v);
	struct zap z = { .vma = v, .what = ZAP_CACHE, .may_resched = true };
	struct gather g;

	if (v->flags & (VM_LOCKED | VM_IO))
		return -EINVAL;
	clear_accessed(v, start, end); /* so that reclaim comes here first */
	if (page_out && v->has_anon)
		swap_out_range(v, start, end);
	/* A file's pages are everybody's: whose it is not must not take them from others, nor see them come back. */
	if (!page_out || !m || (m->unevictable && !m->swap) || !vma_file_is_ours(v))
		return 0;
	gather_begin(&g, v->mm, false);
	zap_range(&g, &z, start, end);
	gather_end(&g);
	if (m->swap)
		shmem_swap_out_range(m, vma_index(v, start), vma_index(v, end - 1));
	else
		pagecache_drop_clean(m, vma_index(v, start), vma_index(v, end - 1));
	return 0;
}

static int advise_shared(struct mm *mm, struct vma *v, u64 start, u64 end, int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE:
		return drop(mm, v, start, end, advice);
	case MADV_COLD:
	case MADV_PAGEOUT:
		return cold(v, start, end, advice == MADV_PAGEOUT);
	}
	return 0;
}

/* Each mapping of the range in turn; holes make it -ENOMEM in the end. */
static int for_range_shared(struct mm *mm, u64 start, u64 end, int advice)
{
	int err = 0, hole = 0;
	struct vma *v;

	rwsem_read_lock(&mm->map_lock);
	for (v = vma_find(mm, start); v && v->start < end && !err; v = vma_next(v)) {
		if (v->start > start)
			hole = -ENOMEM;
		err = advise_shared(mm, v, MAX(start, v->start), MIN(end, v->end), advice);
		start = v->end;
	}
	rwsem_read_unlock(&mm->map_lock);
	if (!err && start < end)
		hole = -ENOMEM;
	return err ? err : hole;
}

/* ---- flags: map_lock exclusive ---- */

struct flag_advice {
	int advice;
	u32 set, clear;
};
static const struct flag_advice flag_advice[] = {
	{ MADV_NORMAL, 0, VM_SEQ_READ | VM_RAND_READ },
	{ MADV_RANDOM, VM_RAND_READ, VM_SEQ_READ },
	{ MADV_SEQUENTIAL, VM_SEQ_READ, VM_RAND_READ },
	{ MADV_DONTFORK, VM_DONTCOPY, 0 },
	{ MADV_DOFORK, 0, VM_DONTCOPY },
	{ MADV_WIPEONFORK, VM_WIPEONFORK, 0 },
	{ MADV_KEEPONFORK, 0, VM_WIPEONFORK },
	{ MADV_DONTDUMP, VM_DONTDUMP, 0 },
	{ MADV_DODUMP, 0, VM_DONTDUMP },
	{ MADV_HUGEPAGE, VM_HUGEPAGE, VM_NOHUGEPAGE },
	{ MADV_NOHUGEPAGE, VM_NOHUGEPAGE, VM_HUGEPAGE },
};

static const struct flag_advice *find_flag_advice(int advice)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_advice); i++)
		if (flag_advice[i].advice == advice)
			return &flag_advice[i];
	return NULL;
}

static int may_flag(struct mm *mm, u64 start, u64 end, int advice)
{
	for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v)) {
		if (advice == MADV_WIPEONFORK && (!vma_is_anon(v) || v->flags & VM_SHARED))
			return -EINVAL;
		if (v->flags & VM_IO && (advice == MADV_DOFORK || advice == MADV_DODUMP))
			return -EINVAL;
	}
	return 0;
}

static int advise_flags(struct mm *mm, u64 start, u64 end, const struct flag_advice *a)
{
	struct list dead;
	int err;

	list_init(&dead);
	err = rwsem_write_lock_killable(&mm->map_lock);
	if (err)
		return err;
	err = may_flag(mm, start, end, a->advice);
	if (!err)
		err = change_flags(mm, start, end, a->set, a->clear, &dead);
	rwsem_write_unlock(&mm->map_lock);
	vma_free_list(&dead);
	return err;
}

/* ---- on the file: without map_lock ---- */

/* Where a mapping shows a file. */
struct file_part {
	struct file *file; /* with a reference, or NULL */
	u64 pos, len;
	u32 flags;         /* the mapping's */
};

/* What the next mapping has of [*addr, end), which moves behind it; false: nothing is mapped there. */
static bool next_part(struct mm *mm, u64 *addr, u64 end, struct file_part *out)
{
	struct vma *v;
	u64 from, to;

	rwsem_read_lock(&mm->map_lock);
	v = vma_find(mm, *addr);
	if (!v || v->start >= end) {
		rwsem_read_unlock(&mm->map_lock);
		return false;
	}
	from = MAX(*addr, v->start);
	to = MIN(end, v->end);
	*out = (struct file_part){
		.file = vma_mapping(v) ? file_get(v->file) : NULL,
		.pos = vma_index(v, from) << PAGE_SHIFT,
		.len = to - from,
		.flags = v->flags,
	};
	rwsem_read_unlock(&mm->map_lock);
	*addr = to;
	return true;
}

static int punch(const struct file_part *p)
{
	if (p->flags & VM_LOCKED || !p->file)
		return -EINVAL;
	if ((p->flags & (VM_SHARED | VM_MAYWRITE)) != (VM_SHARED | VM_MAYWRITE))
		return -EACCES;
	return file_fallocate(p->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, p->pos, p->len);
}

static int advise_file(struct mm *mm, u64 start, u64 end, int advice)
{
	struct file_part p;
	int err = 0;

	while (!err && start < end && next_part(mm, &start, end, &p)) {
		if (advice == MADV_REMOVE)
			err = punch(&p);
		else if (p.file)
			readahead_force(p.file->inode->mapping, p.pos >> PAGE_SHIFT, p.len >> PAGE_SHIFT);
		if (p.file)
			file_put(p.file);
	}
	return err;
}

/* madvise(2): what is mapped is advised, and a hole in the range is ENOMEM all the same. */
static int range_is_mapped(struct mm *mm, u64 start, u64 end)
{
	u64 hole;

	rwsem_read_lock(&mm->map_lock);
	hole = vma_mapped_until(mm, start, end);
	rwsem_read_unlock(&mm->map_lock);
	return hole < end ? -ENOMEM : 0;
}

/* ---- the call ---- */

static int advise(struct mm *mm, u64 start, u64 end, int advice)
{
	const struct flag_advice *a = find_flag_advice(advice);
	int err;

	if (a)
		return advise_flags(mm, start, end, a);
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_COLD:
	case MADV_PAGEOUT:
		return for_range_shared(mm, start, end, advice);
	case MADV_WILLNEED:
	case MADV_REMOVE:
		err = advise_file(mm, start, end, advice);
		return err ? err : range_is_mapped(mm, start, end);
	case MADV_POPULATE_READ:
		return populate_range(mm, start, end, POPULATE_READ);
	case MADV_POPULATE_WRITE:
		return populate_range(mm, start, end, POPULATE_WRITE);
	}
	return -EINVAL;
}

static bool advice_known(int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_WILLNEED:
	case MADV_REMOVE:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return true;
	}
	return find_flag_advice(advice) != NULL;
}

int mm_madvise(struct mm *mm, u64 start, u64 len, int advice)
{
	u64 end = start + ALIGN_UP(len, PAGE_SIZE);

	if (!advice_known(advice) || !IS_ALIGNED(start, PAGE_SIZE) || end < start ||
	    (len && end == start))
		return -EINVAL;
	if (end == start)
		return 0;
	if (end > USER_END)
		return -ENOMEM;
	return advise(mm, start, end, advice);
}

long sys_madvise(unsigned long start, size_t len, int advice)
{
	return mm_madvise(current->mm, start, len, advice);
}
