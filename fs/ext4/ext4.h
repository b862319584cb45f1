// SPDX-License-Identifier: MIT
/*
 * Private to fs/ext4/: the mounted file system, the in-memory inode, and what
 * each file offers the others.
 *
 * Locks, in order:
 *   inode->lock (VFS)    a file's writers, truncation; a directory's entries
 *   page lock            one page of a file
 *   fs->trans_lock       read: a handle is open; write: none is (sync, unmount)
 *   ei->map_lock         one inode's block map (write: it changes)
 *   group->lock          one group's bitmaps and descriptor
 *   fs->orphan_lock, fs->super_lock   their lists; no group lock inside
 *   bh lock              the bytes of one inode in its table block
 */
#pragma once

#include <tarn/bitmap.h>
#include <tarn/block.h>
#include <tarn/buffer.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/file.h>
#include <tarn/inode.h>
#include <tarn/pagecache.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/thread.h>
#include "format.h"
#include "pure.h"

struct qstr;

/*
 * struct ext4_group - what is kept in memory of a block group.
 * The descriptor itself lies in fs->gdt.
 */
struct ext4_group {
	struct mutex lock;              /* LR_FS_ALLOC: bitmaps, descriptor, fields below */
	u32 free_blocks;                /* copy of the descriptor's: hint without the lock */
	u32 free_inodes, used_dirs;     /* the same */
	u32 first_free;                 /* no free block below this one */
	u32 largest;                    /* no free run is longer (a hint: ~0 when not known) */
	bool broken;                    /* a bitmap is bad: nothing is allocated here */
};

/* A run of blocks that belong to the file system itself. */
struct ext4_zone {
	u64 start, end;                 /* end: one past */
};

/* struct ext4_fs - one mounted file system.  [I] unless said otherwise. */
struct ext4_fs {
	struct super *sb;
	struct bdev *bdev;
	u32 block_size, block_bits;
	u32 inode_size, inodes_per_group, blocks_per_group, inodes_count, first_ino;
	u32 desc_size, descs_per_block, groups, gdt_blocks, itable_blocks;
	u64 blocks_count, first_data_block, reserved_blocks, overhead;
	u32 compat, incompat, ro_compat;
	bool metadata_csum, gdt_csum;   /* at most one of them */
	u32 csum_seed;
	u32 hash_seed[4];
	u8 hash_version;                /* of new directories */
	u8 hash_unsigned;               /* 0 or HASH_UNSIGNED */
	u32 want_extra_isize;
	u32 flex_shift;                 /* log2 of groups in a flex group */
	bool journal;                   /* has_journal: the clean flag means the journal is empty */
	bool inode32_times;             /* 128-byte inodes: seconds only */

	struct buffer *super_bh;        /* holds *super */
	struct ext4_super *super;       /* super_lock */
	struct buffer **gdt;            /* all descriptor blocks, referenced */
	struct ext4_group *group;
	struct ext4_zone *zones;        /* sorted; metadata that no file may claim */
	u32 nr_zones;

	_Atomic u64 free_blocks;        /* [a] */
	_Atomic u64 delayed;            /* [a] promised to pages that have no block yet */
	_Atomic u64 free_inodes;        /* [a] */
	_Atomic u32 next_dir_group;     /* [a] where the search for a new top directory begins */
	_Atomic bool aborted;           /* [a] an error made it read-only */
	_Atomic u32 losses_noted;       /* [a] cursor of errseq.h: lost metadata that the super block tells of */
	bool rw;                        /* umount_lock: mounted for writing */
	u16 mount_state;                /* umount_lock: s_state when it was mounted */

	struct rwsem trans_lock;        /* LR_FS_TRANS */
	struct mutex super_lock;        /* LR_FS_ALLOC */
	struct mutex orphan_lock;       /* LR_FS_ALLOC */
	struct list orphans GUARDED_BY(&orphan_lock);
};

