// SPDX-License-Identifier: MIT
/*
 * Identifiers, owners and modes of System V objects; see ipc.h.
 *
 * Slots are given out in a circle whose size follows the number of objects, so
 * that an identifier of an object just removed stays unused for a while.
 */
#include "ipc.h"

#include <asm/ipcbuf.h>
#include <linux/shm.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/process.h>

#define MIN_CIRCLE 64u
#define MAX_SEQ (0x7fffffffu / IPC_INDEXES)

struct ipc_ns init_ipc = {
	.refs = { 1 },
	.lock = MUTEX_INIT(init_ipc.lock, "ipc", LR_IPC),
	.shm = { .table = IDR_INIT, .last_index = -1 },
	.shmmax = ~0ul - (1ul << 24),
	.shmall = ~0ul - (1ul << 24),
	.shmmni = SHMMNI,
};

struct ipc_ns *ipc_ns_current(void)
{
	return current->ns->ipc;
}

void ipc_ns_get(struct ipc_ns *ns)
{
	ref_get(&ns->refs);
}

/* There is only the first namespace, which stays. */
void ipc_ns_put(struct ipc_ns *ns)
{
	bool last = ref_put(&ns->refs);

	assert(!last);
}

/* ---- keys: a tree, because shmget asks for one among thousands ---- */

static struct ipc_object *by_key(struct rb_node *n)
{
	return rb_entry_or_null(n, struct ipc_object, by_key);
}

static void add_key(struct ipc_ids *ids, struct ipc_object *p)
{
	struct rb_node *parent = NULL, **link = &ids->by_key.node;

	while (*link) {
		parent = *link;
		link = p->key < by_key(parent)->key ? &parent->left : &parent->right;
	}
	rb_insert(&ids->by_key, &p->by_key, parent, link, NULL);
}

void ipc_forget_key(struct ipc_ids *ids, struct ipc_object *p)
{
	if (p->key != IPC_PRIVATE)
		rb_erase(&ids->by_key, &p->by_key, NULL);
	p->key = IPC_PRIVATE;
}

struct ipc_object *ipc_find_key(struct ipc_ids *ids, __kernel_key_t key)
{
	struct ipc_object *p = by_key(ids->by_key.node);

	while (p && p->key != key)
		p = by_key(key < p->key ? p->by_key.left : p->by_key.right);
	return p;
}

/* ---- identifiers ---- */

int ipc_add(struct ipc_ids *ids, struct ipc_object *p, u32 limit)
{
	u32 circle = MIN(MAX(ids->in_use * 3 / 2, MIN_CIRCLE), IPC_INDEXES);
	int index;

	if (ids->in_use >= limit)
		return -ENOSPC;
	index = idr_alloc_cyclic(&ids->table, p, 0, circle - 1);
	if (index < 0)
		return index;
	if (index <= ids->last_index)
		ids->seq = ids->seq < MAX_SEQ ? ids->seq + 1 : 0;
	ids->last_index = index;
	ids->in_use++;
	p->id = (int)(ids->seq * IPC_INDEXES + (u32)index);
	if (p->key != IPC_PRIVATE)
		add_key(ids, p);
	return 0;
}

void ipc_remove(struct ipc_ids *ids, struct ipc_object *p)
{
	ipc_forget_key(ids, p);
	idr_remove(&ids->table, (u32)p->id % IPC_INDEXES);
	ids->in_use--;
}

struct ipc_object *ipc_find_index(struct ipc_ids *ids, int index)
{
	struct ipc_object *p = index < 0 ? NULL : idr_find(&ids->table, (u32)index % IPC_INDEXES);

	return p ? p : ERR_PTR(-EINVAL);
}

struct ipc_object *ipc_find(struct ipc_ids *ids, int id)
{
	struct ipc_object *p = ipc_find_index(ids, id);

	return !IS_ERR(p) && p->id != id ? ERR_PTR(-EINVAL) : p;
}

int ipc_max_index(const struct ipc_ids *ids)
{
	struct ipc_object *p;
	u32 index, max = 0;

	IDR_FOR_EACH(&ids->table, p, index)
		max = index;
	return (int)max;
}

/* ---- permissions ---- */

void ipc_perm_init(struct ipc_object *p, __kernel_key_t key, int flags)
{
	const struct cred *c = current->cred;

	p->key = key;
	p->uid = p->cuid = c->euid;
	p->gid = p->cgid = c->egid;
	p->mode = (u32)flags & 0777;
}

int ipc_check_mode(const struct ipc_object *p, u32 flags)
{
	const struct cred *c = current->cred;
	u32 want = (flags >> 6 | flags >> 3 | flags) & 7;
	u32 granted = p->mode;

	if (c->euid == p->cuid || c->euid == p->uid)
		granted >>= 6;
	else if (cred_in_group(c, p->cgid) || cred_in_group(c, p->gid))
		granted >>= 3;
	return want & ~granted && !capable(CAP_IPC_OWNER) ? -EACCES : 0;
}

int ipc_check_owner(const struct ipc_object *p)
{
	const struct cred *c = current->cred;

	if (c->euid == p->cuid || c->euid == p->uid || capable(CAP_SYS_ADMIN))
		return 0;
	return -EPERM;
}

void ipc_perm_show(const struct ipc_object *p, struct ipc64_perm *out)
{
	*out = (struct ipc64_perm){
		.key = p->key,
		.uid = p->uid,
		.gid = p->gid,
		.cuid = p->cuid,
		.cgid = p->cgid,
		.mode = (__kernel_mode_t)p->mode,
		.seq = (unsigned short)((u32)p->id / IPC_INDEXES),
	};
}
