// SPDX-License-Identifier: MIT
/*
 * What happens when the disk says something impossible, or did not take metadata.
 *
 * The caller gets -EUCLEAN.  The log names device and inode, the super block
 * keeps a note for e2fsck, and unless it says errors=continue (the default of
 * mkfs) the file system becomes read-only.
 */
#include <stdarg.h>
#include <linux/mount.h>
#include <tarn/printf.h>
#include <tarn/time.h>
#include "ext4.h"

static void note_in_super(struct ext4_fs *fs, u64 ino, const char *msg)
{
	struct ext4_super *es = fs->super;
	u32 now = (u32)realtime_coarse().tv_sec;

	if (!fs->rw)
		return;
	mutex_lock_nested(&fs->super_lock); /* a group's lock may be held */
	es->state = cpu_to_le16(le16_to_cpu(es->state) | STATE_ERRORS);
	if (!le32_to_cpu(es->error_count)) {
		es->first_error.time = cpu_to_le32(now);
		es->first_error.ino = cpu_to_le32((u32)ino);
		strscpy(es->first_error.func, msg, sizeof(es->first_error.func));
	}
	es->last_error.time = cpu_to_le32(now);
	es->last_error.ino = cpu_to_le32((u32)ino);
	strscpy(es->last_error.func, msg, sizeof(es->last_error.func));
	le32_add(&es->error_count, 1);
	ext4_super_changed(NULL, fs); /* with a handle or without one: it must not wait for a transaction */
	mutex_unlock(&fs->super_lock);
}

int ext4_corrupt(struct ext4_fs *fs, u64 ino, const char *fmt, ...)
{
	char msg[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (ino)
		pr_err("ext4 (%s): inode %llu: %s\n", fs->sb->id, (unsigned long long)ino, msg);
	else
		pr_err("ext4 (%s): %s\n", fs->sb->id, msg);
	note_in_super(fs, ino, msg);
	if (fs->rw && le16_to_cpu(fs->super->errors) != ERRORS_CONTINUE &&
	    !atomic_exchange(&fs->aborted, true)) {
		pr_err("ext4 (%s): now read-only\n", fs->sb->id);
		atomic_fetch_or(&fs->sb->flags, MS_RDONLY);
	}
	return -EUCLEAN;
}

void ext4_note_losses(struct ext4_fs *fs)
{
	struct errseq *e = &fs->bdev->inode->mapping->wb_error;
	u32 noted = atomic_load_explicit(&fs->losses_noted, memory_order_relaxed);

	if (unlikely(errseq_since(e, noted)) &&
	    atomic_compare_exchange_strong(&fs->losses_noted, &noted, errseq_now(e)))
		ext4_corrupt(fs, 0, "metadata could not be written");
}
