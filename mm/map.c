// SPDX-License-Identifier: MIT
/*
 * Making and removing mappings.
 *
 * Everything that takes addresses - mmap, mremap, brk, shmat, exec, the vDSO -
 * comes through mm_map or find_room, so nothing can be placed on something
 * else by two opinions of what is free.
 *
 * An unmap is: cut at the edges, take pages out, take the mappings out of tree
 * and file's tree, take page tables out, flush once, free.  Files are put only
 * after map_lock is dropped, because the last put may do anything.
 */
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/process.h>
#include <tarn/tmpfs.h>
#include "gather.h"
#include "mm_int.h"
#include "pgtable.h"
#include "vma.h"
#include "zap.h"

#define LOW32_START 0x40000000ul
#define LOW32_END 0x80000000ul
#define MAX_FILE_PAGES ((1ul << (63 - PAGE_SHIFT)) - 1) /* loff_t ends one byte before a page does */

/* ---- limits ---- */

int check_limits(struct mm *mm, u64 pages, u32 flags)
{
	u64 as = rlimit_cur(RLIMIT_AS) >> PAGE_SHIFT;
	u64 data = rlimit_cur(RLIMIT_DATA) >> PAGE_SHIFT;

	if ((u64)mm->total_vm + pages > as)
		return -ENOMEM;
	/* A soft limit of 0 is valgrind's way to keep brk(2) out: the hard one counts then. */
	if (!data)
		data = READ_ONCE(current->process->rlimits[RLIMIT_DATA].max) >> PAGE_SHIFT;
	if (vma_accountable(flags) && !(flags & VM_GROWSDOWN) && (u64)mm->data_vm + pages > data)
		return -ENOMEM;
	return 0;
}

