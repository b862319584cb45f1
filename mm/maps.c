// SPDX-License-Identifier: MIT
/* /proc/PID/maps, smaps and smaps_rollup: an address space in text, as proc(5) lays it out. */
#include <arch/pkeys.h>
#include <tarn/errptr.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/super.h>
#include <tarn/text_file.h>
#include "mm_int.h"
#include "pgtable.h"
#include "swap.h"

#define NAME_COLUMN 73
#define PATH_BUF 4096

struct maps_out {
	struct strbuf *sb;
	struct path root;
	char *buf; /* PATH_BUF bytes */
};

static const char *special_name(const struct vma *v)
{
	if (v->ops && v->ops->name)
		return v->ops->name((struct vma *)v);
	if (v->file)
		return NULL;
	if (v->flags & VM_HEAP)
		return "[heap]";
	if (v->flags & VM_STACK ||
	    (v->start <= v->mm->start_stack && v->end > v->mm->start_stack))
		return "[stack]";
	return NULL;
}

static void show_name(struct maps_out *o, const struct vma *v)
{
	const char *name = special_name(v);
	bool unreachable;

	if (!name && v->file) {
		name = path_format(&v->file->path, &o->root, o->buf, PATH_BUF, &unreachable);
		if (IS_ERR(name))
			name = "";
	}
	if (!name)
		return;
	strbuf_pad(o->sb, NAME_COLUMN);
	strbuf_escape(o->sb, name, "\n");
}

static void show_line(struct maps_out *o, const struct vma *v)
{
	const struct inode *inode = v->file ? v->file->inode : NULL;
	kdev_t dev = inode ? inode->super->dev : 0;

	strbuf_printf(o->sb, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", (ulong)v->start,
		      (ulong)v->end, v->flags & VM_READ ? 'r' : '-', v->flags & VM_WRITE ? 'w' : '-',
		      v->flags & VM_EXEC ? 'x' : '-', v->flags & VM_SHARED ? 's' : 'p',
		      inode ? (ulong)(v->pgoff << PAGE_SHIFT) : 0, KDEV_MAJOR(dev), KDEV_MINOR(dev),
		      inode ? (ulong)inode->ino : 0);
	show_name(o, v);
	strbuf_putc(o->sb, '\n');
}

/* ---- smaps ---- */

#define PSS_SHIFT 12 /* a share of a page is kept to 1/4096 of a byte */

struct usage {
	u64 rss;
	u64 pss, pss_dirty, pss_anon, pss_file, pss_shmem; /* bytes << PSS_SHIFT */
	u64 shared_clean, shared_dirty, private_clean, private_dirty;
	u64 referenced, anonymous, huge;
	u64 locked, swap_pss;                              /* as pss */
	u64 swap;
};

static void count_entry(struct usage *u, pte_t e, u64 *pss_kind)
{
	struct page *p = pte_page(e);
	bool anon = p->state == PS_ANON;
	u32 sharers = entry_sharers(e);
	bool dirty = e.v & PTE_DIRTY || page_test(p, PG_DIRTY);
	u64 share = (PAGE_SIZE << PSS_SHIFT) / sharers;

	u->rss++;
	u->pss += share;
	*(anon ? &u->pss_anon : pss_kind) += share;
	if (dirty)
		u->pss_dirty += share;
	if (sharers > 1)
		*(dirty ? &u->shared_dirty : &u->shared_clean) += 1;
	else
		*(dirty ? &u->private_dirty : &u->private_clean) += 1;
	u->referenced += !!(e.v & PTE_ACCESSED);
	u->anonymous += anon;
	u->huge += pte_leaf(e);
}

static void count_swap(struct usage *u, pte_t e)
{
	u->swap++;
	u->swap_pss += (PAGE_SIZE << PSS_SHIFT) / MAX(swap_count(pte_swap_slot(e)), 1u);
}

static void count_usage(struct usage *u, const struct vma *v)
{
	u64 *kind = vma_is_shmem(v) ? &u->pss_shmem : &u->pss_file;
	u64 addr = v->start, before = u->pss;
	struct pt_place at;

	while ((addr = pt_next(v->mm, addr, v->end, &at)) < v->end) {
		u64 stop = MIN(v->end, pt_table_end(addr));

		if (!pt_lock_place(&at, addr))
			continue;
		for (; addr < stop; addr += PAGE_SIZE) {
			pte_t e = pt_place_entry(&at, addr);

			if (pte_counted(e))
				count_entry(u, e, kind);
			else if (pte_swap(e))
				count_swap(u, e);
		}
		spin_unlock(&at.table->pt_lock);
	}
	if (v->flags & VM_LOCKED)
		u->locked += u->pss - before;
}

