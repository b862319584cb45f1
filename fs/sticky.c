// SPDX-License-Identifier: MIT
/*
 * Traps in directories that everybody may write to: proc_sys_fs(5), protected_*.
 *
 * Whoever may make names in /tmp can lay a link, a fifo or a file where a
 * privileged program is about to look.  Four settings take the known ones
 * away; Debian's kernel begins with the two for links on.
 *
 * Tests: tests/abi/fs_security.c (protected_*).
 */
#include <tarn/cred.h>
#include <tarn/inode.h>
#include <tarn/proc.h>
#include <tarn/thread.h>

#include "internal.h"

static int protected_symlinks = 1, protected_hardlinks = 1, protected_fifos, protected_regular;

#define PROTECTED(name, most)                                                      \
	static const struct sysctl name##_sysctl = {                               \
		.path = "fs/" #name, .value = &name, .min = 0, .max = (most),      \
	};                                                                         \
	SECTION_SET(sysctls, name##_sysctl)

PROTECTED(protected_symlinks, 1);
PROTECTED(protected_hardlinks, 1);
PROTECTED(protected_fifos, 2);
PROTECTED(protected_regular, 2);

/* A link in a sticky directory that all may write to is followed by its owner, or if the directory's owner made it. */
int perm_follow_link(const struct inode *dir, const struct inode *link)
{
	struct owner d = inode_owner(dir);
	uid_t uid = READ_ONCE(link->uid);

	if ((d.mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH) || !READ_ONCE(protected_symlinks))
		return 0;
	return current_cred()->fsuid == uid || d.uid == uid ? 0 : -EACCES;
}

/* Nobody gives another name to a file that is not his, unless he could write it anyway. */
int perm_hard_link(struct inode *inode)
{
	mode_t m = READ_ONCE(inode->mode);
	bool plain = mode_is_reg(m) && !(m & S_ISUID) &&
		     (m & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP);

	if (!READ_ONCE(protected_hardlinks) || inode_owner_or_capable(inode))
		return 0;
	return plain && !inode_permission(inode, MAY_READ | MAY_WRITE) ? 0 : -EPERM;
}

/* open(2) with O_CREAT found @inode in @dir: is it what the caller may have meant to make? */
int perm_open_for_create(const struct inode *dir, const struct inode *inode)
{
	struct owner d = inode_owner(dir), o = inode_owner(inode);
	int level = 1; /* other types have no setting of their own */

	if (mode_is_reg(o.mode))
		level = READ_ONCE(protected_regular);
	else if ((o.mode & S_IFMT) == S_IFIFO)
		level = READ_ONCE(protected_fifos);
	if (!level || !(d.mode & S_ISVTX) || o.uid == d.uid || o.uid == current_cred()->fsuid)
		return 0;
	if ((d.mode & S_IWOTH) || (level >= 2 && (d.mode & S_IWGRP)))
		return -EACCES;
	return 0;
}
