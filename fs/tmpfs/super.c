// SPDX-License-Identifier: MIT
/*
 * tmpfs: files that live in the page cache and nowhere else.
 *
 * A directory's entries are its dentries, each pinned by a reference of ours
 * (DF_PINNED) until unlink; a radix tree from a rising cookie to the dentry
 * gives readdir positions that survive insertion and removal.
 *
 * Limits (size=, nr_inodes=) are counted from the pages each inode really has
 * in the cache, so also pages that a store through a mapping brought in.
 */
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <tarn/cred.h>
#include <tarn/mm.h>
#include <tarn/mount.h>
#include <tarn/parse.h>
#include <tarn/printf.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/tmpfs.h>

#include "../internal.h"
#include "tmpfs.h"

static struct kmem_cache *inode_cache;
static struct mount *anon_mount; /* [I] memfd, shared memory; made at first use under vfs_init */

/* ---- inodes ---- */

static struct inode *alloc_inode(struct super *sb)
{
	struct tmpfs_inode *t = kmem_cache_alloc(inode_cache, GFP_KERNEL);

	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	radix_init(&t->entries);
	t->next_cookie = FIRST_COOKIE;
	t->seals = F_SEAL_SEAL;
	list_init(&t->xattrs);
	return &t->vfs;
}

static void free_inode(struct inode *inode)
{
	if (mode_is_lnk(inode->mode))
		kfree(inode->link);
	kmem_cache_free(inode_cache, TI(inode));
}

bool tmpfs_full(struct super *sb, u64 pages)
{
	const struct tmpfs_super *s = TS(sb);

	return s->max_pages && (u64)atomic_load(&s->used_pages) + pages > s->max_pages;
}

/* Long texts of symlinks are memory like pages, and count as one, as on Linux. */
static u64 pages_of(struct inode *inode)
{
	if (mode_is_lnk(inode->mode))
		return inode_size(inode) >= TMPFS_LONG_LINK ? 1 : 0;
	return shmem_pages(&inode->data);
}

void tmpfs_account(struct inode *inode)
{
	struct tmpfs_inode *t = TI(inode);
	u64 now = pages_of(inode);
	s64 delta;

	if (now == READ_ONCE(t->accounted))
		return;
	spin_lock(&inode->spin);
	delta = (s64)(now - t->accounted);
	t->accounted = now;
	inode->blocks = now << (PAGE_SHIFT - 9);
	spin_unlock(&inode->spin);
	atomic_fetch_add(&TS(inode->super)->used_pages, delta);
	if (!t->promised)
		mm_count_committed(delta);
}

/* At unmount a directory goes with its entries: the dentries are gone, the tree's nodes are not. */
static void free_entries(struct radix_root *entries)
{
	void *batch[16];
	u64 at[16];
	unsigned n;

	while ((n = radix_gang_lookup(entries, batch, at, 0, ~0ull, ARRAY_SIZE(batch))) != 0)
		for (unsigned i = 0; i < n; i++)
			radix_delete(entries, at[i]);
}

static void evict(struct inode *inode)
{
	free_entries(&TI(inode)->entries);
	mapping_destroy(&inode->data);
	if (mode_is_lnk(inode->mode))
		atomic_store(&inode->size, 0); /* the text itself stays for walks under RCU */
	tmpfs_account(inode);
	mm_uncommit(TI(inode)->promised);
	tmpfs_free_xattrs(inode);
	if (inode->mode)
		atomic_fetch_sub(&TS(inode->super)->used_inodes, 1);
}

static void set_ops(struct inode *inode, mode_t mode, kdev_t dev)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		inode->ops = &tmpfs_dir_ops;
		inode->fops = &tmpfs_dir_fops;
		inode->nlink = 2;
		break;
	case S_IFREG:
		inode->ops = &tmpfs_file_inode_ops;
		inode->fops = &tmpfs_file_fops;
		inode->data.ops = &tmpfs_mapping_ops;
		shmem_init(&inode->data, &TI(inode)->swap);
		TI(inode)->swap.pinned = TS(inode->super)->noswap;
		break;
	case S_IFLNK:
		inode->ops = &tmpfs_link_ops;
		break;
	default:
		inode->ops = &tmpfs_special_ops;
		inode_init_special(inode, mode, dev);
	}
}

struct inode *tmpfs_new_inode(struct super *sb, const struct inode *dir, mode_t mode, kdev_t dev)
{
	struct tmpfs_super *s = TS(sb);
	struct inode *inode;

