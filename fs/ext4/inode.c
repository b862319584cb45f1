// SPDX-License-Identifier: MIT
/*
 * Inodes between their table on disk and struct inode.
 *
 * ext4_iget() reads one and believes nothing: what cannot be true makes the
 * call fail with -EUCLEAN.  ext4_write_inode() copies the whole inode back,
 * within a handle; operations call it as their last step, and VFS does through
 * write_inode for times.
 *
 * Times are 32 bits of seconds, and, where the inode is large enough, two more
 * bits of epoch and 30 of nanoseconds.  Block counts are 48 bits of sectors or,
 * with a flag, of blocks.
 *
 * Locks: bh lock guards the bytes in the table block, because one block holds
 * several inodes and the in-inode xattrs are changed there too.
 */
#include <tarn/random.h>
#include "ext4.h"

#define READ_AHEAD_BLOCKS 16u

void ext4_inode_setup(struct inode *inode)
{
	struct ext4_inode *ei = EXT4_I(inode);

	memset((char *)ei + sizeof(ei->vfs), 0, sizeof(*ei) - sizeof(ei->vfs));
	rwsem_init(&ei->map_lock, "ext4_map", LR_FS_INODE_MAP);
	rwsem_init(&ei->xattr_lock, "ext4_xattr", LR_FS_INODE_MAP);
	spin_init(&ei->cache_lock, "ext4_map_cache", LR_LEAF);
	list_init(&ei->orphan_node);
}

/* ---- finding the raw inode ---- */

static void read_ahead(struct ext4_fs *fs, u32 group, u32 in_table)
{
	const struct ext4_group_desc *gd = ext4_desc(fs, group);
	u32 used = fs->inodes_per_group - ext4_desc_itable_unused(fs, gd);
	u32 per_block = fs->block_size / fs->inode_size;
	u32 end = MIN(DIV_ROUND_UP(used, per_block),
		      ALIGN_DOWN(in_table, READ_AHEAD_BLOCKS) + READ_AHEAD_BLOCKS);

	for (u32 i = in_table; i < end; i++)
		buffer_prefetch(fs->bdev, ext4_desc_inode_table(fs, gd) + i, fs->block_size);
}

int ext4_raw_inode(struct ext4_fs *fs, u64 ino, struct buffer **bh, struct ext4_disk_inode **di)
{
	u32 group = (u32)((ino - 1) / fs->inodes_per_group);
	u32 index = (u32)((ino - 1) % fs->inodes_per_group);
	u32 per_block = fs->block_size / fs->inode_size;
	u64 block = ext4_desc_inode_table(fs, ext4_desc(fs, group)) + index / per_block;
	struct buffer *b = buffer_find(fs->bdev, block, fs->block_size);

	if (!b) {
		read_ahead(fs, group, index / per_block);
		b = ext4_bread(fs, block);
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
	}
	*bh = b;
	*di = (struct ext4_disk_inode *)((char *)b->data + index % per_block * fs->inode_size);
	return 0;
}

/* ---- times ---- */

static bool has_field(const struct ext4_inode *ei, u32 end)
{
	return end <= INODE_SIZE_OLD + ei->extra_isize;
}
#define HAS_FIELD(ei, field)                                                      \
	has_field(ei, offsetof(struct ext4_disk_inode, field) +                   \
			      sizeof(((struct ext4_disk_inode *)0)->field))

static struct timespec64 time_load(le32 seconds, bool has_extra, le32 extra)
{
	struct timespec64 t = { .tv_sec = (s32)le32_to_cpu(seconds) };

	if (has_extra) {
		t.tv_sec += (s64)(le32_to_cpu(extra) & 3) << 32;
		t.tv_nsec = MIN(le32_to_cpu(extra) >> 2, 999999999u);
	}
	return t;
}

static le32 time_seconds(const struct timespec64 *t, bool has_extra)
{
	s64 max = has_extra ? (3ll << 32) + INT32_MAX : INT32_MAX;
	s64 sec = t->tv_sec > max ? max : t->tv_sec < INT32_MIN ? INT32_MIN : t->tv_sec;

	return cpu_to_le32((u32)sec);
}

static le32 time_extra(const struct timespec64 *t)
{
	s64 max = (3ll << 32) + INT32_MAX;
	s64 sec = t->tv_sec > max ? max : t->tv_sec < INT32_MIN ? INT32_MIN : t->tv_sec;
	u32 epoch = (u32)((sec - (s32)sec) >> 32) & 3;

	return cpu_to_le32((u32)t->tv_nsec << 2 | epoch);
}

