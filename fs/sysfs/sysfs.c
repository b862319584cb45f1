// SPDX-License-Identifier: MIT
/*
 * The sys file system: nodes, and the file system that shows them.
 *
 * Nodes are added and never removed, so readers of the lists need no lock and
 * keep a node as long as they like.
 *
 * Locks: tree_lock (LR_SLEEP_LEAF) is for who adds; owner and mode are written
 *   under inode->lock; everything else in a node is fixed once it is linked in.
 */
#include <linux/magic.h>
#include <tarn/dentry.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/inode.h>
#include <tarn/poll.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/sysfs.h>
#include <tarn/text_file.h>

struct sysfs_node {
	const char *name;                  /* [I] as is all but what follows */
	mode_t mode;                       /* [a] permissions and owner as chmod(2) and chown(2) left them */
	uid_t uid;
	gid_t gid;
	u64 ino;
	struct sysfs_node *parent;
	struct list children, sibling;     /* read under RCU; tree_lock to add */
	const struct sysfs_file_ops *ops;
	void *arg;
	const char *target;                /* link text */
};

static struct mutex tree_lock = MUTEX_INIT(tree_lock, "sysfs tree", LR_SLEEP_LEAF);
static struct sysfs_node root = {
	.name = "",
	.mode = S_IFDIR | 0555,
	.ino = 1,
	.children = LIST_INIT(root.children),
};

struct sysfs_node *sysfs_root(void)
{
	return &root;
}

/* ---- the tree ---- */

static struct sysfs_node *child_find(struct sysfs_node *dir, const char *name, size_t len)
{
	struct sysfs_node *n, *found = NULL;

	rcu_read_lock();
	LIST_FOR_EACH_RCU(n, &dir->children, sibling)
		if (strlen(n->name) == len && !memcmp(n->name, name, len)) {
			found = n;
			break;
		}
	rcu_read_unlock();
	return found;
}

static struct sysfs_node *node_new(struct sysfs_node *dir, const char *name, mode_t mode)
{
	static _Atomic u64 next_ino = 2;
	struct sysfs_node *n = kzalloc(sizeof(*n), GFP_KERNEL);

	if (!n)
		return NULL;
	n->name = kstrdup(name, GFP_KERNEL);
	if (!n->name) {
		kfree(n);
		return NULL;
	}
	n->mode = mode;
	n->ino = atomic_fetch_add(&next_ino, 1);
	n->parent = dir;
	list_init(&n->children);
	return n;
}

static void node_free(struct sysfs_node *n)
{
	kfree(n->name);
	kfree(n->target);
	kfree(n);
}

/* Links @n in: 0 or -EEXIST. */
static int node_publish(struct sysfs_node *n)
{
	int err = 0;

	mutex_lock(&tree_lock);
	if (child_find(n->parent, n->name, strlen(n->name)))
		err = -EEXIST;
	else
		list_add_tail_rcu(&n->parent->children, &n->sibling);
	mutex_unlock(&tree_lock);
	return err;
}

struct sysfs_node *sysfs_dir(struct sysfs_node *parent, const char *name)
{
	struct sysfs_node *n;

	mutex_lock(&tree_lock);
	n = child_find(parent, name, strlen(name));
	if (!n) {
		n = node_new(parent, name, S_IFDIR | 0755);
		if (n)
			list_add_tail_rcu(&parent->children, &n->sibling);
	}
	mutex_unlock(&tree_lock);
	return n;
}

struct sysfs_node *sysfs_path(const char *path)
{
	struct sysfs_node *dir = &root;
	char *copy = kstrdup(path, GFP_KERNEL), *rest = copy, *part;

	if (!copy)
		return NULL;
	while (dir && (part = strsep(&rest, "/")))
		if (*part)
			dir = sysfs_dir(dir, part);
	kfree(copy);
	return dir;
}

int sysfs_file(struct sysfs_node *dir, const char *name, u32 mode,
	       const struct sysfs_file_ops *ops, void *arg)
{
	struct sysfs_node *n = node_new(dir, name, S_IFREG | mode);
	int err;

	if (!n)
		return -ENOMEM;
	n->ops = ops;
	n->arg = arg;
	err = node_publish(n);
	if (err)
		node_free(n);
	return err;
}

