// SPDX-License-Identifier: MIT
/*
 * Mounting, syncing, unmounting.
 *
 * What the features in the super block allow stands in feature.c. One that notes
 * errors, or was not unmounted, is mounted with a warning.
 *
 * While mounted for writing the clean flag is off, so that e2fsck looks at a
 * file system whose machine lost power; unmounting or going read-only sets it
 * again.  The counts of the super block are brought up to date then and by
 * sync; the descriptors' are always right.
 *
 * Locks: umount_lock (VFS) around put_super and remount; trans_lock is taken
 * for writing where no handle may be open.
 */
#include <linux/magic.h>
#include <linux/mount.h>
#include <tarn/crc.h>
#include <tarn/dentry.h>
#include <tarn/math.h>
#include <tarn/parse.h>
#include <tarn/strbuf.h>
#include <tarn/time.h>
#include "ext4.h"

static const struct super_ops ext4_super_ops;
static struct kmem_cache *inode_cache;

/* ---- the super block ---- */

void ext4_super_changed(struct ext4_handle *h, struct ext4_fs *fs)
{
	mutex_assert_held(&fs->super_lock);
	if (fs->metadata_csum)
		fs->super->checksum = cpu_to_le32(ext4_super_csum(fs->super));
	if (h)
		ext4_dirty(h, fs->super_bh);
	else
		buffer_dirty(fs->super_bh);
}

void ext4_super_update(struct ext4_fs *fs)
{
	struct ext4_super *es = fs->super;
	u64 free = atomic_load(&fs->free_blocks);
	u64 now = (u64)realtime_coarse().tv_sec;

	mutex_lock(&fs->super_lock);
	es->free_blocks_lo = cpu_to_le32((u32)free);
	if (ext4_has_incompat(fs, INCOMPAT_64BIT))
		es->free_blocks_hi = cpu_to_le32((u32)(free >> 32));
	es->free_inodes = cpu_to_le32((u32)atomic_load(&fs->free_inodes));
	es->wtime = cpu_to_le32((u32)now);
	es->wtime_hi = (u8)(now >> 32);
	ext4_super_changed(NULL, fs);
	mutex_unlock(&fs->super_lock);
}

static int ext4_fs_sync(struct ext4_fs *fs)
{
	rwsem_write_lock(&fs->trans_lock);
	ext4_super_update(fs);
	rwsem_write_unlock(&fs->trans_lock);
	return bdev_sync(fs->bdev);
}

static int ext4_sync(struct super *sb, bool wait)
{
	struct ext4_fs *fs = sb->private;

	if (ext4_read_only(fs))
		return 0;
	if (wait)
		return ext4_fs_sync(fs);
	ext4_super_update(fs);
	return mapping_start_writeback(fs->bdev->inode->mapping);
}

/* The flag, to the disk.  Going clean: everything else must be there already. */
static int set_clean(struct ext4_fs *fs, bool clean)
{
	struct ext4_super *es = fs->super;
	int err = 0;
	u16 state;

	if (clean) {
		err = ext4_fs_sync(fs);
		ext4_note_losses(fs);
	}
	mutex_lock(&fs->super_lock);
	state = le16_to_cpu(es->state) & ~STATE_CLEAN;
	if (clean && !err)
		state |= fs->mount_state & STATE_CLEAN;
	es->state = cpu_to_le16(state);
	ext4_super_changed(NULL, fs);
	mutex_unlock(&fs->super_lock);
	return err ? err : ext4_fs_sync(fs);
}

/* ---- checking ---- */

static int refuse(const struct ext4_fs *fs, const char *why)
{
	pr_err("ext4 (%s): %s\n", fs->sb->id, why);
	return -EINVAL;
}

