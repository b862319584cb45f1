// SPDX-License-Identifier: MIT
/* The devices of mem(4), null(4), full(4), random(4); kmsg.c has /dev/kmsg. */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/random.h>
#include <arch/uaccess.h>
#include <linux/stat.h>
#include <tarn/cred.h>
#include <tarn/device.h>
#include <tarn/mm.h>
#include <tarn/random.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include <tarn/tmpfs.h>

#include "../internal.h"
#include "kmsg.h"

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