	if (s->max_inodes && (u64)atomic_load(&s->used_inodes) >= s->max_inodes)
		return ERR_PTR(-ENOSPC);
	inode = inode_new(sb);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	atomic_fetch_add(&s->used_inodes, 1);
	inode->ino = atomic_fetch_add(&s->next_ino, 1);
	inode_init_owner(inode, dir, mode);
	inode->atime = inode->mtime = inode->ctime = inode->btime = inode_now(inode);
	set_ops(inode, mode, dev);
	return inode;
}

/* ---- options ---- */

static int parse_percent_or_size(const char *text, u64 *out)
{
	size_t n = strlen(text);
	struct mem_stats st;
	char digits[24];
	u64 percent;
	int err;

	if (!n || text[n - 1] != '%')
		return parse_size(text, out);
	if (n >= sizeof(digits))
		return -EINVAL;
	strscpy(digits, text, n);
	err = parse_u64(digits, 10, &percent);
	mem_get_stats(&st);
	*out = st.total * PAGE_SIZE / 100 * percent;
	return err;
}

static int parse_option(struct tmpfs_super *s, char *word)
{
	char *value = strchr(word, '=');
	u64 n = 0;
	int err;

	if (value)
		*value++ = '\0';
	if (str_eq(word, "noswap")) {
		s->noswap = true;
		return 0;
	}
	if (str_eq(word, "huge") || str_eq(word, "mpol") || str_eq(word, "inode64") ||
	    str_eq(word, "inode32"))
		return 0; /* hints: pages are small here */
	if (!value)
		return -EINVAL;
	if (str_eq(word, "size")) {
		err = parse_percent_or_size(value, &n);
		s->max_pages = DIV_ROUND_UP(n, PAGE_SIZE);
		s->size_given = true;
		return err;
	}
	if (str_eq(word, "nr_blocks")) {
		err = parse_size(value, &n);
		s->max_pages = n;
		s->size_given = true;
		return err;
	}
	if (str_eq(word, "nr_inodes")) {
		err = parse_size(value, &n);
		s->max_inodes = n;
		s->inodes_given = true;
		return err;
	}
	if (str_eq(word, "mode")) {
		err = parse_u64(value, 8, &n);
		s->mode = (mode_t)n & 07777;
		return err;
	}
	err = parse_u64(value, 10, &n);
	if (str_eq(word, "uid"))
		s->uid = (uid_t)n;
	else if (str_eq(word, "gid"))
		s->gid = (gid_t)n;
	else
		return -EINVAL;
	return err;
}

static int parse_options(struct tmpfs_super *s, char *data)
{
	char *word;

	while (data && (word = strsep(&data, ",")) != NULL) {
		int err = *word ? parse_option(s, word) : 0;

		if (err)
			return -EINVAL;
	}
	return 0;
}

/* ---- the super block ---- */

static int statfs(struct super *sb, struct kstatfs *out)
{
	struct tmpfs_super *s = TS(sb);
	u64 used = (u64)MAX(atomic_load(&s->used_pages), 0l);
	u64 inodes = (u64)MAX(atomic_load(&s->used_inodes), 0l);

	out->bsize = out->frsize = PAGE_SIZE;
	out->blocks = s->max_pages;
	out->bfree = out->bavail = s->max_pages > used ? s->max_pages - used : 0;
	out->files = s->max_inodes;
	out->ffree = s->max_inodes > inodes ? s->max_inodes - inodes : 0;
	return 0;
}

static int remount(struct super *sb, u32 flags, char *data)
{
	struct tmpfs_super *s = TS(sb), new;
	int err;

	memcpy(&new, s, sizeof(new));
	err = parse_options(&new, data);
	if (err)
		return err;
	if ((new.max_pages && (u64)atomic_load(&s->used_pages) > new.max_pages) ||
	    (new.max_inodes && (u64)atomic_load(&s->used_inodes) > new.max_inodes))
		return -EINVAL;
	s->max_pages = new.max_pages;
	s->max_inodes = new.max_inodes;
	s->size_given = new.size_given;
	s->inodes_given = new.inodes_given;
	return 0;
}

