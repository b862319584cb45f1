// SPDX-License-Identifier: MIT
/*
 * The inode cache: files that are open, named by a dentry, or were lately.
 *
 * Life:  new (IS_NEW) -> in use <-> unused (refs 0, cached) -> freeing -> freed
 *   An inode whose last link is gone, or that was never hashed, goes at its
 *   last put; others stay until the shrinker wants memory.  A dirty one is
 *   not shrunk before it is written.
 *
 * Locks: a bucket's lock guards its chain and the steps of refs from 0 to 1
 *   and from 0 to freeing.  inode->spin guards state, times and aliases.
 *   super->inodes_lock guards the lists of all and of dirty inodes; it is not
 *   taken together with inode->spin.  lru_lock is a leaf.
 *
 * Who wants an inode that is being freed waits: the disk's copy is not settled
 * before.  One wait queue serves them all; it is rare.
 */
#include <tarn/cred.h>
#include <tarn/hash.h>
#include <tarn/inode.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/thread.h>
#include <tarn/waitq.h>

#include "internal.h"

#define HASH_LOCKS 128

static struct hlist_head *hash_table;
static u32 hash_mask;
static struct {
	struct spinlock lock;
} CACHE_ALIGNED hash_locks[HASH_LOCKS];
static struct spinlock lru_lock = SPINLOCK_INIT("inode_lru", LR_LEAF);
static struct list lru_list GUARDED_BY(&lru_lock) = LIST_INIT(lru_list);
static u64 lru_count GUARDED_BY(&lru_lock);
static struct waitq freeing_waitq = WAITQ_INIT(freeing_waitq);
static struct kmem_cache *inode_cache;

static u32 inode_bucket(const struct super *sb, u64 ino)
{
	return (u32)hash_add(hash_ptr(sb), ino) & hash_mask;
}

static struct spinlock *bucket_lock(u32 bucket)
{
	return &hash_locks[bucket & (HASH_LOCKS - 1)].lock;
}

static struct spinlock *inode_bucket_lock(const struct inode *inode)
{
	return bucket_lock(inode_bucket(inode->super, inode->ino));
}

/* ---- birth ---- */

static void inode_init(struct inode *inode, struct super *sb)
{
	memset(inode, 0, sizeof(*inode));
	inode->super = sb;
	inode->blkbits = sb->block_size ? (u32)__builtin_ctz(sb->block_size) : PAGE_SHIFT;
	rwsem_init(&inode->lock, "inode", LR_INODE);
	mapping_init(&inode->data, inode, NULL);
	inode->mapping = &inode->data;
	ref_init(&inode->refs, 1);
	spin_init(&inode->spin, "inode_spin", LR_INODE_SPIN);
	waitq_init(&inode->state_waitq);
	hlist_node_init(&inode->hash_node);
	list_init(&inode->dirty_node);
	list_init(&inode->lru_node);
	list_init(&inode->aliases);
	inode->nlink = 1;
}

struct inode *inode_new(struct super *sb)
{
	static const struct inode_ops no_ops;
	static const struct file_ops no_fops;
	struct inode *inode;

	if (sb->ops && sb->ops->alloc_inode)
		inode = sb->ops->alloc_inode(sb);
	else
		inode = kmem_cache_alloc(inode_cache, GFP_KERNEL);
	if (!inode)
		return NULL;
	inode_init(inode, sb);
	inode->ops = &no_ops;
	inode->fops = &no_fops;
	spin_lock(&sb->inodes_lock);
	list_add(&sb->inodes, &inode->super_node);
	spin_unlock(&sb->inodes_lock);
	return inode;
}

/* A directory's lock is of another rank: known once its type is. */
void inode_fix_rank(struct inode *inode)
{
	inode->lock.rank = mode_is_dir(inode->mode) ? LR_INODE_DIR : LR_INODE;
}

static void inode_free_rcu(struct rcu_head *h)
{
	struct inode *inode = container_of(h, struct inode, rcu);

	if (inode->free)
		inode->free(inode);
	else
		kmem_cache_free(inode_cache, inode);
}

/*
 * Takes @inode off its super block and frees it after a grace period. By then the super block may be
 * freed: call-backs of different CPUs run in any order.
 */
