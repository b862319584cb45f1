// SPDX-License-Identifier: MIT
/*
 * Namespaces that exist: mounts and host names.  uname(2) and its setters.
 *
 * A struct namespaces is shared by threads; clone with CLONE_NEWUTS makes
 * another.  CLONE_NEWNS, unshare(2) and setns(2) are absent.
 */
#include "internal.h"

#include <linux/sched.h>
#include <linux/utsname.h>
#include <tarn/syscall.h>
#include <tarn/vfs.h>

struct uts_ns init_uts = {
	.refs = { 1 },
	.lock = MUTEX_INIT(init_uts.lock, "uts", LR_SLEEP_LEAF),
	.names = { .nodename = "(none)", .domainname = "(none)" },
};

struct namespaces init_namespaces = {
	.refs = { 1 },
	.uts = &init_uts,
};

static void uts_put(struct uts_ns *uts)
{
	if (ref_put(&uts->refs))
		kfree(uts);
}

static struct uts_ns *uts_copy(struct uts_ns *old)
{
	struct uts_ns *u = kzalloc(sizeof(*u), GFP_KERNEL);

	if (!u)
		return NULL;
	ref_init(&u->refs, 1);
	mutex_init(&u->lock, "uts", LR_SLEEP_LEAF);
	mutex_lock(&old->lock);
	u->names = old->names;
	mutex_unlock(&old->lock);
	return u;
}

void namespaces_put(struct namespaces *ns)
{
	if (!ref_put(&ns->refs))
		return;
	if (ns->mnt)
		mount_ns_put(ns->mnt);
	uts_put(ns->uts);
	kfree(ns);
}

static long fill_namespaces(struct namespaces *ns, u64 flags, struct namespaces *old)
{
	if (flags & CLONE_NEWUTS) {
		ns->uts = uts_copy(old->uts);
		if (!ns->uts)
			return -ENOMEM;
	} else {
		ref_get(&old->uts->refs);
		ns->uts = old->uts;
	}
	if (old->mnt)
		ref_get(&old->mnt->refs);
	ns->mnt = old->mnt;
	return 0;
}

struct namespaces *namespaces_clone(u64 flags, struct namespaces *old)
{
	struct namespaces *ns;
	long err;

	if (!(flags & CLONE_NEWUTS)) {
		ref_get(&old->refs);
		return old;
	}
	ns = kzalloc(sizeof(*ns), GFP_KERNEL);
	if (!ns)
		return ERR_PTR(-ENOMEM);
	ref_init(&ns->refs, 1);
	err = fill_namespaces(ns, flags, old);
	if (!err)
		return ns;
	kfree(ns);
	return ERR_PTR(err);
}

/* ---- uname ---- */

/* Programs (glibc first of all) look at the release to know what they may ask of the kernel. */
#define UNAME_RELEASE "6.1.0-tarn"
#define UNAME_VERSION "#1 SMP Tarn"

long sys_uname(void __user *name)
{
	struct uts_ns *uts = current->ns->uts;
	struct new_utsname u = { 0 };

	strscpy(u.sysname, "Linux", sizeof(u.sysname));
	strscpy(u.release, UNAME_RELEASE, sizeof(u.release));
	strscpy(u.version, UNAME_VERSION, sizeof(u.version));
	strscpy(u.machine, "x86_64", sizeof(u.machine));
	mutex_lock(&uts->lock);
	strscpy(u.nodename, uts->names.nodename, sizeof(u.nodename));
	strscpy(u.domainname, uts->names.domainname, sizeof(u.domainname));
	mutex_unlock(&uts->lock);
	return copy_to_user(name, &u, sizeof(u));
}

static long set_uts_name(char *field, const char __user *uname, int len)
{
	struct uts_ns *uts = current->ns->uts;
	char name[__NEW_UTS_LEN + 1] = { 0 };

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > __NEW_UTS_LEN)
		return -EINVAL;
	if (copy_from_user(name, uname, (size_t)len))
		return -EFAULT;
	mutex_lock(&uts->lock);
	memcpy(field, name, sizeof(name));
	mutex_unlock(&uts->lock);
	return 0;
}

long sys_sethostname(const char __user *name, int len)
{
	return set_uts_name(current->ns->uts->names.nodename, name, len);
}

long sys_setdomainname(const char __user *name, int len)
{
	return set_uts_name(current->ns->uts->names.domainname, name, len);
}