static void show_options(struct super *sb, struct strbuf *out)
{
	const struct tmpfs_super *s = TS(sb);

	if (s->size_given)
		strbuf_printf(out, ",size=%lluk",
			      (unsigned long long)(s->max_pages << (PAGE_SHIFT - 10)));
	if (s->inodes_given)
		strbuf_printf(out, ",nr_inodes=%llu", (unsigned long long)s->max_inodes);
	if (s->noswap)
		strbuf_puts(out, ",noswap");
	if (s->mode != 01777)
		strbuf_printf(out, ",mode=%o", s->mode);
	if (s->uid)
		strbuf_printf(out, ",uid=%u", s->uid);
	if (s->gid)
		strbuf_printf(out, ",gid=%u", s->gid);
}

static void put_super(struct super *sb)
{
	kfree(sb->private);
	sb->private = NULL;
}

static const struct super_ops tmpfs_super_ops = {
	.alloc_inode = alloc_inode,
	.free_inode = free_inode,
	.evict = evict,
	.put_super = put_super,
	.statfs = statfs,
	.remount = remount,
	.show_options = show_options,
};

static int make_root(struct super *sb)
{
	struct tmpfs_super *s = TS(sb);
	struct inode *inode = tmpfs_new_inode(sb, NULL, S_IFDIR | s->mode, 0);

	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	inode->uid = s->uid;
	inode->gid = s->gid;
	sb->root = dentry_alloc_root(inode);
	if (!sb->root) {
		inode_put(inode);
		return -ENOMEM;
	}
	return 0;
}

static struct super *make_super(const struct fs_type *type, char *options, u32 flags)
{
	struct super *sb = super_alloc(type, &tmpfs_super_ops, 0);
	struct tmpfs_super *s;
	struct mem_stats st;
	int err = -ENOMEM;

	if (!sb)
		return ERR_PTR(-ENOMEM);
	sb->magic = TMPFS_MAGIC;
	atomic_store(&sb->flags, flags & MS_RMT_MASK);
	s = sb->private = kzalloc(sizeof(*s), GFP_KERNEL);
	if (s) {
		mem_get_stats(&st);
		s->max_pages = s->max_inodes = st.total / 2;
		s->mode = 01777;
		atomic_store(&s->next_ino, 1);
		err = parse_options(s, options);
		if (!err)
			err = make_root(sb);
	}
	if (err) {
		super_put(sb);
		return ERR_PTR(err);
	}
	return sb;
}

static struct super *tmpfs_mount(const struct fs_type *type, const struct mount_args *args)
{
	return make_super(type, args->data, args->flags);
}

struct super *tmpfs_make_super(const struct fs_type *type, const char *options)
{
	char text[64];

	strscpy(text, options, sizeof(text));
	return make_super(type, text, 0);
}

static const struct fs_type tmpfs_fs = {
	.name = "tmpfs",
	.mount = tmpfs_mount,
};
SECTION_SET(filesystems, tmpfs_fs);

/* ---- nameless files ---- */

static void anon_name(struct dentry *d, struct strbuf *out)
{
	strbuf_printf(out, "%s (deleted)", d->name.name);
}

static const struct dentry_ops anon_dentry_ops = {
	.name = anon_name,
};

static int promise_all(struct inode *inode, u64 size)
{
	u64 pages = DIV_ROUND_UP(size, PAGE_SIZE);
	int err = mm_commit(pages);

	if (!err)
		TI(inode)->promised = pages;
	return err;
}

struct file *tmpfs_anon_file(const char *name, u64 size, u32 flags, bool promise)
{
	struct inode *inode = tmpfs_new_inode(anon_mount->super, NULL, S_IFREG | 0777, 0);
	struct dentry *d;
	struct file *f;
	struct path p;

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->nlink = 0;
	if (promise && promise_all(inode, size)) {
		inode_put(inode);
		return ERR_PTR(-ENOMEM);
	}
	atomic_store(&inode->size, size);
	d = dentry_alloc_pseudo(inode, name, &anon_dentry_ops);
	if (!d) {
		inode_put(inode);
		return ERR_PTR(-ENOMEM);
	}
	p = (struct path){ anon_mount, d };
	f = file_open_path(&p, flags | O_RDWR, current_cred());
	dentry_put(d);
	if (!IS_ERR(f))
		file_uncount_writer(f); /* a program in it may run while its maker holds it open */
	return f;
}

void tmpfs_init(void)
{
	inode_cache = kmem_cache_create("tmpfs_inode", sizeof(struct tmpfs_inode), 64, NULL);
	if (!inode_cache)
		panic("no memory for tmpfs");
	anon_mount = mount_internal(&tmpfs_fs);
	TS(anon_mount->super)->max_pages = 0; /* limited by memory, accounted by its users */
	TS(anon_mount->super)->max_inodes = 0;
}