static void inode_free_later(struct inode *inode)
{
	struct super *sb = inode->super;

	spin_lock(&sb->inodes_lock);
	list_del(&inode->super_node);
	inode->free = sb->ops ? sb->ops->free_inode : NULL;
	spin_unlock(&sb->inodes_lock);
	rcu_call(&inode->rcu, inode_free_rcu);
}

/* ---- finding ---- */

/* Bucket locked. */
static struct inode *find_locked(struct super *sb, u64 ino, u32 bucket)
{
	struct inode *inode;

	HLIST_FOR_EACH(inode, &hash_table[bucket], hash_node)
		if (inode->ino == ino && inode->super == sb)
			return inode;
	return NULL;
}

static void set_state(struct inode *inode, u32 bits)
{
	spin_lock(&inode->spin);
	inode->state |= bits;
	spin_unlock(&inode->spin);
}

static bool is_freeing(const struct inode *inode)
{
	return READ_UNLOCKED(inode->state) & IS_FREEING;
}

static bool freeing_present(struct super *sb, u64 ino, u32 bucket)
{
	struct inode *inode;
	bool yes;

	spin_lock(bucket_lock(bucket));
	inode = find_locked(sb, ino, bucket);
	yes = inode && is_freeing(inode);
	spin_unlock(bucket_lock(bucket));
	return yes;
}

static void lru_drop(struct inode *inode)
{
	spin_lock(&lru_lock);
	if (!list_empty(&inode->lru_node)) {
		list_del_init(&inode->lru_node);
		lru_count--;
	}
	spin_unlock(&lru_lock);
}

/* The cached one with a reference, NULL for none, or ERR_PTR(-EAGAIN): it was being freed, try again. */
static struct inode *find_get(struct super *sb, u64 ino, u32 bucket)
{
	struct inode *inode;

	spin_lock(bucket_lock(bucket));
	inode = find_locked(sb, ino, bucket);
	if (inode && is_freeing(inode)) {
		spin_unlock(bucket_lock(bucket));
		wait_event(&freeing_waitq, !freeing_present(sb, ino, bucket));
		return ERR_PTR(-EAGAIN);
	}
	if (inode)
		atomic_fetch_add(&inode->refs.n, 1);
	spin_unlock(bucket_lock(bucket));
	return inode;
}

bool inode_grab(struct inode *inode)
{
	struct spinlock *l = inode_bucket_lock(inode);
	bool ok;

	spin_lock(l);
	ok = !is_freeing(inode);
	if (ok)
		atomic_fetch_add(&inode->refs.n, 1);
	spin_unlock(l);
	return ok;
}

static struct inode *wait_not_new(struct inode *inode)
{
	wait_event(&inode->state_waitq, !(READ_UNLOCKED(inode->state) & IS_NEW));
	if (hlist_unhashed(&inode->hash_node)) { /* its filler failed */
		inode_put(inode);
		return NULL;
	}
	return inode;
}

struct inode *inode_get_or_new(struct super *sb, u64 ino)
{
	u32 bucket = inode_bucket(sb, ino);
	struct inode *inode, *fresh;

	for (;;) {
		do {
			inode = find_get(sb, ino, bucket);
		} while (IS_ERR(inode));
		if (inode && (inode = wait_not_new(inode)) != NULL)
			return inode;
		fresh = inode_new(sb);
		if (!fresh)
			return NULL;
		fresh->ino = ino;
		set_state(fresh, IS_NEW);
		spin_lock(bucket_lock(bucket));
		if (!find_locked(sb, ino, bucket)) {
			hlist_add_head(&hash_table[bucket], &fresh->hash_node);
			spin_unlock(bucket_lock(bucket));
			return fresh;
		}
		spin_unlock(bucket_lock(bucket));
		fresh->nlink = 0;
		fresh->mode = 0;
		set_state(fresh, IS_FREEING);
		mapping_destroy(&fresh->data);
		inode_free_later(fresh);
	}
}

void inode_hash(struct inode *inode)
{
	u32 bucket = inode_bucket(inode->super, inode->ino);

	inode_fix_rank(inode);
	spin_lock(bucket_lock(bucket));
	hlist_add_head(&hash_table[bucket], &inode->hash_node);
	spin_unlock(bucket_lock(bucket));
}

static void inode_unhash(struct inode *inode)
{
	struct spinlock *l = inode_bucket_lock(inode);

	spin_lock(l);
	if (!hlist_unhashed(&inode->hash_node))
		hlist_del(&inode->hash_node);
	spin_unlock(l);
}

