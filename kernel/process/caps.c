// SPDX-License-Identifier: MIT
/*
 * capget(2), capset(2) and the capability options of prctl(2).
 *
 * File capabilities are absent: programs gain capabilities only by running as
 * root (kernel/exec/cred.c) or by the ambient set.
 */
#include "internal.h"
#include "caps.h"
#include "cred_edit.h"

#include <linux/prctl.h>
#include <tarn/syscall.h>

/* Words of 32 bits per set for the header's version; -EINVAL (and the version we like) for others. */
static int cap_words(struct __user_cap_header_struct __user *uheader, unsigned int *words)
{
	u32 version;

	if (get_user(version, &uheader->version))
		return -EFAULT;
	switch (version) {
	case _LINUX_CAPABILITY_VERSION_1:
		*words = 1;
		return 0;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		*words = 2;
		return 0;
	default:
		if (put_user((u32)_LINUX_CAPABILITY_VERSION_3, &uheader->version))
			return -EFAULT;
		return -EINVAL;
	}
}

long sys_capget(void __user *header, void __user *udata)
{
	struct __user_cap_header_struct __user *h = header;
	struct __user_cap_data_struct data[2] = { 0 };
	const struct cred *c;
	struct thread *t;
	unsigned int words;
	int pid;
	int err = cap_words(h, &words);

	/* A wrong version with no data asks which one we like. */
	if (err)
		return err == -EINVAL && !udata ? 0 : err;
	if (get_user(pid, &h->pid))
		return -EFAULT;
	if (pid < 0)
		return -EINVAL;
	if (pid && pid != current->tid) {
		t = thread_find_get(pid);
		if (!t)
			return -ESRCH;
		c = thread_cred_get(t);
		thread_put(t);
	} else {
		c = cred_get(current->cred);
	}
	for (unsigned int i = 0; i < 2; i++) {
		data[i].effective = (u32)(c->cap_effective >> 32 * i);
		data[i].permitted = (u32)(c->cap_permitted >> 32 * i);
		data[i].inheritable = (u32)(c->cap_inheritable >> 32 * i);
	}
	cred_put(c);
	if (!udata)
		return 0;
	return copy_to_user(udata, data, words * sizeof(data[0]));
}

static bool capset_allowed(const struct cred *old, const struct cred *new)
{
	u64 may_inherit = old->cap_inheritable | old->cap_permitted;

	if (!cred_capable(old, CAP_SETPCAP) && new->cap_inheritable & ~may_inherit)
		return false;
	if (new->cap_inheritable & ~(old->cap_inheritable | old->cap_bounding))
		return false;
	return !(new->cap_permitted & ~old->cap_permitted) &&
	       !(new->cap_effective & ~new->cap_permitted);
}

long sys_capset(void __user *header, const void __user *udata)
{
	struct __user_cap_header_struct __user *h = header;
	struct __user_cap_data_struct data[2] = { 0 };
	unsigned int words;
	struct cred *c;
	int pid;
	int err = cap_words(h, &words);

	if (err)
		return err;
	if (get_user(pid, &h->pid))
		return -EFAULT;
	if (pid && pid != current->tid)
		return -EPERM;
	if (copy_from_user(data, udata, words * sizeof(data[0])))
		return -EFAULT;
	c = cred_copy(current->cred);
	if (!c)
		return -ENOMEM;
	c->cap_effective = (data[0].effective | (u64)data[1].effective << 32) & CAP_ALL;
	c->cap_permitted = (data[0].permitted | (u64)data[1].permitted << 32) & CAP_ALL;
	c->cap_inheritable = (data[0].inheritable | (u64)data[1].inheritable << 32) & CAP_ALL;
	c->cap_ambient &= c->cap_permitted & c->cap_inheritable;
	if (!capset_allowed(current->cred, c)) {
		cred_put(c);
		return -EPERM;
	}
	cred_commit(c);
	return 0;
}

/* ---- prctl ---- */

long caps_bound_drop(unsigned long cap)
{
	struct cred *c;

	if (!capable(CAP_SETPCAP))
		return -EPERM;
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	c = cred_copy(current->cred);
	if (!c)
		return -ENOMEM;
	c->cap_bounding &= ~(1ull << cap);
	cred_commit(c);
	return 0;
}

long caps_bound_read(unsigned long cap)
{
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	return current->cred->cap_bounding >> cap & 1;
}

static long ambient_raise(struct cred *c, u64 bit)
{
	if (!(c->cap_permitted & c->cap_inheritable & bit) ||
	    cred_secure(c, SECURE_NO_CAP_AMBIENT_RAISE))
		return -EPERM;
	c->cap_ambient |= bit;
	return 0;
}

long caps_ambient(unsigned long what, unsigned long cap)
{
	struct cred *c;
	long err = 0;

	if (what == PR_CAP_AMBIENT_CLEAR_ALL ? cap != 0 : cap > CAP_LAST_CAP)
		return -EINVAL;
	if (what == PR_CAP_AMBIENT_IS_SET)
		return current->cred->cap_ambient >> cap & 1;
	if (what != PR_CAP_AMBIENT_CLEAR_ALL && what != PR_CAP_AMBIENT_LOWER &&
	    what != PR_CAP_AMBIENT_RAISE)
		return -EINVAL;
	c = cred_copy(current->cred);
	if (!c)
		return -ENOMEM;
	if (what == PR_CAP_AMBIENT_CLEAR_ALL)
		c->cap_ambient = 0;
	else if (what == PR_CAP_AMBIENT_LOWER)
		c->cap_ambient &= ~(1ull << cap);
	else
		err = ambient_raise(c, 1ull << cap);
	if (err)
		cred_put(c);
	else
		cred_commit(c);
	return err;
}

long caps_set_securebits(unsigned long bits)
{
	u32 old = current->cred->securebits;
	u32 locked = (old & SECURE_ALL_LOCKS) >> 1; /* what these locks hold still */
	struct cred *c;

	if (bits & ~(unsigned long)(SECURE_ALL_LOCKS | SECURE_ALL_BITS))
		return -EPERM;
	if ((locked & (old ^ (u32)bits)) || (old & SECURE_ALL_LOCKS & ~(u32)bits) ||
	    !capable(CAP_SETPCAP))
		return -EPERM;
	c = cred_copy(current->cred);
	if (!c)
		return -ENOMEM;
	c->securebits = (u32)bits;
	cred_commit(c);
	return 0;
}

long caps_set_keepcaps(unsigned long on)
{
	struct cred *c;

	if (on > 1)
		return -EINVAL;
	if (cred_secure(current->cred, SECURE_KEEP_CAPS_LOCKED))
		return -EPERM;
	c = cred_copy(current->cred);
	if (!c)
		return -ENOMEM;
	if (on)
		c->securebits |= 1u << SECURE_KEEP_CAPS;
	else
		c->securebits &= ~(1u << SECURE_KEEP_CAPS);
	cred_commit(c);
	return 0;
}
