// SPDX-License-Identifier: MIT
/* What /proc/PID shows of the address space: arguments, environment, maps, and mem itself. */
#include <asm/fcntl.h>
#include <linux/fs.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
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

int pid_show_environ(struct mm *mm, struct strbuf *out, u64 *at)
{
	*at = TEXT_END;
	return append_range(mm, mm->env_start, mm->env_end, out);
}

int pid_show_auxv(struct mm *mm, struct strbuf *out, u64 *at)
{
	*at = TEXT_END;
	strbuf_append(out, mm->auxv, mm->auxv_len);
	return 0;
}

int pid_show_maps(struct mm *mm, struct strbuf *out, u64 *at)
{
	mm_show_maps(mm, out, false, at);
	return 0;
}

int pid_show_smaps(struct mm *mm, struct strbuf *out, u64 *at)
{
	mm_show_maps(mm, out, true, at);
	return 0;
}

int pid_show_smaps_rollup(struct mm *mm, struct strbuf *out, u64 *at)
{
	*at = TEXT_END;
	mm_show_rollup(mm, out);
	return 0;
}

/*
 * ---- mem: the address space as a file ----
 *
 * An open file keeps the mm struct, not its mappings: these go when the process
 * does, or with its next exec, and from then on there is nothing to read.
 */

/* The memory that the opener may look at, held; NULL: the thread has none; ERR_PTR. */
static struct mm *mm_hold_of(struct inode *inode, u32 how)
{
	struct mm *mm = thread_mm_access(to_proc(inode)->thread, ACCESS_FS_IDS | how);

	if (!IS_ERR_OR_NULL(mm)) {
		mm_hold(mm);
		mm_put(mm);
	}
	return mm;
}

static int open_how(struct inode *inode, struct file *f, u32 how)
{
	struct mm *mm = mm_hold_of(inode, how);

	if (IS_ERR(mm))
		return (int)PTR_ERR(mm);
	f->private = mm;
	return 0;
}

int proc_mm_open(struct inode *inode, struct file *f)
{
	return open_how(inode, f, 0);
}

/* A debugger's way in, also to read. */
static int mem_open(struct inode *inode, struct file *f)
{
	return open_how(inode, f, ACCESS_ATTACH);
}

void proc_mm_release(struct file *f)
{
	if (f->private)
		mm_drop(f->private);
}

/* One page's worth by way of @page: bytes moved, or -errno. */
static ssize_t mem_step(struct mm *mm, u64 addr, struct iov_iter *it, u8 *page, bool write)
{
	size_t n = MIN(it->count, (size_t)PAGE_SIZE), got;

	if (write && iov_copy_from(page, it, n) != n)
		return -EFAULT;
	got = mm_access(mm, addr, page, n, write, true);
	if (!got)
		return -EIO;
	if (write)
		iov_revert(it, n - got);
	else if (iov_copy_to(it, page, got) != got)
		return -EFAULT;
	return (ssize_t)got;
}

static ssize_t mem_rw(struct file *f, struct iov_iter *it, loff_t *pos, bool write)
{
	struct mm *mm = f->private;
	ssize_t total = 0, got = 0;
	u8 *page;

	if (!mm || !it->count || !mm_get_unless_dead(mm))
		return 0;
	page = pages_alloc(GFP_KERNEL, 0);
	while (page && it->count) {
		got = mem_step(mm, (u64)*pos, it, page, write);
		if (got < 0)
			break;
		*pos += got;
		total += got;
	}
	mm_put(mm);
	if (!page)
		return -ENOMEM;
	pages_free(page, 0);
	/* A bad buffer of ours is told even after bytes were moved, as Linux does. */
	return got == -EFAULT || !total ? got : total;
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
loff_t proc_mm_llseek(struct file *f, loff_t offset, int whence) MUST_HOLD(&f->pos_lock)
{
	if (whence == SEEK_CUR)
		offset = (loff_t)((u64)offset + (u64)f->pos); /* round the end, as addresses go */
	else if (whence != SEEK_SET)
		return -EINVAL;
	f->pos = offset;
	return offset;
}

const struct file_ops pid_mem_fops = {
	.open = mem_open,
	.read = mem_read,
	.write = mem_write,
	.llseek = proc_mm_llseek,
	.release = proc_mm_release,
};

/* ---- texts about the address space ---- */

static int mm_text_show(struct file *f, struct strbuf *out, u64 *at)
{
	struct mm *mm = text_file_about(f);
	struct proc_inode *p = to_proc(f->inode);
	int err;

	if (proc_thread_gone(p))
		return -ESRCH;
	if (!mm || !mm_get_unless_dead(mm)) {
		*at = TEXT_END;
		return p->entry->show_mm == pid_show_smaps_rollup ? -ESRCH : 0;
	}
	err = p->entry->show_mm(mm, out, at);
	mm_put(mm);
	return err;
}

static const struct text_ops mm_text = { .show_some = mm_text_show };

int proc_mm_text_open(struct inode *inode, struct file *f, const struct text_ops *ops)
{
	struct mm *mm = mm_hold_of(inode, 0);
	int err;

	if (IS_ERR(mm))
		return (int)PTR_ERR(mm);
	err = text_file_open_about(f, ops, mm);
	if (err && mm)
		mm_drop(mm);
	return err;
}

static int mm_text_open(struct inode *inode, struct file *f)
{
	return proc_mm_text_open(inode, f, &mm_text);
}

void proc_mm_text_release(struct file *f)
{
	struct mm *mm = text_file_about(f);

	text_file_release(f);
	if (mm)
		mm_drop(mm);
}

const struct file_ops pid_mm_text_fops = {
	.open = mm_text_open,
	.read = text_file_read,
	.llseek = text_file_llseek,
	.release = proc_mm_text_release,
};