static void clear_new(struct inode *inode)
{
	spin_lock(&inode->spin);
	inode->state &= ~IS_NEW;
	spin_unlock(&inode->spin);
	waitq_wake_all(&inode->state_waitq, 0);
}

void inode_unlock_new(struct inode *inode)
{
	inode_fix_rank(inode);
	clear_new(inode);
}

void inode_fail_new(struct inode *inode)
{
	inode_unhash(inode);
	clear_new(inode);
	inode_put(inode);
}

/* ---- going ---- */

/* IS_FREEING is set: nobody can find it any more but to wait for its end. */
static void inode_evict(struct inode *inode)
{
	struct super *sb = inode->super;

	lru_drop(inode);
	spin_lock(&sb->inodes_lock);
	list_del_init(&inode->dirty_node);
	spin_unlock(&sb->inodes_lock);
	inotify_free_marks(inode);
	inode_locks_free(inode);
	if (sb->ops && sb->ops->evict)
		sb->ops->evict(inode);
	else
		mapping_destroy(&inode->data);
	inode_unhash(inode);
	waitq_wake_all(&freeing_waitq, 0);
	inode_free_later(inode);
}

static void lru_keep(struct inode *inode)
{
	spin_lock(&lru_lock);
	if (list_empty(&inode->lru_node)) {
		list_add_tail(&lru_list, &inode->lru_node);
		lru_count++;
	}
	spin_unlock(&lru_lock);
}

void inode_put(struct inode *inode)
{
	u32 n = atomic_load_explicit(&inode->refs.n, memory_order_relaxed);
	struct spinlock *l;
	bool evict;

	while (n > 1)
		if (atomic_compare_exchange_weak_explicit(&inode->refs.n, &n, n - 1,
							  memory_order_release,
							  memory_order_relaxed))
			return;
	l = inode_bucket_lock(inode);
	spin_lock(l);
	if (!ref_put(&inode->refs)) {
		spin_unlock(l);
		return;
	}
	evict = hlist_unhashed(&inode->hash_node) || inode->nlink == 0 || inode->super->dead;
	if (evict)
		set_state(inode, IS_FREEING);
	else
		lru_keep(inode);
	spin_unlock(l);
	if (evict)
		inode_evict(inode);
}

static bool inode_is_dirty(const struct inode *inode)
{
	return (READ_UNLOCKED(inode->state) & (IS_DIRTY_ATTR | IS_DIRTY_PAGES | IS_WRITEBACK |
					   IS_DIRTY_TIME)) ||
	       radix_tagged(&inode->data.pages, PC_DIRTY);
}

/* Unused and clean: takes it for freeing.  lru_lock is not held; @inode was seen on the list. */
static bool take_unused(struct inode *inode, bool even_dirty)
{
	struct spinlock *l = inode_bucket_lock(inode);
	bool took = false;

	spin_lock(l);
	if (ref_read(&inode->refs) == 0 && !is_freeing(inode) &&
	    (even_dirty || (!inode_is_dirty(inode) && !READ_UNLOCKED(inode->data.nrpages)))) {
		set_state(inode, IS_FREEING);
		took = true;
	}
	spin_unlock(l);
	return took;
}

/* The first of @sb goes to @seen, taken for freeing if it is unused; *took tells.  False: none is left. */
static bool shrink_step(struct super *sb, struct list *seen, struct inode **took)
{
	struct inode *inode;

	*took = NULL;
	rcu_read_lock();
	spin_lock(&sb->inodes_lock);
	inode = list_first(&sb->inodes, struct inode, super_node);
	if (inode)
		list_move_tail(seen, &inode->super_node);
	spin_unlock(&sb->inodes_lock);
	if (inode && take_unused(inode, true))
		*took = inode;
	rcu_read_unlock();
	return inode;
}

/*
 * Until nothing is unused; who holds one still is a bug and is named.  Each
 * pass looks at each inode once; another follows as long as inodes went, which
 * may have held others.
 */
void inode_shrink_super(struct super *sb)
{
	struct list seen = LIST_INIT(seen);
	struct inode *inode;
	bool again;

	do {
		again = false;
		while (shrink_step(sb, &seen, &inode)) {
			if (inode) {
				inode_evict(inode);
				again = true;
			}
			cond_resched();
		}
		spin_lock(&sb->inodes_lock);
		list_splice_tail(&sb->inodes, &seen);
		spin_unlock(&sb->inodes_lock);
	} while (again);
}

