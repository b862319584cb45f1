// SPDX-License-Identifier: MIT
/*
 * Who the new program runs as: set-user-id and set-group-id bits, and how
 * capabilities come across (capabilities(7), "Transformation of capabilities
 * during execve()").  File capabilities are absent.
 */
#include "internal.h"
#include "../process/cred_edit.h"

#include <linux/mount.h>
#include <linux/stat.h>
#include <tarn/file.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/path.h>
#include <tarn/super.h>

/* May the file's set-id bits have effect for current? */
static bool set_id_allowed(const struct exec *x)
{
	u32 mnt = atomic_load(&x->file->path.mnt->flags);
	u32 sb = atomic_load(&x->file->inode->super->flags);

	if (current->no_new_privs || (mnt | sb) & MS_NOSUID)
		return false;
	/* A root directory shared with another process could be moved under a privileged one. */
	return !current->fs || ref_read(&current->fs->refs) == 1;
}

static void apply_set_id(const struct exec *x, struct cred *c)
{
	struct owner o = inode_owner(x->file->inode); /* the bits belong to the owner that stands beside them */

	if (!set_id_allowed(x))
		return;
	if (o.mode & S_ISUID)
		c->euid = o.uid;
	/* Without group execute, S_ISGID means mandatory locking, long ago. */
	if ((o.mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		c->egid = o.gid;
}

/* True if the new program has capabilities that its user would not have had without it. */
static bool transform_caps(struct cred *c, const struct cred *old)
{
	bool set_id = c->euid != old->uid || c->egid != old->gid;
	bool root = !cred_secure(c, SECURE_NOROOT) && (c->euid == 0 || c->uid == 0);
	bool effective = root && c->euid == 0;

	if (set_id)
		c->cap_ambient = 0;
	c->cap_permitted = c->cap_ambient;
	if (root)
		c->cap_permitted = c->cap_bounding | old->cap_inheritable;
	c->cap_effective = effective ? c->cap_permitted : c->cap_ambient;
	return c->uid != 0 && (effective || c->cap_permitted & ~c->cap_ambient);
}

int exec_prepare_cred(struct exec *x)
{
	const struct cred *old = current->cred;
	struct cred *c = cred_copy(old);
	bool more_caps;

	if (!c)
		return -ENOMEM;
	c->euid = old->euid;
	c->egid = old->egid;
	apply_set_id(x, c);
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	more_caps = transform_caps(c, old);
	c->securebits &= ~(1u << SECURE_KEEP_CAPS);
	x->cred = c;
	x->secure = more_caps || c->euid != old->uid || c->egid != old->gid;
	return 0;
}
