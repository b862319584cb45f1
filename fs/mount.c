// SPDX-License-Identifier: MIT
/*
 * Mounts: where file systems hang in a namespace's tree.
 *
 * Life:  new -> attached (the tree holds one reference) -> detached -> freed
 *   An open file, a working directory or a walk holds a reference too; a lazy
 *   umount (MNT_DETACH) lets go of the tree's, the rest goes with the users.
 *
 * Locks: namespace_lock (one for all namespaces) serialises changes of trees
 *   and may sleep.  mount_lock with mount_seq guards the links themselves:
 *   parent, mountpoint, the hash, so that walks follow them under RCU and
 *   look at mount_seq at their end.
 *
 * Propagation types (shared, slave) are kept and shown; events do not travel
 * between peers yet.
 */
#include <linux/mount.h>
#include <tarn/hash.h>
#include <tarn/mount.h>
#include <tarn/printk.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/thread.h>
#include <tarn/waitq.h>

#include "internal.h"
#include "mount_internal.h"

#define HASH_SIZE 512

struct rwsem namespace_lock;
struct spinlock mount_lock = SPINLOCK_INIT("mount_lock", LR_MOUNT_HASH);
struct seqcount mount_seq;
static struct hlist_head mount_hash[HASH_SIZE];
static _Atomic u32 next_mount_id = 20;
static _Atomic u32 next_peer_group = 1;
static _Atomic u64 next_ns_inum = 0xf0000000ull;

static struct hlist_head *hash_bucket(const struct mount *parent, const struct dentry *d)
{
	return &mount_hash[hash_add(hash_ptr(parent), (u64)(ulong)d) % HASH_SIZE];
}

/* ---- references ---- */

void mount_get(struct mount *m)
{
	ref_get(&m->refs);
}

static void mount_free_rcu(struct rcu_head *h)
{
	struct mount *m = container_of(h, struct mount, rcu);

	kfree(m->source);
	kfree(m);
}

static NOINLINE void mount_free(struct mount *m)
{
	dentry_put(m->root);
	super_put(m->super);
	rcu_call(&m->rcu, mount_free_rcu);
}

void mount_put_quietly(struct mount *m)
{
	if (unlikely(ref_put(&m->refs)))
		mount_free(m);
}

void mount_put(struct mount *m)
{
	if (unlikely(atomic_load_explicit(&m->flags, memory_order_relaxed) & MOUNT_EXPIRES))
		atomic_fetch_and(&m->flags, ~(u32)MOUNT_EXPIRES);
	if (unlikely(ref_put(&m->refs)))
		mount_free(m);
}

void path_get(const struct path *p)
{
	mount_get(p->mnt);
	dentry_get(p->dentry);
}

void path_put(const struct path *p)
{
	if (p->dentry)
		dentry_put(p->dentry);
	if (p->mnt)
		mount_put(p->mnt);
}

struct mount *mount_alloc(struct super *sb, struct dentry *root, const char *source, u32 flags)
{
	struct mount *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return NULL;
	m->source = kstrdup(source ? source : "none", GFP_KERNEL);
	if (!m->source) {
		kfree(m);
		return NULL;
	}
	m->super = sb;
	dentry_get(root);
	m->root = root;
	ref_init(&m->refs, 1);
	atomic_store(&m->flags, flags);
	m->id = atomic_fetch_add(&next_mount_id, 1);
	list_init(&m->children);
	list_init(&m->sibling);
	list_init(&m->ns_node);
	return m;
}

/* ---- links ---- */

struct mount *mount_at_rcu(const struct mount *parent, const struct dentry *mountpoint)
{
	struct mount *m;

	HLIST_FOR_EACH_RCU(m, hash_bucket(parent, mountpoint), hash_node)
		if (READ_ONCE(m->parent) == parent && READ_ONCE(m->mountpoint) == mountpoint)
			return m;
	return NULL;
}

struct mount *mount_at(struct mount *parent, struct dentry *mountpoint)
{
	struct mount *m;

	if (!(atomic_load_explicit(&mountpoint->flags, memory_order_relaxed) & DF_MOUNTED))
		return NULL;
	spin_lock(&mount_lock);
	m = mount_at_rcu(parent, mountpoint);
	if (m)
		mount_get(m);
	spin_unlock(&mount_lock);
	return m;
}

bool dentry_is_mountpoint(struct dentry *d)
{
	return atomic_load(&d->flags) & DF_MOUNTED;
}

void mount_down(struct path *p)
{
	struct mount *m;

	while ((m = mount_at(p->mnt, p->dentry)) != NULL) {
		path_put(p);
		p->mnt = m;
		p->dentry = m->root;
		dentry_get(p->dentry);
	}
}