static u64 icache_count(void)
{
	return READ_UNLOCKED(lru_count);
}

/* The oldest, which becomes the youngest; *unused: nobody had it.  NULL: there is none. */
static struct inode *lru_rotate(bool *unused)
{
	struct inode *inode;

	spin_lock(&lru_lock);
	inode = list_first(&lru_list, struct inode, lru_node);
	*unused = inode && !ref_read(&inode->refs);
	if (*unused) {
		list_move_tail(&lru_list, &inode->lru_node);
	} else if (inode) { /* back in use: put puts it here again */
		list_del_init(&inode->lru_node);
		lru_count--;
	}
	spin_unlock(&lru_lock);
	return inode;
}

/* One for freeing, or NULL: none was found within *@budget looks. */
static struct inode *lru_take(u64 *budget)
{
	struct inode *inode, *taken = NULL;
	bool unused;

	rcu_read_lock();
	for (; *budget && !taken; --*budget) {
		inode = lru_rotate(&unused);
		if (!inode)
			break;
		if (unused && take_unused(inode, false))
			taken = inode;
	}
	rcu_read_unlock();
	return taken;
}

/* An inode with cached pages stays: the page LRU judges them first, then the inode goes too. */
static u64 icache_scan(u64 n, gfp_t gfp)
{
	u64 freed = 0, budget = n * 2;
	struct inode *inode;

	if (gfp & GFP_NOFS_BIT)
		return 0;
	while (freed < n && (inode = lru_take(&budget)) != NULL) {
		inode_evict(inode);
		freed++;
		cond_resched();
	}
	return freed;
}

static struct shrinker icache_shrinker = {
	.name = "inode",
	.count = icache_count,
	.scan = icache_scan,
};

/* ---- dirty ---- */

static void queue_dirty(struct inode *inode)
{
	struct super *sb = inode->super;

	spin_lock(&sb->inodes_lock);
	if (list_empty(&inode->dirty_node) && !is_freeing(inode)) {
		inode->dirtied_at = clock_monotonic();
		list_add_tail(&sb->dirty, &inode->dirty_node);
	}
	spin_unlock(&sb->inodes_lock);
}

static void mark_state(struct inode *inode, u32 bit)
{
	u32 old;

	if (READ_UNLOCKED(inode->state) & bit)
		return;
	spin_lock(&inode->spin);
	old = inode->state;
	inode->state |= bit;
	spin_unlock(&inode->spin);
	if (!(old & bit))
		queue_dirty(inode);
}

void inode_mark_dirty(struct inode *inode)
{
	if (inode->super->ops && inode->super->ops->write_inode)
		mark_state(inode, IS_DIRTY_ATTR);
}

/* Pages have somewhere to go even where attributes have not: a block device's. */
void inode_pages_dirtied(struct mapping *m)
{
	mark_state(m->host, IS_DIRTY_PAGES);
}

/* Clears @bits first, so that a change during the write makes the inode dirty again. */
static u32 take_dirty(struct inode *inode, u32 bits)
{
	u32 old;

	spin_lock(&inode->super->inodes_lock);
	list_del_init(&inode->dirty_node);
	spin_unlock(&inode->super->inodes_lock);
	spin_lock(&inode->spin);
	old = inode->state & bits;
	inode->state &= ~bits;
	spin_unlock(&inode->spin);
	return old;
}

int inode_writeback(struct inode *inode, bool wait)
{
	const struct super_ops *ops = inode->super->ops;
	u32 was = take_dirty(inode, IS_DIRTY_ATTR | IS_DIRTY_PAGES | IS_DIRTY_TIME);
	int err = 0, err2 = 0;

	if (inode->data.ops && inode->data.ops->write_pages) {
		if (wait)
			err = mapping_write_range(&inode->data, 0, ~0ull);
		else
			err = mapping_start_writeback(&inode->data);
	}
	if (ops && ops->write_inode && ((was | READ_UNLOCKED(inode->state)) & IS_DIRTY_ATTR)) {
		take_dirty(inode, IS_DIRTY_ATTR); /* writing pages moved sizes and blocks */
		err2 = ops->write_inode(inode, wait);
		if (err2 == -ENOMEM)
			inode_mark_dirty(inode); /* the next try may find some */
	}
	if (radix_tagged(&inode->data.pages, PC_DIRTY))
		mark_state(inode, IS_DIRTY_PAGES);
	/* Taking the attributes' bit took the inode off the list, whatever other bit had come meanwhile. */
	if (READ_UNLOCKED(inode->state) & (IS_DIRTY_ATTR | IS_DIRTY_PAGES))
		queue_dirty(inode);
	return err ? err : err2;
}

