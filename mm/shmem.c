// SPDX-License-Identifier: MIT
/*
 * Pages of memory-only files (tmpfs, memfd, shared memory) on their way to swap
 * and back.
 *
 *   in the file's tree --reclaim--> slot in swap->slots, page in the swap cache
 *          ^                                   |
 *          +--- fill: copied from there -------+   (read from the disk if need be)
 *
 * An index is in at most one of the two trees, but while it is filled: then the
 * locked page is in the first already and the slot still in the second.  Both
 * change under tree_lock, so who looks at both under it sees whether there is
 * something; the page cache's lookups without a lock look at the first only.
 *
 * A file that shrinks holds invalidate_lock exclusively, or inode->lock, so no
 * page is filled from a slot on its way out.
 *
 * Locks: page lock, then tree_lock (the trees), then the swap area's.
 * list_lock: the files that have slots, for swapoff.
 */
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/thread.h>
#include "lru.h"
#include "mm_int.h"
#include "page_int.h"
#include "pagecache_int.h"
#include "swap.h"
#include "vmstat.h"

static struct spinlock list_lock = SPINLOCK_INIT("files in swap", LR_LEAF);
static struct list files GUARDED_BY(&list_lock) = LIST_INIT(files); /* shmem_swap.node */

void shmem_init(struct mapping *m, struct shmem_swap *s)
{
	radix_init(&s->slots);
	s->nr = 0;
	s->mapping = m;
	s->pinned = false;
	list_init(&s->node);
	m->unevictable = true;
	m->swap = s;
}

/* Trees hold pointers whose lowest bit is clear. */
static void *slot_entry(u64 slot)
{
	return (void *)((slot + 1) << 1);
}
static u64 entry_slot(const void *entry)
{
	return ((u64)entry >> 1) - 1;
}

static void count_slots(struct mapping *m, s64 delta) MUST_HOLD(&m->tree_lock)
{
	struct shmem_swap *s = m->swap;
	bool had = s->nr;

	s->nr += (u64)delta;
	if (had == !!s->nr)
		return;
	spin_lock(&list_lock);
	if (s->nr)
		list_add_tail(&files, &s->node);
	else
		list_del_init(&s->node);
	spin_unlock(&list_lock);
}

/* The tree first: a page on its way out is counted as a slot before it leaves the tree. */
u64 shmem_pages(const struct mapping *m)
{
	u64 in_memory = READ_UNLOCKED(m->nrpages);

	return in_memory + shmem_swapped(m);
}

u64 shmem_swapped(const struct mapping *m)
{
	return m->swap ? READ_UNLOCKED(m->swap->nr) : 0;
}

/* ---- looking ---- */

bool shmem_is_hole(struct mapping *m, u64 index)
{
	u64 flags = spin_lock_irqsave(&m->tree_lock);
	bool hole = !radix_lookup(&m->pages, index) &&
		    !(m->swap && radix_lookup(&m->swap->slots, index));

	spin_unlock_irqrestore(&m->tree_lock, flags);
	return hole;
}

u64 shmem_next_data(struct mapping *m, u64 index)
{
	u64 flags = spin_lock_irqsave(&m->tree_lock);
	u64 in_memory = ~0ul, in_swap = ~0ul;
	void *entry;

	(void)radix_gang_lookup(&m->pages, &entry, &in_memory, index, ~0ul, 1);
	(void)radix_gang_lookup(&m->swap->slots, &entry, &in_swap, index, ~0ul, 1);
	spin_unlock_irqrestore(&m->tree_lock, flags);
	return MIN(in_memory, in_swap);
}

u64 shmem_next_hole(struct mapping *m, u64 index, u64 end)
{
	while (index < end && !shmem_is_hole(m, index)) {
		index++;
		cond_resched();
	}
	return index;
}

/* ---- out ---- */

/*
 * Frozen @p, in the tree with nobody else having it, gets a slot and changes
 * trees: false if there is no slot or no memory, and nothing has changed.
 */
static bool change_trees(struct mapping *m, struct page *p) MUST_HOLD(&m->tree_lock)
{
	u64 index = p->index;

	if (!swap_cache_add_new(p))
		return false;
	if (radix_insert(&m->swap->slots, index, slot_entry(p->index))) {
		swap_cache_forget(p);
		p->index = index;
		return false;
	}
	(void)swap_dup(p->index); /* the first count of a slot: cannot be too many */
	count_slots(m, 1);        /* first: who looks without tree_lock never sees neither page nor slot */
	radix_delete(&m->pages, index);
	m->nrpages--;
	p->mapping = NULL;
	vm_count(VM_SHMEM, -1);
	return true;
}

bool shmem_swap_out(struct page *p)
{
	struct mapping *m = p->mapping;
	u32 two = 2;
	bool done;
	u64 flags;

	if (!m->swap || READ_ONCE(m->swap->pinned) || !page_test(p, PG_UPTODATE))
		return false;
	page_unmap_all(p);
	(void)cache_zero_tail(p);
	flags = spin_lock_irqsave(&m->tree_lock);
	done = !page_mapped(p) && atomic_compare_exchange_strong(&p->refs, &two, 0);
	if (done) {
		done = change_trees(m, p);
		if (done)
			page_change_state(p, PS_ANON);
		/* The tree's reference, or now the swap cache's, and the caller's. */
		atomic_store(&p->refs, 2);
	}
	spin_unlock_irqrestore(&m->tree_lock, flags);
	if (done)
		page_clear(p, PG_ACTIVE | PG_REFERENCED | PG_SWAPBACKED);
	return done;
}