/* A mapped run of an inode, remembered. */
struct ext4_map {
	u32 lblk;               /* first block of the file */
	u32 len;                /* blocks */
	u64 pblk;               /* on the device; 0 with MAP_HOLE */
	u32 flags;
};
#define MAP_HOLE 0u             /* nothing there: len blocks of hole */
#define MAP_MAPPED BIT(0)
#define MAP_UNWRITTEN BIT(1)    /* has blocks that read as zeros */

struct ext4_inode {
	struct inode vfs;               /* first: one allocation */
	struct rwsem map_lock;          /* LR_FS_INODE_MAP */
	le32 block[N_BLOCKS];           /* i_block; map_lock */
	u32 flags;                      /* i_flags; inode->lock */
	u64 file_acl;                   /* xattr block; xattr_lock */
	u16 extra_isize;                /* [I] after the inode is filled */
	bool live;                      /* [I] it was filled well: eviction may free what it holds */
	u32 dtime;                      /* orphan_lock: i_dtime, or the next orphan */
	u32 csum_seed;                  /* [I] */
	struct rwsem xattr_lock;        /* LR_FS_INODE_MAP; not together with map_lock */
	u32 last_lblk;                  /* map_lock: where the last allocation ended */
	u64 last_pblk;
	struct spinlock cache_lock;     /* LR_LEAF */
	struct ext4_map cache GUARDED_BY(&cache_lock); /* len 0: empty */
	_Atomic u32 delayed;            /* [a] blocks promised to its pages: stat(2) counts them */
	u32 dir_hint;                   /* inode->lock: block where a linear insert found room */
	struct list orphan_node;        /* orphan_lock */
};

static inline struct ext4_inode *EXT4_I(const struct inode *inode)
{
	return container_of((struct inode *)inode, struct ext4_inode, vfs);
}
static inline struct ext4_fs *EXT4_FS(const struct inode *inode)
{
	return inode->super->private;
}

/* ---- handle.c: the seam for the journal ---- */

/*
 * Every change of metadata happens between ext4_start() and ext4_stop(), names
 * each buffer to ext4_access() before and ext4_dirty() after it, and so can be
 * made part of a transaction.  Handles do not nest.
 */
struct ext4_handle {
	struct ext4_fs *fs;
	u32 credits;            /* buffers it may dirty */
	u32 dirtied;
	int error;              /* sticky */
};
/* 0, or -EROFS when the file system went read-only. */
int ext4_start(struct ext4_handle *h, struct ext4_fs *fs, u32 credits);
/* The handle's error, if any, else 0. */
int ext4_stop(struct ext4_handle *h);
int ext4_access(struct ext4_handle *h, struct buffer *bh);
void ext4_dirty(struct ext4_handle *h, struct buffer *bh);
/* The buffer of a block that was just allocated, zeroed.  ERR_PTR(-EUCLEAN): somebody uses it. */
struct buffer *ext4_new_buffer(struct ext4_handle *h, struct inode *inode, u64 block);
/* The same of one just allocated, which is given back if there is no buffer. */
struct buffer *ext4_new_block(struct ext4_handle *h, struct inode *inode, u64 block);
/* The same, allocated by ext4_alloc_meta(). */
struct buffer *ext4_new_meta(struct ext4_handle *h, struct inode *inode, u64 goal);
/* Blocks of metadata are free: their contents need not reach the disk. */
void ext4_forget(struct ext4_handle *h, u64 block, u64 count);
#define CREDITS_INODE 2u        /* inode, super block */
#define CREDITS_ALLOC 16u       /* bitmaps, descriptors, tree blocks of one allocation */
#define CREDITS_DIR 24u         /* an entry with its splits */
#define CREDITS_TRUNCATE 32u    /* one step */

/* ---- error.c ---- */

/* Logs "ext4 (vda): inode N: ...", notes it in the super block, and makes the file system
 * read-only unless errors=continue.  Returns -EUCLEAN. */