static void load_times(struct inode *inode, const struct ext4_disk_inode *di)
{
	struct ext4_inode *ei = EXT4_I(inode);

	inode->ctime = time_load(di->ctime, HAS_FIELD(ei, ctime_extra), di->ctime_extra);
	inode->mtime = time_load(di->mtime, HAS_FIELD(ei, mtime_extra), di->mtime_extra);
	inode->atime = time_load(di->atime, HAS_FIELD(ei, atime_extra), di->atime_extra);
	if (HAS_FIELD(ei, crtime_extra))
		inode->btime = time_load(di->crtime, true, di->crtime_extra);
}

static void store_times(struct inode *inode, struct ext4_disk_inode *di)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct timespec64 a, m, c;

	spin_lock(&inode->spin);
	a = inode->atime;
	m = inode->mtime;
	c = inode->ctime;
	spin_unlock(&inode->spin);
	di->atime = time_seconds(&a, HAS_FIELD(ei, atime_extra));
	di->mtime = time_seconds(&m, HAS_FIELD(ei, mtime_extra));
	di->ctime = time_seconds(&c, HAS_FIELD(ei, ctime_extra));
	if (HAS_FIELD(ei, ctime_extra))
		di->ctime_extra = time_extra(&c);
	if (HAS_FIELD(ei, mtime_extra))
		di->mtime_extra = time_extra(&m);
	if (HAS_FIELD(ei, atime_extra))
		di->atime_extra = time_extra(&a);
	if (HAS_FIELD(ei, crtime_extra)) {
		di->crtime = time_seconds(&inode->btime, true);
		di->crtime_extra = time_extra(&inode->btime);
	}
}

/* ---- reading ---- */

static u64 load_blocks(const struct ext4_fs *fs, const struct ext4_disk_inode *di, u32 flags)
{
	u64 n = le32_to_cpu(di->blocks_lo);

	if (!ext4_has_ro(fs, RO_HUGE_FILE))
		return n;
	n |= (u64)le16_to_cpu(di->blocks_hi) << 32;
	return flags & IFL_HUGE_FILE ? n << (fs->block_bits - 9) : n;
}

static kdev_t load_rdev(const struct ext4_disk_inode *di)
{
	u32 old = le32_to_cpu(di->block[0]), new = le32_to_cpu(di->block[1]);

	if (old)
		return KDEV(old >> 8 & 0xff, old & 0xff);
	return KDEV(new >> 8 & 0xfff, (new & 0xff) | (new >> 12 & 0xfff00));
}

static void store_rdev(struct ext4_inode *ei)
{
	u32 major = KDEV_MAJOR(ei->vfs.rdev), minor = KDEV_MINOR(ei->vfs.rdev);

	memset(ei->block, 0, sizeof(ei->block));
	if (major < 256 && minor < 256)
		ei->block[0] = cpu_to_le32(major << 8 | minor);
	else
		ei->block[1] = cpu_to_le32((minor & 0xff) | major << 8 | (minor & ~0xffu) << 12);
}

static bool is_fast_symlink(const struct inode *inode)
{
	const struct ext4_inode *ei = EXT4_I(inode);
	u64 xattr = ei->file_acl ? EXT4_FS(inode)->block_size >> 9 : 0;

	return mode_is_lnk(inode->mode) && inode->blocks == xattr &&
	       inode_size(inode) < sizeof(ei->block);
}

bool ext4_has_blocks_field(const struct inode *inode)
{
	return mode_is_reg(inode->mode) || mode_is_dir(inode->mode) ||
	       (mode_is_lnk(inode->mode) && !inode->link);
}

static bool mode_known(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	}
	return false;
}

