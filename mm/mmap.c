// SPDX-License-Identifier: MIT
/* mmap(2) and munmap(2): what a program may ask, turned into a map_request. */
#include <linux/mman.h>
#include <linux/mount.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/fd.h>
#include <tarn/mount.h>
#include <tarn/process.h>
#include <tarn/syscall.h>
#include "mm_int.h"

/* Flags that a MAP_SHARED_VALIDATE mapping may carry. */
#define KNOWN_FLAGS                                                                             \
	(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | \
	 MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | \
	 MAP_HUGETLB | MAP_HUGE_2MB | MAP_HUGE_1GB | MAP_UNINITIALIZED | MAP_32BIT)

static u32 flags_of_prot(unsigned long prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0);
}

static int check_sharing(unsigned long flags)
{
	switch (flags & MAP_TYPE) {
	case MAP_SHARED:
	case MAP_PRIVATE:
		return 0;
	case MAP_SHARED_VALIDATE:
		if (flags & MAP_ANONYMOUS)
			break;
		return flags & ~(unsigned long)KNOWN_FLAGS ? -EOPNOTSUPP : 0;
	}
	return -EINVAL;
}

/* What the file's reach, its open mode, its mount and its seals allow. */
static int judge_file(const struct map_request *req, unsigned long flags, u32 *vm)
{
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
	struct file *f = req->file;

	if (!file_reaches(f, req->pgoff, req->len >> PAGE_SHIFT))
		return -EOVERFLOW;
	if (!(f->mode & FMODE_READ))
		return -EACCES;
	if (f->path.mnt && atomic_load(&f->path.mnt->flags) & MS_NOEXEC) {
		if (*vm & VM_EXEC)
			return -EPERM;
		*vm &= ~(u32)VM_MAYEXEC;
	}
	if (!f->ops->mmap || flags & MAP_GROWSDOWN)
		return f->ops->mmap ? -EINVAL : -ENODEV;
	if (!shared)
		return 0;
	if (!(f->mode & FMODE_WRITE)) {
		if (*vm & VM_WRITE)
			return -EACCES;
		*vm &= ~(u32)VM_MAYWRITE;
	}
	if (f->mode & FMODE_WRITE && f->inode->attr_flags & S_APPEND)
		return -EACCES;
	if (*vm & VM_WRITE && f->inode->attr_flags & S_SWAPFILE)
		return -ETXTBSY;
	if (atomic_load(&f->inode->mapping->writable_maps) < 0) {
		if (*vm & VM_WRITE)
			return -EPERM;
		*vm &= ~(u32)VM_MAYWRITE;
	}
	return 0;
}

static u32 vm_flags_of(unsigned long prot, unsigned long flags)
{
	u32 vm = flags_of_prot(prot) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;

	if ((flags & MAP_TYPE) != MAP_PRIVATE)
		vm |= VM_SHARED;
	if (flags & MAP_GROWSDOWN)
		vm |= VM_GROWSDOWN;
	if (flags & MAP_LOCKED)
		vm |= VM_LOCKED;
	if (flags & MAP_NORESERVE)
		vm |= VM_NORESERVE;
	if (flags & MAP_STACK) /* a thread's: mostly a few pages of it are ever used */
		vm |= VM_NOHUGEPAGE;
	return vm;
}

static int check_place(const struct map_request *req, unsigned long off)
{
	if (req->fixed && !IS_ALIGNED(req->addr, PAGE_SIZE))
		return -EINVAL;
	if (req->len > USER_END)
		return -ENOMEM;
	if ((off + req->len) >> PAGE_SHIFT < off >> PAGE_SHIFT)
		return -EOVERFLOW;
	return 0;
}

static int check_mmap_lock(unsigned long flags)
{
	if (!(flags & MAP_LOCKED) || rlimit_cur(RLIMIT_MEMLOCK) || capable(CAP_IPC_LOCK))
		return 0;
	return -EPERM;
}

static long map_file(struct map_request *req, unsigned long flags)
{
	int err = flags & MAP_HUGETLB ? -EINVAL : judge_file(req, flags, &req->vm_flags);

	return err ? err : mm_map(current->mm, req);
}

/* Down to a page, and up to the lowest that a program may have. */
static u64 round_hint(u64 addr)
{
	u64 at = ALIGN_DOWN(MIN(addr, USER_END), PAGE_SIZE);

	return at && at < vm_mmap_min_addr ? ALIGN_UP(vm_mmap_min_addr, PAGE_SIZE) : at;
}

static long judge_and_map(struct map_request *req, unsigned long flags, unsigned long len,
			  unsigned long off)
{
	int err;

	if (!len)
		return -EINVAL;
	if (!req->len)
		return -ENOMEM;
	err = check_sharing(flags);
	if (!err)
		err = check_place(req, off);
	if (!err)
		err = check_mmap_lock(flags);
	if (err)
		return err;
	if (!req->fixed)
		req->addr = round_hint(req->addr);
	if (req->file)
		return map_file(req, flags);
	if (flags & MAP_HUGETLB)
		return -ENOMEM; /* the pool of huge pages is empty, and stays so */
	if (req->vm_flags & VM_SHARED && flags & MAP_GROWSDOWN)
		return -EINVAL;
	return mm_map(current->mm, req);
}

/* A bad descriptor is told of before a bad length. */
long sys_mmap(unsigned long addr, unsigned long len, unsigned long prot, unsigned long flags,
	      unsigned long fd, unsigned long off)
{
	struct map_request req = {
		.addr = addr,
		.len = ALIGN_UP(len, PAGE_SIZE),
		.vm_flags = vm_flags_of(prot, flags),
		.fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE),
		.noreplace = flags & MAP_FIXED_NOREPLACE,
		.low32 = flags & MAP_32BIT,
		.populate = (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE,
		.pgoff = off >> PAGE_SHIFT,
	};
	long at;

	if (!IS_ALIGNED(off, PAGE_SIZE))
		return -EINVAL;
	if (prot == PROT_EXEC)
		req.vm_flags |= pkey_flags_exec_only(current->mm);
	if (flags & MAP_ANONYMOUS)
		return judge_and_map(&req, flags, len, off);
	req.file = fd_get((unsigned int)fd);
	if (!req.file)
		return -EBADF;
	at = judge_and_map(&req, flags, len, off);
	file_put(req.file);
	return at;
}

long sys_munmap(unsigned long addr, size_t len)
{
	return mm_unmap(current->mm, addr, len);
}
