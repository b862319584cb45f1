// SPDX-License-Identifier: MIT
/*
 * mount(2), umount2(2), pivot_root(2), and the kernel's own mounting.
 *
 * mount(2) is six calls in one, told apart by flags: remount, remount of a
 * bind's own flags, bind, change of propagation, move, and a new mount.
 */
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

#include "internal.h"
#include "mount_internal.h"

/* umount2(2)'s flags: not in a UAPI header. */
#define ABI_MNT_FORCE 1
#define ABI_MNT_DETACH 2
#define ABI_MNT_EXPIRE 4
#define ABI_UMOUNT_NOFOLLOW 8

static u32 mount_flags_of(u32 flags)
{
	u32 f = flags & (MOUNT_FLAGS & ~MS_RELATIME);

	if (!(flags & (MS_NOATIME | MS_STRICTATIME)))
		f |= MS_RELATIME;
	if (flags & MS_STRICTATIME)
		f &= ~(u32)(MS_NOATIME);
	return f;
}

static bool in_my_ns(const struct mount *m)
{
	return m->ns && m->ns == current_mount_ns();
}

/*
 * Locks for hanging something on *@p: moves *@p up what is mounted there, then
 * holds the mount point's inode->lock against rmdir, and the namespace.
 */
static int lock_mountpoint(struct path *p) NO_LOCK_CHECK
{
	for (;;) {
		struct inode *inode = p->dentry->inode;

		if (mode_is_dir(inode->mode))
			rwsem_write_lock_nested(&inode->lock);
		else
			rwsem_write_lock(&inode->lock);
		if (!dentry_is_hashed(p->dentry) && p->dentry != p->mnt->root) {
			rwsem_write_unlock(&inode->lock);
			return -ENOENT;
		}
		rwsem_write_lock(&namespace_lock);
		if (!(atomic_load(&p->dentry->flags) & DF_MOUNTED) ||
		    !mount_at_rcu(p->mnt, p->dentry))
			return 0;
		rwsem_write_unlock(&namespace_lock);
		rwsem_write_unlock(&inode->lock);
		mount_down(p);
	}
}

static void unlock_mountpoint(const struct path *p) NO_LOCK_CHECK
{
	rwsem_write_unlock(&namespace_lock);
	rwsem_write_unlock(&p->dentry->inode->lock);
}

/* Locked. 0, or why @m cannot hang on @p. */
static int may_attach(const struct mount *m, const struct path *p)
{
	if (!in_my_ns(p->mnt))
		return -EINVAL;
	if (mode_is_dir(m->root->inode->mode) != mode_is_dir(p->dentry->inode->mode))
		return -ENOTDIR;
	return 0;
}

static void attach(struct mount *m, const struct path *p)
{
	mount_link(m, p->mnt, p->dentry);
	mount_set_ns(m, p->mnt->ns);
}

/* The new mount's reference is the tree's on success, dropped otherwise. */
static int attach_at(struct mount *m, const struct path *target)
{
	struct path p = *target;
	int err;

	path_get(&p);
	err = lock_mountpoint(&p);
	if (!err) {
		err = may_attach(m, &p);
		if (!err && p.mnt->super == m->super && p.dentry == p.mnt->root &&
		    m->root == p.mnt->root)
			err = -EBUSY;
		if (!err)
			attach(m, &p);
		unlock_mountpoint(&p);
	}
	path_put(&p);
	if (err)
		mount_put(m);
	return err;
}

static struct mount *mount_make(const char *source, const char *type, u32 flags, char *data)
{
	struct mount_args args = { .source = source, .flags = flags, .data = data };
	const struct fs_type *t = fs_type_find(type);
	struct super *sb;
	struct mount *m;

