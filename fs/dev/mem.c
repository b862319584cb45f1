// SPDX-License-Identifier: MIT
/* The devices of mem(4), null(4), full(4), random(4), and /dev/kmsg. */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/random.h>
#include <arch/uaccess.h>
#include <tarn/device.h>
#include <tarn/mm.h>
#include <tarn/parse.h>
#include <tarn/poll.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include <tarn/random.h>
#include <tarn/string.h>
#include <tarn/slab.h>
#include <tarn/thread.h>
#include <tarn/tmpfs.h>
#include <tarn/waitq.h>

#include "../internal.h"

#define MEM_MAJOR 1

/* Every position is the beginning, as null(4) has it. */
static loff_t null_llseek(struct file *f, loff_t offset, int whence) MUST_HOLD(&f->pos_lock)
{
	f->pos = 0;
	return 0;
}

static ssize_t null_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	return 0;
}

static ssize_t null_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	size_t n = from->count;

	iov_advance(from, n);
	return (ssize_t)n;
}

static const struct file_ops null_fops = {
	.read = null_read,
	.write = null_write,
	.llseek = null_llseek,
};

static ssize_t zero_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	ssize_t done = 0;

	while (to->count) {
		size_t want = MIN(to->count, (size_t)64 << 10), n = iov_zero(to, want);

		done += (ssize_t)n;
		if (n < want)
			return done ? done : -EFAULT;
		if (fatal_signal_pending())
			break;
		cond_resched();
	}
	return done;
}

/* A private mapping is plain anonymous memory; a shared one a nameless tmpfs file. */
static int zero_mmap(struct file *f, struct vma *v)
{
	struct file *shm;

	if (!(v->flags & VM_SHARED)) {
		file_put(v->file);
		v->file = NULL;
		v->pgoff = v->start >> PAGE_SHIFT;
		return 0;
	}
	shm = tmpfs_anon_file("/dev/zero", v->end - v->start, O_RDWR,
			      mm_promises(v->flags & VM_NORESERVE));
	if (IS_ERR(shm))
		return (int)PTR_ERR(shm);
	file_put(v->file);
	v->file = shm;
	return 0;
}

static const struct file_ops zero_fops = {
	.read = zero_read,
	.write = null_write,
	.llseek = null_llseek,
	.mmap = zero_mmap,
};

static ssize_t full_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	return -ENOSPC;
}

static const struct file_ops full_fops = {
	.read = zero_read,
	.write = full_write,
	.llseek = null_llseek,
};

/* ---- random ---- */

static ssize_t give_random(struct iov_iter *to)
{
	u8 buf[256];
	ssize_t done = 0;

	while (to->count) {
		size_t want = MIN(to->count, sizeof(buf)), n;

		random_bytes(buf, want);
		n = iov_copy_to(to, buf, want);
		done += (ssize_t)n;
		if (n < want) {
			done = done ? done : -EFAULT;
			break;
		}
		if (signal_pending() && done >= 256)
			break;
		cond_resched();
	}
	memset(buf, 0, sizeof(buf));
	barrier();
	return done;
}

static ssize_t urandom_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	return give_random(to);
}

static ssize_t random_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	int err;

	if (!random_ready()) {
		if (file_flags(f) & O_NONBLOCK)
			return -EAGAIN;
		err = random_wait_ready();
		if (err)
			return err;
	}
	return give_random(to);
}

/* What user space writes is mixed in, but no entropy is credited for it. */
static ssize_t random_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	u8 buf[256];
	ssize_t done = 0;

	while (from->count) {
		size_t want = MIN(from->count, sizeof(buf)), n = iov_copy_from(buf, from, want);

		random_add(buf, n, 0);
		done += (ssize_t)n;
		if (n < want)
			return done ? done : -EFAULT;
		cond_resched();
	}
	return done;
}

static long random_add_entropy(unsigned long arg)
{
	struct {
		int bits, size;
	} head;
	u8 buf[256];
	int done = 0;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&head, (void __user *)arg, sizeof(head)))
		return -EFAULT;
	if (head.bits < 0 || head.size < 0)
		return -EINVAL;
	while (done < head.size) {
		int n = MIN(head.size - done, (int)sizeof(buf));

		if (copy_from_user(buf, (char __user *)arg + sizeof(head) + done, (size_t)n))
			return -EFAULT;
		random_add(buf, (size_t)n, done ? 0 : (unsigned int)MIN(head.bits, head.size * 8));
		done += n;
	}
	return 0;
}