int ext4_corrupt(struct ext4_fs *fs, u64 ino, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* If metadata could not be written since the last look, that counts as a corrupt disk. */
void ext4_note_losses(struct ext4_fs *fs);

/* ---- feature.c ---- */
/* What makes the rest of the super block meaningless to us, or NULL. */
const char *ext4_feature_problem(const struct ext4_super *es);
/* 0, or what the mount fails with.  *read_only: was it asked so; out: must it be so. */
int ext4_features_check(const struct ext4_fs *fs, bool *read_only);
/* The first use turns the feature on: COMPAT_EXT_ATTR; RO_LARGE_FILE. */
void ext4_feature_use_compat(struct ext4_handle *h, u32 bit);
void ext4_feature_use_ro(struct ext4_handle *h, u32 bit);

/* ---- checksum.c ---- */
u32 ext4_super_csum(const struct ext4_super *es);
u16 ext4_desc_csum(const struct ext4_fs *fs, u32 group, const struct ext4_group_desc *gd);
u32 ext4_bitmap_csum(const struct ext4_fs *fs, const void *map, u32 bytes);
u32 ext4_inode_seed(const struct ext4_fs *fs, u64 ino, u32 generation);
u32 ext4_inode_csum(const struct ext4_fs *fs, u32 seed, struct ext4_disk_inode *di);
u32 ext4_extent_csum(u32 seed, const struct ext4_extent_header *eh);
u32 ext4_dir_csum(u32 seed, const void *block, u32 block_size);
u32 ext4_dx_csum(u32 seed, const void *block, u32 count_offset, u32 count,
		 const struct ext4_dx_tail *tail);
u32 ext4_xattr_block_csum(const struct ext4_fs *fs, u64 block, struct ext4_xattr_header *h);

/* ---- group.c ---- */
struct ext4_group_desc *ext4_desc(struct ext4_fs *fs, u32 group);
int ext4_groups_load(struct ext4_fs *fs);
void ext4_groups_free(struct ext4_fs *fs);
/* group->lock held: checksum, dirty. */
void ext4_desc_changed(struct ext4_handle *h, u32 group);
u64 ext4_desc_block_bitmap(const struct ext4_fs *fs, const struct ext4_group_desc *gd);
u64 ext4_desc_inode_bitmap(const struct ext4_fs *fs, const struct ext4_group_desc *gd);
u64 ext4_desc_inode_table(const struct ext4_fs *fs, const struct ext4_group_desc *gd);
u32 ext4_desc_free_blocks(const struct ext4_fs *fs, const struct ext4_group_desc *gd);
u32 ext4_desc_free_inodes(const struct ext4_fs *fs, const struct ext4_group_desc *gd);
u32 ext4_desc_used_dirs(const struct ext4_fs *fs, const struct ext4_group_desc *gd);
u32 ext4_desc_itable_unused(const struct ext4_fs *fs, const struct ext4_group_desc *gd);
void ext4_desc_set_free_blocks(const struct ext4_fs *fs, struct ext4_group_desc *gd, u32 n);
void ext4_desc_set_free_inodes(const struct ext4_fs *fs, struct ext4_group_desc *gd, u32 n);
void ext4_desc_set_used_dirs(const struct ext4_fs *fs, struct ext4_group_desc *gd, u32 n);
void ext4_desc_set_itable_unused(const struct ext4_fs *fs, struct ext4_group_desc *gd, u32 n);
u64 ext4_group_start(const struct ext4_fs *fs, u32 group);
u32 ext4_group_blocks(const struct ext4_fs *fs, u32 group);
bool ext4_group_has_super(const struct ext4_fs *fs, u32 group);
/* Descriptor and super block copies at the start of a group, reserved ones included. */
u32 ext4_group_base_blocks(const struct ext4_fs *fs, u32 group);
/* group->lock held.  The bitmap, verified; an uninitialised one is made (@h not NULL) and its flag dropped.
 * ERR_PTR. */
struct buffer *ext4_block_bitmap(struct ext4_handle *h, struct ext4_fs *fs, u32 group);
struct buffer *ext4_inode_bitmap(struct ext4_handle *h, struct ext4_fs *fs, u32 group);
/* Before a change of the bitmap and of the group's descriptor, which goes with it. */
int ext4_bitmap_access(struct ext4_handle *h, u32 group, struct buffer *bh);
void ext4_block_bitmap_changed(struct ext4_handle *h, u32 group, struct buffer *bh);
void ext4_inode_bitmap_changed(struct ext4_handle *h, u32 group, struct buffer *bh);
/* Can a file own [block, block + count)? */
bool ext4_blocks_valid(const struct ext4_fs *fs, u64 block, u64 count);

/* ---- balloc.c ---- */
/* Up to *count contiguous blocks near @goal (0: near the inode); *count: how many.  Counted to the inode's
 * i_blocks.  @promised: by ext4_reserve(), and the promise stays.  0, -ENOSPC, -EIO, -EUCLEAN. */
int ext4_alloc_blocks(struct ext4_handle *h, struct inode *inode, u64 goal, u32 *count, bool promised,
		      u64 *block);
/* One block for a tree: from the margin if need be. */
int ext4_alloc_meta(struct ext4_handle *h, struct inode *inode, u64 goal, u64 *block);
/* @metadata: their buffers are forgotten. */
int ext4_free_blocks(struct ext4_handle *h, struct inode *inode, u64 block, u64 count, bool metadata);
/* Promises @n blocks to delayed pages: 0 or -ENOSPC. */
int ext4_reserve(struct ext4_fs *fs, u32 n);
void ext4_unreserve(struct ext4_fs *fs, u32 n);

/* ---- ialloc.c ---- */
/* A new inode for @dir, filled by mode and owner, with a reference, hashed and IS_NEW-free; not yet on disk.
 * ERR_PTR. */
struct inode *ext4_new_inode(struct ext4_handle *h, struct inode *dir, mode_t mode);
int ext4_free_inode(struct ext4_handle *h, struct inode *inode);

/* ---- inode.c ---- */
#define IGET_ORPHAN BIT(0)      /* links 0 is fine */
void ext4_inode_setup(struct inode *inode); /* a fresh struct: locks, empty caches */
struct inode *ext4_iget(struct super *sb, u64 ino, u32 flags);
/* Copies the inode into its table block. */
int ext4_write_inode(struct ext4_handle *h, struct inode *inode);
/* super_ops.write_inode */
int ext4_vfs_write_inode(struct inode *inode, bool wait);
void ext4_evict(struct inode *inode);
void ext4_set_ops(struct inode *inode);
void ext4_set_attr_flags(struct inode *inode);
/* The raw inode inside its buffer (*bh referenced). */
int ext4_raw_inode(struct ext4_fs *fs, u64 ino, struct buffer **bh, struct ext4_disk_inode **di);
void ext4_raw_csum(struct inode *inode, struct ext4_disk_inode *di);
bool ext4_has_blocks_field(const struct inode *inode); /* i_block is a map, not symlink text */

/* ---- map.c ---- */
#define MAP_CREATE BIT(0)           /* allocate holes; unwritten blocks become written */
#define MAP_CREATE_UNWRITTEN BIT(1) /* allocate holes as unwritten; unwritten stays */
#define MAP_RESERVED BIT(2)         /* new blocks were promised by ext4_reserve(); the caller unreserves */
/* In: lblk, len wanted.  Out: what holds for the first len blocks.  0 or -errno.  @h NULL: look only. */
int ext4_map_blocks(struct ext4_handle *h, struct inode *inode, struct ext4_map *map, u32 flags);
/* Frees blocks [first, last] of the file step by step, with handles of its own. */
int ext4_remove_range(struct inode *inode, u32 first, u32 last);
u64 ext4_max_bytes(const struct ext4_fs *fs, bool extents);

/* ---- extent.c, extent_insert.c, extent_remove.c: map_lock held ---- */
void ext4_extent_init(struct inode *inode);
int ext4_extent_check_root(struct inode *inode);
/* From the root (level 0) to the leaf (level depth) on the way to a block. */
struct ext4_path {
	struct buffer *bh;              /* NULL: the root, in the inode */
	struct ext4_extent_header *eh;
	int pos;                        /* last entry that starts at or before the block; -1: none */
};
typedef struct ext4_path ext4_path_t[EXTENT_DEPTH_MAX + 1];
int ext4_path_find(struct inode *inode, u32 lblk, ext4_path_t path, u32 *depth);
void ext4_path_put(ext4_path_t path);
/* First block of the file at or behind the path's position + 1 that is mapped; ~0: none. */
u64 ext4_path_next(ext4_path_t path, u32 depth);
int ext4_node_access(struct ext4_handle *h, struct ext4_path *p);
void ext4_node_changed(struct ext4_handle *h, struct inode *inode, struct ext4_path *p);
/* The first entry of the node at @level is another: the keys above follow. */
int ext4_path_fix_keys(struct ext4_handle *h, struct inode *inode, ext4_path_t path, u32 level);
int ext4_extent_insert(struct ext4_handle *h, struct inode *inode, u32 lblk, u32 len, u64 pblk,
		       bool unwritten);
u32 ext4_node_capacity(const struct ext4_fs *fs);
static inline struct ext4_extent *ext4_extents(struct ext4_extent_header *eh)
{
	return (struct ext4_extent *)(eh + 1);
}
static inline struct ext4_extent_idx *ext4_indexes(struct ext4_extent_header *eh)
{
	return (struct ext4_extent_idx *)(eh + 1);
}
static inline u32 ext4_ext_len(const struct ext4_extent *e)
{
	u32 raw = le16_to_cpu(e->len);

	return raw <= EXTENT_LEN_MAX ? raw : raw - EXTENT_LEN_MAX;
}
static inline bool ext4_ext_unwritten(const struct ext4_extent *e)
{
	return le16_to_cpu(e->len) > EXTENT_LEN_MAX;
}
static inline void ext4_ext_set_len(struct ext4_extent *e, u32 len, bool unwritten)
{
	e->len = cpu_to_le16((u16)(unwritten ? len + EXTENT_LEN_MAX : len));
}
static inline u64 ext4_ext_pblk(const struct ext4_extent *e)
{
	return le32_to_cpu(e->start_lo) | (u64)le16_to_cpu(e->start_hi) << 32;
}
static inline void ext4_ext_set_pblk(struct ext4_extent *e, u64 pblk)
{
	e->start_lo = cpu_to_le32((u32)pblk);
	e->start_hi = cpu_to_le16((u16)(pblk >> 32));
}
static inline u64 ext4_idx_pblk(const struct ext4_extent_idx *ix)
{
	return le32_to_cpu(ix->leaf_lo) | (u64)le16_to_cpu(ix->leaf_hi) << 32;
}
int ext4_extent_lookup(struct inode *inode, struct ext4_map *map);
int ext4_extent_map(struct ext4_handle *h, struct inode *inode, struct ext4_map *map, u32 flags);
/* Removes at most a leaf's worth from the end of [first, last]; *done when nothing is left there. */
int ext4_extent_remove(struct ext4_handle *h, struct inode *inode, u32 first, u32 last, bool *done);

/* ---- indirect.c: map_lock held ---- */
int ext4_ind_lookup(struct inode *inode, struct ext4_map *map);
int ext4_ind_map(struct ext4_handle *h, struct inode *inode, struct ext4_map *map, u32 flags);
int ext4_ind_remove(struct ext4_handle *h, struct inode *inode, u32 first, u32 last, bool *done);

/* ---- io.c, write.c ---- */
extern const struct mapping_ops ext4_mapping_ops;
void ext4_read_pages(struct mapping *m, struct page **pages, unsigned int n);
/* Fills a locked page and waits: 0 or -errno. */
int ext4_fill_page(struct inode *inode, struct page *p);
int ext4_write_pages(struct mapping *m, struct writeback *wb);
/* After the file grew from @pos, or a hole begins or ends there; no page locked. */
void ext4_protect_part(struct inode *inode, u64 pos);
/* After blocks [first, end) went, for the page of @pos where they end or begin; no page locked. */
void ext4_forget_part(struct inode *inode, u64 pos, u64 first, u64 end);
/* page->private of a file's page: a bit per block that is promised but not allocated. */
u32 ext4_page_delayed(const struct page *p);
void ext4_page_set_delayed(struct page *p, u32 bits);

/* ---- truncate.c ---- */
/* inode->lock held: i_size becomes @size. */
int ext4_set_size(struct inode *inode, u64 size);
int ext4_setattr(struct inode *inode, const struct setattr *attr);

/* ---- seek.c ---- */
loff_t ext4_file_llseek(struct file *f, loff_t offset, int whence) MUST_HOLD(&f->pos_lock);
/* At eviction: everything goes. */
int ext4_free_all_blocks(struct inode *inode);
int ext4_fallocate(struct file *f, int mode, u64 offset, u64 len);

/* ---- dirblock.c ---- */
/* A directory's block, checked; ERR_PTR(-EUCLEAN for a hole). */
enum dir_block_kind { DIR_LEAF, DIR_INDEX, DIR_ANY };
struct buffer *ext4_dir_read(struct inode *dir, u32 lblk, enum dir_block_kind kind);
/* A new block at the end, zeroed; *lblk its number. */
struct buffer *ext4_dir_append(struct ext4_handle *h, struct inode *dir, u32 *lblk);
void ext4_dir_leaf_changed(struct ext4_handle *h, struct inode *dir, struct buffer *bh);
void ext4_dir_init_tail(struct ext4_fs *fs, void *block);
u32 ext4_dir_usable(const struct ext4_fs *fs);  /* bytes for entries in a leaf */
u32 ext4_dir_blocks(const struct inode *dir);
u32 ext4_rec_len(const struct ext4_dirent *de, u32 block_size);
void ext4_set_rec_len(struct ext4_dirent *de, u32 len);
static inline u32 ext4_dirent_size(u32 name_len)
{
	return ALIGN_UP(8u + name_len, 4u);
}
/* The entry after @de, or NULL at the end of the usable part. */
struct ext4_dirent *ext4_dir_next(const struct ext4_fs *fs, void *block, struct ext4_dirent *de);
struct ext4_dirent *ext4_dir_first(const struct ext4_fs *fs, void *block);
/* The entry of @name in a leaf, or NULL. */
struct ext4_dirent *ext4_leaf_find(const struct ext4_fs *fs, void *block, const char *name, u32 len);
/* Puts an entry into a leaf; false: no room. */
bool ext4_leaf_insert(const struct ext4_fs *fs, void *block, const char *name, u32 len, u32 ino, u8 type);
void ext4_leaf_delete(const struct ext4_fs *fs, void *block, struct ext4_dirent *de);
u8 ext4_file_type(const struct ext4_fs *fs, mode_t mode);

/* ---- dir.c: a directory's entries; inode->lock held ---- */
struct ext4_entry {
	struct buffer *bh;
	struct ext4_dirent *de;
};
/* 0 (bh referenced), -ENOENT, -EUCLEAN ... */
int ext4_dir_find(struct inode *dir, const struct qstr *name, struct ext4_entry *out);
int ext4_dir_add(struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino, mode_t mode);
int ext4_dir_remove(struct ext4_handle *h, struct inode *dir, struct ext4_entry *e);
void ext4_dir_set(struct ext4_handle *h, struct inode *dir, struct ext4_entry *e, u32 ino, mode_t mode);
int ext4_dir_make_empty(struct ext4_handle *h, struct inode *dir, u32 parent);
/* 1: only . and ..; 0: not; -errno. */
int ext4_dir_is_empty(struct inode *dir);
int ext4_dir_find_dotdot(struct inode *dir, struct ext4_entry *out);
extern const struct file_ops ext4_dir_fops;

/* ---- htree.c ---- */
/* @name in the leaves that may hold its hash, one after the other. */
int ext4_htree_find(struct inode *dir, const struct qstr *name, struct ext4_entry *out);
int ext4_htree_add(struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino, u8 type);
/* A linear directory of one full block becomes an indexed one. */
int ext4_htree_convert(struct ext4_handle *h, struct inode *dir);
/* The leaf where names with a major hash >= @major begin; *next: where the leaf after it begins, or ~0 at the
 * end; *chained: that leaf goes on with the same hash.  -errno. */
int ext4_htree_leaf_at(struct inode *dir, u32 major, u32 *lblk, u64 *next, bool *chained);
/* Which hash orders the names of @dir; and that of one name.  0 or -errno. */
int ext4_htree_version(struct inode *dir, u8 *version);
int ext4_htree_hash(struct inode *dir, u8 version, const char *name, u32 len, struct ext4_hash *out);

/* ---- namei.c, file.c, ioctl.c ---- */
extern const struct inode_ops ext4_dir_inode_ops;
extern const struct inode_ops ext4_file_inode_ops;
extern const struct inode_ops ext4_symlink_inode_ops;
extern const struct inode_ops ext4_special_inode_ops;
extern const struct file_ops ext4_file_ops;
int ext4_getattr(struct inode *inode, struct kstat *out);
long ext4_ioctl(struct file *f, unsigned int cmd, unsigned long arg);
int ext4_fsync(struct file *f, u64 first, u64 last, bool datasync);

/* ---- orphan.c ---- */
int ext4_orphan_add(struct ext4_handle *h, struct inode *inode);
int ext4_orphan_del(struct ext4_handle *h, struct inode *inode);
/* At a read-write mount: ends what a crash interrupted. */
void ext4_orphans_process(struct ext4_fs *fs);

/* ---- xattr.c ---- */
ssize_t ext4_getxattr(struct inode *inode, const char *name, void *value, size_t size);
int ext4_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags);
ssize_t ext4_listxattr(struct inode *inode, char *list, size_t size);
/* The inode goes: its xattr block loses a reference. */
int ext4_xattr_release(struct ext4_handle *h, struct inode *inode);

