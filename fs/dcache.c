// SPDX-License-Identifier: MIT
/*
 * The dentry cache: names that were looked up, found or not (negative ones).
 *
 * Life:  new -> hashed <-> unused (refs 0, still hashed) -> dead -> freed
 *   The last put keeps a hashed dentry for the next walk.  It dies when it is
 *   unhashed at its last put, or when the shrinker takes an unused one: refs
 *   goes from 0 (or 1) to DEAD in one step, after which nobody can get it.  The
 *   memory goes through RCU.  A child holds its parent, so trees die bottom up.
 *
 * Locks: the bucket's lock guards a hash chain, d->lock the list of children
 *   and changes of d's name, parent and inode, lru_lock the LRU.  A directory's
 *   inode->lock decides which names exist.
 *
 * Readers without locks: d->seq is odd while name, parent, inode or hashing
 *   change.  A walk reads seq, then the fields, then seq again.  A chain may
 *   lead a reader astray while a dentry moves to another bucket, so a miss
 *   under RCU means only "look again with the bucket locked".
 *
 *   unlink, sole holder            walk
 *   refs 1 -> BUSY                 dentry_get_unless_dead: fails, slow path,
 *   inode = NULL                     waits for the directory's lock
 *   refs -> 1                      finds a negative dentry
 */
#include <tarn/hash.h>
#include <tarn/inode.h>
#include <tarn/notify.h>
#include <tarn/printk.h>
#include <tarn/random.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/thread.h>

#include "internal.h"

#define REFS_DEAD (-0x40000000)
#define REFS_BUSY (-0x20000000) /* dentry_delete turns it negative */
#define HASH_LOCKS 256
#define SHRINK_BATCH 32

static struct hlist_head *hash_table; /* [I] bucket_lock() guards a chain */
static u32 hash_mask;
static struct {
	struct spinlock lock;
} CACHE_ALIGNED hash_locks[HASH_LOCKS];
static struct spinlock lru_lock = SPINLOCK_INIT("dcache_lru", LR_DCACHE_LRU);
static struct list lru_list GUARDED_BY(&lru_lock) = LIST_INIT(lru_list); /* oldest first */
static u64 lru_count GUARDED_BY(&lru_lock);
static struct kmem_cache *dentry_cache;
static u32 hash_seed;
_Atomic u64 rename_count;

static struct hlist_head *bucket_of(u32 hash)
{
	return &hash_table[hash & hash_mask];
}

static struct spinlock *bucket_lock(u32 hash)
{
	return &hash_locks[hash & hash_mask & (HASH_LOCKS - 1)].lock;
}

u32 name_hash(const struct dentry *parent, const char *name, u32 len)
{
	u64 h = (u64)(ulong)parent ^ hash_seed;

	for (u32 i = 0; i < len; i++)
		h = (h ^ (u8)name[i]) * 0x100000001b3ull;
	h ^= h >> 32;
	return (u32)(h ^ (h >> 15));
}

struct qstr qstr_make(const struct dentry *parent, const char *name, u32 len)
{
	return (struct qstr){ .name = name, .len = len, .hash = name_hash(parent, name, len) };
}

/* ---- references ---- */

bool dentry_get_unless_dead(struct dentry *d)
{
	s32 n = atomic_load_explicit(&d->refs.n, memory_order_relaxed);

	while (n >= 0)
		if (atomic_compare_exchange_weak_explicit(&d->refs.n, &n, n + 1,
							  memory_order_acquire,
							  memory_order_relaxed))
			return true;
	return false;
}

void dentry_get(struct dentry *d)
{
	s32 old = atomic_fetch_add_explicit(&d->refs.n, 1, memory_order_relaxed);

	assert(old > 0);
}

static void lru_insert(struct dentry *d)
{
	spin_lock(&lru_lock);
	if (!(atomic_fetch_or(&d->flags, DF_LRU) & DF_LRU)) {
		list_add_tail(&lru_list, &d->lru);
		lru_count++;
	}
	spin_unlock(&lru_lock);
}

static void lru_remove(struct dentry *d)
{
	spin_lock(&lru_lock);
	if (atomic_fetch_and(&d->flags, ~(u32)DF_LRU) & DF_LRU) {
		list_del(&d->lru);
		lru_count--;
	}
	spin_unlock(&lru_lock);
}

