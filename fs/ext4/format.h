// SPDX-License-Identifier: MIT
/*
 * ext4 on disk: every structure, with its size asserted, and the numbers that
 * stand in its fields.  Little endian throughout.  Facts from
 * Documentation/filesystems/ext4 (Debian: linux-doc).
 */
#pragma once

#include <tarn/endian.h>

#define EXT4_MAGIC 0xef53
#define EXT4_SUPER_OFFSET 1024

/* ---- super block ---- */

struct ext4_super {
	le32 inodes_count, blocks_count_lo, r_blocks_count_lo, free_blocks_lo;  /* 0x00 */
	le32 free_inodes, first_data_block, log_block_size, log_cluster_size;   /* 0x10 */
	le32 blocks_per_group, clusters_per_group, inodes_per_group, mtime;     /* 0x20 */
	le32 wtime;                                                             /* 0x30 */
	le16 mnt_count, max_mnt_count, magic, state, errors, minor_rev;
	le32 lastcheck, checkinterval, creator_os, rev_level;                   /* 0x40 */
	le16 def_resuid, def_resgid;                                            /* 0x50 */
	le32 first_ino;
	le16 inode_size, block_group_nr;
	le32 feature_compat;
	le32 feature_incompat, feature_ro_compat;                               /* 0x60 */
	u8 uuid[16];                                                            /* 0x68 */
	char volume_name[16];                                                   /* 0x78 */
	char last_mounted[64];                                                  /* 0x88 */
	le32 algorithm_usage;                                                   /* 0xc8 */
	u8 prealloc_blocks, prealloc_dir_blocks;
	le16 reserved_gdt_blocks;
	u8 journal_uuid[16];                                                    /* 0xd0 */
	le32 journal_inum, journal_dev, last_orphan;                            /* 0xe0 */
	le32 hash_seed[4];                                                      /* 0xec */
	u8 def_hash_version, jnl_backup_type;                                   /* 0xfc */
	le16 desc_size;
	le32 default_mount_opts, first_meta_bg, mkfs_time;                      /* 0x100 */
	le32 jnl_blocks[17];                                                    /* 0x10c */
	le32 blocks_count_hi, r_blocks_count_hi, free_blocks_hi;                /* 0x150 */
	le16 min_extra_isize, want_extra_isize;                                 /* 0x15c */
	le32 flags;                                                             /* 0x160 */
	le16 raid_stride, mmp_interval;
	le64 mmp_block;                                                         /* 0x168 */
	le32 raid_stripe_width;                                                 /* 0x170 */
	u8 log_groups_per_flex, checksum_type;
	le16 reserved_pad;
	le64 kbytes_written;                                                    /* 0x178 */
	u8 snapshot[20];                                                        /* 0x180 */
	le32 error_count;                                                       /* 0x194 */
	struct {
		le32 time, ino;
		u8 block[8];
		char func[32];
		le32 line;
	} first_error;                                                          /* 0x198 */
	struct {
		le32 time, ino, line;
		u8 block[8];
		char func[32];
	} last_error;                                                           /* 0x1cc */
	char mount_opts[64];                                                    /* 0x200 */
	le32 usr_quota_inum, grp_quota_inum, overhead_blocks;                   /* 0x240 */
	le32 backup_bgs[2];                                                     /* 0x24c */
	u8 encrypt[20];                                                         /* 0x254 */
	le32 lpf_ino, prj_quota_inum, checksum_seed;                            /* 0x268 */
	u8 wtime_hi, mtime_hi, mkfs_time_hi, lastcheck_hi;                      /* 0x274 */
	u8 first_error_time_hi, last_error_time_hi, pad[2];
	le16 encoding, encoding_flags;
	le32 orphan_file_inum;                                                  /* 0x280 */
	le32 reserved[94];
	le32 checksum;                                                          /* 0x3fc */
};
_Static_assert(sizeof(struct ext4_super) == 1024, "super block");
_Static_assert(offsetof(struct ext4_super, last_orphan) == 0xe8, "s_last_orphan");
_Static_assert(offsetof(struct ext4_super, blocks_count_hi) == 0x150, "s_blocks_count_hi");
_Static_assert(offsetof(struct ext4_super, checksum_seed) == 0x270, "s_checksum_seed");
_Static_assert(offsetof(struct ext4_super, checksum) == 0x3fc, "s_checksum");

#define STATE_CLEAN 1
#define STATE_ERRORS 2

#define ERRORS_CONTINUE 1
#define ERRORS_RO 2
#define ERRORS_PANIC 3

