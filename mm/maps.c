// SPDX-License-Identifier: MIT
/* /proc/PID/maps and smaps: an address space in text, as proc(5) lays it out. */
#include <tarn/errptr.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include "mm_int.h"
#include "pgtable.h"

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

struct usage {
	u64 rss, pss;              /* pss in 1/4096 of a page */
	u64 shared_clean, shared_dirty, private_clean, private_dirty;
	u64 referenced, anonymous;
};

static void count_entry(struct usage *u, pte_t e)
{
	struct page *p = pte_page(e);
	bool anon = p->state == PS_ANON;
	u32 sharers = anon ? p->refs : (u32)MAX(p->mapcount, 1);
	bool dirty = e.v & PTE_DIRTY || page_test(p, PG_DIRTY);

	u->rss++;
	u->pss += PAGE_SIZE / MAX(sharers, 1u);
	if (sharers > 1)
		*(dirty ? &u->shared_dirty : &u->shared_clean) += 1;
	else
		*(dirty ? &u->private_dirty : &u->private_clean) += 1;
	u->referenced += !!(e.v & PTE_ACCESSED);
	u->anonymous += anon;
}

static void count_usage(const struct vma *v, struct usage *u)
{
	struct page *table;
	u64 addr = v->start;

	while ((addr = pt_next_table(v->mm, addr, v->end, &table)) < v->end) {
		u64 stop = MIN(v->end, pt_table_end(addr));

		spin_lock(&table->pt_lock);
		for (; addr < stop; addr += PAGE_SIZE) {
			pte_t e = pte_load(pt_entry(table, addr));

			if (pte_counted(e))
				count_entry(u, e);
		}
		spin_unlock(&table->pt_lock);
	}
}

static void show_vm_flags(struct strbuf *sb, u32 flags)
{
	static const struct {
		u32 flag;
		const char *name;
	} names[] = {
		{ VM_READ, "rd" }, { VM_WRITE, "wr" }, { VM_EXEC, "ex" }, { VM_SHARED, "sh" },
		{ VM_MAYREAD, "mr" }, { VM_MAYWRITE, "mw" }, { VM_MAYEXEC, "me" },
		{ VM_GROWSDOWN, "gd" }, { VM_LOCKED, "lo" }, { VM_IO, "io" },
		{ VM_SEQ_READ, "sr" }, { VM_RAND_READ, "rr" }, { VM_DONTCOPY, "dc" },
		{ VM_DONTEXPAND, "de" }, { VM_ACCOUNT, "ac" }, { VM_NORESERVE, "nr" },
		{ VM_WIPEONFORK, "wf" }, { VM_DONTDUMP, "dd" },
	};

	strbuf_puts(sb, "VmFlags: ");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			strbuf_printf(sb, "%s ", names[i].name);
	strbuf_putc(sb, '\n');
}

static void show_usage(struct strbuf *sb, const struct vma *v)
{
	struct usage u = { 0 };
	u64 pss_kb;

	count_usage(v, &u);
	pss_kb = u.pss / 1024;
	const struct {
		const char *name;
		u64 kb;
	} rows[] = {
		{ "Size:", vma_pages(v) * 4 },
		{ "KernelPageSize:", 4 },
		{ "MMUPageSize:", 4 },
		{ "Rss:", u.rss * 4 },
		{ "Pss:", pss_kb },
		{ "Pss_Dirty:", MIN(pss_kb, (u.shared_dirty + u.private_dirty) * 4) },
		{ "Shared_Clean:", u.shared_clean * 4 },
		{ "Shared_Dirty:", u.shared_dirty * 4 },
		{ "Private_Clean:", u.private_clean * 4 },
		{ "Private_Dirty:", u.private_dirty * 4 },
		{ "Referenced:", u.referenced * 4 },
		{ "Anonymous:", u.anonymous * 4 },
		{ "LazyFree:", 0 },
		{ "AnonHugePages:", 0 },
		{ "ShmemPmdMapped:", 0 },
		{ "FilePmdMapped:", 0 },
		{ "Shared_Hugetlb:", 0 },
		{ "Private_Hugetlb:", 0 },
		{ "Swap:", 0 },
		{ "SwapPss:", 0 },
		{ "Locked:", v->flags & VM_LOCKED ? pss_kb : 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		strbuf_printf(sb, "%-16s%8lu kB\n", rows[i].name, (ulong)rows[i].kb);
	strbuf_puts(sb, "THPeligible:    0\n");
	show_vm_flags(sb, v->flags);
}

void mm_show_maps(struct mm *mm, struct strbuf *out, bool smaps)
{
	struct maps_out o = { .sb = out, .buf = kmalloc(PATH_BUF, GFP_KERNEL) };

	if (!o.buf) {
		out->error = -ENOMEM;
		return;
	}
	fs_get_root(&o.root);
	rwsem_read_lock(&mm->map_lock);
	for (struct vma *v = vma_first(mm); v; v = vma_next(v)) {
		show_line(&o, v);
		if (smaps)
			show_usage(out, v);
	}
	rwsem_read_unlock(&mm->map_lock);
	path_put(&o.root);
	kfree(o.buf);
}