	if (!t)
		return ERR_PTR(-ENODEV);
	sb = t->mount(t, &args);
	if (IS_ERR(sb))
		return ERR_CAST(sb);
	if (t->needs_device && ((atomic_load(&sb->flags) ^ flags) & MS_RDONLY) &&
	    !(atomic_load(&sb->flags) & MS_RDONLY)) {
		super_put(sb); /* mounted read-write elsewhere: not both at once */
		return ERR_PTR(-EBUSY);
	}
	m = mount_alloc(sb, sb->root, source, mount_flags_of(flags));
	if (!m) {
		super_put(sb);
		return ERR_PTR(-ENOMEM);
	}
	return m;
}

static int do_new_mount(const char *source, const struct path *target, const char *type,
			u32 flags, char *data)
{
	struct mount *m;

	if (!type)
		return -EINVAL;
	m = mount_make(source, type, flags, data);
	if (IS_ERR(m))
		return (int)PTR_ERR(m);
	return attach_at(m, target);
}

static int do_bind(const char *source, const struct path *target, bool recursive)
{
	struct list dead = LIST_INIT(dead);
	struct path old, p = *target;
	struct mount *m;
	int err;

	if (!source || !*source)
		return -EINVAL;
	err = path_lookup(source, LOOKUP_FOLLOW, &old);
	if (err)
		return err;
	path_get(&p);
	err = lock_mountpoint(&p);
	if (err)
		goto out;
	err = -EINVAL;
	if (!in_my_ns(old.mnt) || (atomic_load(&old.mnt->flags) & MS_UNBINDABLE))
		goto unlock;
	m = mount_copy_tree(old.mnt, old.dentry, recursive, &dead);
	err = PTR_ERR_OR_ZERO(m);
	if (err)
		goto unlock;
	err = may_attach(m, &p);
	if (err)
		mount_drop_tree(m, &dead);
	else
		attach(m, &p);
unlock:
	unlock_mountpoint(&p);
	mount_put_dead(&dead);
out:
	path_put(&p);
	path_put(&old);
	return err;
}

static int do_remount(const struct path *target, u32 flags, char *data)
{
	struct mount *m = target->mnt;
	u32 keep;
	int err = 0;

	if (target->dentry != m->root || !in_my_ns(m))
		return -EINVAL;
	if (!(flags & MS_BIND))
		err = super_remount(m->super, flags, data);
	if (err)
		return err;
	rwsem_write_lock(&namespace_lock);
	keep = atomic_load(&m->flags) & ~(u32)MOUNT_FLAGS;
	/* A remount that names no atime option keeps the old one. */
	if (!(flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)))
		flags |= atomic_load(&m->flags) & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME);
	atomic_store(&m->flags, keep | mount_flags_of(flags));
	mount_ns_event(m->ns);
	rwsem_write_unlock(&namespace_lock);
	return 0;
}

static void set_propagation(struct mount *m, u32 type)
{
	u32 flags = atomic_load(&m->flags) & ~(u32)MS_UNBINDABLE;

	switch (type) {
	case MS_SHARED:
		if (!m->peer_group)
			m->peer_group = mount_new_peer_group();
		break;
	case MS_SLAVE:
		if (m->peer_group)
			m->master_group = m->peer_group;
		m->peer_group = 0;
		break;
	case MS_UNBINDABLE:
		flags |= MS_UNBINDABLE;
		m->peer_group = m->master_group = 0;
		break;
	default:
		m->peer_group = m->master_group = 0;
	}
	atomic_store(&m->flags, flags);
}

static int do_change_type(const struct path *target, u32 flags)
{
	u32 type = flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE);
	struct mount *m;

	if ((flags & ~(MS_REC | MS_SILENT | type)) || (type & (type - 1)))
		return -EINVAL;
	if (target->dentry != target->mnt->root)
		return -EINVAL;
	rwsem_write_lock(&namespace_lock);
	for (m = target->mnt; m; m = (flags & MS_REC) ? mount_next(m, target->mnt, false) : NULL)
		set_propagation(m, type);
	if (target->mnt->ns)
		mount_ns_event(target->mnt->ns);
	rwsem_write_unlock(&namespace_lock);
	return 0;
}

