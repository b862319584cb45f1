// SPDX-License-Identifier: MIT
/* Walking, making and freeing the page tables of an address space.  See pgtable.h. */
#include "gather.h"
#include "pgtable.h"

static struct page *table_alloc(u64 addr, unsigned int level)
{
	struct page *p = page_alloc_one(GFP_KERNEL | GFP_ZERO, PS_TABLE);

	if (!p)
		return NULL;
	spin_init(&p->pt_lock, "page table", LR_PT);
	p->pt_va = ALIGN_DOWN(addr, PT_SPAN(level + 1));
	p->pt_spare = NULL;
	return p;
}

struct page *pt_find_upper(struct mm *mm, u64 addr)
{
	pte_t *table = mm->root;
	pte_t e;

	for (unsigned int level = PT_LEVELS - 1; level > 1; level--) {
		e = pte_load(&table[pt_index(addr, level)]);
		if (!pte_present(e))
			return NULL;
		table = pt_table(e);
	}
	return virt_to_page(table);
}

struct page *pt_find(struct mm *mm, u64 addr)
{
	struct page *up = pt_find_upper(mm, addr);
	pte_t e;

	if (!up)
		return NULL;
	e = pte_load(leaf_entry(up, addr));
	if (unlikely(pte_leaf(e)))
		e = leaf_split(mm, up, addr);
	return pte_present(e) ? virt_to_page(pt_table(e)) : NULL;
}

pte_t pt_peek(struct mm *mm, u64 addr)
{
	struct page *up = pt_find_upper(mm, addr);
	pte_t e = up ? pte_load(leaf_entry(up, addr)) : (pte_t){ 0 };

	if (pte_leaf(e))
		return (pte_t){ leaf_piece(e, addr).v | PTE_HUGE };
	return pte_present(e) ? pte_load(pt_table(e) + pt_index(addr, 0)) : (pte_t){ 0 };
}

bool pt_lock_place(const struct pt_place *at, u64 addr)
{
	spin_lock(&at->table->pt_lock);
	if (!at->leaf || pte_leaf(pte_load(leaf_entry(at->table, addr))))
		return true;
	spin_unlock(&at->table->pt_lock);
	return false;
}

pte_t pt_place_entry(const struct pt_place *at, u64 addr)
{
	if (at->leaf)
		return (pte_t){ leaf_piece(pte_load(leaf_entry(at->table, addr)), addr).v |
				PTE_HUGE };
	return pte_load(pt_entry(at->table, addr));
}

struct page *pt_lock_entry(struct mm *mm, u64 addr, pte_t *e)
	NO_LOCK_CHECK /* returns with the table's lock */
{
	u64 base = ALIGN_DOWN(addr, HUGE_SIZE);
	struct pt_place at;

	do {
		if (pt_next(mm, base, base + HUGE_SIZE, &at) != base)
			return NULL;
	} while (!pt_lock_place(&at, addr));
	*e = pt_place_entry(&at, addr);
	return at.table;
}

/* The child below @slot of @table, which is at @level; made if absent. */
static pte_t *child_get(struct mm *mm, pte_t *table, u64 addr, unsigned int level)
{
	pte_t *slot = &table[pt_index(addr, level)];
	struct page *parent, *child;
	pte_t e = pte_load(slot);

	if (unlikely(pte_leaf(e)))
		e = leaf_split(mm, virt_to_page(table), addr);
	if (pte_present(e))
		return pt_table(e);
	child = table_alloc(addr, level - 1);
	if (!child)
		return NULL;
	parent = virt_to_page(table);
	spin_lock(&parent->pt_lock);
	e = pte_load(slot);
	if (pte_leaf(e)) {
		e = leaf_split_locked(mm, parent, addr);
	} else if (!pte_present(e)) {
		e = pt_make_table(page_to_pfn(child));
		pte_store(slot, e);
		child = NULL;
	}
	spin_unlock(&parent->pt_lock);
	if (child)
		page_put(child);
	else
		atomic_fetch_add_explicit(&mm->table_pages, 1, memory_order_relaxed);
	return pt_table(e);
}

struct page *pt_get_upper(struct mm *mm, u64 addr)
{
	pte_t *table = mm->root;

	for (unsigned int level = PT_LEVELS - 1; level > 1; level--) {
		table = child_get(mm, table, addr, level);
		if (!table)
			return NULL;
	}
	return virt_to_page(table);
}

struct page *pt_get(struct mm *mm, u64 addr)
{
	struct page *up = pt_get_upper(mm, addr);
	pte_t *table = up ? child_get(mm, page_address(up), addr, 1) : NULL;

	return table ? virt_to_page(table) : NULL;
}

/* Follows @addr down as far as tables go: the level reached.  @split: through leaves too. */
static unsigned int descend(struct mm *mm, u64 addr, bool split, struct pt_place *at)
{
	pte_t *table = mm->root;
	unsigned int level = PT_LEVELS - 1;

	at->leaf = false;
	for (; level > 0; level--) {
		pte_t e = pte_load(&table[pt_index(addr, level)]);

		at->table = virt_to_page(table);
		if (unlikely(pte_leaf(e) && split))
			e = leaf_split(mm, at->table, addr);
		at->leaf = pte_leaf(e);
		if (at->leaf || !pte_present(e))
			return level;
		table = pt_table(e);
	}
	at->table = virt_to_page(table);
	return 0;
}

u64 pt_next(struct mm *mm, u64 addr, u64 end, struct pt_place *at)
{
	while (addr < end) {
		bool whole = IS_ALIGNED(addr, HUGE_SIZE) && end - addr >= HUGE_SIZE;
		unsigned int level = descend(mm, addr, !whole, at);

		if (level == 0 || at->leaf)
			return addr;
		addr = ALIGN_DOWN(addr, PT_SPAN(level)) + PT_SPAN(level);
	}
	return end;
}

/* ---- freeing: map_lock exclusive, or nobody uses the address space any more ---- */

struct table_range {
	u64 start, end;      /* what was unmapped */
	u64 floor, ceiling;  /* nothing is mapped between these */
};

/* Frees what can go below @table, whose entries are of @level and which maps from @base on. */
static void free_below(struct gather *g, pte_t *table, unsigned int level, u64 base,
		       const struct table_range *r)
{
	u64 span = PT_SPAN(level);
	u64 from = MAX(base, ALIGN_DOWN(r->start, span));
	u64 to = MIN(base + PT_SPAN(level + 1), r->end);

	for (u64 at = from; at < to; at += span) {
		pte_t *slot = &table[pt_index(at, level)];
		pte_t e = pte_load(slot);

		if (!pte_present(e))
			continue;
		if (level > 1)
			free_below(g, pt_table(e), level - 1, at, r);
		if (at < r->floor || at + span > r->ceiling)
			continue;
		assert(!pte_leaf(e) && !pte_page(e)->pt_spare);
		pte_store(slot, (pte_t){ 0 });
		gather_table(g, pte_page(e));
	}
}

void pt_free_tables(struct gather *g, u64 start, u64 end, u64 floor, u64 ceiling)
{
	struct table_range r = { start, end, floor, ceiling };

	assert(start < end && end <= USER_END); /* behind it are the kernel's tables */
	free_below(g, g->mm->root, PT_LEVELS - 1, 0, &r);
}