static unsigned int node_depth(const struct sysfs_node *n)
{
	unsigned int depth = 0;

	for (; n->parent; n = n->parent)
		depth++;
	return depth;
}

static void path_append(struct strbuf *out, const struct sysfs_node *n)
{
	if (!n->parent)
		return;
	path_append(out, n->parent);
	if (n->parent->parent)
		strbuf_putc(out, '/');
	strbuf_puts(out, n->name);
}

int sysfs_link(struct sysfs_node *dir, const char *name, struct sysfs_node *target)
{
	struct sysfs_node *n = node_new(dir, name, S_IFLNK | 0777);
	struct strbuf text = STRBUF_INIT;
	int err;

	if (!n)
		return -ENOMEM;
	for (unsigned int up = node_depth(dir); up; up--)
		strbuf_puts(&text, "../");
	path_append(&text, target);
	n->target = text.error ? NULL : kstrdup(strbuf_str(&text), GFP_KERNEL);
	strbuf_free(&text);
	err = n->target ? node_publish(n) : -ENOMEM;
	if (err)
		node_free(n);
	return err;
}

/* ---- the file system ---- */

static struct inode *node_inode(struct super *sb, struct sysfs_node *n);

static struct sysfs_node *inode_node(const struct inode *inode)
{
	return inode->private;
}

static int sysfs_lookup(struct inode *dir, struct dentry *d)
{
	struct sysfs_node *n;
	struct inode *inode = NULL;

	n = child_find(inode_node(dir), d->name.name, d->name.len);
	if (!n)
		return 0; /* not cached as absent: it may appear */
	inode = node_inode(dir->super, n);
	if (!inode)
		return -ENOMEM;
	dentry_add(d, inode);
	return 0;
}

static bool emit_dots(struct file *f, struct dir_emit *e, u64 *pos)
{
	static const char dots[] = "..";

	while (*pos < 2) {
		const struct inode *i = *pos ? f->path.dentry->parent->inode : f->inode;

		if (!e->emit(e, dots, (u32)*pos + 1, i->ino, 4, *pos + 1))
			return false;
		++*pos;
	}
	return true;
}

/* Child number @i of @dir, or NULL. */
static struct sysfs_node *child_at(struct sysfs_node *dir, u64 i)
{
	struct sysfs_node *n, *found = NULL;

	rcu_read_lock();
	LIST_FOR_EACH_RCU(n, &dir->children, sibling)
		if (!i--) {
			found = n;
			break;
		}
	rcu_read_unlock();
	return found;
}

/* The sibling behind @n, or NULL. */
static struct sysfs_node *child_next(struct sysfs_node *n)
{
	struct list *next = rcu_dereference(n->sibling.next);

	return next == &n->parent->children ? NULL : container_of(next, struct sysfs_node, sibling);
}

/* The cookie is 2 + the number of the child.  Emitting copies to user space: no lock is held. */
static int sysfs_iterate(struct file *f, struct dir_emit *e, u64 *pos)
{
	struct sysfs_node *n;

	if (!emit_dots(f, e, pos))
		return 0;
	for (n = child_at(inode_node(f->inode), *pos - 2); n; n = child_next(n)) {
		if (!e->emit(e, n->name, (u32)strlen(n->name), n->ino, (n->mode >> 12) & 15, *pos + 1))
			break;
		++*pos;
	}
	return 0;
}

static int node_show(struct file *f, struct strbuf *out)
{
	const struct sysfs_node *n = inode_node(f->inode);

	*text_file_event(f) = 1;
	return n->ops->show(n->arg, out);
}

/* As Linux: who has not read yet is told of news.  No file here changes by itself. */
static u32 sysfs_poll(struct file *f, struct poll_wait *w)
{
	u32 ready = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

	return *text_file_event(f) ? ready : ready | POLLERR | POLLPRI;
}

static ssize_t node_store(struct file *f, char *text, size_t len)
{
	const struct sysfs_node *n = inode_node(f->inode);

	return n->ops->store ? n->ops->store(n->arg, text, len) : -EIO;
}

static const struct text_ops node_text = { .show = node_show, .write = node_store };

