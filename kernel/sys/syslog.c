// SPDX-License-Identifier: MIT
/*
 * syslog(2): the log as dmesg and klogd read it.  Records come out with their
 * level in front, "<6>[    0.012345] text", as Linux writes them.
 */
#include <linux/capability.h>
#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/lock.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include <tarn/proc.h>
#include <tarn/slab.h>
#include <tarn/syscall.h>
#include <tarn/waitq.h>

/* No UAPI header has these: syslog(2). */
enum {
	ACTION_CLOSE,
	ACTION_OPEN,
	ACTION_READ,
	ACTION_READ_ALL,
	ACTION_READ_CLEAR,
	ACTION_CLEAR,
	ACTION_CONSOLE_OFF,
	ACTION_CONSOLE_ON,
	ACTION_CONSOLE_LEVEL,
	ACTION_SIZE_UNREAD,
	ACTION_SIZE_BUFFER,
};

#define LOG_BUFFER_SIZE (128 * 1024)
#define PREFIX_MAX 40

/* One record and its text form; too big for a stack. */
struct line {
	struct log_record rec;
	char text[sizeof(((struct log_record *)0)->text) + PREFIX_MAX];
	size_t len;
};

static struct mutex syslog_lock = MUTEX_INIT(syslog_lock, "syslog", LR_TTY);
static u64 read_seq GUARDED_BY(&syslog_lock);   /* next record ACTION_READ gives */
static size_t read_part GUARDED_BY(&syslog_lock); /* bytes of it already given */
static u64 clear_seq GUARDED_BY(&syslog_lock);  /* READ_ALL starts here */
static int dmesg_restrict = 1;                  /* [a] Debian's choice: the log tells addresses and names */
static int saved_level GUARDED_BY(&syslog_lock) = -1;

static const struct sysctl dmesg_restrict_sysctl = {
	.path = "kernel/dmesg_restrict",
	.value = &dmesg_restrict,
	.min = 0,
	.max = 1,
	.cap = CAP_SYS_ADMIN,
};
SECTION_SET(sysctls, dmesg_restrict_sysctl);

u64 log_cleared_seq(void)
{
	return READ_UNLOCKED(clear_seq);
}

/* The log's whole contents and its size may be anybody's; the rest is the administrator's. */
static int may_do(int type)
{
	if (!READ_ONCE(dmesg_restrict) && (type == ACTION_READ_ALL || type == ACTION_SIZE_BUFFER))
		return 0;
	return capable(CAP_SYSLOG) || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

int log_may_read(void)
{
	return may_do(ACTION_READ_ALL);
}

static bool next_line(u64 seq, struct line *l)
{
	if (!log_read(seq, &l->rec))
		return false;
	l->len = (size_t)scnprintf(l->text, sizeof(l->text), "<%u>[%5llu.%06llu] %.*s\n",
				   l->rec.level,
				   (unsigned long long)(l->rec.time / NSEC_PER_SEC),
				   (unsigned long long)(l->rec.time % NSEC_PER_SEC / NSEC_PER_USEC),
				   l->rec.len, l->rec.text);
	return true;
}

/* ACTION_READ: takes lines out, waiting for the first. */
static long read_lines(struct line *l, char __user *buf, size_t size) MUST_HOLD(&syslog_lock)
{
	size_t done = 0;

	while (done < size && next_line(read_seq, l)) {
		size_t n;

		if (l->rec.seq != read_seq) { /* the rest of a half-read one was pushed out */
			read_seq = l->rec.seq;
			read_part = 0;
		}
		n = MIN(l->len - read_part, size - done);
		if (copy_to_user(buf + done, l->text + read_part, n))
			return done ? (long)done : -EFAULT;
		done += n;
		read_part += n;
		if (read_part == l->len) {
			read_seq++;
			read_part = 0;
		}
	}
	return (long)done;
}

/* The first record such that it and all after it fit into @size. */
static u64 first_fitting(struct line *l, size_t size) MUST_HOLD(&syslog_lock)
{
	u64 first = clear_seq, seq;
	size_t total = 0;

	for (seq = first; next_line(seq, l); seq = l->rec.seq + 1)
		total += l->len;
	for (seq = first; total > size && next_line(seq, l); seq = l->rec.seq + 1) {
		total -= l->len;
		first = l->rec.seq + 1;
	}
	return first;
}

static long read_all(struct line *l, char __user *buf, size_t size) MUST_HOLD(&syslog_lock)
{
	u64 seq = first_fitting(l, size);
	size_t done = 0;

	for (; next_line(seq, l) && done + l->len <= size; seq = l->rec.seq + 1) {
		if (copy_to_user(buf + done, l->text, l->len))
			return -EFAULT;
		done += l->len;
	}
	return (long)done;
}

static long size_unread(struct line *l) MUST_HOLD(&syslog_lock)
{
	size_t total = 0;

	for (u64 seq = read_seq; next_line(seq, l); seq = l->rec.seq + 1)
		total += l->len;
	return (long)(total > read_part ? total - read_part : 0);
}

static long read_call(int type, struct line *l, char __user *buf, int len)
{
	long ret;

	if (!buf || len < 0)
		return -EINVAL;
	if (!len)
		return 0;
	for (;;) {
		mutex_lock(&syslog_lock);
		ret = type == ACTION_READ ? read_lines(l, buf, (size_t)len) :
					    read_all(l, buf, (size_t)len);
		if (type == ACTION_READ_CLEAR && ret >= 0)
			clear_seq = log_next_seq();
		mutex_unlock(&syslog_lock);
		if (ret || type != ACTION_READ)
			return ret;
		ret = wait_event_interruptible(&log_waitq, log_next_seq() > READ_UNLOCKED(read_seq));
		if (ret)
			return ret;
	}
}

static long set_level(int type, int level) MUST_HOLD(&syslog_lock)
{
	if (type == ACTION_CONSOLE_LEVEL) {
		if (level < 1 || level > 8)
			return -EINVAL;
		console_loglevel = level;
		saved_level = -1;
	} else if (type == ACTION_CONSOLE_OFF) {
		if (saved_level < 0)
			saved_level = console_loglevel;
		console_loglevel = LOG_ALERT;
	} else if (saved_level >= 0) {
		console_loglevel = saved_level;
		saved_level = -1;
	}
	return 0;
}

static long locked_call(int type, struct line *l, int len)
{
	long ret = 0;

	mutex_lock(&syslog_lock);
	switch (type) {
	case ACTION_CLEAR:
		clear_seq = log_next_seq();
		break;
	case ACTION_SIZE_UNREAD:
		ret = size_unread(l);
		break;
	default:
		ret = set_level(type, len);
	}
	mutex_unlock(&syslog_lock);
	return ret;
}

long sys_syslog(int type, char __user *buf, int len)
{
	struct line *l;
	long ret;

	if (type < ACTION_CLOSE || type > ACTION_SIZE_BUFFER)
		return -EINVAL;
	ret = may_do(type);
	if (ret)
		return ret;
	if (type == ACTION_CLOSE || type == ACTION_OPEN)
		return 0;
	if (type == ACTION_SIZE_BUFFER)
		return LOG_BUFFER_SIZE;
	l = kmalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return -ENOMEM;
	if (type == ACTION_READ || type == ACTION_READ_ALL || type == ACTION_READ_CLEAR)
		ret = read_call(type, l, buf, len);
	else
		ret = locked_call(type, l, len);
	kfree(l);
	return ret;
}