bool mount_up(struct path *p)
{
	struct mount *parent;
	struct dentry *mountpoint = NULL;

	spin_lock(&mount_lock);
	parent = p->mnt->parent;
	if (parent) {
		mountpoint = p->mnt->mountpoint;
		mount_get(parent);
		dentry_get(mountpoint);
	}
	spin_unlock(&mount_lock);
	if (!parent)
		return false;
	path_put(p);
	p->mnt = parent;
	p->dentry = mountpoint;
	return true;
}

/* namespace_lock held. */
void mount_link(struct mount *m, struct mount *parent, struct dentry *mountpoint)
{
	dentry_get(mountpoint);
	spin_lock(&mount_lock);
	seq_write_begin(&mount_seq);
	m->parent = parent;
	m->mountpoint = mountpoint;
	atomic_fetch_or(&mountpoint->flags, DF_MOUNTED);
	hlist_add_head_rcu(hash_bucket(parent, mountpoint), &m->hash_node);
	list_add_tail(&parent->children, &m->sibling);
	seq_write_end(&mount_seq);
	spin_unlock(&mount_lock);
}

static bool mounted_elsewhere(const struct dentry *d)
{
	for (u32 i = 0; i < HASH_SIZE; i++) {
		struct mount *m;

		HLIST_FOR_EACH(m, &mount_hash[i], hash_node)
			if (m->mountpoint == d)
				return true;
	}
	return false;
}

/* namespace_lock and mount_lock held, mount_seq odd.  Returns the mount point: the caller's reference. */
static struct dentry *unlink_locked(struct mount *m)
{
	struct dentry *d = m->mountpoint;

	if (!m->parent)
		return NULL;
	hlist_del_rcu(&m->hash_node);
	list_del_init(&m->sibling);
	m->parent = NULL;
	m->mountpoint = NULL;
	if (!mounted_elsewhere(d))
		atomic_fetch_and(&d->flags, ~(u32)DF_MOUNTED);
	return d;
}

void mount_unlink(struct mount *m)
{
	struct dentry *d;

	spin_lock(&mount_lock);
	seq_write_begin(&mount_seq);
	d = unlink_locked(m);
	seq_write_end(&mount_seq);
	spin_unlock(&mount_lock);
	dentry_put(d);
}

/* ---- trees: namespace_lock held ---- */

/* After @m in @top's tree, parents first; NULL at the end. */
struct mount *mount_next(struct mount *m, struct mount *top, bool skip_children)
{
	if (!skip_children && !list_empty(&m->children))
		return list_first(&m->children, struct mount, sibling);
	while (m != top) {
		struct mount *parent = m->parent;

		if (!list_is_last(&parent->children, &m->sibling))
			return LIST_ENTRY(m->sibling.next, struct mount, sibling);
		m = parent;
	}
	return NULL;
}

/* Pollers of all namespaces: one may stand here, in an epoll set, when its namespace has gone. */
static struct waitq event_waitq = WAITQ_INIT(event_waitq);

struct waitq *mount_event_waitq(void)
{
	return &event_waitq;
}

void mount_ns_event(struct mount_ns *ns)
{
	ns->event++;
	waitq_wake_all(&event_waitq, 0x8 /* EPOLLERR */ | 0x2 /* EPOLLPRI */);
}

/* @top and all below it become part of @ns (NULL: of none). */
void mount_set_ns(struct mount *top, struct mount_ns *ns)
{
	for (struct mount *m = top; m; m = mount_next(m, top, false)) {
		if (m->ns)
			list_del_init(&m->ns_node);
		m->ns = ns;
		if (ns)
			list_add_tail(&ns->mounts, &m->ns_node);
	}
	if (ns)
		mount_ns_event(ns);
}

/* Lets go of @top and all below: they come on @dead for mount_put_dead() without the lock. */
void mount_drop_tree(struct mount *top, struct list *dead)
{
	struct mount *m;

	mount_set_ns(top, NULL);
	while ((m = top) != NULL) {
		while (!list_empty(&m->children))
			m = list_first(&m->children, struct mount, sibling);
		mount_unlink(m);
		list_add_tail(dead, &m->ns_node);
		if (m == top)
			top = NULL;
	}
}

/* The tree's references go; busy ones live on, detached.  The last put of a file system writes it back. */
void mount_put_dead(struct list *dead)
{
	struct mount *m;

	while ((m = list_first(dead, struct mount, ns_node)) != NULL) {
		list_del_init(&m->ns_node);
		mount_put(m);
	}
}

