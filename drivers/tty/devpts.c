// SPDX-License-Identifier: MIT
/*
 * devpts: the file system whose files are the slaves of open ptys.
 *
 * There is one set of ptys, and every mount of devpts shows it (newinstance is
 * accepted and shows the same ones).  Options: uid= gid= mode= for new slaves,
 * ptmxmode= for the ptmx node inside.  A slave's inode belongs to its pty, so
 * that chmod and chown last as long as the pair; names are never cached, since
 * they come and go with the masters.
 */
#include <linux/magic.h>
#include <tarn/cred.h>
#include <tarn/dentry.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/parse.h>
#include <tarn/printf.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <abi_fs.h>
#include "tty_internal.h"

#define INO_ROOT 1u
#define INO_PTMX 2u
#define INO_FIRST_PTY 3u

/* Mount options; any mount or remount sets them for all. */
struct devpts_options {
	u32 mode, ptmxmode;
	bool uid_set, gid_set;
	uid_t uid;
	gid_t gid;
};
static struct devpts_options options = { .mode = 0600, .ptmxmode = 0 };

static struct super *devpts_super;     /* [I] after devpts_init */
static struct inode *ptmx_inode;       /* [I] */

/* ---- options ---- */

static int parse_option(struct devpts_options *o, char *word)
{
	char *value = strchr(word, '=');

	if (str_eq(word, "newinstance") || !*word)
		return 0;
	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (str_eq(word, "mode"))
		return parse_u32(value, 8, &o->mode);
	if (str_eq(word, "ptmxmode"))
		return parse_u32(value, 8, &o->ptmxmode);
	if (str_eq(word, "uid")) {
		o->uid_set = true;
		return parse_u32(value, 10, &o->uid);
	}
	if (str_eq(word, "gid")) {
		o->gid_set = true;
		return parse_u32(value, 10, &o->gid);
	}
	return str_eq(word, "max") ? 0 : -EINVAL;
}

static int parse_options(char *data)
{
	struct devpts_options o = options;
	char *word;

	while ((word = strsep(&data, ",")))
		if (parse_option(&o, word))
			return -EINVAL;
	o.mode &= 0777;
	o.ptmxmode &= 0777;
	options = o;
	if (ptmx_inode)
		ptmx_inode->mode = S_IFCHR | o.ptmxmode;
	return 0;
}

static int devpts_remount(struct super *sb, u32 flags, char *data)
{
	return parse_options(data);
}

static void devpts_show_options(struct super *sb, struct strbuf *out)
{
	if (options.uid_set)
		strbuf_printf(out, ",uid=%u", options.uid);
	if (options.gid_set)
		strbuf_printf(out, ",gid=%u", options.gid);
	strbuf_printf(out, ",mode=%03o,ptmxmode=%03o", options.mode, options.ptmxmode);
}

/* ---- inodes ---- */

static const struct inode_ops slave_inode_ops = { .setattr = setattr_generic };

static struct inode *node_new(struct super *sb, u64 ino, mode_t mode, kdev_t rdev)
{
	struct inode *inode = inode_new(sb);

	if (!inode)
		return NULL;
	inode->ino = ino;
	inode->ops = &slave_inode_ops;
	inode->atime = inode->mtime = inode->ctime = inode->btime = realtime_now();
	inode->nlink = 1;
	inode->blkbits = 10;
	inode->mode = mode;
	inode_init_special(inode, mode, rdev);
	return inode;
}

struct inode *devpts_inode_new(unsigned int index)
{
	struct inode *inode = node_new(devpts_super, INO_FIRST_PTY + index,
				       S_IFCHR | options.mode, KDEV(136, index));

	if (!inode)
		return NULL;
	inode->uid = options.uid_set ? options.uid : current_cred()->fsuid;
	inode->gid = options.gid_set ? options.gid : current_cred()->fsgid;
	return inode;
}

void devpts_inode_gone(struct inode *inode)
{
	inode->nlink = 0;
	inode_put(inode);
}

/* ---- the directory ---- */

/* "0", "17": no sign, no leading zero; the number or -1. */
static long slave_number(const struct qstr *name)
{
	long n = 0;

	if (!name->len || name->len > 5 || (name->len > 1 && name->name[0] == '0'))
		return -1;
	for (u32 i = 0; i < name->len; i++) {
		if (!char_is_digit(name->name[i]))
			return -1;
		n = n * 10 + (name->name[i] - '0');
	}
	return n;
}

/* Whoever holds a path keeps its dentry, but the number may be another terminal's by now. */
static bool slave_revalidate(struct dentry *d)
{
	const struct inode *inode = d->inode;

	return inode && READ_ONCE(inode->nlink);
}