/* ---- attributes ---- */

struct timespec64 inode_now(struct inode *inode)
{
	struct timespec64 t = realtime_coarse();
	u32 gran = inode->super->time_gran;

	if (gran > 1)
		t.tv_nsec -= t.tv_nsec % gran;
	return t;
}

void inode_touch(struct inode *inode, u32 which)
{
	struct timespec64 now = inode_now(inode);

	spin_lock(&inode->spin);
	if (which & ATTR_ATIME)
		inode->atime = now;
	if (which & ATTR_MTIME)
		inode->mtime = now;
	if (which & ATTR_CTIME)
		inode->ctime = now;
	if (which & (ATTR_MTIME | ATTR_CTIME))
		inode->version++;
	spin_unlock(&inode->spin);
	inode_mark_dirty(inode);
}

void inode_set_owner(struct inode *inode, struct owner o)
{
	spin_lock(&inode->spin);
	seq_write_begin(&inode->owner_seq);
	inode->mode = o.mode;
	inode->uid = o.uid;
	inode->gid = o.gid;
	seq_write_end(&inode->owner_seq);
	spin_unlock(&inode->spin);
}

void inode_init_owner(struct inode *inode, const struct inode *dir, mode_t mode)
{
	const struct cred *c = current_cred();
	struct owner o = { .uid = c->fsuid, .gid = c->fsgid }, of_dir;

	if (dir) {
		of_dir = inode_owner(dir);
		if (of_dir.mode & S_ISGID) {
			o.gid = of_dir.gid;
			if (mode_is_dir(mode))
				mode |= S_ISGID;
		}
	}
	o.mode = mode;
	inode_set_owner(inode, o);
	inode->no_file_caps = true;
	inode_fix_rank(inode);
}

void inode_set_dead(struct inode *inode)
{
	set_state(inode, IS_DEAD_DIR);
}

void stat_generic(struct inode *inode, struct kstat *out)
{
	struct owner o = inode_owner(inode);

	memset(out, 0, sizeof(*out));
	out->ino = inode->ino;
	out->dev = inode->super->dev;
	out->rdev = inode->rdev;
	out->mode = o.mode;
	out->nlink = inode->nlink;
	out->uid = o.uid;
	out->gid = o.gid;
	out->size = inode_size(inode);
	out->blksize = 1u << inode->blkbits;
	out->result_mask = STATX_BASIC_STATS;
	spin_lock(&inode->spin);
	out->blocks = inode->blocks;
	out->atime = inode->atime;
	out->mtime = inode->mtime;
	out->ctime = inode->ctime;
	out->btime = inode->btime;
	spin_unlock(&inode->spin);
	if (out->btime.tv_sec || out->btime.tv_nsec)
		out->result_mask |= STATX_BTIME;
	out->attributes_mask = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP;
	if (inode->attr_flags & S_IMMUTABLE)
		out->attributes |= STATX_ATTR_IMMUTABLE;
	if (inode->attr_flags & S_APPEND)
		out->attributes |= STATX_ATTR_APPEND;
	if (inode->attr_flags & S_NODUMP)
		out->attributes |= STATX_ATTR_NODUMP;
}

void inode_cache_init(void)
{
	struct mem_stats st;
	u32 order = 3;

	mem_get_stats(&st);
	while (order < 8 && (PAGE_SIZE << order) / sizeof(*hash_table) < st.total / 8)
		order++;
	hash_table = pages_alloc(GFP_KERNEL | GFP_ZERO, order);
	if (!hash_table)
		panic("no memory for the inode hash");
	hash_mask = (u32)((PAGE_SIZE << order) / sizeof(*hash_table)) - 1;
	for (u32 i = 0; i < HASH_LOCKS; i++)
		spin_init(&hash_locks[i].lock, "inode_hash", LR_INODE_HASH);
	inode_cache = kmem_cache_create("inode", sizeof(struct inode), 64, NULL);
	if (!inode_cache)
		panic("no memory for inodes");
	kmem_cache_is_reclaimable(inode_cache);
	shrinker_register(&icache_shrinker);
}