/* What must hold before any field is used.  NULL, or what is wrong. */
static const char *raw_problem(const struct ext4_fs *fs, struct ext4_disk_inode *di, u64 ino)
{
	u32 seed, have, extra;

	if (fs->inode_size > INODE_SIZE_OLD) {
		extra = le16_to_cpu(di->extra_isize);
		if (extra > fs->inode_size - INODE_SIZE_OLD || (extra & 3))
			return "extra size does not fit";
	}
	if (fs->metadata_csum) {
		seed = ext4_inode_seed(fs, ino, le32_to_cpu(di->generation));
		have = le16_to_cpu(di->checksum_lo);
		if (fs->inode_size > INODE_SIZE_OLD && le16_to_cpu(di->extra_isize) >= 4)
			have |= (u32)le16_to_cpu(di->checksum_hi) << 16;
		if (have != ext4_inode_csum(fs, seed, di))
			return "checksum is wrong";
	}
	if (!mode_known(le16_to_cpu(di->mode)))
		return "unknown type";
	if (le32_to_cpu(di->flags) & (IFL_ENCRYPT | IFL_EA_INODE | IFL_INLINE_DATA | IFL_CASEFOLD))
		return "uses a feature that the file system does not have";
	if ((le32_to_cpu(di->flags) & IFL_EXTENTS) && !ext4_has_incompat(fs, INCOMPAT_EXTENTS))
		return "has extents on a file system without";
	return NULL;
}

static void load_fields(struct inode *inode, const struct ext4_disk_inode *di)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	struct ext4_inode *ei = EXT4_I(inode);
	u64 size = le32_to_cpu(di->size_lo);

	inode->mode = le16_to_cpu(di->mode);
	inode->uid = le16_to_cpu(di->uid_lo) | (u32)le16_to_cpu(di->uid_hi) << 16;
	inode->gid = le16_to_cpu(di->gid_lo) | (u32)le16_to_cpu(di->gid_hi) << 16;
	inode->nlink = le16_to_cpu(di->links);
	inode->generation = le32_to_cpu(di->generation);
	inode->blkbits = fs->block_bits;
	ei->flags = le32_to_cpu(di->flags);
	inode->blocks = load_blocks(fs, di, ei->flags);
	if (mode_is_reg(inode->mode) || (fs->incompat & INCOMPAT_LARGEDIR))
		size |= (u64)le32_to_cpu(di->size_hi) << 32;
	atomic_store(&inode->size, size);
	ei->file_acl = le32_to_cpu(di->file_acl_lo);
	if (ext4_has_incompat(fs, INCOMPAT_64BIT))
		ei->file_acl |= (u64)le16_to_cpu(di->file_acl_hi) << 32;
	ei->extra_isize = fs->inode_size > INODE_SIZE_OLD ? le16_to_cpu(di->extra_isize) : 0;
	ei->dtime = le32_to_cpu(di->dtime);
	ei->csum_seed = ext4_inode_seed(fs, inode->ino, inode->generation);
	memcpy(ei->block, di->block, sizeof(ei->block));
	load_times(inode, di);
}

/* What the fields together must satisfy. */
static const char *inode_problem(struct inode *inode)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	struct ext4_inode *ei = EXT4_I(inode);
	u64 size = inode_size(inode);

	if (ei->file_acl && !ext4_blocks_valid(fs, ei->file_acl, 1))
		return "attribute block lies outside the data area";
	if (size > ext4_max_bytes(fs, ei->flags & IFL_EXTENTS))
		return "impossible size";
	if (mode_is_dir(inode->mode) && (size % fs->block_size || !size))
		return "directory with an odd size";
	if (mode_is_lnk(inode->mode) && (!size || size > PATH_MAX_LEN))
		return "symlink with an impossible length";
	return NULL;
}

void ext4_set_attr_flags(struct inode *inode)
{
	static const struct {
		u32 disk, vfs;
	} table[] = { { IFL_SYNC, S_SYNC },	     { IFL_NOATIME, S_NOATIME },
		      { IFL_APPEND, S_APPEND },	     { IFL_IMMUTABLE, S_IMMUTABLE },
		      { IFL_DIRSYNC, S_DIRSYNC },    { IFL_NODUMP, S_NODUMP } };
	u32 out = 0;

	for (u32 i = 0; i < ARRAY_SIZE(table); i++)
		if (EXT4_I(inode)->flags & table[i].disk)
			out |= table[i].vfs;
	inode->attr_flags = out | (inode->attr_flags & S_SWAPFILE);
}

void ext4_set_ops(struct inode *inode)
{
	inode->data.ops = &ext4_mapping_ops;
	if (mode_is_reg(inode->mode)) {
		inode->ops = &ext4_file_inode_ops;
		inode->fops = &ext4_file_ops;
	} else if (mode_is_dir(inode->mode)) {
		inode->ops = &ext4_dir_inode_ops;
		inode->fops = &ext4_dir_fops;
	} else if (mode_is_lnk(inode->mode)) {
		inode->ops = &ext4_symlink_inode_ops;
	} else {
		inode->ops = &ext4_special_inode_ops;
		inode_init_special(inode, inode->mode, inode->rdev);
	}
}