static const struct dentry_ops slave_dentry_ops = {
	.revalidate = slave_revalidate,
};

static int devpts_lookup(struct inode *dir, struct dentry *dentry)
{
	const struct qstr *name = &dentry->name;
	struct inode *inode = NULL;
	long n = slave_number(name);

	if (name->len == 4 && memcmp(name->name, "ptmx", 4) == 0) {
		inode = ptmx_inode;
		inode_get(inode);
	} else if (n >= 0) {
		inode = pty_inode_get((unsigned int)n);
		dentry->ops = &slave_dentry_ops;
	}
	dentry_add(dentry, inode);
	return 0;
}

/* Cookies: 1 and 2 after the dots, 3 after ptmx, 4 + number after a slave. */
static int devpts_iterate(struct file *f, struct dir_emit *d, u64 *pos)
{
	struct inode *up = f->path.dentry->parent->inode;
	unsigned int index;
	char name[12];
	u32 len;

	if (*pos == 0) {
		if (!d->emit(d, ".", 1, INO_ROOT, DT_DIR, 1))
			return 0;
		*pos = 1;
	}
	if (*pos == 1) {
		if (!d->emit(d, "..", 2, up->ino, DT_DIR, 2))
			return 0;
		*pos = 2;
	}
	if (*pos == 2) {
		if (!d->emit(d, "ptmx", 4, INO_PTMX, DT_CHR, 3))
			return 0;
		*pos = 3;
	}
	if (*pos - 3 > INT32_MAX) /* user space may seek anywhere; numbers of ptys are below */
		return 0;
	for (index = (unsigned int)(*pos - 3); pty_next(&index); index++) {
		len = (u32)snprintf(name, sizeof(name), "%u", index);
		if (!d->emit(d, name, len, INO_FIRST_PTY + index, DT_CHR, index + 4))
			return 0;
		*pos = index + 4;
	}
	return 0;
}

static const struct inode_ops dir_inode_ops = {
	.lookup = devpts_lookup,
	.setattr = setattr_generic,
};

static const struct file_ops dir_fops = {
	.iterate = devpts_iterate,
};

/* ---- the super block ---- */

static int devpts_statfs(struct super *sb, struct kstatfs *out)
{
	*out = (struct kstatfs){ .type = DEVPTS_SUPER_MAGIC, .bsize = PAGE_SIZE,
				 .frsize = PAGE_SIZE, .namelen = NAME_MAX_LEN };
	return 0;
}

static const struct super_ops devpts_super_ops = {
	.statfs = devpts_statfs,
	.remount = devpts_remount,
	.show_options = devpts_show_options,
};

static const struct fs_type devpts_fs;

static int fill(struct super *sb)
{
	struct inode *root = inode_new(sb);

	ptmx_inode = node_new(sb, INO_PTMX, S_IFCHR | options.ptmxmode, KDEV(5, 2));
	if (!root || !ptmx_inode)
		return -ENOMEM;
	root->ino = INO_ROOT;
	root->mode = S_IFDIR | 0755;
	root->nlink = 2;
	root->blkbits = 10;
	root->ops = &dir_inode_ops;
	root->fops = &dir_fops;
	root->atime = root->mtime = root->ctime = root->btime = realtime_now();
	sb->root = dentry_alloc_root(root);
	return sb->root ? 0 : -ENOMEM;
}

static struct super *devpts_mount(const struct fs_type *type, const struct mount_args *args)
{
	struct super *sb = devpts_super;
	int err = parse_options(args->data);

	if (err)
		return ERR_PTR(err);
	if (sb) {
		ref_get(&sb->refs);
		return sb;
	}
	sb = super_alloc(type, &devpts_super_ops, 0);
	if (!sb)
		return ERR_PTR(-ENOMEM);
	sb->block_size = 1024;
	sb->magic = DEVPTS_SUPER_MAGIC;
	sb->time_gran = 1;
	sb->no_dcache_children = true;
	strscpy(sb->id, "devpts", sizeof(sb->id));
	err = fill(sb);
	if (err) {
		super_put(sb);
		return ERR_PTR(err);
	}
	devpts_super = sb;
	return sb;
}

static const struct fs_type devpts_fs = {
	.name = "devpts",
	.mount = devpts_mount,
};
SECTION_SET(filesystems, devpts_fs);

/* A mount that nobody sees keeps the super block, so that ptys work before user space mounts it. */
void devpts_init(void)
{
	mount_internal(&devpts_fs);
}
