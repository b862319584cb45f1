// SPDX-License-Identifier: MIT
/* Files made of text at the moment of reading; see include/tarn/text_file.h. */
#include <linux/fs.h>
#include <tarn/errno.h>
#include <tarn/slab.h>
#include <tarn/text_file.h>
#include <tarn/thread.h>

/* f->private of an open text file.  It has its own lock: pread(2) and splice(2) take no pos_lock. */
struct text_file {
	const struct text_ops *ops;     /* [I] */
	void *about;                    /* [I] the opener's */
	u32 event;                      /* the maker's; nobody minds a race */
	struct mutex lock;              /* LR_TEXT: while the text is made and copied */
	struct strbuf text GUARDED_BY(&lock);
	bool made GUARDED_BY(&lock);
	u64 start GUARDED_BY(&lock);    /* where in the file @text begins: 0 unless it is made in pieces */
	u64 next GUARDED_BY(&lock);     /* what show_some goes on with */
};

int text_file_open_about(struct file *f, const struct text_ops *ops, void *about)
{
	struct text_file *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->ops = ops;
	t->about = about;
	mutex_init(&t->lock, "text", LR_TEXT);
	strbuf_init(&t->text);
	f->private = t;
	return 0;
}

int text_file_open(struct file *f, const struct text_ops *ops)
{
	return text_file_open_about(f, ops, NULL);
}

void *text_file_about(struct file *f)
{
	return ((struct text_file *)f->private)->about;
}

u32 *text_file_event(struct file *f)
{
	return &((struct text_file *)f->private)->event;
}

static int text_make(struct file *f, struct text_file *t) MUST_HOLD(&t->lock)
{
	int err = -EIO;

	strbuf_reset(&t->text);
	if (t->ops->show_some)
		err = t->ops->show_some(f, &t->text, &t->next);
	else if (t->ops->show)
		err = t->ops->show(f, &t->text);
	if (!err)
		err = t->text.error;
	t->made = !err;
	return err;
}

/* The text, or the piece of it with @pos, if there is one. */
static int text_make_at(struct file *f, struct text_file *t, u64 pos) MUST_HOLD(&t->lock)
{
	int err = 0;

	if (!t->made || pos == 0 || pos < t->start) {
		t->start = t->next = 0;
		err = text_make(f, t);
	}
	while (!err && t->ops->show_some && pos >= t->start + t->text.len && t->next != TEXT_END) {
		if (fatal_signal_pending())
			return -EINTR;
		t->start += t->text.len;
		err = text_make(f, t);
		cond_resched();
	}
	return err;
}

/* As Linux: what would reach beyond the last position is refused, not cut. */
static bool range_ok(const struct iov_iter *it, loff_t pos)
{
	return pos >= 0 && it->count <= (u64)(INT64_MAX - pos);
}

static ssize_t text_read(struct file *f, struct text_file *t, struct iov_iter *to, loff_t *pos)
	MUST_HOLD(&t->lock)
{
	u64 off;
	size_t n;
	int err;

	if (!range_ok(to, *pos))
		return -EINVAL;
	err = text_make_at(f, t, (u64)*pos);
	if (err)
		return err;
	off = (u64)*pos - t->start;
	if (off >= t->text.len)
		return 0;
	n = MIN((size_t)(t->text.len - off), to->count);
	if (n) {
		size_t done = iov_copy_to(to, t->text.data + off, n);

		if (!done)
			return -EFAULT;
		*pos += done;
		return done;
	}
	return 0;
}

ssize_t text_file_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct text_file *t = f->private;
	ssize_t n;

	mutex_lock(&t->lock);
	n = text_read(f, t, to, pos);
	mutex_unlock(&t->lock);
	return n;
}

ssize_t text_file_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct text_file *t = f->private;
	size_t n = MIN(from->count, (size_t)TEXT_WRITE_MAX);
	ssize_t ret;
	char *buf;

	if (!t->ops->write)
		return -EIO;
	if (!range_ok(from, *pos))
		return -EINVAL;
	buf = kmalloc(n + 1, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	if (iov_copy_from(buf, from, n) != n) {
		kfree(buf);
		return -EFAULT;
	}
	buf[n] = '\0';
	ret = t->ops->write(f, buf, n);
	if (ret > 0)
		*pos += ret;
	kfree(buf);
	return ret;
}

/* There is no size to seek from the end of. */
loff_t text_file_llseek(struct file *f, loff_t offset, int whence)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	if (whence == SEEK_CUR && __builtin_add_overflow(offset, f->pos, &offset))
		return -EINVAL;
	if (offset < 0)
		return -EINVAL;
	f->pos = offset;
	return offset;
}

/* Nobody else has the file any more. */
void text_file_release(struct file *f) NO_LOCK_CHECK
{
	struct text_file *t = f->private;

	strbuf_free(&t->text);
	kfree(t);
}