int check_lock_limit(struct mm *mm, u64 pages)
{
	u64 limit = rlimit_cur(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (capable(CAP_IPC_LOCK) || (u64)mm->locked_vm + pages <= limit)
		return 0;
	return -EAGAIN;
}

/* ---- room ---- */

static bool hint_suits(struct mm *mm, u64 hint, u64 len, bool low32)
{
	u64 end = low32 ? LOW32_END : USER_END;

	return hint >= vm_mmap_min_addr && hint < end && len <= end - hint &&
	       vma_range_free(mm, hint, hint + len);
}

s64 find_room(struct mm *mm, u64 hint, u64 len, bool low32)
{
	u64 at;

	if (len > USER_END)
		return -ENOMEM;
	if (hint && hint_suits(mm, hint, len, low32))
		return (s64)hint;
	if (low32) {
		at = vma_find_gap(mm, len, LOW32_START, LOW32_END);
		return at ? (s64)at : -ENOMEM;
	}
	at = vma_find_gap(mm, len, vm_mmap_min_addr, mm->mmap_base);
	if (!at)
		at = vma_find_gap(mm, len, vm_mmap_min_addr, USER_END);
	return at ? (s64)at : -ENOMEM;
}

/* ---- unmapping ---- */

int split_range(struct mm *mm, u64 start, u64 end)
{
	struct vma *v = vma_at(mm, start);
	int err = 0;

	if (v && v->start < start)
		err = vma_split(v, start);
	if (err)
		return err;
	v = vma_at(mm, end);
	return v && v->start < end ? vma_split(v, end) : 0;
}

int change_flags(struct mm *mm, u64 start, u64 end, u32 set, u32 clear, struct list *dead)
{
	int err = split_range(mm, start, end);
	u64 at = start;
	struct vma *v;

	if (err)
		return err;
	for (v = vma_find(mm, start); v && v->start < end; v = vma_next(v)) {
		if (v->start > at)
			err = -ENOMEM;
		vma_set_flags(v, (v->flags & ~clear) | set);
		v = vma_merge(v, dead);
		at = v->end; /* of what it became: it may have joined its right neighbour */
	}
	return at < end ? -ENOMEM : err;
}

/* @v is empty of pages: out of the tree, told, onto @dead. */
static void detach(struct vma *v, struct list *dead)
{
	if (v->flags & VM_ACCOUNT)
		mm_uncommit(vma_pages(v));
	vma_unlink(v);
	if (v->ops && v->ops->close)
		v->ops->close(v);
	list_add_tail(dead, &v->dead_node);
}

static u64 rss_of(struct mm *mm)
{
	return (u64)MAX(mm->rss_anon + mm->rss_file + mm->rss_shmem, (s64)0);
}

void note_peak_rss(struct mm *mm)
{
	u64 rss = rss_of(mm);

	if (rss > READ_ONCE(mm->hiwater_rss))
		WRITE_ONCE(mm->hiwater_rss, rss);
}

void mm_reset_peak(struct mm *mm)
{
	rwsem_write_lock(&mm->map_lock);
	WRITE_ONCE(mm->hiwater_rss, rss_of(mm));
	rwsem_write_unlock(&mm->map_lock);
}

int unmap_locked(struct mm *mm, u64 start, u64 end, struct list *dead)
{
	struct vma *v, *next, *below;
	struct gather g;
	int err;

	assert_held(&mm->map_lock);
	v = vma_find(mm, start);
	if (!v || v->start >= end)
		return 0;
	err = split_range(mm, start, end);
	if (err)
		return err;
	note_peak_rss(mm);
	gather_begin(&g, mm, false);
	v = vma_find(mm, start);
	below = vma_prev(v);
	for (; v && v->start < end; v = next) {
		next = vma_next(v);
		zap_vma(&g, v, v->start, v->end);
		detach(v, dead);
	}
	pt_free_tables(&g, start, end, below ? below->end : 0, v ? v->start : ~0ul);
	gather_end(&g);
	return 0;
}

int mm_unmap(struct mm *mm, u64 start, u64 len)
{
	struct list dead;
	int err;

	if (!IS_ALIGNED(start, PAGE_SIZE) || !len || start >= USER_END || len > USER_END - start)
		return -EINVAL;
	list_init(&dead);
	err = rwsem_write_lock_killable(&mm->map_lock);
	if (err)
		return err;
	err = unmap_locked(mm, start, start + ALIGN_UP(len, PAGE_SIZE), &dead);
	rwsem_write_unlock(&mm->map_lock);
	vma_free_list(&dead);
	return err;
}

/* @v shows the file from @addr on, as an attach there made it. */
static bool is_attached(const struct vma *v, u64 addr, const struct vm_ops *ops)
{
	return v->ops == ops && (v->start - addr) >> PAGE_SHIFT == v->pgoff;
}

/* What is left of an attach may be several mappings with holes between, all of one file. */
static int unmap_attached(struct mm *mm, u64 addr, const struct vm_ops *ops, struct list *dead)
{
	struct vma *v = vma_find(mm, addr);
	struct file *file;
	u64 start, end;
	int err = 0;

	while (v && !is_attached(v, addr, ops))
		v = vma_next(v);
	if (!v)
		return -EINVAL;
	file = v->file;
	end = addr + ALIGN_UP(inode_size(file->inode), PAGE_SIZE);
	for (start = v->start; v && v->end <= end && !err; v = vma_find(mm, start)) {
		start = v->end;
		if (v->file == file && is_attached(v, addr, ops))
			err = unmap_locked(mm, v->start, v->end, dead);
	}
	return err;
}

int mm_unmap_attached(struct mm *mm, u64 addr, const struct vm_ops *ops)
{
	struct list dead;
	int err;

	list_init(&dead);
	err = rwsem_write_lock_killable(&mm->map_lock);
	if (err)
		return err;
	err = unmap_attached(mm, addr, ops, &dead);
	rwsem_write_unlock(&mm->map_lock);
	vma_free_list(&dead);
	return err;
}

_Atomic u32 mms_dying;

void unmap_everything(struct mm *mm)
{
	struct vma *v, *next;
	struct gather g;
	struct list dead;

	list_init(&dead);
	atomic_fetch_add(&mms_dying, 1);
	rwsem_write_lock(&mm->map_lock);
	note_peak_rss(mm);
	gather_begin(&g, mm, true);
	for (v = vma_first(mm); v; v = next) {
		next = vma_next(v);
		zap_vma(&g, v, v->start, v->end);
		detach(v, &dead);
	}
	pt_free_tables(&g, 0, USER_END, 0, ~0ul);
	gather_end(&g);
	rwsem_write_unlock(&mm->map_lock);
	atomic_fetch_sub(&mms_dying, 1);
	vma_free_list(&dead);
}

/* ---- mapping ---- */

static u64 pages_mapped_in(struct mm *mm, u64 start, u64 end)
{
	u64 pages = 0;

	for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v))
		pages += (MIN(v->end, end) - MAX(v->start, start)) >> PAGE_SHIFT;
	return pages;
}

bool file_reaches(const struct file *f, u64 pgoff, u64 pages)
{
	mode_t mode = f ? READ_ONCE(f->inode->mode) : 0;

	if (mode_is_reg(mode) || (mode & S_IFMT) == S_IFBLK)
		return pages <= MAX_FILE_PAGES && pgoff <= MAX_FILE_PAGES - pages;
	return pgoff + pages >= pgoff;
}