static bool keeps_unused(const struct dentry *d)
{
	if (!dentry_is_hashed(d) || d->super->no_dcache_children)
		return false;
	return !d->ops || !d->ops->delete || !d->ops->delete((struct dentry *)d);
}

static void dentry_free_rcu(struct rcu_head *h)
{
	struct dentry *d = container_of(h, struct dentry, rcu);

	if (d->name.name != d->inline_name)
		kfree(d->name.name);
	kmem_cache_free(dentry_cache, d);
}

/* A dentry lets go of @inode: if that was its last name, its watchers hear of it. */
static void inode_unnamed(struct inode *inode)
{
	if (unlikely(inode->marks) && inode->nlink == 0)
		notify_inode_gone(inode);
	inode_put(inode);
}

/* @d is DEAD: takes it apart.  Returns the parent, whose reference the caller now owns, or NULL. */
static struct dentry *dentry_kill(struct dentry *d)
{
	struct dentry *parent = d->parent;
	struct inode *inode = d->inode;

	dentry_drop(d);
	if (atomic_load_explicit(&d->flags, memory_order_relaxed) & DF_LRU)
		lru_remove(d);
	if (parent != d) {
		spin_lock(&parent->lock);
		list_del(&d->sibling);
		spin_unlock(&parent->lock);
	}
	if (inode) {
		spin_lock(&inode->spin);
		list_del(&d->alias);
		spin_unlock(&inode->spin);
		inode_unnamed(inode);
	}
	rcu_call(&d->rcu, dentry_free_rcu);
	return parent != d ? parent : NULL;
}

void dentry_put(struct dentry *d)
{
	while (d) {
		s32 n = atomic_load_explicit(&d->refs.n, memory_order_relaxed);
		bool keep;

		assert(n > 0);
		if (n > 1) {
			if (atomic_compare_exchange_weak_explicit(&d->refs.n, &n, n - 1,
								  memory_order_release,
								  memory_order_relaxed))
				return;
			continue;
		}
		keep = keeps_unused(d);
		if (keep) {
			u32 flags = atomic_load_explicit(&d->flags, memory_order_relaxed);

			if (!(flags & DF_REFERENCED))
				atomic_fetch_or(&d->flags, DF_REFERENCED);
			if (!(flags & DF_LRU))
				lru_insert(d); /* our reference keeps it alive here */
		}
		if (!atomic_compare_exchange_strong(&d->refs.n, &n, keep ? 0 : REFS_DEAD))
			continue;
		if (keep)
			return;
		d = dentry_kill(d);
	}
}

/* ---- birth ---- */

static struct dentry *dentry_new(struct super *sb, const struct qstr *name)
{
	struct dentry *d = kmem_cache_alloc(dentry_cache, GFP_KERNEL);
	char *text;

	if (!d)
		return NULL;
	text = d->inline_name;
	if (name->len >= DENTRY_INLINE) {
		text = kmalloc(name->len + 1, GFP_KERNEL);
		if (!text) {
			kmem_cache_free(dentry_cache, d);
			return NULL;
		}
	}
	memcpy(text, name->name, name->len);
	text[name->len] = '\0';
	d->name = (struct qstr){ text, name->len, name->hash };
	atomic_store_explicit(&d->seq.seq, 0, memory_order_relaxed);
	atomic_store_explicit(&d->flags, DF_UNHASHED, memory_order_relaxed);
	atomic_store_explicit(&d->refs.n, 1, memory_order_relaxed);
	hlist_node_init(&d->hash_node);
	d->parent = d;
	d->inode = NULL;
	spin_init(&d->lock, "dentry", LR_DENTRY);
	d->ops = NULL;
	d->super = sb;
	d->private = NULL;
	list_init(&d->children);
	list_init(&d->sibling);
	return d;
}

struct dentry *dentry_alloc(struct dentry *parent, const struct qstr *name)
{
	struct dentry *d = dentry_new(parent->super, name);

	if (!d)
		return NULL;
	dentry_get(parent);
	d->parent = parent;
	d->name.hash = name_hash(parent, name->name, name->len);
	spin_lock(&parent->lock);
	list_add(&parent->children, &d->sibling);
	spin_unlock(&parent->lock);
	return d;
}

void dentry_attach(struct dentry *d, struct inode *inode)
{
	spin_lock(&d->lock);
	seq_write_begin(&d->seq);
	d->inode = inode;
	seq_write_end(&d->seq);
	if (inode) {
		inode_fix_rank(inode);
		spin_lock(&inode->spin);
		list_add(&inode->aliases, &d->alias);
		spin_unlock(&inode->spin);
	}
	spin_unlock(&d->lock);
}

