// SPDX-License-Identifier: MIT
/*
 * The orphan list: inodes whose end a crash would interrupt.
 *
 * An inode without links that is still open, or one being shortened, is on a
 * list: the super block names the first, each inode's i_dtime the next.  The
 * next read-write mount frees or shortens them.  In memory the list has the
 * same order, newest first, so that leaving the middle rewrites one other inode.
 *
 * Locks: orphan_lock guards both lists.
 */
#include "ext4.h"

static void set_head(struct ext4_handle *h, u32 ino)
{
	h->fs->super->last_orphan = cpu_to_le32(ino);
	ext4_super_changed(h, h->fs);
}

static u32 head_of(const struct ext4_fs *fs)
{
	return le32_to_cpu(fs->super->last_orphan);
}

/* Rewrites only the link of an inode on the disk: the rest belongs to its holder. */
static int write_link(struct ext4_handle *h, struct inode *inode)
{
	struct ext4_disk_inode *di;
	struct buffer *bh;
	int err = ext4_raw_inode(h->fs, inode->ino, &bh, &di);

	if (err)
		return err;
	err = ext4_access(h, bh);
	if (!err) {
		buffer_lock(bh);
		di->dtime = cpu_to_le32(EXT4_I(inode)->dtime);
		ext4_raw_csum(inode, di);
		buffer_unlock(bh);
		ext4_dirty(h, bh);
	}
	buffer_put(bh);
	return err;
}

int ext4_orphan_add(struct ext4_handle *h, struct inode *inode)
{
	struct ext4_fs *fs = h->fs;
	struct ext4_inode *ei = EXT4_I(inode);
	int err = 0;

	mutex_lock(&fs->orphan_lock);
	if (list_empty(&ei->orphan_node)) {
		ei->dtime = head_of(fs);
		err = write_link(h, inode);
		if (!err) {
			list_add(&fs->orphans, &ei->orphan_node);
			mutex_lock_nested(&fs->super_lock);
			set_head(h, (u32)inode->ino);
			mutex_unlock(&fs->super_lock);
		}
	}
	mutex_unlock(&fs->orphan_lock);
	return err;
}

int ext4_orphan_del(struct ext4_handle *h, struct inode *inode)
{
	struct ext4_fs *fs = h->fs;
	struct ext4_inode *ei = EXT4_I(inode);
	int err = 0;

	mutex_lock(&fs->orphan_lock);
	if (!list_empty(&ei->orphan_node)) {
		struct list *prev = ei->orphan_node.prev;

		if (prev == &fs->orphans) {
			mutex_lock_nested(&fs->super_lock);
			set_head(h, ei->dtime);
			mutex_unlock(&fs->super_lock);
		} else {
			struct ext4_inode *before = LIST_ENTRY(prev, struct ext4_inode, orphan_node);

			before->dtime = ei->dtime;
			err = write_link(h, &before->vfs);
		}
		list_del_init(&ei->orphan_node);
		ei->dtime = 0;
		if (!err)
			err = write_link(h, inode);
	}
	mutex_unlock(&fs->orphan_lock);
	return err;
}

/* ---- at mount ---- */

/* It was on the disk's list already: join the list in memory as its head. */
static void adopt(struct ext4_fs *fs, struct inode *inode)
{
	mutex_lock(&fs->orphan_lock);
	list_add(&fs->orphans, &EXT4_I(inode)->orphan_node);
	mutex_unlock(&fs->orphan_lock);
}

/* Only its entry goes: what to do with the inode is e2fsck's decision. */
static int drop_link(struct inode *inode)
{
	struct ext4_handle h;
	int err = ext4_start(&h, EXT4_FS(inode), CREDITS_INODE * 2), stop;

	if (err)
		return err;
	err = ext4_orphan_del(&h, inode);
	stop = ext4_stop(&h);
	return err ? err : stop;
}

static int finish_one(struct ext4_fs *fs, struct inode *inode)
{
	int err = 0;

	adopt(fs, inode);
	if (inode->nlink) {
		if (mode_is_reg(inode->mode)) {
			rwsem_write_lock(&inode->lock);
			err = ext4_set_size(inode, inode_size(inode));
			rwsem_write_unlock(&inode->lock);
		}
		if (!err)
			err = drop_link(inode);
	}
	inode_put(inode); /* without links: eviction frees it and takes it off the list */
	return err;
}

void ext4_orphans_process(struct ext4_fs *fs)
{
	u32 ino, freed = 0, limit = fs->inodes_count;

	while ((ino = head_of(fs)) != 0 && freed < limit && !ext4_read_only(fs)) {
		struct inode *inode = ext4_iget(fs->sb, ino, IGET_ORPHAN);
		u32 next;

		if (IS_ERR(inode)) {
			ext4_corrupt(fs, ino, "on the orphan list, but not readable");
			break;
		}
		next = EXT4_I(inode)->dtime;
		if (finish_one(fs, inode) || head_of(fs) == ino || (next && next == ino)) {
			ext4_corrupt(fs, ino, "could not be taken off the orphan list");
			break;
		}
		freed++;
	}
	if (freed)
		pr_info("ext4 (%s): %u orphans finished\n", fs->sb->id, freed);
}
