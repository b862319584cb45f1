// SPDX-License-Identifier: MIT
/* stat(2), statx(2), statfs(2), readlink(2): what user space may know of a file. */
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <arch/uaccess.h>
#include <tarn/block.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>

#include "internal.h"

/* statfs(2)'s f_flags: not in a UAPI header. */
#define ABI_ST_VALID 0x0020
#define ABI_ST_RELATIME 0x1000
#define ABI_ST_NOSYMFOLLOW 0x2000

_Static_assert(sizeof(struct stat) == 144, "x86_64 struct stat");
_Static_assert(sizeof(struct statfs) == 120, "x86_64 struct statfs");
_Static_assert(sizeof(struct statx) == 256, "struct statx");

int path_getattr(const struct path *p, struct kstat *out)
{
	struct inode *inode = p->dentry->inode;
	int err = 0;

	if (inode->ops->getattr)
		err = inode->ops->getattr(inode, out);
	else
		stat_generic(inode, out);
	if (err)
		return err;
	out->mnt_id = p->mnt->id;
	out->result_mask |= STATX_MNT_ID;
	out->attributes_mask |= STATX_ATTR_MOUNT_ROOT | STATX_ATTR_AUTOMOUNT | STATX_ATTR_DAX;
	if (p->dentry == p->mnt->root)
		out->attributes |= STATX_ATTR_MOUNT_ROOT;
	return 0;
}

/* A device number as struct stat has it: 12 bits of major, 20 of minor, in glibc's order. */
static u64 user_dev(kdev_t dev)
{
	u32 major = KDEV_MAJOR(dev), minor = KDEV_MINOR(dev);

	return (minor & 0xff) | (major << 8) | ((u64)(minor & ~0xffu) << 12);
}

static int stat_to_user(const struct kstat *k, struct stat __user *ust)
{
	struct stat st;

	memset(&st, 0, sizeof(st));
	st.st_dev = user_dev(k->dev);
	st.st_ino = k->ino;
	st.st_nlink = k->nlink;
	st.st_mode = k->mode;
	st.st_uid = k->uid;
	st.st_gid = k->gid;
	st.st_rdev = user_dev(k->rdev);
	st.st_size = (long)k->size;
	st.st_blksize = k->blksize;
	st.st_blocks = (long)k->blocks;
	st.st_atime = (unsigned long)k->atime.tv_sec;
	st.st_atime_nsec = (unsigned long)k->atime.tv_nsec;
	st.st_mtime = (unsigned long)k->mtime.tv_sec;
	st.st_mtime_nsec = (unsigned long)k->mtime.tv_nsec;
	st.st_ctime = (unsigned long)k->ctime.tv_sec;
	st.st_ctime_nsec = (unsigned long)k->ctime.tv_nsec;
	return copy_to_user(ust, &st, sizeof(st));
}

/* Alignment that direct I/O asks for: what the disk does.  0: it is not to be had. */
static u32 direct_io_align(const struct path *p)
{
	const struct inode *inode = p->dentry->inode;

	return mode_is_reg(inode->mode) && inode->super->bdev ? inode->super->bdev->limits.block_size : 0;
}

/* @align: for statx(2), or NULL. */
static long stat_path(const struct path *p, struct kstat *k, u32 *align)
{
	if (align)
		*align = direct_io_align(p);
	return path_getattr(p, k);
}

static long stat_fd(unsigned int fd, struct kstat *k, u32 *align)
{
	struct fdref r = fd_ref_raw(fd);
	long err;

	if (!r.file)
		return -EBADF;
	err = stat_path(&r.file->path, k, align);
	fd_unref(r);
	return err;
}

static long stat_at(int dfd, const char __user *name, int flags, struct kstat *k, u32 *align)
{
	struct path p;
	char first;
	long err;

	/* glibc's fstat(): no need of a walk for it. */
	if ((flags & AT_EMPTY_PATH) && dfd >= 0 && get_user(first, name) == 0 && !first)
		return stat_fd((unsigned int)dfd, k, align);
	err = path_at_user(dfd, name, flags, &p);
	if (err)
		return err;
	err = stat_path(&p, k, align);
	path_put(&p);
	return err;
}