static const char *super_problem(const struct ext4_super *es)
{
	u32 log_bs = le32_to_cpu(es->log_block_size), bs = 1024u << (log_bs & 7);
	u32 inode_size = le32_to_cpu(es->rev_level) ? le16_to_cpu(es->inode_size) : INODE_SIZE_OLD;
	u32 ipg = le32_to_cpu(es->inodes_per_group), bpg = le32_to_cpu(es->blocks_per_group);
	const char *problem = ext4_feature_problem(es);

	if (problem)
		return problem;
	if (log_bs > 2)
		return "block size is not 1, 2 or 4 KiB";
	if (inode_size < INODE_SIZE_OLD || inode_size > bs || (inode_size & (inode_size - 1)))
		return "impossible inode size";
	if (!ipg || ipg > bs * 8 || ipg % (bs / inode_size) || ipg % 8)
		return "impossible number of inodes in a group";
	if (bpg < 256 || bpg > bs * 8 || bpg % 8)
		return "impossible number of blocks in a group";
	if (le32_to_cpu(es->first_data_block) != (bs == 1024))
		return "impossible first data block";
	if (le32_to_cpu(es->log_cluster_size) != log_bs && le32_to_cpu(es->rev_level) &&
	    le32_to_cpu(es->log_cluster_size))
		return "clusters of several blocks";
	return NULL;
}

/* The layout's numbers; all later arithmetic trusts them. */
static int load_geometry(struct ext4_fs *fs)
{
	const struct ext4_super *es = fs->super;
	bool dynamic = le32_to_cpu(es->rev_level) > 0;
	u64 hi = ext4_has_incompat(fs, INCOMPAT_64BIT) ? (u64)le32_to_cpu(es->blocks_count_hi) << 32 : 0;
	u64 rhi = hi ? (u64)le32_to_cpu(es->r_blocks_count_hi) << 32 : 0, groups;

	fs->inode_size = dynamic ? le16_to_cpu(es->inode_size) : INODE_SIZE_OLD;
	fs->first_ino = dynamic ? le32_to_cpu(es->first_ino) : FIRST_INO_OLD;
	fs->inodes_per_group = le32_to_cpu(es->inodes_per_group);
	fs->blocks_per_group = le32_to_cpu(es->blocks_per_group);
	fs->inodes_count = le32_to_cpu(es->inodes_count);
	fs->blocks_count = le32_to_cpu(es->blocks_count_lo) | hi;
	fs->reserved_blocks = le32_to_cpu(es->r_blocks_count_lo) | rhi;
	fs->first_data_block = le32_to_cpu(es->first_data_block);
	fs->desc_size = ext4_has_incompat(fs, INCOMPAT_64BIT) ? le16_to_cpu(es->desc_size) :
								 DESC_SIZE_OLD;
	if (fs->desc_size < DESC_SIZE_OLD || fs->desc_size > fs->block_size ||
	    (fs->desc_size & (fs->desc_size - 1)) ||
	    (ext4_has_incompat(fs, INCOMPAT_64BIT) && fs->desc_size < DESC_SIZE_64))
		return refuse(fs, "impossible descriptor size");
	if (fs->blocks_count <= fs->first_data_block + 4 || fs->blocks_count >> 48)
		return refuse(fs, "impossible size");
	if (fs->blocks_count > (fs->bdev->sectors << SECTOR_SHIFT) >> fs->block_bits)
		return refuse(fs, "is larger than its device");
	groups = div_round_up_u64(fs->blocks_count - fs->first_data_block, fs->blocks_per_group);
	if (groups > 1u << 20 || groups * fs->inodes_per_group != fs->inodes_count)
		return refuse(fs, "groups and inodes do not match");
	if (fs->first_ino < FIRST_INO_OLD || fs->first_ino > fs->inodes_count)
		return refuse(fs, "impossible first inode");
	fs->groups = (u32)groups;
	fs->descs_per_block = fs->block_size / fs->desc_size;
	fs->gdt_blocks = DIV_ROUND_UP(fs->groups, fs->descs_per_block);
	fs->itable_blocks = fs->inodes_per_group / (fs->block_size / fs->inode_size);
	if (fs->reserved_blocks > fs->blocks_count / 2)
		fs->reserved_blocks = fs->blocks_count / 2;
	return 0;
}