static int fill(struct inode *inode, const struct ext4_disk_inode *di)
{
	struct ext4_inode *ei = EXT4_I(inode);
	const char *problem;

	load_fields(inode, di);
	problem = inode_problem(inode);
	if (problem)
		return ext4_corrupt(EXT4_FS(inode), inode->ino, "%s", problem);
	if (is_fast_symlink(inode)) {
		char *text = (char *)ei->block;

		text[inode_size(inode)] = 0;
		if (strlen(text) != inode_size(inode))
			return ext4_corrupt(EXT4_FS(inode), inode->ino, "symlink holds a NUL");
		inode->link = text;
	} else if (ext4_has_blocks_field(inode)) {
		if (ei->flags & IFL_EXTENTS)
			return ext4_extent_check_root(inode);
	} else {
		inode->rdev = load_rdev(di);
	}
	return 0;
}

static int read_and_fill(struct inode *inode, u32 flags)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	struct ext4_disk_inode *di;
	const char *problem;
	struct buffer *bh;
	int err = ext4_raw_inode(fs, inode->ino, &bh, &di);

	if (err)
		return err;
	buffer_lock(bh);
	if (!di->links.raw && (!(flags & IGET_ORPHAN) || !di->mode.raw)) {
		err = ext4_corrupt(fs, inode->ino, "is referenced but deleted");
	} else {
		problem = raw_problem(fs, di, inode->ino);
		err = problem ? ext4_corrupt(fs, inode->ino, "%s", problem) : fill(inode, di);
	}
	buffer_unlock(bh);
	buffer_put(bh);
	return err;
}

struct inode *ext4_iget(struct super *sb, u64 ino, u32 flags)
{
	struct ext4_fs *fs = sb->private;
	struct inode *inode;
	int err;

	if (ino > fs->inodes_count || (ino < fs->first_ino && ino != INO_ROOT))
		return ERR_PTR(ext4_corrupt(fs, ino, "no such inode number"));
	inode = inode_get_or_new(sb, ino);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!(READ_UNLOCKED(inode->state) & IS_NEW)) /* new: ours alone to fill */
		return inode;
	err = read_and_fill(inode, flags);
	if (err) {
		inode_fail_new(inode);
		return ERR_PTR(err);
	}
	ext4_set_attr_flags(inode);
	ext4_set_ops(inode);
	EXT4_I(inode)->live = true;
	inode_unlock_new(inode);
	return inode;
}

/* ---- writing ---- */

static void store_blocks(struct ext4_inode *ei, struct ext4_disk_inode *di)
{
	const struct ext4_fs *fs = EXT4_FS(&ei->vfs);
	u64 n = ei->vfs.blocks;

	ei->flags &= ~(u32)IFL_HUGE_FILE;
	if (n >> 48) {
		ei->flags |= IFL_HUGE_FILE;
		n >>= fs->block_bits - 9;
	}
	di->blocks_lo = cpu_to_le32((u32)n);
	di->blocks_hi = cpu_to_le16(ext4_has_ro(fs, RO_HUGE_FILE) ? (u16)(n >> 32) : 0);
}

void ext4_raw_csum(struct inode *inode, struct ext4_disk_inode *di)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	u32 csum;

	if (!fs->metadata_csum)
		return;
	csum = ext4_inode_csum(fs, EXT4_I(inode)->csum_seed, di);
	di->checksum_lo = cpu_to_le16((u16)csum);
	if (HAS_FIELD(EXT4_I(inode), checksum_hi))
		di->checksum_hi = cpu_to_le16((u16)(csum >> 16));
}

