// SPDX-License-Identifier: MIT
/*
 * Handles: the frame around every change of metadata.
 *
 * Today a change goes through the buffer cache straight to the device, and a
 * handle only keeps sync and unmount out while it is open, refuses to start on
 * a file system that an error made read-only, and collects errors.  The calls
 * are the ones a journal needs: a handle joins a transaction, ext4_access()
 * is where it saves a buffer that the committing transaction still owns,
 * ext4_dirty() where it takes the buffer, ext4_forget() where it revokes.
 */
#include "ext4.h"

int ext4_start(struct ext4_handle *h, struct ext4_fs *fs, u32 credits)
	NO_LOCK_CHECK /* the handle owns the lock until ext4_stop() */
{
	ext4_note_losses(fs);
	if (ext4_read_only(fs))
		return -EROFS;
	rwsem_read_lock(&fs->trans_lock);
	*h = (struct ext4_handle){ .fs = fs, .credits = credits };
	return 0;
}

int ext4_stop(struct ext4_handle *h) NO_LOCK_CHECK
{
	rwsem_read_unlock(&h->fs->trans_lock);
	return h->error;
}

int ext4_access(struct ext4_handle *h, struct buffer *bh)
{
	if (unlikely(atomic_load_explicit(&h->fs->aborted, memory_order_relaxed)))
		return -EROFS;
	return 0;
}

/*
 * A bitmap that says "free" of a block in use gives it out a second time, while
 * who uses it holds its buffer.  A reference alone means nothing: who frees a
 * block may put its buffer later, but freeing took the mark away.
 */
static bool in_use(struct ext4_fs *fs, u64 block)
{
	struct buffer *bh = buffer_find(fs->bdev, block, fs->block_size);
	bool used = bh && atomic_load(&bh->refs) > 1 && ext4_verified(bh, VERIFIED_MASK);

	buffer_put(bh);
	return used;
}

struct buffer *ext4_new_buffer(struct ext4_handle *h, struct inode *inode, u64 block)
{
	struct buffer *bh;

	if (in_use(h->fs, block))
		return ERR_PTR(ext4_corrupt(h->fs, inode->ino, "block %llu is in use and was marked free",
					    (unsigned long long)block));
	bh = buffer_get_new(h->fs->bdev, block, h->fs->block_size);
	if (!IS_ERR(bh))
		memset(bh->data, 0, bh->size);
	return bh;
}

struct buffer *ext4_new_block(struct ext4_handle *h, struct inode *inode, u64 block)
{
	struct buffer *bh = ext4_new_buffer(h, inode, block);

	if (IS_ERR(bh) && PTR_ERR(bh) != -EUCLEAN) /* in use: it stays marked so */
		ext4_free_blocks(h, inode, block, 1, false);
	return bh;
}

struct buffer *ext4_new_meta(struct ext4_handle *h, struct inode *inode, u64 goal)
{
	u64 block;
	int err = ext4_alloc_meta(h, inode, goal, &block);

	return err ? ERR_PTR(err) : ext4_new_block(h, inode, block);
}

void ext4_dirty(struct ext4_handle *h, struct buffer *bh)
{
	h->dirtied++;
	if (likely(buffer_dirty(bh)))
		return;
	/* Freed by somebody else who claims it, or twice by a tree that has it twice. */
	h->error = ext4_corrupt(h->fs, 0, "block %llu was freed while it was in use",
				(unsigned long long)bh->block);
}

void ext4_forget(struct ext4_handle *h, u64 block, u64 count)
{
	buffer_forget(h->fs->bdev, block, count, h->fs->block_size);
}