static void load_options(struct ext4_fs *fs)
{
	const struct ext4_super *es = fs->super;
	u32 want = le16_to_cpu(es->want_extra_isize), min = le16_to_cpu(es->min_extra_isize);

	fs->metadata_csum = ext4_has_ro(fs, RO_METADATA_CSUM);
	fs->gdt_csum = !fs->metadata_csum && ext4_has_ro(fs, RO_GDT_CSUM);
	fs->csum_seed = ext4_has_incompat(fs, INCOMPAT_CSUM_SEED) ?
				le32_to_cpu(es->checksum_seed) :
				crc32c(~0u, es->uuid, sizeof(es->uuid));
	for (u32 i = 0; i < 4; i++)
		fs->hash_seed[i] = le32_to_cpu(es->hash_seed[i]);
	fs->hash_version = es->def_hash_version <= HASH_TEA ? es->def_hash_version : HASH_HALF_MD4;
	/* Neither flag: plain char, which on x86 is signed. */
	fs->hash_unsigned = le32_to_cpu(es->flags) & SUPER_HASH_UNSIGNED ? HASH_UNSIGNED : 0;
	if (fs->inode_size > INODE_SIZE_OLD) {
		want = MAX(want, min);
		if (!ext4_has_ro(fs, RO_EXTRA_ISIZE) || want < 28)
			want = sizeof(struct ext4_disk_inode) - INODE_SIZE_OLD;
		fs->want_extra_isize = MIN(ALIGN_UP(want, 4u), fs->inode_size - INODE_SIZE_OLD);
	}
}

/* ---- loading ---- */

/* The super block's buffer in blocks of the file system's size. */
static int load_super(struct ext4_fs *fs)
{
	struct ext4_super *es = kmalloc(sizeof(*es), GFP_KERNEL);
	const char *problem;
	struct buffer *bh;
	int err;

	if (!es)
		return -ENOMEM;
	err = bdev_read(fs->bdev, EXT4_SUPER_OFFSET, es, sizeof(*es));
	if (!err && le16_to_cpu(es->magic) != EXT4_MAGIC)
		err = -EINVAL; /* not one of ours: no noise, another type may fit */
	problem = err ? NULL : super_problem(es);
	if (problem)
		err = refuse(fs, problem);
	fs->block_bits = err ? 10 : 10 + le32_to_cpu(es->log_block_size);
	fs->block_size = 1u << fs->block_bits;
	kfree(es);
	if (err)
		return err;
	bh = ext4_bread(fs, EXT4_SUPER_OFFSET >> fs->block_bits);
	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	fs->super_bh = bh;
	fs->super = (struct ext4_super *)((char *)bh->data + (EXT4_SUPER_OFFSET & (fs->block_size - 1)));
	fs->compat = le32_to_cpu(fs->super->feature_compat);
	fs->incompat = le32_to_cpu(fs->super->feature_incompat);
	fs->ro_compat = le32_to_cpu(fs->super->feature_ro_compat);
	fs->journal = fs->compat & COMPAT_HAS_JOURNAL;
	fs->mount_state = le16_to_cpu(fs->super->state);
	if (ext4_has_ro(fs, RO_METADATA_CSUM) &&
	    ext4_super_csum(fs->super) != le32_to_cpu(fs->super->checksum)) {
		pr_err("ext4 (%s): super block checksum is wrong\n", fs->sb->id);
		return -EUCLEAN;
	}
	return 0;
}

static struct ext4_fs *fs_alloc(struct super *sb, struct bdev *bdev)
{
	struct ext4_fs *fs = kzalloc(sizeof(*fs), GFP_KERNEL);

	if (!fs)
		return NULL;
	fs->sb = sb;
	fs->bdev = bdev;
	rwsem_init(&fs->trans_lock, "ext4_trans", LR_FS_TRANS);
	mutex_init(&fs->super_lock, "ext4_super", LR_FS_ALLOC);
	mutex_init(&fs->orphan_lock, "ext4_orphan", LR_FS_ALLOC);
	list_init(&fs->orphans);
	sb->private = fs;
	return fs;
}

static void fs_free(struct ext4_fs *fs)
{
	ext4_groups_free(fs);
	buffer_put(fs->super_bh);
	kfree(fs);
}

/* ---- becoming writable and read-only ---- */

