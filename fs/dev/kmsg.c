// SPDX-License-Identifier: MIT
/*
 * /dev/kmsg: the log, a record per read; what is written becomes a record.
 *
 * Each open has its own place in the log and its own lock for it.  A reader that
 * waits holds no lock at all, so that others may seek or poll the same open
 * file: reads take no pos_lock (FMODE_OWN_POS).
 *
 * Who may read is asked at open, as for syslog(2): kernel/sys/syslog.c.
 *
 * Tests: tests/abi/proc_attack.c, tests/abi/proc_files.c.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <tarn/errno.h>
#include <tarn/inode.h>
#include <tarn/parse.h>
#include <tarn/poll.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include <tarn/waitq.h>

#include "../internal.h"
#include "kmsg.h"

#define LINE_MAX (4 * sizeof(((struct log_record *)0)->text) + 64) /* each byte as \xNN, and the head */

/* f->private: one reader. */
struct kmsg {
	struct mutex lock;                      /* LR_TEXT */
	u64 seq GUARDED_BY(&lock);              /* of the next record */
	struct log_record rec GUARDED_BY(&lock);
	char line[LINE_MAX] GUARDED_BY(&lock);
};

static int kmsg_open(struct inode *inode, struct file *f) NO_LOCK_CHECK
{
	struct kmsg *k;
	int err = f->mode & FMODE_READ ? log_may_read() : 0;

	if (err)
		return err;
	k = kmalloc(sizeof(*k), GFP_KERNEL);
	if (!k)
		return -ENOMEM;
	mutex_init(&k->lock, "kmsg", LR_TEXT);
	k->seq = log_first_seq();
	f->private = k;
	f->mode |= FMODE_OWN_POS;
	return 0;
}

static void kmsg_release(struct file *f)
{
	kfree(f->private);
}

/* "6,339,5140900,-;text\n", control characters as \xNN. */
static size_t kmsg_format(const struct log_record *r, char *out, size_t size)
{
	size_t n = (size_t)scnprintf(out, size, "%u,%llu,%llu,-;", r->level,
				     (unsigned long long)r->seq,
				     (unsigned long long)(r->time / 1000));

	for (u32 i = 0; i < r->len; i++) {
		char c = r->text[i];

		if (char_is_print(c) && c != '\\') {
			if (n + 1 < size)
				out[n++] = c;
		} else if (c != '\n' || i + 1 < r->len) {
			n += (size_t)scnprintf(out + n, size - n, "\\x%02x", (u8)c);
		}
	}
	if (n < size)
		out[n++] = '\n';
	return n;
}

/* One record, whole or not at all; -EPIPE once for those that were pushed out unread. */
static ssize_t give_record(struct kmsg *k, struct iov_iter *to) MUST_HOLD(&k->lock)
{
	size_t n;

	if (!log_read(k->seq, &k->rec))
		return -EAGAIN;
	if (k->rec.seq != k->seq) {
		k->seq = k->rec.seq;
		return -EPIPE;
	}
	k->seq++; /* even if the buffer turns out too small: the reader would never get past it */
	n = kmsg_format(&k->rec, k->line, sizeof(k->line));
	if (n > to->count)
		return -EINVAL;
	return iov_copy_to(to, k->line, n) == n ? (ssize_t)n : -EFAULT;
}

static ssize_t kmsg_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct kmsg *k = f->private;
	u64 want;
	ssize_t n;

	for (;;) {
		if (mutex_lock_killable(&k->lock))
			return -EINTR;
		n = give_record(k, to);
		want = k->seq;
		mutex_unlock(&k->lock);
		if (n != -EAGAIN || (file_flags(f) & O_NONBLOCK))
			return n;
		n = wait_event_interruptible(&log_waitq, log_next_seq() > want);
		if (n)
			return n;
	}
}

/* "<6>text": the level may be left out. */
static ssize_t kmsg_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	size_t n = from->count;
	int level = LOG_NOTICE;
	char line[1000];
	char *s = line, *end;

	if (n >= sizeof(line))
		return -EINVAL;
	if (iov_copy_from(line, from, n) < n)
		return -EFAULT;
	line[n] = '\0';
	if (*s == '<' && (end = strchr(s, '>')) != NULL) {
		u32 prio;

		*end = '\0';
		if (parse_u32(s + 1, 10, &prio) == 0) {
			level = (int)(prio & 7);
			s = end + 1;
		} else {
			*end = '>';
		}
	}
	end = s + strlen(s);
	while (end > s && end[-1] == '\n')
		*--end = '\0';
	printk(level, "%s", s);
	return (ssize_t)n;
}

/* To the oldest record, behind the newest, or behind what syslog(2) cleared. */
static loff_t kmsg_llseek(struct file *f, loff_t offset, int whence)
{
	struct kmsg *k = f->private;
	u64 to;

	if (offset)
		return -ESPIPE;
	switch (whence) {
	case SEEK_SET:
		to = log_first_seq();
		break;
	case SEEK_END:
		to = log_next_seq();
		break;
	case SEEK_DATA:
		to = MAX(log_cleared_seq(), log_first_seq());
		break;
	default:
		return -EINVAL;
	}
	mutex_lock(&k->lock);
	k->seq = to;
	mutex_unlock(&k->lock);
	return 0;
}

static u32 kmsg_poll(struct file *f, struct poll_wait *w)
{
	const struct kmsg *k = f->private;
	u64 seq;

	poll_on(w, &log_waitq);
	seq = READ_UNLOCKED(k->seq);
	if (log_next_seq() <= seq)
		return 0;
	return POLLIN | POLLRDNORM | (seq < log_first_seq() ? POLLERR | POLLPRI : 0);
}

const struct file_ops kmsg_fops = {
	.open = kmsg_open,
	.read = kmsg_read,
	.write = kmsg_write,
	.llseek = kmsg_llseek,
	.poll = kmsg_poll,
	.release = kmsg_release,
};
