// SPDX-License-Identifier: MIT
/*
 * The set*id and get*id calls: credentials(7), setresuid(2) and their kin.
 *
 * All of them edit a copy of current's cred.  (uid_t)-1 means "leave as it is"
 * where a call takes several ids.
 */
#include "internal.h"
#include "cred_edit.h"

#include <tarn/sort.h>
#include <tarn/syscall.h>

#define KEEP ((u32)-1)

/* ---- capabilities follow the user ids ---- */

#define FS_CAPS                                                                              \
	(1ull << CAP_CHOWN | 1ull << CAP_MKNOD | 1ull << CAP_DAC_OVERRIDE |                  \
	 1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_FOWNER | 1ull << CAP_FSETID |             \
	 1ull << CAP_MAC_OVERRIDE | 1ull << CAP_LINUX_IMMUTABLE)

void cred_fix_caps_after_setuid(struct cred *c, const struct cred *old)
{
	bool had_root = old->uid == 0 || old->euid == 0 || old->suid == 0;
	bool has_root = c->uid == 0 || c->euid == 0 || c->suid == 0;

	if (cred_secure(old, SECURE_NO_SETUID_FIXUP))
		return;
	if (had_root && !has_root) {
		if (!cred_secure(old, SECURE_KEEP_CAPS)) {
			c->cap_permitted = 0;
			c->cap_effective = 0;
		}
		c->cap_ambient = 0;
	}
	if (old->euid == 0 && c->euid != 0)
		c->cap_effective = 0;
	if (old->euid != 0 && c->euid == 0)
		c->cap_effective = c->cap_permitted;
}

void cred_fix_caps_after_setfsuid(struct cred *c, const struct cred *old)
{
	if (cred_secure(old, SECURE_NO_SETUID_FIXUP))
		return;
	if (old->fsuid == 0 && c->fsuid != 0)
		c->cap_effective &= ~FS_CAPS;
	if (old->fsuid != 0 && c->fsuid == 0)
		c->cap_effective |= c->cap_permitted & FS_CAPS;
}

static long commit_uids(struct cred *c)
{
	c->fsuid = c->euid;
	cred_fix_caps_after_setuid(c, current->cred);
	cred_commit(c);
	/* The call itself may not fail for this (old programs do not check); exec will. */
	current->over_nproc = c->user != &root_user &&
			      charge_of(c->user, CHARGE_THREADS) > rlimit_cur(RLIMIT_NPROC);
	return 0;
}

static long drop_edit(struct cred *c, long err)
{
	cred_put(c);
	return err;
}

/* ---- user ids ---- */

long sys_setuid(uid_t uid)
{
	const struct cred *old = current->cred;
	struct cred *c;

	if (uid == KEEP)
		return -EINVAL;
	c = cred_copy(old);
	if (!c)
		return -ENOMEM;
	if (cred_capable(old, CAP_SETUID)) {
		if (cred_set_user(c, uid))
			return drop_edit(c, -EAGAIN);
		c->suid = uid;
	} else if (uid != old->uid && uid != old->suid) {
		return drop_edit(c, -EPERM);
	}
	c->euid = uid;
	return commit_uids(c);
}

long sys_setreuid(uid_t ruid, uid_t euid)
{
	const struct cred *old = current->cred;
	struct cred *c = cred_copy(old);
	bool any = cred_capable(old, CAP_SETUID);

	if (!c)
		return -ENOMEM;
	if (ruid != KEEP) {
		if (!any && ruid != old->uid && ruid != old->euid)
			return drop_edit(c, -EPERM);
		if (cred_set_user(c, ruid))
			return drop_edit(c, -EAGAIN);
	}
	if (euid != KEEP) {
		if (!any && euid != old->uid && euid != old->euid && euid != old->suid)
			return drop_edit(c, -EPERM);
		c->euid = euid;
	}
	if (ruid != KEEP || (euid != KEEP && euid != old->uid))
		c->suid = c->euid;
	return commit_uids(c);
}

static bool id_is_one_of(u32 id, u32 a, u32 b, u32 c)
{
	return id == KEEP || id == a || id == b || id == c;
}

long sys_setresuid(uid_t ruid, uid_t euid, uid_t suid)
{
	const struct cred *old = current->cred;
	struct cred *c;

	if (!cred_capable(old, CAP_SETUID) &&
	    (!id_is_one_of(ruid, old->uid, old->euid, old->suid) ||
	     !id_is_one_of(euid, old->uid, old->euid, old->suid) ||
	     !id_is_one_of(suid, old->uid, old->euid, old->suid)))
		return -EPERM;
	c = cred_copy(old);
	if (!c)
		return -ENOMEM;
	if (ruid != KEEP && cred_set_user(c, ruid))
		return drop_edit(c, -EAGAIN);
	if (euid != KEEP)
		c->euid = euid;
	if (suid != KEEP)
		c->suid = suid;
	return commit_uids(c);
}

/* Returns the old one whatever happens: setfsuid(2)'s odd contract. */
long sys_setfsuid(uid_t uid)
{
	const struct cred *old = current->cred;
	uid_t was = old->fsuid;
	struct cred *c;

	if (uid == KEEP || uid == was)
		return was;
	if (uid != old->uid && uid != old->euid && uid != old->suid && !capable(CAP_SETUID))
		return was;
	c = cred_copy(old);
	if (!c)
		return was;
	c->fsuid = uid;
	cred_fix_caps_after_setfsuid(c, old);
	cred_commit(c);
	return was;
}