static int make_writable(struct ext4_fs *fs)
{
	struct ext4_super *es = fs->super;
	u64 now = (u64)realtime_coarse().tv_sec;
	int err;

	if (fs->bdev->limits.read_only)
		return -EROFS;
	if (!(fs->mount_state & STATE_CLEAN))
		pr_warn("ext4 (%s): was not unmounted cleanly: e2fsck is recommended\n", fs->sb->id);
	if (fs->mount_state & STATE_ERRORS)
		pr_warn("ext4 (%s): has errors noted: e2fsck is recommended\n", fs->sb->id);
	mutex_lock(&fs->super_lock);
	es->mnt_count = cpu_to_le16(le16_to_cpu(es->mnt_count) + 1);
	es->mtime = cpu_to_le32((u32)now);
	es->mtime_hi = (u8)(now >> 32);
	ext4_super_changed(NULL, fs);
	mutex_unlock(&fs->super_lock);
	fs->rw = true;
	fs->losses_noted = errseq_now(&fs->bdev->inode->mapping->wb_error);
	err = set_clean(fs, false);
	if (err) {
		fs->rw = false;
		return err;
	}
	atomic_fetch_and(&fs->sb->flags, ~(u32)MS_RDONLY);
	ext4_orphans_process(fs);
	return 0;
}

static int make_read_only(struct ext4_fs *fs)
{
	int err;

	if (!fs->rw)
		return 0;
	err = atomic_load(&fs->aborted) ? -EROFS : set_clean(fs, true);
	rwsem_write_lock(&fs->trans_lock);
	fs->rw = false;
	rwsem_write_unlock(&fs->trans_lock);
	return err == -EROFS ? 0 : err;
}

static int ext4_remount(struct super *sb, u32 flags, char *data)
{
	struct ext4_fs *fs = sb->private;
	bool ro = flags & MS_RDONLY, forced = false;

	if (ro)
		return make_read_only(fs);
	if (fs->rw)
		return atomic_load(&fs->aborted) ? -EROFS : 0;
	if (ext4_features_check(fs, &forced) || forced)
		return -EROFS;
	fs->mount_state = le16_to_cpu(fs->super->state);
	return make_writable(fs);
}

static void ext4_put_super(struct super *sb)
{
	struct ext4_fs *fs = sb->private;
	struct bdev *bdev;
	int err;

	if (!fs)
		return;
	bdev = fs->bdev;
	err = make_read_only(fs);
	if (err)
		pr_err("ext4 (%s): unmounting: error %d\n", sb->id, err);
	sb->private = NULL;
	fs_free(fs);
	rcu_assign(bdev->holder, NULL);
	bdev_release(bdev);
}

/* ---- mounting ---- */

static struct inode *ext4_alloc_inode(struct super *sb)
{
	struct ext4_inode *ei = kmem_cache_alloc(inode_cache, GFP_NOFS);

	if (!ei)
		return NULL;
	ext4_inode_setup(&ei->vfs);
	return &ei->vfs;
}

static void ext4_free_inode_struct(struct inode *inode)
{
	kmem_cache_free(inode_cache, EXT4_I(inode));
}

static int load_root(struct super *sb)
{
	struct inode *root = ext4_iget(sb, INO_ROOT, 0);

	if (IS_ERR(root))
		return (int)PTR_ERR(root);
	if (!mode_is_dir(root->mode)) {
		inode_put(root);
		return ext4_corrupt(sb->private, INO_ROOT, "the root is not a directory");
	}
	sb->root = dentry_alloc_root(root);
	return sb->root ? 0 : -ENOMEM;
}

static int fill_super(struct super *sb, struct ext4_fs *fs, bool read_only)
{
	int err = load_super(fs);

	if (!err)
		err = ext4_features_check(fs, &read_only);
	if (!err)
		err = load_geometry(fs);
	if (err)
		return err;
	load_options(fs);
	sb->block_size = fs->block_size;
	sb->max_bytes = ext4_max_bytes(fs, ext4_has_incompat(fs, INCOMPAT_EXTENTS));
	sb->magic = EXT4_SUPER_MAGIC;
	sb->time_gran = fs->inode_size > INODE_SIZE_OLD ? 1 : NSEC_PER_SEC;
	atomic_fetch_or(&sb->flags, MS_RDONLY); /* until make_writable() */
	err = ext4_groups_load(fs);
	if (!err)
		err = load_root(sb);
	if (!err && !read_only)
		err = make_writable(fs);
	return err;
}