/* A twin of @m with @root as its root; ERR_PTR(-ENOMEM). */
static struct mount *mount_clone(struct mount *m, struct dentry *root)
{
	struct mount *c;

	if (!super_get_active(m->super))
		return ERR_PTR(-EINVAL);
	c = mount_alloc(m->super, root, m->source, atomic_load(&m->flags) & ~(u32)MOUNT_EXPIRES);
	if (!c) {
		super_put(m->super);
		return ERR_PTR(-ENOMEM);
	}
	c->peer_group = m->peer_group;
	c->master_group = m->master_group;
	return c;
}

/* On an error what was made is on @dead. */
struct mount *mount_copy_tree(struct mount *src, struct dentry *root, bool recursive,
			      struct list *dead)
{
	struct mount *top = mount_clone(src, root), *m, *c;
	bool skip = false;

	if (IS_ERR(top) || !recursive)
		return top;
	src->copy = top;
	for (m = mount_next(src, src, false); m; m = mount_next(m, src, skip)) {
		skip = m->parent == src && !dentry_is_below(m->mountpoint, root);
		if (skip || (atomic_load(&m->flags) & MS_UNBINDABLE)) {
			skip = true;
			continue;
		}
		c = mount_clone(m, m->root);
		if (IS_ERR(c)) {
			mount_drop_tree(top, dead);
			return c;
		}
		m->copy = c;
		mount_link(c, m->parent->copy, m->mountpoint);
	}
	return top;
}

u32 mount_new_peer_group(void)
{
	return atomic_fetch_add(&next_peer_group, 1);
}

/* ---- namespaces ---- */

struct mount_ns *mount_ns_new(void)
{
	struct mount_ns *ns = kzalloc(sizeof(*ns), GFP_KERNEL);

	if (!ns)
		return NULL;
	ref_init(&ns->refs, 1);
	list_init(&ns->mounts);
	ns->inum = atomic_fetch_add(&next_ns_inum, 1);
	return ns;
}

static void move_to_copy(struct path *p, struct mount_ns *old)
{
	struct mount *m = p->mnt;

	if (m && m->ns == old && m->copy) {
		mount_get(m->copy);
		p->mnt = m->copy;
		mount_put(m);
	}
}

struct mount_ns *mount_ns_copy_fs(struct mount_ns *old, struct fs_context *fs)
{
	struct mount_ns *ns = mount_ns_new();
	struct list dead = LIST_INIT(dead);
	struct mount *m, *top;

	if (!ns)
		return ERR_PTR(-ENOMEM);
	rwsem_write_lock(&namespace_lock);
	LIST_FOR_EACH(m, &old->mounts, ns_node)
		m->copy = NULL;
	top = mount_copy_tree(old->root, old->root->root, true, &dead);
	if (IS_ERR(top)) {
		rwsem_write_unlock(&namespace_lock);
		mount_put_dead(&dead);
		kfree(ns);
		return ERR_CAST(top);
	}
	ns->root = top;
	mount_set_ns(top, ns);
	if (fs) { /* nobody else has it yet */
		move_to_copy(&fs->root, old);
		move_to_copy(&fs->cwd, old);
	}
	rwsem_write_unlock(&namespace_lock);
	return ns;
}

struct mount_ns *mount_ns_copy(struct mount_ns *old)
{
	return mount_ns_copy_fs(old, NULL);
}

void mount_ns_put(struct mount_ns *ns)
{
	struct list dead = LIST_INIT(dead);

	if (!ref_put(&ns->refs))
		return;
	rwsem_write_lock(&namespace_lock);
	if (ns->root)
		mount_drop_tree(ns->root, &dead);
	rwsem_write_unlock(&namespace_lock);
	mount_put_dead(&dead);
	kfree(ns);
}

struct mount_ns *current_mount_ns(void)
{
	return current->ns ? current->ns->mnt : NULL;
}

int mount_want_write(const struct mount *m)
{
	if ((atomic_load_explicit(&m->flags, memory_order_relaxed) |
	     atomic_load_explicit(&m->super->flags, memory_order_relaxed)) & MS_RDONLY)
		return -EROFS;
	return 0;
}

struct mount *mount_internal(const struct fs_type *type)
{
	struct mount_args args = { 0 };
	struct super *sb = type->mount(type, &args);
	struct mount *m;

	if (IS_ERR(sb))
		panic("internal file system %s: error %ld", type->name, -PTR_ERR(sb));
	m = mount_alloc(sb, sb->root, type->name, 0);
	if (!m)
		panic("no memory for internal mounts");
	return m;
}

void mount_init(void)
{
	rwsem_init(&namespace_lock, "namespace", LR_NAMESPACE);
}