/* ---- super.c ---- */
/* Counts and checksum into the super block's buffer. */
void ext4_super_update(struct ext4_fs *fs);
/* The one way to change the super block: super_lock held, after the change.  @h NULL: outside of any handle, a note
 * of an error or the state at mount and sync. */
void ext4_super_changed(struct ext4_handle *h, struct ext4_fs *fs);
static inline bool ext4_read_only(const struct ext4_fs *fs)
{
	return !fs->rw || atomic_load(&fs->aborted);
}
static inline bool ext4_has_ro(const struct ext4_fs *fs, u32 feature)
{
	return fs->ro_compat & feature;
}
static inline bool ext4_has_incompat(const struct ext4_fs *fs, u32 feature)
{
	return fs->incompat & feature;
}

/* Marks on a buffer: its contents were checked as this kind of block.  One at a time. */
#define VERIFIED_EXTENT BIT(BUF_PRIVATE_BITS)
#define VERIFIED_LEAF BIT(BUF_PRIVATE_BITS + 1)
#define VERIFIED_INDEX BIT(BUF_PRIVATE_BITS + 2)
#define VERIFIED_XATTR BIT(BUF_PRIVATE_BITS + 3)
#define VERIFIED_BLOCK_BITMAP BIT(BUF_PRIVATE_BITS + 4)
#define VERIFIED_INODE_BITMAP BIT(BUF_PRIVATE_BITS + 5)
#define VERIFIED_INDIRECT BIT(BUF_PRIVATE_BITS + 6) /* there is nothing to check */
#define VERIFIED_MASK ((u32)0x7f << BUF_PRIVATE_BITS)
static inline bool ext4_verified(const struct buffer *bh, u32 kind)
{
	return atomic_load_explicit(&bh->flags, memory_order_acquire) & kind;
}
static inline void ext4_set_verified(struct buffer *bh, u32 kind)
{
	u32 old = atomic_load(&bh->flags);

	while (!atomic_compare_exchange_weak(&bh->flags, &old, (old & ~VERIFIED_MASK) | kind))
		;
}

static inline struct buffer *ext4_bread(struct ext4_fs *fs, u64 block)
{
	return buffer_read(fs->bdev, block, fs->block_size);
}