struct dentry *dentry_alloc_root(struct inode *inode)
{
	static const struct qstr slash = { "/", 1, 0 };
	struct dentry *d = dentry_new(inode->super, &slash);

	if (!d)
		return NULL;
	atomic_fetch_or(&d->flags, DF_ROOT);
	dentry_attach(d, inode);
	return d;
}

struct dentry *dentry_alloc_pseudo(struct inode *inode, const char *name, const struct dentry_ops *ops)
{
	struct qstr q = { name, (u32)MIN(strlen(name), (size_t)PATH_MAX_LEN), 0 };
	struct dentry *d = dentry_new(inode->super, &q);

	if (!d)
		return NULL;
	d->ops = ops;
	dentry_attach(d, inode);
	return d;
}

static void dentry_rehash(struct dentry *d)
{
	struct spinlock *l = bucket_lock(d->name.hash);

	spin_lock(l);
	hlist_add_head_rcu(bucket_of(d->name.hash), &d->hash_node);
	atomic_fetch_and(&d->flags, ~(u32)DF_UNHASHED);
	spin_unlock(l);
}

void dentry_hash(struct dentry *d)
{
	spin_lock(&d->lock);
	if (!dentry_is_hashed(d))
		dentry_rehash(d);
	spin_unlock(&d->lock);
}

void dentry_add(struct dentry *d, struct inode *inode)
{
	dentry_attach(d, inode);
	dentry_hash(d);
}

void dentry_instantiate(struct dentry *d, struct inode *inode)
{
	dentry_add(d, inode);
}

/* d->lock held, seq odd. */
static void unhash_locked(struct dentry *d)
{
	struct spinlock *l = bucket_lock(d->name.hash);

	if (!dentry_is_hashed(d))
		return;
	spin_lock(l);
	hlist_del_rcu(&d->hash_node);
	atomic_fetch_or(&d->flags, DF_UNHASHED);
	spin_unlock(l);
}

void dentry_drop(struct dentry *d)
{
	if (!dentry_is_hashed(d))
		return;
	spin_lock(&d->lock);
	seq_write_begin(&d->seq);
	unhash_locked(d);
	seq_write_end(&d->seq);
	spin_unlock(&d->lock);
}

/* ---- lookup ---- */

/* Whether @d is @name in @parent, and *seq under which that holds. */
static bool dentry_matches(const struct dentry *d, const struct dentry *parent,
			   const struct qstr *name, u32 *seq)
{
	const char *text;
	u32 len;

	do {
		if (READ_ONCE(d->name.hash) != name->hash || READ_ONCE(d->parent) != parent)
			return false;
		*seq = seq_read_begin(&d->seq);
		text = READ_ONCE(d->name.name);
		len = READ_ONCE(d->name.len);
	} while (seq_read_retry(&d->seq, *seq));
	return len == name->len && memcmp(text, name->name, len) == 0 && dentry_is_hashed(d);
}

struct dentry *dentry_lookup_rcu(const struct dentry *parent, const struct qstr *name, u32 *seq)
{
	struct dentry *d;

	HLIST_FOR_EACH_RCU(d, bucket_of(name->hash), hash_node)
		if (dentry_matches(d, parent, name, seq))
			return d;
	return NULL;
}

struct dentry *dentry_lookup(struct dentry *parent, const struct qstr *name)
{
	struct spinlock *l = bucket_lock(name->hash);
	struct dentry *d;
	u32 seq;

	rcu_read_lock();
	d = dentry_lookup_rcu(parent, name, &seq);
	if (d && dentry_get_unless_dead(d)) {
		if (!seq_read_retry(&d->seq, seq)) {
			rcu_read_unlock();
			return d;
		}
		rcu_read_unlock();
		dentry_put(d);
	} else {
		rcu_read_unlock();
	}
	/* A miss may be a reader led astray: the chain stands still under its lock. */
	spin_lock(l);
	HLIST_FOR_EACH(d, bucket_of(name->hash), hash_node)
		if (d->name.hash == name->hash && d->parent == parent && d->name.len == name->len &&
		    memcmp(d->name.name, name->name, name->len) == 0 && dentry_get_unless_dead(d))
			break;
	spin_unlock(l);
	return d;
}

/* ---- removal ---- */

