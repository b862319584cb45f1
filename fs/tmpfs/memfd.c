// SPDX-License-Identifier: MIT
/* memfd_create(2) and file seals (fcntl F_ADD_SEALS, F_GET_SEALS). */
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <arch/uaccess.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include <tarn/tmpfs.h>

#include "../internal.h"
#include "tmpfs.h"

#define ALL_SEALS \
	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define MEMFD_PREFIX "/memfd:"
#define MEMFD_NAME_MAX (NAME_MAX_LEN - 6) /* as Linux: "memfd:" and the name fit a name */

long sys_memfd_create(const char __user *uname, unsigned int flags)
{
	char name[sizeof(MEMFD_PREFIX) + MEMFD_NAME_MAX] = MEMFD_PREFIX;
	struct file *f;
	ssize_t n;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL; /* huge pages are not there */
	n = strncpy_from_user(name + strlen(MEMFD_PREFIX), uname, MEMFD_NAME_MAX + 1);
	if (n < 0)
		return n == -E2BIG ? -EINVAL : n;
	f = tmpfs_anon_file(name, 0, O_RDWR | O_LARGEFILE, false);
	if (IS_ERR(f))
		return PTR_ERR(f);
	if (flags & MFD_ALLOW_SEALING)
		TI(f->inode)->seals = 0;
	return fd_add(f, (flags & MFD_CLOEXEC) ? O_CLOEXEC : 0);
}

/* No shared writable mapping may be there, and none may come: writable_maps goes below 0. */
static int deny_writable_maps(struct mapping *m)
{
	s32 zero = 0;

	return atomic_compare_exchange_strong(&m->writable_maps, &zero, -1) ? 0 : -EBUSY;
}

/*
 * Who pinned a page through a mapping that is gone (process_vm_writev) may store
 * to it still: 0 when nobody has one.  Readers do so, too, for a moment.
 */
static int wait_for_holders(struct mapping *m)
{
	for (u64 ms = 10; shmem_is_held(m); ms *= 2) {
		if (ms > 80)
			return -EBUSY;
		sleep_ns(ms * NSEC_PER_MSEC);
	}
	return 0;
}

/* F_SEAL_WRITE may come: nobody writes, by a mapping or past one, nor will.  The file is locked. */
static int deny_stores(struct mapping *m)
{
	int err;

	if (atomic_load(&m->writable_maps) < 0)
		return 0;
	err = deny_writable_maps(m);
	if (err)
		return err;
	err = wait_for_holders(m);
	if (err)
		atomic_store(&m->writable_maps, 0);
	return err;
}

static long add_seals(struct file *f, u32 seals)
{
	struct inode *inode = f->inode;
	struct tmpfs_inode *t = TI(inode);
	long err = 0;

	if (!(f->mode & FMODE_WRITE))
		return -EPERM;
	if (seals & ~(u32)ALL_SEALS)
		return -EINVAL;
	rwsem_write_lock(&inode->lock);
	if (t->seals & F_SEAL_SEAL)
		err = -EPERM;
	if (!err && (seals & F_SEAL_WRITE) && !(t->seals & F_SEAL_WRITE))
		err = deny_stores(&inode->data);
	if (!err)
		t->seals |= seals;
	rwsem_write_unlock(&inode->lock);
	return err;
}

long memfd_fcntl(struct file *f, unsigned int cmd, unsigned long arg)
{
	if (f->ops != &tmpfs_file_fops)
		return -EINVAL;
	if (cmd == F_GET_SEALS)
		return TI(f->inode)->seals;
	return arg > 0xffffffffu ? -EINVAL : add_seals(f, (u32)arg);
}