/* True: locked and out of the file, to be written; else the reference is put. */
static bool swap_out_one(struct page *p)
{
	if (page_trylock(p)) {
		if (p->mapping && !page_test(p, PG_WRITEBACK) && lru_take(p)) {
			if (shmem_swap_out(p))
				return true;
			lru_add(p);
		}
		page_unlock(p);
	}
	page_put(p);
	return false;
}

void shmem_swap_out_range(struct mapping *m, u64 first, u64 last)
{
	struct page *pages[CACHE_BATCH];
	unsigned int n, out;

	while (swap_free_slots() && (n = cache_find_batch(m, &first, last, CACHE_ANY, pages))) {
		out = 0;
		for (unsigned int i = 0; i < n; i++)
			if (swap_out_one(pages[i]))
				pages[out++] = pages[i];
		(void)swap_write(pages, out);
		cond_resched();
	}
}

/* ---- in ---- */

static u64 take_slot(struct mapping *m, u64 index)
{
	u64 flags = spin_lock_irqsave(&m->tree_lock);
	void *entry = radix_delete(&m->swap->slots, index);

	if (entry)
		count_slots(m, -1);
	spin_unlock_irqrestore(&m->tree_lock, flags);
	return entry ? entry_slot(entry) : ~0ul;
}

/* The slot's page into locked @p; the slot is free then. */
static int fill_from(struct mapping *m, struct page *p, u64 slot)
{
	bool major = false;
	struct page *from = swap_read_page(slot, GFP_USER, &major);

	if (IS_ERR(from))
		return (int)PTR_ERR(from);
	copy_page(page_address(p), page_address(from));
	page_unlock(from);
	page_put(from);
	if (take_slot(m, p->index) == slot)
		swap_free(slot);
	return 0;
}

int shmem_fill(struct mapping *m, struct page *p)
{
	void *entry;
	u64 flags;
	int err;

	flags = spin_lock_irqsave(&m->tree_lock);
	entry = m->swap ? radix_lookup(&m->swap->slots, p->index) : NULL;
	spin_unlock_irqrestore(&m->tree_lock, flags);
	if (entry) {
		err = fill_from(m, p, entry_slot(entry));
		if (err)
			return err;
	} else {
		clear_page(page_address(p));
	}
	page_set(p, PG_UPTODATE);
	return 0;
}

struct page *shmem_read_page(struct mapping *m, u64 index)
{
	struct page *p = pagecache_find(m, index);

	if (p && page_test(p, PG_UPTODATE))
		return p;
	if (p)
		page_put(p);
	if (shmem_is_hole(m, index))
		return NULL;
	rwsem_read_lock(&m->invalidate_lock); /* it may have become one: none is filled here */
	p = shmem_is_hole(m, index) ? NULL : cache_read(m, index, false);
	rwsem_read_unlock(&m->invalidate_lock);
	return p;
}

void shmem_drop(struct mapping *m, u64 first, u64 last)
{
	u64 slot, index, flags;
	unsigned int n;
	void *entry;

	while (shmem_swapped(m)) {
		flags = spin_lock_irqsave(&m->tree_lock);
		n = radix_gang_lookup(&m->swap->slots, &entry, &index, first, last, 1);
		spin_unlock_irqrestore(&m->tree_lock, flags);
		if (!n)
			return;
		slot = take_slot(m, index);
		if (slot != ~0ul)
			swap_free(slot);
		first = index;
		cond_resched();
	}
}

/* ---- swapoff ---- */

/* The first slot of @a at or after *index, which becomes its place; false: none. */
static bool find_slot(struct mapping *m, const struct swap_area *a, u64 *index)
{
	void *entries[16];
	u64 at[16], flags;
	unsigned int n;

	do {
		flags = spin_lock_irqsave(&m->tree_lock);
		n = radix_gang_lookup(&m->swap->slots, entries, at, *index, ~0ul, ARRAY_SIZE(at));
		spin_unlock_irqrestore(&m->tree_lock, flags);
		for (unsigned int i = 0; i < n; i++) {
			*index = at[i];
			if (&swap_areas[swap_slot_area(entry_slot(entries[i]))] == a)
				return true;
		}
		++*index;
		cond_resched();
	} while (n == ARRAY_SIZE(at));
	return false;
}

static int file_back(struct mapping *m, const struct swap_area *a)
{
	u64 index = 0;

	for (; find_slot(m, a, &index); index++) {
		struct page *p = shmem_read_page(m, index);

		if (IS_ERR(p))
			return (int)PTR_ERR(p);
		if (p)
			page_put(p);
		if (signal_pending())
			return -EINTR;
	}
	return 0;
}

/* The file whose turn it is, its inode with a reference; NULL: none. */
static struct mapping *next_file(void)
{
	u64 flags = spin_lock_irqsave(&list_lock);
	struct mapping *m = NULL;
	struct shmem_swap *s;

	LIST_FOR_EACH(s, &files, node) {
		if (!ref_get_unless_zero(&s->mapping->host->refs))
			continue; /* going, and its slots with it */
		m = s->mapping;
		list_move_tail(&files, &s->node);
		break;
	}
	spin_unlock_irqrestore(&list_lock, flags);
	return m;
}

static u32 count_files(void)
{
	u64 flags = spin_lock_irqsave(&list_lock);
	struct shmem_swap *s;
	u32 n = 0;

	LIST_FOR_EACH(s, &files, node)
		n++;
	spin_unlock_irqrestore(&list_lock, flags);
	return n;
}

int shmem_bring_back(const struct swap_area *a)
{
	int err = 0;

	for (u32 n = count_files(); n && !err; n--) {
		struct mapping *m = next_file();

		if (!m)
			break;
		err = file_back(m, a);
		inode_put(m->host);
	}
	return err;
}