/* Root, too, is told at once that a file cannot be written or read. */
static int sysfs_open(struct inode *inode, struct file *f)
{
	const struct sysfs_file_ops *ops = inode_node(inode)->ops;

	if ((f->mode & FMODE_WRITE) && (!(inode->mode & 0222) || !ops->store))
		return -EACCES;
	if ((f->mode & FMODE_READ) && (!(inode->mode & 0444) || !ops->show))
		return -EACCES;
	return text_file_open(f, &node_text);
}

static int sysfs_setattr(struct inode *inode, const struct setattr *a)
{
	struct sysfs_node *n = inode_node(inode);

	setattr_copy(inode, a); /* a new size is ignored: there is none */
	WRITE_ONCE(n->mode, inode->mode);
	WRITE_ONCE(n->uid, inode->uid);
	WRITE_ONCE(n->gid, inode->gid);
	return 0;
}

static const char *sysfs_get_link(struct inode *inode, struct dentry *d, void **done)
{
	return inode_node(inode)->target;
}

static const struct inode_ops dir_ops = { .lookup = sysfs_lookup, .setattr = sysfs_setattr };
static const struct inode_ops file_ops = { .setattr = sysfs_setattr };
static const struct inode_ops link_ops = { .get_link = sysfs_get_link, .setattr = sysfs_setattr };
static const struct file_ops dir_fops = { .iterate = sysfs_iterate };
static const struct file_ops file_fops = {
	.open = sysfs_open,
	.read = text_file_read,
	.write = text_file_write,
	.poll = sysfs_poll,
	.release = text_file_release,
};

static struct inode *node_inode(struct super *sb, struct sysfs_node *n)
{
	struct inode *inode = inode_new(sb);

	if (!inode)
		return NULL;
	inode->ino = n->ino;
	inode->mode = READ_ONCE(n->mode);
	inode->uid = READ_ONCE(n->uid);
	inode->gid = READ_ONCE(n->gid);
	inode->nlink = mode_is_dir(n->mode) ? 2 : 1;
	inode->private = n;
	inode->atime = inode->mtime = inode->ctime = inode->btime = realtime_coarse();
	if (mode_is_dir(n->mode)) {
		inode->ops = &dir_ops;
		inode->fops = &dir_fops;
	} else if (mode_is_lnk(n->mode)) {
		inode->ops = &link_ops;
	} else {
		inode->ops = &file_ops;
		inode->fops = &file_fops;
		atomic_store(&inode->size, PAGE_SIZE);
	}
	return inode;
}

static int sysfs_statfs(struct super *sb, struct kstatfs *out)
{
	out->type = SYSFS_MAGIC;
	out->bsize = PAGE_SIZE;
	out->namelen = NAME_MAX_LEN;
	return 0;
}

static const struct super_ops sysfs_super_ops = { .statfs = sysfs_statfs };

static struct super *super_make(const struct fs_type *type)
{
	struct super *sb = super_alloc(type, &sysfs_super_ops, 0);
	struct inode *inode;

	if (!sb)
		return ERR_PTR(-ENOMEM);
	sb->block_size = PAGE_SIZE;
	sb->magic = SYSFS_MAGIC;
	sb->max_bytes = 0x7fffffff; /* as Linux: how far one may seek */
	strscpy(sb->id, "sysfs", sizeof(sb->id));
	inode = node_inode(sb, &root);
	sb->root = inode ? dentry_alloc_root(inode) : NULL;
	if (!sb->root) {
		super_put(sb);
		return ERR_PTR(-ENOMEM);
	}
	return sb;
}

/* Every mount shows the same super block, which then lives for good. */
static struct super *sysfs_mount(const struct fs_type *type, const struct mount_args *args)
{
	static struct mutex lock = MUTEX_INIT(lock, "sysfs mount", LR_MODULE_INIT);
	static struct super *the_super;
	struct super *sb;

	mutex_lock(&lock);
	sb = the_super ? the_super : super_make(type);
	if (!IS_ERR(sb)) {
		the_super = sb;
		ref_get(&sb->refs);
	}
	mutex_unlock(&lock);
	return sb;
}

static const struct fs_type sysfs_fs = {
	.name = "sysfs",
	.mount = sysfs_mount,
};
SECTION_SET(filesystems, sysfs_fs);