void dentry_delete(struct dentry *d)
{
	struct inode *inode = d->inode;
	s32 one = 1;

	if (!inode || !atomic_compare_exchange_strong(&d->refs.n, &one, REFS_BUSY)) {
		dentry_drop(d);
		return;
	}
	spin_lock(&d->lock);
	seq_write_begin(&d->seq);
	d->inode = NULL;
	seq_write_end(&d->seq);
	spin_unlock(&d->lock);
	spin_lock(&inode->spin);
	list_del(&d->alias);
	spin_unlock(&inode->spin);
	atomic_store(&d->refs.n, 1);
	inode_unnamed(inode);
}

/* The first child of @d that is unused, now DEAD; or NULL. */
static struct dentry *take_unused_child(struct dentry *d)
{
	struct dentry *c, *found = NULL;

	spin_lock(&d->lock);
	LIST_FOR_EACH(c, &d->children, sibling) {
		s32 zero = 0;

		if (atomic_compare_exchange_strong(&c->refs.n, &zero, REFS_DEAD)) {
			found = c;
			break;
		}
	}
	spin_unlock(&d->lock);
	return found;
}

void dentry_prune_children(struct dentry *d)
{
	struct dentry *c;

	while (!list_empty(&d->children) && (c = take_unused_child(d)) != NULL) {
		dentry_put(dentry_kill(c));
		cond_resched();
	}
}

static struct dentry *next_hashed_child(struct dentry *d)
{
	struct dentry *c, *found = NULL;

	spin_lock(&d->lock);
	LIST_FOR_EACH(c, &d->children, sibling)
		if (dentry_is_hashed(c) && dentry_get_unless_dead(c)) {
			found = c;
			break;
		}
	spin_unlock(&d->lock);
	return found;
}

/* Recursion is as deep as the tree: pseudo file systems, whose depth is fixed. */
void dentry_invalidate(struct dentry *d)
{
	struct dentry *c;

	dentry_drop(d);
	dentry_prune_children(d);
	while ((c = next_hashed_child(d)) != NULL) {
		dentry_invalidate(c);
		dentry_put(c);
	}
}

/*
 * Unmounted and no file open: only the shrinker may still race with us.  Goes
 * down to a leaf holding a reference on each level, kills it, goes up one.
 */
u64 dentry_shrink_super(struct super *sb)
{
	struct dentry *d = sb->root, *c;
	u64 busy = 0;

	for (;;) {
		struct dentry *parent = d->parent;
		bool dying = false;

		spin_lock(&d->lock);
		c = list_first(&d->children, struct dentry, sibling);
		if (c && !dentry_get_unless_dead(c))
			dying = true;
		spin_unlock(&d->lock);
		if (dying) {
			sched_yield_current();
			continue;
		}
		if (c) {
			d = c;
			continue;
		}
		if (d == sb->root)
			return busy;
		dentry_drop(d);
		if (atomic_fetch_and(&d->flags, ~(u32)DF_PINNED) & DF_PINNED)
			dentry_put(d);
		if (atomic_load(&d->refs.n) > 1) {
			pr_err("%s: dentry '%s' is still in use at unmount\n", sb->id, d->name.name);
			busy++;
			spin_lock(&parent->lock);
			list_del_init(&d->sibling);
			spin_unlock(&parent->lock);
		}
		dentry_put(d);
		d = parent;
		cond_resched();
	}
}

/* ---- moving ---- */

char *dentry_name_dup(const struct qstr *name)
{
	char *s = kmalloc(MAX(name->len + 1, 16u), GFP_KERNEL);

	if (s) {
		memcpy(s, name->name, name->len);
		s[name->len] = '\0';
	}
	return s;
}

static void set_name(struct dentry *d, struct dentry *parent, char *name, u32 len)
{
	const char *old = d->name.name;

	atomic_fetch_add(&rename_count, 1);
	spin_lock(&d->lock);
	seq_write_begin(&d->seq);
	unhash_locked(d);
	d->parent = parent;
	d->name = qstr_make(parent, name, len);
	dentry_rehash(d);
	seq_write_end(&d->seq);
	spin_unlock(&d->lock);
	atomic_fetch_add(&rename_count, 1);
	if (old != d->inline_name)
		kfree_rcu((void *)old);
}