long sys_newfstatat(int dfd, const char __user *name, struct stat __user *st, int flag)
{
	struct kstat k;
	long err = stat_at(dfd, name, flag, &k, NULL);

	return err ? err : stat_to_user(&k, st);
}

long sys_stat(const char __user *name, struct stat __user *st)
{
	return sys_newfstatat(AT_FDCWD, name, st, 0);
}

long sys_lstat(const char __user *name, struct stat __user *st)
{
	return sys_newfstatat(AT_FDCWD, name, st, AT_SYMLINK_NOFOLLOW);
}

long sys_fstat(unsigned int fd, struct stat __user *st)
{
	struct kstat k;
	long err = stat_fd(fd, &k, NULL);

	return err ? err : stat_to_user(&k, st);
}

static struct statx_timestamp statx_time(struct timespec64 t)
{
	return (struct statx_timestamp){ .tv_sec = t.tv_sec, .tv_nsec = (u32)t.tv_nsec };
}

/* @align: of direct I/O if it was asked for, or 0. */
static int statx_to_user(const struct kstat *k, u32 align, void __user *buf)
{
	struct statx x;

	memset(&x, 0, sizeof(x));
	x.stx_mask = k->result_mask | (align ? STATX_DIOALIGN : 0);
	x.stx_dio_mem_align = x.stx_dio_offset_align = align;
	x.stx_blksize = k->blksize;
	x.stx_attributes = k->attributes;
	x.stx_attributes_mask = k->attributes_mask;
	x.stx_nlink = k->nlink;
	x.stx_uid = k->uid;
	x.stx_gid = k->gid;
	x.stx_mode = (u16)k->mode;
	x.stx_ino = k->ino;
	x.stx_size = k->size;
	x.stx_blocks = k->blocks;
	x.stx_atime = statx_time(k->atime);
	x.stx_btime = statx_time(k->btime);
	x.stx_ctime = statx_time(k->ctime);
	x.stx_mtime = statx_time(k->mtime);
	x.stx_rdev_major = KDEV_MAJOR(k->rdev);
	x.stx_rdev_minor = KDEV_MINOR(k->rdev);
	x.stx_dev_major = KDEV_MAJOR(k->dev);
	x.stx_dev_minor = KDEV_MINOR(k->dev);
	x.stx_mnt_id = k->mnt_id;
	return copy_to_user(buf, &x, sizeof(x));
}