static bool is_below(const struct mount *m, const struct mount *top)
{
	for (; m; m = m->parent)
		if (m == top)
			return true;
	return false;
}

static int do_move(const char *source, const struct path *target)
{
	struct path old, p = *target;
	struct mount *m;
	int err;

	if (!source || !*source)
		return -EINVAL;
	err = path_lookup(source, LOOKUP_FOLLOW, &old);
	if (err)
		return err;
	path_get(&p);
	err = lock_mountpoint(&p);
	if (err)
		goto out;
	m = old.mnt;
	if (!in_my_ns(m) || old.dentry != m->root || !m->parent || m->parent->peer_group)
		err = -EINVAL;
	else if (is_below(p.mnt, m))
		err = -ELOOP;
	else
		err = may_attach(m, &p);
	if (!err) {
		mount_unlink(m);
		mount_link(m, p.mnt, p.dentry);
		mount_ns_event(m->ns);
	}
	unlock_mountpoint(&p);
out:
	path_put(&p);
	path_put(&old);
	return err;
}

int mount_do(const char *source, const struct path *target, const char *type, u32 flags, char *data)
{
	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~MS_MGC_MSK;
	if (flags & MS_NOUSER)
		return -EINVAL;
	if (flags & MS_REMOUNT)
		return do_remount(target, flags, data);
	if (flags & MS_BIND)
		return do_bind(source, target, flags & MS_REC);
	if (flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))
		return do_change_type(target, flags);
	if (flags & MS_MOVE)
		return do_move(source, target);
	return do_new_mount(source, target, type, flags, data);
}

int mount_fs(const char *source, const char *target, const char *type, u32 flags, char *data)
{
	struct path p;
	int err = path_lookup(target, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	err = mount_do(source, &p, type, flags, data);
	path_put(&p);
	return err;
}

static void stand_in(struct mount *m)
{
	struct path p = { m, m->root }, old_root, old_cwd;

	path_get(&p);
	path_get(&p);
	spin_lock(&current->fs->lock);
	old_root = current->fs->root;
	old_cwd = current->fs->cwd;
	current->fs->root = p;
	current->fs->cwd = p;
	spin_unlock(&current->fs->lock);
	path_put(&old_root);
	path_put(&old_cwd);
}

int mount_root(const char *source, const char *type, u32 flags, char *data)
{
	struct mount_ns *ns = current->ns->mnt;
	struct mount *m = mount_make(source, type, flags, data);
	int err;

	if (IS_ERR(m))
		return (int)PTR_ERR(m);
	if (ns) { /* over the initramfs */
		struct path at;

		fs_get_root(&at);
		err = attach_at(m, &at);
		path_put(&at);
		if (err)
			return err;
	} else {
		ns = mount_ns_new();
		if (!ns) {
			mount_put(m);
			return -ENOMEM;
		}
		ns->root = m;
		mount_set_ns(m, ns);
		current->ns->mnt = ns;
	}
	stand_in(m);
	return 0;
}

/* ---- system calls ---- */

/* A page of option text, NUL-terminated; NULL stays NULL.  A short readable tail is fine. */
static char *copy_options(const void __user *udata)
{
	char *data;
	size_t left;

	if (!udata)
		return NULL;
	data = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!data)
		return ERR_PTR(-ENOMEM);
	left = copy_from_user_partial(data, udata, PAGE_SIZE - 1);
	if (left == PAGE_SIZE - 1) {
		kfree(data);
		return ERR_PTR(-EFAULT);
	}
	data[PAGE_SIZE - 1 - left] = '\0';
	return data;
}

static char *copy_word(const char __user *uword)
{
	char *s;
	ssize_t n;

	if (!uword)
		return NULL;
	s = kmalloc(PATH_MAX_LEN, GFP_KERNEL);
	if (!s)
		return ERR_PTR(-ENOMEM);
	n = strncpy_from_user(s, uword, PATH_MAX_LEN);
	if (n < 0) {
		kfree(s);
		return ERR_PTR(n == -E2BIG ? -EINVAL : n);
	}
	return s;
}

