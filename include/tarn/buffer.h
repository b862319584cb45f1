// SPDX-License-Identifier: MIT
/*
 * Buffers: named blocks of a device's page cache, for file system metadata.
 * block/buffer.c.
 *
 * A file system's metadata goes only through here.  buffer_dirty() must be
 * reached through the file system's transaction handle, so that a journal can
 * take the buffer over.
 */
#pragma once

#include <stdatomic.h>
#include <tarn/list.h>

struct bdev;
struct page;

#define BUF_UPTODATE BIT(0)
#define BUF_DIRTY BIT(1)
#define BUF_ERROR BIT(2)
#define BUF_VERIFIED BIT(3)   /* its checksum was checked since it was read */
#define BUF_LOCKED BIT(4)     /* buffer_lock() */
#define BUF_PRIVATE_BITS 16   /* bits from here on are the file system's or journal's; cleared with BUF_VERIFIED */
#define BUF_PRIVATE_MASK 0xffff0000u

struct buffer {
	struct bdev *bdev;      /* [I] */
	u64 block;              /* [I] in units of @size */
	u32 size;               /* [I] bytes, <= PAGE_SIZE */
	_Atomic u32 flags;      /* [a] BUF_* */
	_Atomic u32 refs;       /* [a] */
	void *data;             /* [I] the block's bytes in the page */
	struct page *page;      /* [I] */
	struct buffer *next_in_page;
	void *private;          /* journal's */
};

/* The buffer with its data read: ERR_PTR(-EIO, -ENOMEM).  May sleep.  The caller owns a reference. */
struct buffer *buffer_read(struct bdev *b, u64 block, u32 size);
/* Without reading: the caller will overwrite all of it (zeroed by the caller), sets BUF_UPTODATE. */
struct buffer *buffer_get_new(struct bdev *b, u64 block, u32 size);
/* Only if cached and up to date, else NULL. */
struct buffer *buffer_find(struct bdev *b, u64 block, u32 size);
/* Starts reading, no waiting, no reference. */
void buffer_prefetch(struct bdev *b, u64 block, u32 size);
void buffer_get(struct buffer *bh);
void buffer_put(struct buffer *bh); /* NULL is fine */
/* False: its contents were given up by buffer_forget() meanwhile. */
bool buffer_dirty(struct buffer *bh);
/* Writes it now and waits: 0 or -EIO. */
int buffer_sync(struct buffer *bh);
/* Contents no longer matter (block freed): dirty is dropped for [block, block + count). */
void buffer_forget(struct bdev *b, u64 block, u64 count, u32 size);
/* The lock that serialises changes to the contents; sleeps (LR_BUFFER). */
void buffer_lock(struct buffer *bh);
void buffer_unlock(struct buffer *bh);