void dentry_move(struct dentry *d, struct dentry *new_parent, char *name, u32 len)
{
	struct dentry *old_parent = d->parent;

	dentry_get(new_parent);
	spin_lock(&old_parent->lock);
	list_del(&d->sibling);
	spin_unlock(&old_parent->lock);
	set_name(d, new_parent, name, len);
	spin_lock(&new_parent->lock);
	list_add(&new_parent->children, &d->sibling);
	spin_unlock(&new_parent->lock);
	dentry_put(old_parent);
}

void dentry_exchange(struct dentry *a, struct dentry *b, char *a_name, char *b_name)
{
	struct dentry *a_parent = a->parent;
	u32 a_len = b->name.len, b_len = a->name.len;

	dentry_get(a_parent);
	dentry_move(a, b->parent, a_name, a_len);
	dentry_move(b, a_parent, b_name, b_len);
	dentry_put(a_parent);
}

bool dentry_is_below(const struct dentry *d, const struct dentry *ancestor)
{
	bool below = true;

	rcu_read_lock();
	while (d != ancestor) {
		const struct dentry *up = READ_ONCE(d->parent);

		if (up == d) {
			below = false;
			break;
		}
		d = up;
	}
	rcu_read_unlock();
	return below;
}

bool dentry_dir_has_other_alias(struct dentry *d)
{
	struct inode *inode = d->inode;
	struct dentry *a;
	bool other = false;

	spin_lock(&inode->spin);
	LIST_FOR_EACH(a, &inode->aliases, alias)
		if (a != d && (dentry_is_hashed(a) || a->parent == a))
			other = true;
	spin_unlock(&inode->spin);
	return other;
}

/* ---- memory pressure ---- */

static u64 dcache_count(void)
{
	return READ_UNLOCKED(lru_count);
}

/* Moves up to SHRINK_BATCH unused dentries, now DEAD, to @dispose; looks at up to *@budget. */
static u32 lru_take(struct list *dispose, u64 *budget)
{
	u32 taken = 0;

	spin_lock(&lru_lock);
	while (*budget && taken < SHRINK_BATCH) {
		struct dentry *d = list_first(&lru_list, struct dentry, lru);
		s32 zero = 0;

		if (!d)
			break;
		--*budget;
		if ((atomic_fetch_and(&d->flags, ~(u32)DF_REFERENCED) & DF_REFERENCED) ||
		    !atomic_compare_exchange_strong(&d->refs.n, &zero, REFS_DEAD)) {
			list_move_tail(&lru_list, &d->lru);
			continue;
		}
		atomic_fetch_and(&d->flags, ~(u32)DF_LRU);
		list_move_tail(dispose, &d->lru);
		lru_count--;
		taken++;
	}
	spin_unlock(&lru_lock);
	return taken;
}

static u64 dcache_scan(u64 n, gfp_t gfp)
{
	u64 freed = 0, budget = n * 2;

	if (gfp & GFP_NOFS_BIT)
		return 0;
	while (freed < n) {
		struct list dispose;
		struct dentry *d;
		u32 taken;

		list_init(&dispose);
		taken = lru_take(&dispose, &budget);
		if (!taken)
			break;
		freed += taken;
		while ((d = list_first(&dispose, struct dentry, lru)) != NULL) {
			list_del(&d->lru);
			dentry_put(dentry_kill(d));
		}
		cond_resched();
	}
	return freed;
}

static struct shrinker dcache_shrinker = {
	.name = "dentry",
	.count = dcache_count,
	.scan = dcache_scan,
};

/* One bucket for each 16 KiB of memory, between 8 Ki and 256 Ki. */
void dcache_init(void)
{
	struct mem_stats st;
	u32 order = 4;

	mem_get_stats(&st);
	while (order < 9 && (PAGE_SIZE << order) / sizeof(*hash_table) < st.total / 4)
		order++;
	hash_table = pages_alloc(GFP_KERNEL | GFP_ZERO, order);
	if (!hash_table)
		panic("no memory for the dentry hash");
	hash_mask = (u32)((PAGE_SIZE << order) / sizeof(*hash_table)) - 1;
	hash_seed = (u32)random_u64();
	for (u32 i = 0; i < HASH_LOCKS; i++)
		spin_init(&hash_locks[i].lock, "dcache_hash", LR_DCACHE_HASH);
	dentry_cache = kmem_cache_create("dentry", sizeof(struct dentry), 64, NULL);
	if (!dentry_cache)
		panic("no memory for dentries");
	kmem_cache_is_reclaimable(dentry_cache);
	shrinker_register(&dcache_shrinker);
}
