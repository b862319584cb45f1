// SPDX-License-Identifier: MIT
/*
 * Namespaces that exist: mounts, host names, System V objects.
 *
 * A struct namespaces is shared by threads; clone with CLONE_NEWUTS makes
 * another.  CLONE_NEWNS, unshare(2) and setns(2) are absent.
 */
#include "internal.h"

#include <linux/sched.h>
#include <linux/utsname.h>
#include <tarn/ipc.h>
#include <tarn/mount.h>
#include <tarn/syscall.h>

struct uts_ns init_uts = {
	.refs = { 1 },
	.lock = MUTEX_INIT(init_uts.lock, "uts", LR_SLEEP_LEAF),
	.names = { .nodename = "(none)", .domainname = "(none)" },
};

struct namespaces init_namespaces = {
	.refs = { 1 },
	.uts = &init_uts,
	.ipc = &init_ipc,
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
	ipc_ns_put(ns->ipc);
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
	ipc_ns_get(old->ipc);
	ns->ipc = old->ipc;
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