long sys_mount(const char __user *usource, const char __user *utarget, const char __user *utype,
	       unsigned long flags, const void __user *udata)
{
	char *type, *source = NULL, *data = NULL;
	struct path target;
	long err;

	type = copy_word(utype);
	if (IS_ERR(type))
		return PTR_ERR(type);
	source = copy_word(usource);
	err = PTR_ERR_OR_ZERO(source);
	if (err)
		goto free_type;
	data = copy_options(udata);
	err = PTR_ERR_OR_ZERO(data);
	if (err)
		goto free_source;
	err = path_lookup_user(AT_FDCWD, utarget, LOOKUP_FOLLOW, &target);
	if (err)
		goto free_data;
	err = capable(CAP_SYS_ADMIN) ? mount_do(source, &target, type, (u32)flags, data) : -EPERM;
	path_put(&target);
free_data:
	kfree(data);
free_source:
	kfree(source);
free_type:
	kfree(type);
	return err;
}

/* namespace_lock held.  Our caller's path is the one reference besides the tree's. */
static int umount_locked(struct mount *m, u32 flags, struct list *dead)
{
	if (!(flags & ABI_MNT_DETACH) &&
	    (!list_empty(&m->children) || ref_read(&m->refs) > 2))
		return -EBUSY;
	mount_drop_tree(m, dead);
	return 0;
}

/* MNT_EXPIRE: the first call marks an unused mount, the second finds the mark still there.  0: it may go. */
static int expire(struct mount *m, u32 flags)
{
	if (flags & (ABI_MNT_FORCE | ABI_MNT_DETACH))
		return -EINVAL;
	if (ref_read(&m->refs) > 2)
		return -EBUSY;
	return atomic_fetch_or(&m->flags, MOUNT_EXPIRES) & MOUNT_EXPIRES ? 0 : -EAGAIN;
}

static int do_umount(const struct path *p, u32 flags)
{
	struct list dead = LIST_INIT(dead);
	struct mount_ns *ns;
	struct path root;
	bool is_root;
	int err;

	if (p->dentry != p->mnt->root || !in_my_ns(p->mnt))
		return -EINVAL;
	fs_get_root(&root);
	is_root = root.mnt == p->mnt;
	path_put(&root);
	/* The root cannot go; at shutdown it at least becomes read-only. */
	if (flags & ABI_MNT_EXPIRE) {
		err = is_root ? -EINVAL : expire(p->mnt, flags);
		if (err)
			return err;
	}
	if (is_root && !(flags & ABI_MNT_DETACH))
		return super_remount(p->mnt->super, MS_RDONLY, NULL);
	if (!p->mnt->parent)
		return -EINVAL;
	rwsem_write_lock(&namespace_lock);
	ns = p->mnt->ns;
	err = ns ? umount_locked(p->mnt, flags, &dead) : -EINVAL;
	if (!err)
		mount_ns_event(ns);
	rwsem_write_unlock(&namespace_lock);
	mount_put_dead(&dead);
	return err;
}

long sys_umount2(const char __user *utarget, int flags)
{
	u32 lookup = (flags & ABI_UMOUNT_NOFOLLOW) ? 0 : LOOKUP_FOLLOW;
	struct path p;
	int err;

	if (flags & ~(ABI_MNT_FORCE | ABI_MNT_DETACH | ABI_MNT_EXPIRE | ABI_UMOUNT_NOFOLLOW))
		return -EINVAL;
	err = path_lookup_user(AT_FDCWD, utarget, lookup, &p);
	if (err)
		return err;
	mount_down(&p); /* "." may be covered by what is mounted on it */
	err = capable(CAP_SYS_ADMIN) ? do_umount(&p, (u32)flags) : -EPERM;
	dentry_put(p.dentry);
	if (err == -EAGAIN)
		mount_put_quietly(p.mnt);
	else
		mount_put(p.mnt); /* the last reference writes everything back */
	return err;
}

/* ---- pivot_root ---- */

