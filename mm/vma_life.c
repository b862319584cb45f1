// SPDX-License-Identifier: MIT
/*
 * Birth, splitting, joining and death of mappings.
 *
 * A file mapping is in two trees: the address space's (map_lock) and that of its
 * file, mapping->vmas (vmas_lock, file_maps.c), through which truncation and
 * writeback find the page tables.  Whoever walks that one reads start, end and
 * pgoff, so these change under both locks, and a mapping leaves it before its
 * page tables are freed.  Between the steps of a split or a join two of its
 * mappings show the same pages, which only costs a second look; never is a page
 * shown by none.
 */
#include <tarn/errno.h>
#include <tarn/slab.h>
#include "file_maps.h"
#include "mm_int.h"
#include "pgtable.h"
#include "vma.h"

static struct kmem_cache *vma_cache;

void vma_life_init(void)
{
	vma_cache = kmem_cache_create("vma", sizeof(struct vma), 0, NULL);
}

struct vma *vma_alloc(struct mm *mm)
{
	struct vma *v = kmem_cache_alloc(vma_cache, GFP_KERNEL | GFP_ZERO);

	if (!v)
		return NULL;
	v->mm = mm;
	return v;
}

struct vma *vma_copy(const struct vma *like, struct mm *mm, u64 start, u64 end, u64 pgoff)
{
	struct vma *v = vma_alloc(mm);

	if (!v)
		return NULL;
	v->start = start;
	v->end = end;
	v->pgoff = pgoff;
	v->flags = like->flags;
	v->ops = like->ops;
	v->private = like->private;
	v->has_anon = like->has_anon;
	v->untouched = like->untouched;
	v->file = like->file ? file_get(like->file) : NULL;
	if (v->ops && v->ops->open)
		v->ops->open(v);
	return v;
}

/* ---- sizes ---- */