static void show_vm_flags(struct strbuf *sb, u32 flags)
{
	static const struct {
		u32 flag;
		const char *name;
	} names[] = {
		{ VM_READ, "rd" }, { VM_WRITE, "wr" }, { VM_EXEC, "ex" },
		{ VM_SHARED | VM_MAYWRITE, "sh" }, /* of a file open for reading alone only "ms", as on Linux */
		{ VM_MAYREAD, "mr" }, { VM_MAYWRITE, "mw" }, { VM_MAYEXEC, "me" },
		{ VM_SHARED, "ms" }, { VM_GROWSDOWN, "gd" }, { VM_LOCKED, "lo" }, { VM_IO, "io" },
		{ VM_SEQ_READ, "sr" }, { VM_RAND_READ, "rr" }, { VM_DONTCOPY, "dc" },
		{ VM_DONTEXPAND, "de" }, { VM_LOCKONFAULT, "lf" }, { VM_ACCOUNT, "ac" },
		{ VM_NORESERVE, "nr" }, { VM_WIPEONFORK, "wf" }, { VM_DONTDUMP, "dd" },
		{ VM_HUGEPAGE, "hg" }, { VM_NOHUGEPAGE, "nh" },
	};

	strbuf_puts(sb, "VmFlags: ");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if ((flags & names[i].flag) == names[i].flag)
			strbuf_printf(sb, "%s ", names[i].name);
	strbuf_putc(sb, '\n');
}

static void show_kb(struct strbuf *sb, const char *name, u64 kb)
{
	strbuf_printf(sb, "%-16s%8lu kB\n", name, (ulong)kb);
}

static u64 pss_kb(u64 pss)
{
	return pss >> (PSS_SHIFT + 10);
}

/* What smaps and smaps_rollup have in common; the sums of the kinds are the rollup's. */
static void show_usage(struct strbuf *sb, const struct usage *u, bool kinds)
{
	show_kb(sb, "Rss:", u->rss * 4);
	show_kb(sb, "Pss:", pss_kb(u->pss));
	show_kb(sb, "Pss_Dirty:", pss_kb(u->pss_dirty));
	if (kinds) {
		show_kb(sb, "Pss_Anon:", pss_kb(u->pss_anon));
		show_kb(sb, "Pss_File:", pss_kb(u->pss_file));
		show_kb(sb, "Pss_Shmem:", pss_kb(u->pss_shmem));
	}
	show_kb(sb, "Shared_Clean:", u->shared_clean * 4);
	show_kb(sb, "Shared_Dirty:", u->shared_dirty * 4);
	show_kb(sb, "Private_Clean:", u->private_clean * 4);
	show_kb(sb, "Private_Dirty:", u->private_dirty * 4);
	show_kb(sb, "Referenced:", u->referenced * 4);
	show_kb(sb, "Anonymous:", u->anonymous * 4);
	show_kb(sb, "LazyFree:", 0);
	show_kb(sb, "AnonHugePages:", u->huge * 4);
	show_kb(sb, "ShmemPmdMapped:", 0);
	show_kb(sb, "FilePmdMapped:", 0);
	show_kb(sb, "Shared_Hugetlb:", 0);
	show_kb(sb, "Private_Hugetlb:", 0);
	show_kb(sb, "Swap:", u->swap * 4);
	show_kb(sb, "SwapPss:", pss_kb(u->swap_pss));
	show_kb(sb, "Locked:", pss_kb(u->locked));
}

static void show_smap(struct strbuf *sb, const struct vma *v)
{
	struct usage u = { 0 };

	count_usage(&u, v);
	show_kb(sb, "Size:", vma_pages(v) * 4);
	show_kb(sb, "KernelPageSize:", 4);
	show_kb(sb, "MMUPageSize:", 4);
	show_usage(sb, &u, false);
	strbuf_printf(sb, "THPeligible:    %d\n", huge_eligible(v));
	if (cpu_has_pkeys)
		strbuf_printf(sb, "ProtectionKey:  %8u\n", vma_pkey(v));
	show_vm_flags(sb, v->flags);
}

void mm_show_maps(struct mm *mm, struct strbuf *out, bool smaps, u64 *at)
{
	struct vma *v;
	struct maps_out o = { .sb = out, .buf = kmalloc(PATH_BUF, GFP_KERNEL) };

	if (!o.buf) {
		out->error = -ENOMEM;
		return;
	}
	fs_get_root(&o.root);
	rwsem_read_lock(&mm->map_lock);
	for (v = vma_find(mm, *at); v && out->len < TEXT_PIECE; v = vma_next(v)) {
		show_line(&o, v);
		if (smaps)
			show_smap(out, v);
		*at = v->end;
	}
	if (!v)
		*at = TEXT_END;
	rwsem_read_unlock(&mm->map_lock);
	path_put(&o.root);
	kfree(o.buf);
}

void mm_show_rollup(struct mm *mm, struct strbuf *out)
{
	struct usage u = { 0 };
	u64 start = 0, end = 0;

	rwsem_read_lock(&mm->map_lock);
	for (struct vma *v = vma_first(mm); v; v = vma_next(v)) {
		start = start ? start : v->start;
		end = v->end;
		count_usage(&u, v);
	}
	rwsem_read_unlock(&mm->map_lock);
	strbuf_printf(out, "%08lx-%08lx ---p 00000000 00:00 0 ", (ulong)start, (ulong)end);
	strbuf_pad(out, NAME_COLUMN);
	strbuf_puts(out, "[rollup]\n");
	show_usage(out, &u, true);
}
