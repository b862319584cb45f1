// SPDX-License-Identifier: MIT
/* What /proc/PID shows of the address space: arguments, environment, maps, and mem itself. */
#include <asm/fcntl.h>
#include <linux/fs.h>
#include <tarn/errno.h>
#include <tarn/mm.h>
#include <tarn/slab.h>
#include <tarn/string.h>

#include "proc_internal.h"

#define ARGS_MAX (2u << 20) /* what one read shows of arguments or environment */

/* Appends [start, end) of @mm, as far as it can be read. */
static int append_range(struct mm *mm, u64 start, u64 end, struct strbuf *out)
{
	u8 *page = pages_alloc(GFP_KERNEL, 0);

	if (!page)
		return -ENOMEM;
	end = MIN(end, start + ARGS_MAX);
	while (start < end) {
		size_t n = mm_access(mm, start, page, MIN(end - start, (u64)PAGE_SIZE), false, true);

		if (!n)
			break;
		strbuf_append(out, page, n);
		start += n;
	}
	pages_free(page, 0);
	return 0;
}

/*
 * A program may overwrite its arguments with one longer text (setproctitle): when
 * the last byte is no longer NUL, the text runs on to its NUL, also into the
 * environment behind (proc(5)).
 */
static int append_cmdline(struct mm *mm, struct strbuf *out)
{
	u64 start = mm->arg_start, end = mm->arg_end;
	char last = 0, *nul;
	int err;

	if (start >= end)
		return 0;
	if (mm_access(mm, end - 1, &last, 1, false, true) != 1 || last == '\0')
		return append_range(mm, start, end, out);
	err = append_range(mm, start, MAX(end, mm->env_end), out);
	if (err || !out->data)
		return err;
	nul = memchr(out->data, 0, out->len);
	if (nul)
		out->len = (size_t)(nul - out->data) + 1;
	return 0;
}

int pid_show_cmdline(struct thread *t, struct strbuf *out)
{
	struct mm *mm = thread_mm_get(t);
	int err;

	if (!mm)
		return 0;
	err = append_cmdline(mm, out);
	mm_put(mm);
	return err;
}

int pid_show_environ(struct thread *t, struct strbuf *out)
{
	struct mm *mm = thread_mm_get(t);
	int err;

	if (!mm)
		return 0;
	err = append_range(mm, mm->env_start, mm->env_end, out);
	mm_put(mm);
	return err;
}

int pid_show_auxv(struct thread *t, struct strbuf *out)
{
	struct mm *mm = thread_mm_get(t);

	if (!mm)
		return 0;
	strbuf_append(out, mm->auxv, mm->auxv_len);
	mm_put(mm);
	return 0;
}

static int show_maps(struct thread *t, struct strbuf *out, bool smaps)
{
	struct mm *mm = thread_mm_get(t);

	if (!mm)
		return 0;
	mm_show_maps(mm, out, smaps);
	mm_put(mm);
	return 0;
}

int pid_show_maps(struct thread *t, struct strbuf *out)
{
	return show_maps(t, out, false);
}

int pid_show_smaps(struct thread *t, struct strbuf *out)
{
	return show_maps(t, out, true);
}

/* ---- mem: the address space as a file; holds the mm from open on, as Linux does ---- */

static int mem_open(struct inode *inode, struct file *f)
{
	struct proc_inode *p = to_proc(inode);

	if (!proc_may_access(p->thread))
		return -EACCES;
	f->private = thread_mm_get(p->thread);
	return 0;
}

static void mem_release(struct file *f)
{
	if (f->private)
		mm_put(f->private);
}

static ssize_t mem_rw(struct file *f, struct iov_iter *it, loff_t *pos, bool write)
{
	struct mm *mm = f->private;
	ssize_t total = 0;
	u8 *page;

	if (!mm)
		return 0;
	page = pages_alloc(GFP_KERNEL, 0);
	if (!page)
		return -ENOMEM;
	while (it->count) {
		size_t n = MIN(it->count, (size_t)PAGE_SIZE), got;

		if (write && (n = iov_copy_from(page, it, n)) == 0)
			break;
		got = mm_access(mm, (u64)*pos, page, n, write, true);
		if (!write)
			got = iov_copy_to(it, page, got);
		*pos += got;
		total += got;
		if (got < n)
			break;
	}
	pages_free(page, 0);
	return total || !it->count ? total : -EIO;
}

static ssize_t mem_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	return mem_rw(f, to, pos, false);
}

static ssize_t mem_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	return mem_rw(f, from, pos, true);
}

/* Addresses are positions, so any 64-bit value goes. */
static loff_t mem_llseek(struct file *f, loff_t offset, int whence) MUST_HOLD(&f->pos_lock)
{
	if (whence == SEEK_CUR)
		offset += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	f->pos = offset;
	return offset;
}

const struct file_ops pid_mem_fops = {
	.open = mem_open,
	.read = mem_read,
	.write = mem_write,
	.llseek = mem_llseek,
	.release = mem_release,
};