static s64 choose_place(struct mm *mm, const struct map_request *req)
{
	if (!req->fixed)
		return find_room(mm, req->addr, req->len, req->low32);
	if (req->addr >= USER_END || req->len > USER_END - req->addr)
		return -ENOMEM;
	if (req->addr < vm_mmap_min_addr && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (req->noreplace && pages_mapped_in(mm, req->addr, req->addr + req->len))
		return -EEXIST;
	return (s64)req->addr;
}

/* Shared writable mappings of a sealed file are refused; else one is counted for the time of mapping. */
static int allow_writing(struct mapping *m)
{
	s32 n = atomic_load(&m->writable_maps);

	do {
		if (n < 0)
			return -EPERM;
	} while (!atomic_compare_exchange_weak(&m->writable_maps, &n, n + 1));
	return 0;
}

/* The file's own say; it may change v->file, v->ops and v->flags. */
static int ask_file(struct vma *v)
{
	struct mapping *m = vma_mapping(v);
	bool counted = m && (v->flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE);
	int err;

	if (counted) {
		err = allow_writing(m);
		if (err)
			return err;
	}
	err = v->file->ops->mmap ? v->file->ops->mmap(v->file, v) : -ENODEV;
	if (!err)
		vma_link(v);
	if (counted)
		atomic_fetch_sub(&m->writable_maps, 1);
	return err;
}

static int build(struct mm *mm, const struct map_request *req, u64 addr, u32 flags,
		 struct list *dead)
{
	struct vma *v = vma_alloc(mm);
	int err = 0;

	if (!v)
		return -ENOMEM;
	v->start = addr;
	v->end = addr + req->len;
	v->flags = flags;
	v->ops = req->ops;
	v->private = req->private;
	v->pgoff = req->file ? req->pgoff : addr >> PAGE_SHIFT;
	if (req->ops && !req->file)
		v->pgoff = req->pgoff;
	v->file = req->file ? file_get(req->file) : NULL;
	if (v->file && !v->ops)
		err = ask_file(v);
	else
		vma_link(v);
	if (err) {
		list_add_tail(dead, &v->dead_node);
		return err;
	}
	vma_merge(v, dead);
	return 0;
}

static u32 decide_accounting(u32 flags)
{
	bool count = vma_accountable(flags) && mm_promises(flags & VM_NORESERVE);

	return count ? flags | VM_ACCOUNT : flags;
}

static s64 map_locked(struct mm *mm, const struct map_request *req, struct list *dead)
{
	u64 pages = req->len >> PAGE_SHIFT;
	u32 flags = decide_accounting(req->vm_flags | mm->def_flags);
	s64 addr = choose_place(mm, req);
	u64 replaced;
	int err;

	if (addr < 0)
		return addr;
	replaced = req->fixed ? pages_mapped_in(mm, (u64)addr, (u64)addr + req->len) : 0;
	err = check_limits(mm, pages - MIN(replaced, pages), flags);
	if (!err && mm->nr_vmas > vm_max_map_count)
		err = -ENOMEM;
	if (!err && flags & VM_LOCKED)
		err = check_lock_limit(mm, pages);
	if (!err && replaced)
		err = unmap_locked(mm, (u64)addr, (u64)addr + req->len, dead);
	if (!err && flags & VM_ACCOUNT)
		err = mm_commit(pages);
	if (err)
		return err;
	err = build(mm, req, (u64)addr, flags, dead);
	if (err && flags & VM_ACCOUNT)
		mm_uncommit(pages);
	return err ? err : addr;
}

s64 mm_map(struct mm *mm, const struct map_request *req)
{
	struct map_request r = *req;
	struct file *shared = NULL;
	struct list dead;
	bool fill;
	s64 addr;

	if (!r.file && !r.ops && r.vm_flags & VM_SHARED) {
		shared = tmpfs_anon_file("/dev/zero", r.len, 0, mm_promises(r.vm_flags & VM_NORESERVE));
		if (IS_ERR(shared))
			return PTR_ERR(shared);
		r.file = shared;
		r.pgoff = 0;
	}
	list_init(&dead);
	rwsem_write_lock(&mm->map_lock);
	addr = map_locked(mm, &r, &dead);
	fill = r.populate ||
	       ((r.vm_flags | mm->def_flags) & (VM_LOCKED | VM_LOCKONFAULT)) == VM_LOCKED;
	rwsem_write_unlock(&mm->map_lock);
	vma_free_list(&dead);
	if (shared)
		file_put(shared);
	if (addr >= 0 && fill)
		(void)populate_range(mm, (u64)addr, (u64)addr + r.len, POPULATE_AS_MAPPED);
	return addr;
}