static bool inode_cache_ready(void)
{
	static struct mutex lock = MUTEX_INIT(lock, "ext4_init", LR_SLEEP_LEAF);

	mutex_lock(&lock);
	if (!inode_cache) {
		inode_cache = kmem_cache_create("ext4_inode", sizeof(struct ext4_inode), 0, NULL);
		kmem_cache_is_reclaimable(inode_cache);
	}
	mutex_unlock(&lock);
	return inode_cache;
}

static struct super *ext4_mount(const struct fs_type *type, const struct mount_args *args)
{
	bool ro = args->flags & MS_RDONLY;
	struct bdev *bdev = super_open_device(args->source, ro);
	struct ext4_fs *fs;
	struct super *sb;
	int err;

	if (IS_ERR(bdev))
		return ERR_CAST(bdev);
	if (!inode_cache_ready())
		return ERR_PTR(-ENOMEM);
	sb = super_find(type, bdev);
	if (sb)
		return sb;
	err = bdev_claim(bdev, ro);
	if (err)
		return ERR_PTR(err);
	sb = super_alloc(type, &ext4_super_ops, bdev->dev);
	fs = sb ? fs_alloc(sb, bdev) : NULL;
	if (!fs) {
		bdev_release(bdev);
		if (sb)
			super_put(sb);
		return ERR_PTR(-ENOMEM);
	}
	sb->bdev = bdev;
	rcu_assign(bdev->holder, sb); /* until put_super; the struct goes through RCU */
	strscpy(sb->id, bdev->name, sizeof(sb->id));
	err = fill_super(sb, fs, ro);
	if (err) {
		super_put(sb); /* put_super frees what there is and releases the device */
		return ERR_PTR(err);
	}
	pr_info("ext4 (%s): mounted %s, %llu blocks of %u bytes%s\n", sb->id, fs->rw ? "rw" : "ro",
		(unsigned long long)fs->blocks_count, fs->block_size,
		fs->journal ? ", journal not used" : "");
	return sb;
}

/* ---- statfs and the like ---- */

static int ext4_statfs(struct super *sb, struct kstatfs *out)
{
	struct ext4_fs *fs = sb->private;
	u64 free = atomic_load(&fs->free_blocks), delayed = atomic_load(&fs->delayed);

	free = free > delayed ? free - delayed : 0;
	*out = (struct kstatfs){
		.type = EXT4_SUPER_MAGIC,
		.bsize = fs->block_size,
		.frsize = fs->block_size,
		.blocks = fs->blocks_count - MIN(fs->overhead, fs->blocks_count),
		.bfree = free,
		.bavail = free > fs->reserved_blocks ? free - fs->reserved_blocks : 0,
		.files = fs->inodes_count,
		.ffree = atomic_load(&fs->free_inodes),
		.fsid = get_le64(fs->super->uuid) ^ get_le64(fs->super->uuid + 8),
		.namelen = NAME_MAX_LEN,
	};
	return 0;
}

static void ext4_show_options(struct super *sb, struct strbuf *out)
{
	struct ext4_fs *fs = sb->private;
	u16 errors = le16_to_cpu(fs->super->errors);

	if (errors == ERRORS_RO)
		strbuf_puts(out, ",errors=remount-ro");
	else if (errors == ERRORS_PANIC)
		strbuf_puts(out, ",errors=panic");
}

static const struct super_ops ext4_super_ops = {
	.alloc_inode = ext4_alloc_inode,
	.free_inode = ext4_free_inode_struct,
	.write_inode = ext4_vfs_write_inode,
	.evict = ext4_evict,
	.sync = ext4_sync,
	.put_super = ext4_put_super,
	.statfs = ext4_statfs,
	.remount = ext4_remount,
	.show_options = ext4_show_options,
};

static const struct fs_type ext4_fs = { .name = "ext4", .needs_device = true, .mount = ext4_mount };
static const struct fs_type ext3_fs = { .name = "ext3", .needs_device = true, .mount = ext4_mount };
static const struct fs_type ext2_fs = { .name = "ext2", .needs_device = true, .mount = ext4_mount };
SECTION_SET(filesystems, ext4_fs);
SECTION_SET(filesystems, ext3_fs);
SECTION_SET(filesystems, ext2_fs);