static bool swap_path(struct path *p, const struct path *from, const struct path *to)
{
	if (p->mnt != from->mnt || p->dentry != from->dentry)
		return false;
	path_get(to);
	*p = *to;
	return true;
}

/* Threads that stand in the old root go to the new one. */
static void move_thread(struct thread *t, const struct path *from, const struct path *to)
{
	struct fs_context *fs;
	u32 drop = 0;

	spin_lock(&t->lock);
	fs = t->fs;
	if (fs && !ref_get_unless_zero(&fs->refs))
		fs = NULL;
	spin_unlock(&t->lock);
	if (!fs)
		return;
	spin_lock(&fs->lock);
	drop += swap_path(&fs->root, from, to);
	drop += swap_path(&fs->cwd, from, to);
	spin_unlock(&fs->lock);
	while (drop--)
		path_put(from); /* never the last one: pivot_root holds its own */
	fs_context_put(fs);
}

static void move_everybody(const struct path *from, const struct path *to)
{
	struct process *p;
	pid_t pid = 1;

	for (;;) {
		struct thread *t, *held[16];
		u32 n = 0;

		rcu_read_lock();
		p = process_next(pid);
		if (p) {
			pid = p->pid + 1;
			LIST_FOR_EACH_RCU(t, &p->threads, group_node)
				if (n < ARRAY_SIZE(held) && (!n || held[n - 1]->fs != t->fs) &&
				    ref_get_unless_zero(&t->refs))
					held[n++] = t;
		}
		rcu_read_unlock();
		if (!p)
			return;
		while (n) {
			move_thread(held[--n], from, to);
			thread_put(held[n]);
		}
	}
}

/* Locked.  As pivot_root(2) lists them. */
static int pivot_check(const struct path *new, const struct path *put_old, const struct path *root)
{
	if (!in_my_ns(new->mnt) || !in_my_ns(root->mnt) || !in_my_ns(put_old->mnt))
		return -EINVAL;
	if (new->mnt == root->mnt || put_old->mnt == root->mnt)
		return -EBUSY;
	if (new->dentry != new->mnt->root || root->dentry != root->mnt->root || !new->mnt->parent)
		return -EINVAL;
	if (!is_below(put_old->mnt, new->mnt) || !is_below(new->mnt, root->mnt))
		return -EINVAL;
	if (new->mnt->parent->peer_group || (root->mnt->parent && root->mnt->parent->peer_group))
		return -EINVAL;
	return 0;
}

static void pivot_links(const struct path *new, const struct path *put_old, const struct path *root)
{
	struct mount *parent = root->mnt->parent;
	struct dentry *at = root->mnt->mountpoint;

	mount_unlink(new->mnt);
	if (parent) {
		dentry_get(at);
		mount_unlink(root->mnt);
	}
	mount_link(root->mnt, put_old->mnt, put_old->dentry);
	if (parent) {
		mount_link(new->mnt, parent, at);
		dentry_put(at);
	} else {
		new->mnt->ns->root = new->mnt;
	}
	mount_ns_event(new->mnt->ns);
}

static int do_pivot_root(const struct path *new, const struct path *put_old)
{
	struct path root, p = *put_old;
	int err;

	fs_get_root(&root);
	path_get(&p);
	err = lock_mountpoint(&p);
	if (!err) {
		err = pivot_check(new, &p, &root);
		if (!err)
			pivot_links(new, &p, &root);
		unlock_mountpoint(&p);
	}
	if (!err)
		move_everybody(&root, new);
	path_put(&p);
	path_put(&root);
	return err;
}

long sys_pivot_root(const char __user *unew, const char __user *uput_old)
{
	struct path new, put_old;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = path_lookup_user(AT_FDCWD, unew, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &new);
	if (err)
		return err;
	err = path_lookup_user(AT_FDCWD, uput_old, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &put_old);
	if (!err) {
		err = do_pivot_root(&new, &put_old);
		path_put(&put_old);
	}
	path_put(&new);
	return err;
}
