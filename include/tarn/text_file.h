// SPDX-License-Identifier: MIT
/*
 * Files whose contents are made when they are read: /proc and /sys.
 *
 * The text is made whole by the first read at offset 0 of an open file and made
 * anew when the reader goes back to 0, so each pass sees one state.  A text that
 * may become long is made in pieces instead, as the reader comes to them.
 */
#pragma once

#include <tarn/file.h>
#include <tarn/strbuf.h>

struct text_ops {
	int (*show)(struct file *f, struct strbuf *out); /* 0 or -errno */
	/* Or a piece of it: appends what begins at *at (0: the first) and moves *at behind it, to TEXT_END
	 * behind the last. */
	int (*show_some)(struct file *f, struct strbuf *out, u64 *at);
	/* One write(2), whole and NUL-terminated, at most TEXT_WRITE_MAX bytes; bytes or -errno.  NULL: -EIO. */
	ssize_t (*write)(struct file *f, char *text, size_t n);
};
#define TEXT_WRITE_MAX (PAGE_SIZE - 1)
#define TEXT_END (~0ull)
#define TEXT_PIECE PAGE_SIZE /* about as long as a piece should be */

/* For file_ops.open and the rest: f->private becomes the text's. */
int text_file_open(struct file *f, const struct text_ops *ops);
/* The same for a text about something the opener holds until release. */
int text_file_open_about(struct file *f, const struct text_ops *ops, void *about);
void *text_file_about(struct file *f);
/* A word for the maker, 0 at first: for instance what poll reported last. */
u32 *text_file_event(struct file *f);
ssize_t text_file_read(struct file *f, struct iov_iter *to, loff_t *pos);
ssize_t text_file_write(struct file *f, struct iov_iter *from, loff_t *pos);
loff_t text_file_llseek(struct file *f, loff_t offset, int whence) MUST_HOLD(&f->pos_lock);
void text_file_release(struct file *f);