static void add(_Atomic s64 *counter, s64 n)
{
	/* map_lock exclusive: one writer. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static void count_sizes(struct vma *v, s64 pages)
{
	struct mm *mm = v->mm;

	add(&mm->total_vm, pages);
	if (v->flags & VM_LOCKED)
		add(&mm->locked_vm, pages);
	if (v->flags & VM_GROWSDOWN)
		add(&mm->stack_vm, pages);
	else if (vma_accountable(v->flags))
		add(&mm->data_vm, pages);
	else if (v->flags & VM_EXEC)
		add(&mm->exec_vm, pages);
	if ((u64)mm->total_vm > mm->hiwater_vm)
		mm->hiwater_vm = (u64)mm->total_vm;
}

void vma_set_flags(struct vma *v, u32 flags)
{
	count_sizes(v, -(s64)vma_pages(v));
	v->flags = flags;
	count_sizes(v, (s64)vma_pages(v));
}

/* ---- the two places ---- */

static bool writes_file(const struct vma *v)
{
	return (v->flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE);
}

static void file_link(struct vma *v)
{
	struct mapping *m = vma_mapping(v);

	if (!m)
		return;
	if (writes_file(v))
		atomic_fetch_add(&m->writable_maps, 1);
	spin_lock(&m->vmas_lock);
	file_maps_add(&m->vmas, v);
	spin_unlock(&m->vmas_lock);
}

static void file_unlink(struct vma *v)
{
	struct mapping *m = vma_mapping(v);

	if (!m)
		return;
	spin_lock(&m->vmas_lock);
	file_maps_remove(&m->vmas, v);
	spin_unlock(&m->vmas_lock);
	if (writes_file(v))
		atomic_fetch_sub(&m->writable_maps, 1);
}

void vma_link(struct vma *v)
{
	vma_tree_insert(v->mm, v);
	file_link(v);
	count_sizes(v, (s64)vma_pages(v));
}

void vma_link_last(struct vma *v, struct vma *last)
{
	vma_tree_append(v->mm, last, v);
	file_link(v);
	count_sizes(v, (s64)vma_pages(v));
}

void vma_unlink(struct vma *v)
{
	file_unlink(v);
	vma_tree_remove(v->mm, v);
	count_sizes(v, -(s64)vma_pages(v));
}

/* Tells ops, drops the file: may sleep, no map_lock (file_put may do anything). */
static void vma_free(struct vma *v)
{
	if (v->file)
		file_put(v->file);
	kmem_cache_free(vma_cache, v);
}

void vma_free_list(struct list *dead)
{
	struct vma *v;

	while ((v = list_first(dead, struct vma, dead_node))) {
		list_del(&v->dead_node);
		vma_free(v);
	}
}

/* ---- bounds ---- */

static void set_place(struct vma *v, u64 start, u64 end, u64 pgoff)
	NO_LOCK_CHECK /* no mapping, no lock */
{
	struct mapping *m = vma_mapping(v);
	bool moves = m && pgoff != v->pgoff;

	count_sizes(v, -(s64)vma_pages(v));
	if (m)
		spin_lock(&m->vmas_lock);
	if (moves)
		file_maps_remove(&m->vmas, v);
	v->start = start;
	v->end = end;
	v->pgoff = pgoff;
	if (moves)
		file_maps_add(&m->vmas, v);
	else if (m)
		file_maps_resize(v);
	if (m)
		spin_unlock(&m->vmas_lock);
	count_sizes(v, (s64)vma_pages(v));
}

void vma_set_bounds(struct vma *v, u64 start, u64 end)
{
	/* Wraps for a stack that grows below its birthplace, and comes out right. */
	set_place(v, start, end, v->pgoff + ((s64)(start - v->start) >> PAGE_SHIFT));
	vma_refresh_gaps(v);
}

int vma_split(struct vma *v, u64 addr)
{
	struct vma *upper;

	assert(addr > v->start && addr < v->end);
	if (v->mm->nr_vmas >= vm_max_map_count)
		return -ENOMEM;
	upper = vma_copy(v, v->mm, addr, v->end, vma_index(v, addr));
	if (!upper)
		return -ENOMEM;
	if (!IS_ALIGNED(addr, HUGE_SIZE) && vma_is_anon(v))
		(void)pt_find(v->mm, addr); /* a leaf lies in one mapping */
	file_link(upper);
	vma_set_bounds(v, v->start, addr);
	vma_tree_insert(v->mm, upper);
	count_sizes(upper, (s64)vma_pages(upper));
	return 0;
}

/* Nothing but the border tells them apart. */
static bool joinable(const struct vma *a, const struct vma *b)
{
	return a->end == b->start && a->flags == b->flags && a->file == b->file &&
	       a->ops == b->ops && a->private == b->private &&
	       !(a->ops && (a->ops->open || a->ops->close || a->ops->fault)) &&
	       !(a->flags & VM_IO) && a->pgoff + vma_pages(a) == b->pgoff;
}

/* @a swallows @b, its upper neighbour. */
static void join(struct vma *a, struct vma *b, struct list *dead)
{
	u64 end = b->end;

	a->has_anon |= b->has_anon;
	a->untouched &= b->untouched;
	vma_tree_remove(b->mm, b);
	count_sizes(b, -(s64)vma_pages(b));
	vma_set_bounds(a, a->start, end);
	file_unlink(b);
	list_add_tail(dead, &b->dead_node);
}

struct vma *vma_merge(struct vma *v, struct list *dead)
{
	struct vma *prev = vma_prev(v);
	struct vma *next = vma_next(v);

	if (next && joinable(v, next))
		join(v, next, dead);
	if (prev && joinable(prev, v)) {
		join(prev, v, dead);
		v = prev;
	}
	return v;
}

u64 vma_pte_bits(const struct vma *v)
{
	u64 bits = PTE_USER | PTE_ACCESSED;

	bits |= v->flags & (VM_READ | VM_WRITE | VM_EXEC) ? PTE_PRESENT : PTE_BLOCKED;
	if (!(v->flags & VM_EXEC))
		bits |= PTE_NX;
	if (bits & PTE_PRESENT)
		bits |= (u64)vma_pkey(v) << PTE_PKEY_SHIFT;
	return bits;
}