long sys_getuid(void)
{
	return current->cred->uid;
}

long sys_geteuid(void)
{
	return current->cred->euid;
}

static long put_three(u32 __user *r, u32 __user *e, u32 __user *s, u32 rv, u32 ev, u32 sv)
{
	int err = put_user(rv, r);

	if (!err)
		err = put_user(ev, e);
	if (!err)
		err = put_user(sv, s);
	return err;
}

long sys_getresuid(uid_t __user *ruid, uid_t __user *euid, uid_t __user *suid)
{
	const struct cred *c = current->cred;

	return put_three(ruid, euid, suid, c->uid, c->euid, c->suid);
}

/* ---- group ids ---- */

static long commit_gids(struct cred *c)
{
	c->fsgid = c->egid;
	cred_commit(c);
	return 0;
}

long sys_setgid(gid_t gid)
{
	const struct cred *old = current->cred;
	bool any = cred_capable(old, CAP_SETGID);
	struct cred *c;

	if (gid == KEEP)
		return -EINVAL;
	if (!any && gid != old->gid && gid != old->sgid)
		return -EPERM;
	c = cred_copy(old);
	if (!c)
		return -ENOMEM;
	if (any)
		c->gid = c->sgid = gid;
	c->egid = gid;
	return commit_gids(c);
}

long sys_setregid(gid_t rgid, gid_t egid)
{
	const struct cred *old = current->cred;
	bool any = cred_capable(old, CAP_SETGID);
	struct cred *c;

	if (rgid != KEEP && !any && rgid != old->gid && rgid != old->egid)
		return -EPERM;
	if (egid != KEEP && !any && egid != old->gid && egid != old->egid && egid != old->sgid)
		return -EPERM;
	c = cred_copy(old);
	if (!c)
		return -ENOMEM;
	if (rgid != KEEP)
		c->gid = rgid;
	if (egid != KEEP)
		c->egid = egid;
	if (rgid != KEEP || (egid != KEEP && egid != old->gid))
		c->sgid = c->egid;
	return commit_gids(c);
}

long sys_setresgid(gid_t rgid, gid_t egid, gid_t sgid)
{
	const struct cred *old = current->cred;
	struct cred *c;

	if (!cred_capable(old, CAP_SETGID) &&
	    (!id_is_one_of(rgid, old->gid, old->egid, old->sgid) ||
	     !id_is_one_of(egid, old->gid, old->egid, old->sgid) ||
	     !id_is_one_of(sgid, old->gid, old->egid, old->sgid)))
		return -EPERM;
	c = cred_copy(old);
	if (!c)
		return -ENOMEM;
	if (rgid != KEEP)
		c->gid = rgid;
	if (egid != KEEP)
		c->egid = egid;
	if (sgid != KEEP)
		c->sgid = sgid;
	return commit_gids(c);
}

long sys_setfsgid(gid_t gid)
{
	const struct cred *old = current->cred;
	gid_t was = old->fsgid;
	struct cred *c;

	if (gid == KEEP || gid == was)
		return was;
	if (gid != old->gid && gid != old->egid && gid != old->sgid && !capable(CAP_SETGID))
		return was;
	c = cred_copy(old);
	if (!c)
		return was;
	c->fsgid = gid;
	cred_commit(c);
	return was;
}

long sys_getgid(void)
{
	return current->cred->gid;
}

long sys_getegid(void)
{
	return current->cred->egid;
}

long sys_getresgid(gid_t __user *rgid, gid_t __user *egid, gid_t __user *sgid)
{
	const struct cred *c = current->cred;

	return put_three(rgid, egid, sgid, c->gid, c->egid, c->sgid);
}

/* ---- supplementary groups ---- */

#define GROUPS_MAX 65536

long sys_getgroups(int size, gid_t __user *list)
{
	const struct cred *c = current->cred;

	if (size < 0)
		return -EINVAL;
	if (size == 0)
		return c->ngroups;
	if ((u32)size < c->ngroups)
		return -EINVAL;
	if (copy_to_user(list, c->groups, c->ngroups * sizeof(gid_t)))
		return -EFAULT;
	return c->ngroups;
}

static int compare_gids(const void *a, const void *b, void *arg)
{
	gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return x < y ? -1 : x > y;
}

static gid_t *groups_from_user(const gid_t __user *list, u32 n)
{
	gid_t *groups = kcalloc(n, sizeof(gid_t), GFP_KERNEL);

	if (!groups)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(groups, list, n * sizeof(gid_t))) {
		kfree(groups);
		return ERR_PTR(-EFAULT);
	}
	for (u32 i = 0; i < n; i++)
		if (groups[i] == KEEP) {
			kfree(groups);
			return ERR_PTR(-EINVAL);
		}
	sort(groups, n, sizeof(gid_t), compare_gids, NULL);
	return groups;
}

long sys_setgroups(int size, gid_t __user *list)
{
	gid_t *groups = NULL;
	struct cred *c;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if (size < 0 || size > GROUPS_MAX)
		return -EINVAL;
	if (size) {
		groups = groups_from_user(list, (u32)size);
		if (IS_ERR(groups))
			return PTR_ERR(groups);
	}
	c = cred_copy(current->cred);
	if (!c) {
		kfree(groups);
		return -ENOMEM;
	}
	kfree(c->groups);
	c->groups = groups;
	c->ngroups = (u32)size;
	cred_commit(c);
	return 0;
}