#define COMPAT_HAS_JOURNAL 0x4
#define COMPAT_EXT_ATTR 0x8
#define COMPAT_DIR_INDEX 0x20
#define COMPAT_SPARSE_SUPER2 0x200

/* What the elder types' drivers know; more makes a file system ext4's. */
#define RO_EXT2_KNOWN 0x7u     /* sparse_super, large_file, btree_dir */
#define INCOMPAT_EXT3_KNOWN (INCOMPAT_FILETYPE | INCOMPAT_RECOVER | INCOMPAT_META_BG)
#define INCOMPAT_FILETYPE 0x2
#define INCOMPAT_RECOVER 0x4
#define INCOMPAT_JOURNAL_DEV 0x8
#define INCOMPAT_META_BG 0x10
#define INCOMPAT_EXTENTS 0x40
#define INCOMPAT_64BIT 0x80
#define INCOMPAT_FLEX_BG 0x200
#define INCOMPAT_CSUM_SEED 0x2000
#define INCOMPAT_LARGEDIR 0x4000
#define INCOMPAT_KNOWN                                                            \
	(INCOMPAT_FILETYPE | INCOMPAT_RECOVER | INCOMPAT_META_BG | INCOMPAT_EXTENTS |  \
	 INCOMPAT_64BIT | INCOMPAT_FLEX_BG | INCOMPAT_CSUM_SEED | INCOMPAT_LARGEDIR)

#define RO_SPARSE_SUPER 0x1
#define RO_LARGE_FILE 0x2
#define RO_BTREE_DIR 0x4
#define RO_HUGE_FILE 0x8
#define RO_GDT_CSUM 0x10
#define RO_DIR_NLINK 0x20
#define RO_EXTRA_ISIZE 0x40
#define RO_BIGALLOC 0x200
#define RO_METADATA_CSUM 0x400
#define RO_READONLY 0x1000
#define RO_KNOWN                                                                  \
	(RO_SPARSE_SUPER | RO_LARGE_FILE | RO_BTREE_DIR | RO_HUGE_FILE | RO_GDT_CSUM | \
	 RO_DIR_NLINK | RO_EXTRA_ISIZE | RO_METADATA_CSUM)

#define SUPER_HASH_SIGNED 1
#define SUPER_HASH_UNSIGNED 2

/* ---- group descriptor ---- */

struct ext4_group_desc {
	le32 block_bitmap_lo, inode_bitmap_lo, inode_table_lo;
	le16 free_blocks_lo, free_inodes_lo, used_dirs_lo, flags;
	le32 exclude_bitmap_lo;
	le16 block_bitmap_csum_lo, inode_bitmap_csum_lo, itable_unused_lo, checksum;
	/* from here on only with INCOMPAT_64BIT and desc_size >= 64 */
	le32 block_bitmap_hi, inode_bitmap_hi, inode_table_hi;
	le16 free_blocks_hi, free_inodes_hi, used_dirs_hi, itable_unused_hi;
	le32 exclude_bitmap_hi;
	le16 block_bitmap_csum_hi, inode_bitmap_csum_hi;
	le32 reserved;
};
_Static_assert(sizeof(struct ext4_group_desc) == 64, "group descriptor");
#define DESC_SIZE_OLD 32u
#define DESC_SIZE_64 64u

#define BG_INODE_UNINIT 1
#define BG_BLOCK_UNINIT 2
#define BG_INODE_ZEROED 4

/* ---- inode ---- */

#define INO_ROOT 2
#define INO_RESIZE 7
#define INO_JOURNAL 8
#define FIRST_INO_OLD 11
#define INODE_SIZE_OLD 128u
#define N_BLOCKS 15

struct ext4_disk_inode {
	le16 mode, uid_lo;
	le32 size_lo, atime, ctime, mtime, dtime;
	le16 gid_lo, links;
	le32 blocks_lo, flags, version_lo;
	le32 block[N_BLOCKS];
	le32 generation, file_acl_lo, size_hi, faddr;
	le16 blocks_hi, file_acl_hi, uid_hi, gid_hi, checksum_lo, reserved;
	/* from here on only in inodes of more than 128 bytes, as far as extra_isize says */
	le16 extra_isize, checksum_hi;
	le32 ctime_extra, mtime_extra, atime_extra, crtime, crtime_extra, version_hi, projid;
};
_Static_assert(sizeof(struct ext4_disk_inode) == 160, "inode");
_Static_assert(offsetof(struct ext4_disk_inode, block) == 0x28, "i_block");
_Static_assert(offsetof(struct ext4_disk_inode, checksum_lo) == 0x7c, "l_i_checksum_lo");
_Static_assert(offsetof(struct ext4_disk_inode, extra_isize) == 0x80, "i_extra_isize");