static long random_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	int bits;

	switch (cmd) {
	case RNDGETENTCNT:
		return put_user(random_ready() ? 256 : 0, (int __user *)arg);
	case RNDADDENTROPY:
		return random_add_entropy(arg);
	case RNDADDTOENTCNT:
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		if (get_user(bits, (int __user *)arg))
			return -EFAULT;
		if (bits < 0)
			return -EINVAL;
		random_add(NULL, 0, (unsigned int)bits);
		return 0;
	case RNDCLEARPOOL:
	case RNDZAPENTCNT:
	case RNDRESEEDCRNG:
		return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
	default:
		return -EINVAL;
	}
}

static const struct file_ops random_fops = {
	.read = random_read,
	.write = random_write,
	.llseek = null_llseek,
	.ioctl = random_ioctl,
};

static const struct file_ops urandom_fops = {
	.read = urandom_read,
	.write = random_write,
	.llseek = null_llseek,
	.ioctl = random_ioctl,
};

/* ---- /dev/kmsg: a record per read; f->private is the next record's number ---- */

static int kmsg_open(struct inode *inode, struct file *f)
{
	struct log_record *r = kmalloc(sizeof(*r), GFP_KERNEL);

	if (!r)
		return -ENOMEM;
	r->seq = 0;
	f->private = r;
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

static ssize_t kmsg_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct log_record *r = f->private;
	u64 want;
	char *text;
	ssize_t n;

	mutex_lock(&f->pos_lock);
	want = r->seq;
	while (!log_read(want, r)) {
		mutex_unlock(&f->pos_lock);
		if (file_flags(f) & O_NONBLOCK)
			return -EAGAIN;
		n = wait_event_interruptible(&log_waitq, log_next_seq() > want);
		if (n)
			return n;
		mutex_lock(&f->pos_lock);
	}
	text = kmalloc(4 * sizeof(r->text), GFP_KERNEL);
	n = -ENOMEM;
	if (text) {
		n = (ssize_t)kmsg_format(r, text, 4 * sizeof(r->text));
		if ((size_t)n > to->count)
			n = -EINVAL;
		else if (iov_copy_to(to, text, (size_t)n) < (size_t)n)
			n = -EFAULT;
	}
	kfree(text);
	r->seq = n > 0 ? r->seq + 1 : want;
	mutex_unlock(&f->pos_lock);
	return n;
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

static loff_t kmsg_llseek(struct file *f, loff_t offset, int whence) MUST_HOLD(&f->pos_lock)
{
	struct log_record *r = f->private, *probe;

	if (offset)
		return -ESPIPE;
	switch (whence) {
	case SEEK_SET:
		r->seq = 0;
		return 0;
	case SEEK_END:
		probe = kmalloc(sizeof(*probe), GFP_KERNEL);
		if (!probe)
			return -ENOMEM;
		while (log_read(r->seq, probe))
			r->seq = probe->seq + 1;
		kfree(probe);
		return 0;
	case SEEK_DATA: /* what was cleared by syslog(2): nothing is kept from kmsg */
		return 0;
	default:
		return -EINVAL;
	}
}

static u32 kmsg_poll(struct file *f, struct poll_wait *w)
{
	const struct log_record *r = f->private;

	poll_on(w, &log_waitq);
	return POLLOUT | POLLWRNORM | (log_next_seq() > r->seq ? POLLIN | POLLRDNORM : 0);
}

static const struct file_ops kmsg_fops = {
	.open = kmsg_open,
	.read = kmsg_read,
	.write = kmsg_write,
	.llseek = kmsg_llseek,
	.poll = kmsg_poll,
	.release = kmsg_release,
};

void memdev_init(void)
{
	static const struct {
		u32 minor;
		const char *name;
		mode_t mode;
		const struct file_ops *fops;
	} devs[] = {
		{ 3, "null", 0666, &null_fops },       { 5, "zero", 0666, &zero_fops },
		{ 7, "full", 0666, &full_fops },       { 8, "random", 0666, &random_fops },
		{ 9, "urandom", 0666, &urandom_fops }, { 11, "kmsg", 0644, &kmsg_fops },
	};

	for (u32 i = 0; i < ARRAY_SIZE(devs); i++) {
		kdev_t dev = KDEV(MEM_MAJOR, devs[i].minor);

		if (chrdev_register(dev, 1, "mem", devs[i].fops) ||
		    devtmpfs_add(devs[i].name, S_IFCHR | devs[i].mode, dev))
			panic("cannot make /dev/%s", devs[i].name);
	}
}
