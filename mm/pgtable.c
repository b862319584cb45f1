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
	return p;
}

struct page *pt_find(struct mm *mm, u64 addr)
{
	pte_t *table = mm->root;
	pte_t e;

	for (unsigned int level = PT_LEVELS - 1; level > 0; level--) {
		e = pte_load(&table[pt_index(addr, level)]);
		if (!pte_present(e))
			return NULL;
		table = pt_table(e);
	}
	return virt_to_page(table);
}

/* The child below @slot of @table, which is at @level; made if absent. */
static pte_t *child_get(struct mm *mm, pte_t *table, u64 addr, unsigned int level)
{
	pte_t *slot = &table[pt_index(addr, level)];
	struct page *parent, *child;
	pte_t e = pte_load(slot);

	if (pte_present(e))
		return pt_table(e);
	child = table_alloc(addr, level - 1);
	if (!child)
		return NULL;
	parent = virt_to_page(table);
	spin_lock(&parent->pt_lock);
	e = pte_load(slot);
	if (!pte_present(e)) {
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

struct page *pt_get(struct mm *mm, u64 addr)
{
	pte_t *table = mm->root;

	for (unsigned int level = PT_LEVELS - 1; level > 0; level--) {
		table = child_get(mm, table, addr, level);
		if (!table)
			return NULL;
	}
	return virt_to_page(table);
}

u64 pt_next_table(struct mm *mm, u64 addr, u64 end, struct page **out)
{
	while (addr < end) {
		pte_t *table = mm->root;
		unsigned int level = PT_LEVELS - 1;

		for (; level > 0; level--) {
			pte_t e = pte_load(&table[pt_index(addr, level)]);

			if (!pte_present(e))
				break;
			table = pt_table(e);
		}
		if (level == 0) {
			*out = virt_to_page(table);
			return addr;
		}
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
		pte_store(slot, (pte_t){ 0 });
		gather_table(g, pte_page(e));
	}
}

void pt_free_tables(struct gather *g, u64 start, u64 end, u64 floor, u64 ceiling)
{
	struct table_range r = { start, end, floor, ceiling };

	free_below(g, g->mm->root, PT_LEVELS - 1, 0, &r);
}
