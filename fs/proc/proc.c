// SPDX-License-Identifier: MIT
/* The proc file system: its super block and inodes.  tree.c and pid.c have the names. */
#include <linux/magic.h>
#include <linux/mount.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/parse.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/super.h>

#include "proc_internal.h"

#define PROC_MAX_POS 0x7fffffff /* as Linux: how far one may seek in a directory */

static struct kmem_cache *proc_inodes;          /* [I] */
static struct mutex mount_lock = MUTEX_INIT(mount_lock, "proc mount", LR_MODULE_INIT);

static struct inode *proc_alloc_inode(struct super *sb)
{
	struct proc_inode *p = kmem_cache_alloc(proc_inodes, GFP_KERNEL | GFP_ZERO);

	return p ? &p->inode : NULL;
}

static void proc_free_inode(struct inode *inode)
{
	kmem_cache_free(proc_inodes, to_proc(inode));
}

static void proc_evict(struct inode *inode)
{
	struct proc_inode *p = to_proc(inode);

	mapping_destroy(&inode->data);
	if (p->thread)
		thread_put(p->thread);
}

static int proc_statfs(struct super *sb, struct kstatfs *out)
{
	out->type = PROC_SUPER_MAGIC;
	out->bsize = PAGE_SIZE;
	out->namelen = NAME_MAX_LEN;
	return 0;
}

struct inode *proc_inode_new(struct super *sb, u64 ino, mode_t mode, struct thread *t)
{
	struct inode *inode = inode_new(sb);

	if (!inode) {
		if (t)
			thread_put(t);
		return NULL;
	}
	inode->ino = ino;
	inode->mode = mode;
	inode->nlink = mode_is_dir(mode) ? 2 : 1;
	inode->atime = inode->mtime = inode->ctime = inode->btime = realtime_coarse();
	to_proc(inode)->thread = t;
	if (t)
		proc_inode_own(inode, t);
	return inode;
}

int proc_setattr(struct inode *inode, const struct setattr *a)
{
	if (a->valid & ATTR_MODE)
		return -EPERM;
	setattr_copy(inode, a);
	return 0;
}

/* ---- mount options: proc(5), "Mount options" ---- */

static const char *const hide_words[HIDE_MODES] = {
	[HIDE_OFF] = "off",
	[HIDE_NO_ACCESS] = "noaccess",
	[HIDE_INVISIBLE] = "invisible",
	[HIDE_NOT_PTRACEABLE] = "ptraceable",
};

static int parse_hide(const char *word, enum hide_pid *out)
{
	u32 n;

	for (u32 i = 0; i < HIDE_MODES; i++)
		if (hide_words[i] && !strcmp(word, hide_words[i])) {
			*out = (enum hide_pid)i;
			return 0;
		}
	if (parse_u32(word, 10, &n) || n >= HIDE_MODES || !hide_words[n])
		return -EINVAL;
	*out = (enum hide_pid)n;
	return 0;
}

static int parse_options(struct proc_super *ps, char *data)
{
	char *word;

	while (data && (word = strsep(&data, ",")) != NULL) {
		int err = -EINVAL;

		if (!*word)
			continue;
		if (!strncmp(word, "hidepid=", 8))
			err = parse_hide(word + 8, &ps->hide);
		else if (!strncmp(word, "gid=", 4))
			err = parse_u32(word + 4, 10, &ps->gid);
		if (err)
			return -EINVAL;
	}
	return 0;
}

static int proc_remount(struct super *sb, u32 flags, char *data)
{
	struct proc_super *ps = sb->private, new = *ps;
	int err = parse_options(&new, data);

	if (err)
		return err;
	WRITE_ONCE(ps->gid, new.gid);
	WRITE_ONCE(ps->hide, new.hide);
	return 0;
}

static void proc_show_options(struct super *sb, struct strbuf *out)
{
	const struct proc_super *ps = sb->private;

	if (ps->gid)
		strbuf_printf(out, ",gid=%u", ps->gid);
	if (ps->hide)
		strbuf_printf(out, ",hidepid=%s", hide_words[ps->hide]);
}

static void proc_put_super(struct super *sb)
{
	kfree(sb->private);
}

static const struct super_ops proc_super_ops = {
	.alloc_inode = proc_alloc_inode,
	.free_inode = proc_free_inode,
	.evict = proc_evict,
	.statfs = proc_statfs,
	.remount = proc_remount,
	.show_options = proc_show_options,
	.put_super = proc_put_super,
};

/* @ps is taken over. */
static struct super *super_make(const struct fs_type *type, struct proc_super *ps)
{
	struct super *sb = super_alloc(type, &proc_super_ops, 0);
	struct inode *root;

	if (!sb) {
		kfree(ps);
		return ERR_PTR(-ENOMEM);
	}
	sb->private = ps;
	sb->block_size = 1024;
	sb->magic = PROC_SUPER_MAGIC;
	sb->max_bytes = PROC_MAX_POS;
	strscpy(sb->id, "proc", sizeof(sb->id));
	root = proc_node_inode(sb, &proc_root);
	sb->root = root ? dentry_alloc_root(root) : NULL;
	if (!sb->root) {
		super_put(sb);
		return ERR_PTR(-ENOMEM);
	}
	return sb;
}

/* Every mount is a super block of its own: what one hides, another may show. */
static struct super *proc_mount(const struct fs_type *type, const struct mount_args *args)
{
	struct proc_super *ps;
	int err;

	mutex_lock(&mount_lock);
	if (!proc_inodes) {
		proc_inodes = kmem_cache_create("proc_inode", sizeof(struct proc_inode), 0, NULL);
		proc_tree_build();
	}
	mutex_unlock(&mount_lock);
	ps = kzalloc(sizeof(*ps), GFP_KERNEL);
	if (!ps)
		return ERR_PTR(-ENOMEM);
	err = parse_options(ps, args->data);
	if (err) {
		kfree(ps);
		return ERR_PTR(err);
	}
	return super_make(type, ps);
}

static const struct fs_type proc_fs = {
	.name = "proc",
	.mount = proc_mount,
};
SECTION_SET(filesystems, proc_fs);
