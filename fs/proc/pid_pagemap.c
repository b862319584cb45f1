// SPDX-License-Identifier: MIT
/* /proc/PID/pagemap and clear_refs: what is in memory, and forgetting that it was used. */
#include <linux/fs.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/mm.h>
#include <tarn/parse.h>
#include <tarn/slab.h>

#include "proc_internal.h"

#define WORD sizeof(u64)
#define BATCH (PAGE_SIZE / WORD)

static ssize_t read_words(struct mm *mm, struct iov_iter *to, loff_t *pos, u64 *words)
{
	bool frames = capable(CAP_SYS_ADMIN);
	ssize_t done = 0;

	while (to->count) {
		u64 first = (u64)*pos / WORD;
		size_t n = MIN(to->count / WORD, BATCH), got;

		if (first >= USER_END >> PAGE_SHIFT)
			break;
		n = MIN(n, (USER_END >> PAGE_SHIFT) - first);
		mm_pagemap(mm, first << PAGE_SHIFT, words, n, frames);
		got = iov_copy_to(to, words, n * WORD);
		*pos += (loff_t)got;
		done += (ssize_t)got;
		if (got < n * WORD)
			return -EFAULT;
		if (fatal_signal_pending())
			break;
		cond_resched();
	}
	return done;
}

static ssize_t pagemap_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct mm *mm = f->private;
	ssize_t ret = -ENOMEM;
	u64 *words;

	if (!mm || !mm_get_unless_dead(mm))
		return 0;
	if (*pos % WORD || to->count % WORD) {
		mm_put(mm);
		return -EINVAL;
	}
	words = pages_alloc(GFP_KERNEL, 0);
	if (words) {
		ret = read_words(mm, to, pos, words);
		pages_free(words, 0);
	}
	mm_put(mm);
	return ret;
}

const struct file_ops pid_pagemap_fops = {
	.open = proc_mm_open,
	.read = pagemap_read,
	.llseek = proc_mm_llseek,
	.release = proc_mm_release,
};

/* ---- clear_refs: 1 to 3 the accessed bits of all, anonymous, file pages; 4 soft-dirty; 5 VmHWM's peak ---- */

static ssize_t clear_refs_write(struct file *f, char *text, size_t n)
{
	struct mm *mm = text_file_about(f);
	int what;

	if (parse_int(parse_trim(text), 10, &what) || what < 1 || what > 5)
		return -EINVAL;
	if (proc_thread_gone(to_proc(f->inode)))
		return -ESRCH;
	if (!mm || !mm_get_unless_dead(mm))
		return (ssize_t)n;
	if (what == 5)
		mm_reset_peak(mm);
	else
		mm_clear_refs(mm, (enum clear_refs)what);
	mm_put(mm);
	return (ssize_t)n;
}

static const struct text_ops clear_refs_text = { .write = clear_refs_write };

static int clear_refs_open(struct inode *inode, struct file *f)
{
	return proc_mm_text_open(inode, f, &clear_refs_text);
}

const struct file_ops pid_clear_refs_fops = {
	.open = clear_refs_open,
	.write = text_file_write,
	.llseek = text_file_llseek,
	.release = proc_mm_text_release,
};