static void store_fields(struct inode *inode, struct ext4_disk_inode *di)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	struct ext4_inode *ei = EXT4_I(inode);
	u64 size = inode_size(inode);
	struct owner o = inode_owner(inode);

	di->mode = cpu_to_le16((u16)o.mode);
	di->uid_lo = cpu_to_le16((u16)o.uid);
	di->uid_hi = cpu_to_le16((u16)(o.uid >> 16));
	di->gid_lo = cpu_to_le16((u16)o.gid);
	di->gid_hi = cpu_to_le16((u16)(o.gid >> 16));
	di->links = cpu_to_le16((u16)inode->nlink);
	di->generation = cpu_to_le32(inode->generation);
	di->dtime = cpu_to_le32(ei->dtime);
	di->size_lo = cpu_to_le32((u32)size);
	if (mode_is_reg(inode->mode) || (fs->incompat & INCOMPAT_LARGEDIR))
		di->size_hi = cpu_to_le32((u32)(size >> 32));
	store_blocks(ei, di);
	di->flags = cpu_to_le32(ei->flags);
	di->file_acl_lo = cpu_to_le32((u32)ei->file_acl);
	if (ext4_has_incompat(fs, INCOMPAT_64BIT))
		di->file_acl_hi = cpu_to_le16((u16)(ei->file_acl >> 32));
	if (!mode_is_lnk(inode->mode) && !ext4_has_blocks_field(inode) &&
	    (inode->mode & S_IFMT) != S_IFIFO && (inode->mode & S_IFMT) != S_IFSOCK)
		store_rdev(ei);
	memcpy(di->block, ei->block, sizeof(di->block));
	if (fs->inode_size > INODE_SIZE_OLD)
		di->extra_isize = cpu_to_le16(ei->extra_isize);
	store_times(inode, di);
}

int ext4_write_inode(struct ext4_handle *h, struct inode *inode)
{
	struct ext4_disk_inode *di;
	struct buffer *bh;
	int err = ext4_raw_inode(h->fs, inode->ino, &bh, &di);

	if (err)
		return err;
	err = ext4_access(h, bh);
	if (!err) {
		if (mode_is_reg(inode->mode) && unlikely(inode_size(inode) > INT32_MAX))
			ext4_feature_use_ro(h, RO_LARGE_FILE);
		buffer_lock(bh);
		store_fields(inode, di);
		ext4_raw_csum(inode, di);
		buffer_unlock(bh);
		ext4_dirty(h, bh);
	}
	buffer_put(bh);
	return err;
}

int ext4_vfs_write_inode(struct inode *inode, bool wait)
{
	struct ext4_handle h;
	int err, stop;

	if (!EXT4_I(inode)->live)
		return 0;
	err = ext4_start(&h, EXT4_FS(inode), CREDITS_INODE);
	if (err)
		return err;
	rwsem_read_lock(&EXT4_I(inode)->map_lock);
	err = ext4_write_inode(&h, inode);
	rwsem_read_unlock(&EXT4_I(inode)->map_lock);
	stop = ext4_stop(&h);
	return err ? err : stop;
}

/* ---- the end of an inode ---- */

static int delete_inode(struct inode *inode)
{
	struct ext4_handle h;
	int err, stop;

	err = ext4_free_all_blocks(inode);
	if (err)
		return err;
	err = ext4_start(&h, EXT4_FS(inode), CREDITS_TRUNCATE);
	if (err)
		return err;
	err = ext4_xattr_release(&h, inode);
	if (!err)
		err = ext4_orphan_del(&h, inode);
	if (!err) {
		EXT4_I(inode)->dtime = (u32)realtime_coarse().tv_sec;
		atomic_store(&inode->size, 0);
		err = ext4_write_inode(&h, inode);
	}
	if (!err)
		err = ext4_free_inode(&h, inode);
	stop = ext4_stop(&h);
	return err ? err : stop;
}

void ext4_evict(struct inode *inode)
{
	struct ext4_fs *fs = EXT4_FS(inode);
	int err;

	mapping_destroy(&inode->data);
	if (EXT4_I(inode)->live && !inode->nlink && !ext4_read_only(fs)) {
		err = delete_inode(inode);
		if (err)
			pr_err("ext4 (%s): inode %llu: not freed: error %d\n", fs->sb->id,
			       (unsigned long long)inode->ino, err);
	}
	/* Only who holds an inode lets it join or leave, and nobody holds this one: no need for the lock to
	 * see.  Who is evicted to make room, which may be what the lock's owner waits for, is on no list. */
	if (list_empty(&EXT4_I(inode)->orphan_node))
		return;
	/* What could not be freed stays on the disk's orphan list, but not on ours. */
	mutex_lock(&fs->orphan_lock);
	list_del_init(&EXT4_I(inode)->orphan_node);
	mutex_unlock(&fs->orphan_lock);
}