long sys_statx(int dfd, const char __user *name, unsigned int flags, unsigned int mask,
	       void __user *buf)
{
	struct kstat k;
	u32 align;
	long err;

	if (mask & STATX__RESERVED)
		return -EINVAL;
	if ((flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	err = stat_at(dfd, name, (int)(flags & ~AT_STATX_SYNC_TYPE), &k, &align);
	return err ? err : statx_to_user(&k, mask & STATX_DIOALIGN ? align : 0, buf);
}

/* ---- statfs ---- */

static long mount_flags_to_st(const struct mount *m)
{
	u32 f = atomic_load(&m->flags), s = atomic_load(&m->super->flags);
	long st = ABI_ST_VALID;

	/* MS_RDONLY, NOSUID, NODEV, NOEXEC, NOATIME, NODIRATIME have the same bits there. */
	st |= (long)((f | s) & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS));
	st |= (long)(f & (MS_NOATIME | MS_NODIRATIME));
	if (f & MS_RELATIME)
		st |= ABI_ST_RELATIME;
	if (f & MS_NOSYMFOLLOW)
		st |= ABI_ST_NOSYMFOLLOW;
	return st;
}

static long statfs_path(const struct path *p, void __user *buf)
{
	struct super *sb = p->mnt->super;
	struct kstatfs k;
	struct statfs st;
	int err = 0;

	memset(&k, 0, sizeof(k));
	k.type = sb->magic == ANON_INODE_FS_MAGIC ? anon_magic(p->dentry->inode) : sb->magic;
	k.bsize = k.frsize = sb->block_size;
	k.namelen = NAME_MAX_LEN;
	k.fsid = sb->dev;
	if (!sb->ops || !sb->ops->statfs)
		return -ENOSYS;
	err = sb->ops->statfs(sb, &k);
	if (err)
		return err;
	memset(&st, 0, sizeof(st));
	st.f_type = (long)k.type;
	st.f_bsize = (long)k.bsize;
	st.f_blocks = (long)k.blocks;
	st.f_bfree = (long)k.bfree;
	st.f_bavail = (long)k.bavail;
	st.f_files = (long)k.files;
	st.f_ffree = (long)k.ffree;
	st.f_fsid.val[0] = (int)k.fsid;
	st.f_fsid.val[1] = (int)(k.fsid >> 32);
	st.f_namelen = (long)k.namelen;
	st.f_frsize = (long)(k.frsize ? k.frsize : k.bsize);
	st.f_flags = mount_flags_to_st(p->mnt);
	return copy_to_user(buf, &st, sizeof(st));
}

long sys_statfs(const char __user *name, void __user *buf)
{
	struct path p;
	long err = path_lookup_user(AT_FDCWD, name, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	err = statfs_path(&p, buf);
	path_put(&p);
	return err;
}

long sys_fstatfs(unsigned int fd, void __user *buf)
{
	struct fdref r = fd_ref_raw(fd);
	long err;

	if (!r.file)
		return -EBADF;
	err = statfs_path(&r.file->path, buf);
	fd_unref(r);
	return err;
}

/* ---- readlink ---- */

/* A magic link (/proc/PID/fd/N) has no text of its own: where it leads is shown. */
static long show_jump(struct path *target, char __user *buf, size_t size)
{
	char *text = kmalloc(PATH_MAX_LEN, GFP_KERNEL), *at;
	struct path root;
	long n = -ENOMEM;

	if (text) {
		fs_get_root(&root);
		at = path_format(target, &root, text, PATH_MAX_LEN, NULL);
		path_put(&root);
		n = PTR_ERR_OR_ZERO(at);
		if (!n) {
			n = (long)MIN(strlen(at), size);
			if (copy_to_user(buf, at, (size_t)n))
				n = -EFAULT;
		}
	}
	kfree(text);
	path_put(target);
	return n;
}

static long read_link_path(const struct path *p, char __user *buf, size_t size)
{
	struct inode *inode = p->dentry->inode;
	struct walk w = { .path = *p };
	void *done = NULL;
	const char *text;
	long n;

	if (!inode->ops->get_link) {
		text = inode->link;
	} else {
		w.outer = current->path_walk;
		current->path_walk = &w;
		text = inode->ops->get_link(inode, p->dentry, &done);
		current->path_walk = w.outer;
	}
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (!text)
		return w.jump.dentry ? show_jump(&w.jump, buf, size) : -ENOENT;
	n = (long)MIN(strlen(text), size);
	if (copy_to_user(buf, text, (size_t)n))
		n = -EFAULT;
	link_done(done);
	atime_update(p);
	return n;
}

long sys_readlinkat(int dfd, const char __user *name, char __user *buf, int size)
{
	struct path p;
	char first = 1;
	long n;

	if (size <= 0)
		return -EINVAL;
	n = path_lookup_user(dfd, name, LOOKUP_EMPTY, &p);
	if (n)
		return n;
	if (mode_is_lnk(p.dentry->inode->mode)) {
		n = read_link_path(&p, buf, (size_t)size);
	} else {
		/* "" names the descriptor, which must be a link; other names may be anything else. */
		n = get_user(first, name) == 0 && !first ? -ENOENT : -EINVAL;
	}
	path_put(&p);
	return n;
}

long sys_readlink(const char __user *name, char __user *buf, int size)
{
	return sys_readlinkat(AT_FDCWD, name, buf, size);
}
