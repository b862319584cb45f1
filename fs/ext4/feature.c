// SPDX-License-Identifier: MIT
/*
 * Feature bits: what a file system may have for us to mount it, their names, and
 * turning one on when it is first used.
 *
 *   unknown incompatible feature           refuse
 *   unknown read-only-compatible feature   mount for reading; for writing refuse: -EINVAL,
 *                                          at remount -EROFS, as Linux does
 *   "read-only"                            read-only, without a complaint: tune2fs set it
 *   journal needs recovery                 read-only mount only: what the disk
 *                                          shows is the state before the replay
 *
 * First use. e2fsck believes the bits: attributes on a file system without
 * ext_attr are damage to it, and it clears them. Linux sets ext_attr and
 * large_file so, and no other: dir_nlink, huge_file and dir_index are for mkfs
 * and tune2fs to decide, and what would need them fails without (EMLINK, EFBIG)
 * or is done without (linear directories).
 *
 * Locks: super_lock around the words on the disk; fs->compat and the others are
 * read without it, bits only ever come.
 * Tests: tests/system/test_ext4_features.py.
 */
#include <tarn/printf.h>
#include "ext4.h"

/* Bits 0 to 17, as ext4(5) and dumpe2fs(8) have them; NULL: nobody's. */
static const char *const incompat_names[] = {
	"compression", "filetype", "needs_recovery", "journal_dev", "meta_bg", NULL, "extent", "64bit",
	"mmp", "flex_bg", "ea_inode", NULL, "dirdata", "metadata_csum_seed", "large_dir", "inline_data",
	"encrypt", "casefold",
};
static const char *const ro_names[] = {
	"sparse_super", "large_file", "btree_dir", "huge_file", "uninit_bg", "dir_nlink", "extra_isize",
	"snapshot", "quota", "bigalloc", "metadata_csum", "replica", "read-only", "project",
	"shared_blocks", "verity", "orphan_present",
};

#define LIST_MAX 160

/* The names of @bits with blanks between; a bit without one is a number.  Cut when there are too many. */
static const char *list_names(u32 bits, const char *const *names, u32 count, char out[LIST_MAX])
{
	size_t at = 0;

	out[0] = 0;
	for (u32 i = 0; i < 32 && at < LIST_MAX - 1; i++) {
		const char *gap = at ? " " : "";

		if (!(bits & BIT(i)))
			continue;
		if (i < count && names[i])
			at += (size_t)snprintf(out + at, LIST_MAX - at, "%s%s", gap, names[i]);
		else
			at += (size_t)snprintf(out + at, LIST_MAX - at, "%sbit %u", gap, i);
	}
	return out;
}

/* As ext2 or ext3 only what those can be: so the type that /proc/mounts shows is the real one. */
static bool fits_type(const struct ext4_fs *fs)
{
	bool ext3 = str_eq(fs->sb->type->name, "ext3");

	if (str_eq(fs->sb->type->name, "ext4"))
		return true;
	if (ext3 && !(fs->compat & COMPAT_HAS_JOURNAL))
		return false;
	return !(fs->incompat & ~(u32)INCOMPAT_EXT3_KNOWN) && !(fs->ro_compat & ~RO_EXT2_KNOWN);
}

const char *ext4_feature_problem(const struct ext4_super *es)
{
	if (!le32_to_cpu(es->rev_level))
		return NULL; /* the words are none of that revision's */
	if (le32_to_cpu(es->feature_incompat) & INCOMPAT_JOURNAL_DEV)
		return "holds the journal of another file system (journal_dev), not files";
	if (le32_to_cpu(es->feature_ro_compat) & RO_BIGALLOC)
		return "clusters of several blocks (bigalloc) are not supported";
	return NULL;
}

static int check_writable(const struct ext4_fs *fs)
{
	u32 unknown = fs->ro_compat & ~(u32)(RO_KNOWN | RO_READONLY);
	char names[LIST_MAX];

	if (unknown) {
		pr_err("ext4 (%s): features that allow reading only: %s: mount with ro\n", fs->sb->id,
		       list_names(unknown, ro_names, ARRAY_SIZE(ro_names), names));
		return -EINVAL;
	}
	if (fs->incompat & INCOMPAT_RECOVER) {
		pr_err("ext4 (%s): the journal needs recovery, which is not supported: mount with ro, "
		       "or run e2fsck\n", fs->sb->id);
		return -EROFS;
	}
	return 0;
}

int ext4_features_check(const struct ext4_fs *fs, bool *read_only)
{
	u32 unknown = fs->incompat & ~(u32)INCOMPAT_KNOWN;
	char names[LIST_MAX];

	if (!fits_type(fs))
		return -EINVAL;
	if (unknown) {
		pr_err("ext4 (%s): features that are not supported: %s\n", fs->sb->id,
		       list_names(unknown, incompat_names, ARRAY_SIZE(incompat_names), names));
		return -EINVAL;
	}
	if (fs->ro_compat & RO_READONLY) {
		pr_info("ext4 (%s): is read-only by its own word (tune2fs -O ^read-only)\n", fs->sb->id);
		*read_only = true;
	}
	if (!*read_only)
		return check_writable(fs);
	if (fs->incompat & INCOMPAT_RECOVER)
		pr_warn("ext4 (%s): journal not replayed: files may look older than they are\n",
			fs->sb->id);
	return 0;
}

/* A file system of the first revision has no feature words yet. */
static void make_dynamic(struct ext4_super *es)
{
	if (le32_to_cpu(es->rev_level))
		return;
	es->first_ino = cpu_to_le32(FIRST_INO_OLD);
	es->inode_size = cpu_to_le16(INODE_SIZE_OLD);
	es->rev_level = cpu_to_le32(1);
}

/* One word of features, and its copy in memory. */
static void set_bit_in(struct ext4_handle *h, u32 *copy, le32 *word, u32 bit)
{
	struct ext4_fs *fs = h->fs;

	if (likely(READ_ONCE(*copy) & bit) || ext4_access(h, fs->super_bh))
		return;
	mutex_lock(&fs->super_lock);
	make_dynamic(fs->super);
	WRITE_ONCE(*copy, *copy | bit);
	*word = cpu_to_le32(le32_to_cpu(*word) | bit);
	ext4_super_changed(h, fs);
	mutex_unlock(&fs->super_lock);
}

void ext4_feature_use_compat(struct ext4_handle *h, u32 bit)
{
	set_bit_in(h, &h->fs->compat, &h->fs->super->feature_compat, bit);
}

void ext4_feature_use_ro(struct ext4_handle *h, u32 bit)
{
	set_bit_in(h, &h->fs->ro_compat, &h->fs->super->feature_ro_compat, bit);
}