/* i_flags: the kernel's own numbers are those of chattr (FS_*_FL) */
#define IFL_SYNC 0x8
#define IFL_IMMUTABLE 0x10
#define IFL_APPEND 0x20
#define IFL_NODUMP 0x40
#define IFL_NOATIME 0x80
#define IFL_ENCRYPT 0x800
#define IFL_INDEX 0x1000
#define IFL_JOURNAL_DATA 0x4000
#define IFL_DIRSYNC 0x10000
#define IFL_TOPDIR 0x20000
#define IFL_HUGE_FILE 0x40000
#define IFL_EXTENTS 0x80000
#define IFL_EA_INODE 0x200000
#define IFL_INLINE_DATA 0x10000000
#define IFL_CASEFOLD 0x40000000
#define IFL_USER_VISIBLE 0x705bdfffu
#define IFL_USER_MODIFIABLE 0x604bc0ffu
/* What a new inode takes from its directory */
#define IFL_INHERITED                                                             \
	(0x1 | 0x2 | 0x4 | IFL_SYNC | IFL_NODUMP | IFL_NOATIME | 0x400 | IFL_JOURNAL_DATA | \
	 0x8000 | IFL_DIRSYNC)
#define IFL_REG_ONLY_MASK (~(u32)(IFL_DIRSYNC | IFL_TOPDIR))
#define IFL_OTHER_MASK ((u32)(IFL_NODUMP | IFL_NOATIME))

#define LINKS_MAX 65000u

/* ---- extents ---- */

#define EXTENT_MAGIC 0xf30a
#define EXTENT_DEPTH_MAX 5
#define EXTENT_LEN_MAX 32768u          /* a written one; unwritten: one less */

struct ext4_extent_header {
	le16 magic, entries, max, depth;
	le32 generation;
};
struct ext4_extent_idx {
	le32 block, leaf_lo;
	le16 leaf_hi, unused;
};
struct ext4_extent {
	le32 block;
	le16 len, start_hi;
	le32 start_lo;
};
_Static_assert(sizeof(struct ext4_extent_header) == 12, "extent header");
_Static_assert(sizeof(struct ext4_extent_idx) == 12, "extent index");
_Static_assert(sizeof(struct ext4_extent) == 12, "extent");

/* ---- directories ---- */

struct ext4_dirent {
	le32 ino;
	le16 rec_len;
	u8 name_len, file_type;
	char name[];
};
_Static_assert(sizeof(struct ext4_dirent) == 8, "directory entry");

#define DIR_TAIL_SIZE 12u
#define DIR_TAIL_TYPE 0xde
struct ext4_dir_tail {
	le32 zero_ino;
	le16 rec_len;
	u8 zero_name_len, type;
	le32 checksum;
};
_Static_assert(sizeof(struct ext4_dir_tail) == DIR_TAIL_SIZE, "tail of a directory block");

struct ext4_dx_entry {
	le32 hash, block;
};
struct ext4_dx_countlimit {     /* lies over the hash of the first dx_entry */
	le16 limit, count;
};
struct ext4_dx_root_info {
	le32 zero;
	u8 hash_version, info_length, indirect_levels, flags;
};
_Static_assert(sizeof(struct ext4_dx_root_info) == 8, "dx_root_info");
struct ext4_dx_tail {
	le32 reserved, checksum;
};
#define DX_ROOT_INFO_OFFSET 0x18u
#define DX_ROOT_ENTRIES_OFFSET 0x20u
#define DX_NODE_ENTRIES_OFFSET 0x8u

#define HASH_LEGACY 0
#define HASH_HALF_MD4 1
#define HASH_TEA 2
#define HASH_UNSIGNED 3         /* added to the three above */

/* ---- extended attributes ---- */

#define XATTR_MAGIC 0xea020000u
struct ext4_xattr_header {
	le32 magic, refcount, blocks, hash, checksum, reserved[3];
};
_Static_assert(sizeof(struct ext4_xattr_header) == 32, "xattr block header");
struct ext4_xattr_entry {
	u8 name_len, name_index;
	le16 value_offs;
	le32 value_inum, value_size, hash;
	char name[];
};
_Static_assert(sizeof(struct ext4_xattr_entry) == 16, "xattr entry");
