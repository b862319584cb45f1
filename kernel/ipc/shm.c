// SPDX-License-Identifier: MIT
/*
 * System V shared memory: shmget(2), shmat(2), shmdt(2), and a segment's life.
 *
 * A segment is a nameless tmpfs file with an identifier; an attach is a shared
 * mapping of that file whose vm_ops count it.  The count is of mappings, not of
 * calls: splitting one (mprotect on a part) makes it two, as on Linux.
 *
 *   shmget --> found by id and key --IPC_RMID--> SHM_DEST: by id only --+
 *                     |  nattch == 0                     nattch == 0    |
 *                     +----------------- IPC_RMID --------------------> gone
 *
 * Locks: ns->lock, inside map_lock when mappings open and close.  The last
 * mapping's close cannot free the file, because the mapping itself still holds
 * it until map_lock is dropped.
 */
#include <linux/fcntl.h>
#include <linux/shm.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/file.h>
#include <tarn/inode.h>
#include <tarn/mm.h>
#include <tarn/pagecache.h>
#include <tarn/printf.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/syscall.h>
#include <tarn/tmpfs.h>

#include "shm.h"

static s64 now(void)
{
	return clock_realtime() / NSEC_PER_SEC;
}

u64 shm_resident(const struct shm_segment *s)
{
	return READ_UNLOCKED(s->file->inode->mapping->nrpages);
}

u64 shm_swapped(const struct shm_segment *s)
{
	return shmem_swapped(s->file->inode->mapping);
}

void shm_pin_pages(struct shm_segment *s, bool pin)
{
	WRITE_ONCE(s->file->inode->mapping->swap->pinned, pin);
}

struct shm_segment *shm_find(struct ipc_ns *ns, int id)
{
	struct ipc_object *p = ipc_find(&ns->shm, id);

	return IS_ERR(p) ? ERR_CAST(p) : shm_of(p);
}

/* ---- removal ---- */

void shm_unlock_pages(struct shm_segment *s)
{
	if (!s->locker)
		return;
	charge_return(s->locker, CHARGE_LOCKED_SHM, shm_pages_of(s));
	s->locker = NULL;
	shm_pin_pages(s, false);
}

void shm_unlink(struct ipc_ns *ns, struct shm_segment *s)
{
	ipc_remove(&ns->shm, &s->perm);
	shm_forget_creator(ns, s);
	ns->shm_pages -= shm_pages_of(s);
	shm_unlock_pages(s);
}

void shm_free(struct shm_segment *s)
{
	file_put(s->file);
	kfree(s);
}

bool shm_remove(struct ipc_ns *ns, struct shm_segment *s)
{
	if (s->nattch) {
		s->perm.mode |= SHM_DEST;
		ipc_forget_key(&ns->shm, &s->perm);
		return false;
	}
	shm_unlink(ns, s);
	return true;
}

/* ---- mappings: map_lock held exclusively ---- */

static void attach_opened(struct vma *v)
{
	struct shm_segment *s = v->private;

	mutex_lock(&s->ns->lock);
	s->nattch++;
	s->atime = now();
	s->lpid = current->process->pid;
	mutex_unlock(&s->ns->lock);
}

/* @n attaches fewer; the segment may go with them. */
static void drop_attaches(struct shm_segment *s, u32 n)
{
	struct ipc_ns *ns = s->ns;
	bool gone;

	mutex_lock(&ns->lock);
	s->nattch -= n;
	gone = shm_goes_unattached(s);
	if (gone)
		shm_unlink(ns, s);
	mutex_unlock(&ns->lock);
	if (gone)
		shm_free(s);
}

static void attach_closed(struct vma *v)
{
	struct shm_segment *s = v->private;

	mutex_lock(&s->ns->lock);
	s->dtime = now();
	s->lpid = current->process->pid;
	mutex_unlock(&s->ns->lock);
	drop_attaches(s, 1);
}

static const struct vm_ops shm_vm_ops = {
	.open = attach_opened,
	.close = attach_closed,
};

/* ---- shmget ---- */

/* There is no pool of huge pages, and only the privileged get as far as finding it empty. */
static int refuse_huge_pages(void)
{
	return capable(CAP_IPC_LOCK) ? -ENOMEM : -EPERM;
}

static int check_size(const struct ipc_ns *ns, u64 size) MUST_HOLD(&ns->lock)
{
	u64 pages = DIV_ROUND_UP(size, PAGE_SIZE);

	if (size < SHMMIN || size > ns->shmmax)
		return -EINVAL;
	if (size + PAGE_SIZE - 1 < size || ns->shm_pages + pages > ns->shmall)
		return -ENOSPC;
	return (loff_t)size < 0 ? -EINVAL : 0;
}

static struct file *make_file(__kernel_key_t key, u64 size, int flags)
{
	char name[16];

	snprintf(name, sizeof(name), "/SYSV%08x", (u32)key);
	return tmpfs_anon_file(name, size, O_RDWR, mm_promises(flags & SHM_NORESERVE));
}

static struct shm_segment *make_segment(struct ipc_ns *ns, __kernel_key_t key, u64 size, int flags)
{
	struct shm_segment *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return ERR_PTR(-ENOMEM);
	ipc_perm_init(&s->perm, key, flags);
	s->file = make_file(key, size, flags);
	if (IS_ERR(s->file)) {
		struct file *err = s->file;

		kfree(s);
		return ERR_CAST(err);
	}
	s->ns = ns;
	s->size = size;
	s->ctime = now();
	s->cpid = current->process->pid;
	s->creator = current->process;
	return s;
}

/* @s enters the namespace: its identifier or -errno. */
static int add_segment(struct ipc_ns *ns, struct shm_segment *s) MUST_HOLD(&ns->lock)
{
	int err = ipc_add(&ns->shm, &s->perm, (u32)READ_ONCE(ns->shmmni));

	if (err)
		return err;
	ns->shm_pages += shm_pages_of(s);
	shm_add_creator(ns, s);
	/* ipcs and /proc/PID/maps meet here: the file's number is the identifier. */
	s->file->inode->ino = (u64)s->perm.id;
	return s->perm.id;
}

static int get_existing(struct shm_segment *s, u64 size, int flags)
{
	int err;

	if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
		return -EEXIST;
	if (size > s->size)
		return -EINVAL;
	err = ipc_check_mode(&s->perm, (u32)flags & 0777);
	return err ? err : s->perm.id;
}

/* The identifier or -errno; -EAGAIN: a new one is needed in *fresh, which is taken over. */
static int find_or_add(struct ipc_ns *ns, __kernel_key_t key, u64 size, int flags,
		       struct shm_segment **fresh) MUST_HOLD(&ns->lock)
{
	struct ipc_object *p = key == IPC_PRIVATE ? NULL : ipc_find_key(&ns->shm, key);
	int err;

	if (p)
		return get_existing(shm_of(p), size, flags);
	if (key != IPC_PRIVATE && !(flags & IPC_CREAT))
		return -ENOENT;
	err = check_size(ns, size);
	if (!err && flags & SHM_HUGETLB)
		err = refuse_huge_pages();
	if (err || !*fresh)
		return err ? err : -EAGAIN;
	err = add_segment(ns, *fresh);
	if (err >= 0)
		*fresh = NULL;
	return err;
}

static int shm_get(struct ipc_ns *ns, __kernel_key_t key, u64 size, int flags,
		   struct shm_segment **fresh)
{
	int ret;

	mutex_lock(&ns->lock);
	ret = find_or_add(ns, key, size, flags, fresh);
	mutex_unlock(&ns->lock);
	return ret;
}

long sys_shmget(int key, size_t size, int flags)
{
	struct ipc_ns *ns = ipc_ns_current();
	struct shm_segment *fresh = NULL;
	long ret = shm_get(ns, key, size, flags, &fresh);

	if (ret != -EAGAIN)
		return ret;
	/* Made without the lock: somebody may add the key meanwhile. */
	fresh = make_segment(ns, key, size, flags);
	if (IS_ERR(fresh))
		return PTR_ERR(fresh);
	ret = shm_get(ns, key, size, flags, &fresh);
	if (fresh)
		shm_free(fresh);
	return ret;
}

/* ---- shmat ---- */

/* Where to: the address, and whether something may be there already. */
static int place(struct map_request *req, u64 addr, int flags)
{
	if (!addr)
		return flags & SHM_REMAP ? -EINVAL : 0;
	if (!IS_ALIGNED(addr, PAGE_SIZE)) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		addr = ALIGN_DOWN(addr, PAGE_SIZE);
		if (!addr && flags & SHM_REMAP)
			return -EINVAL;
	}
	if (addr < vm_mmap_min_addr && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	req->addr = addr;
	req->fixed = true;
	req->noreplace = !(flags & SHM_REMAP);
	return 0;
}

static u32 access_of(int flags, u32 *mode)
{
	u32 vm = VM_SHARED | VM_READ | VM_MAYREAD | VM_MAYEXEC;

	*mode = 0444;
	if (!(flags & SHM_RDONLY)) {
		vm |= VM_WRITE | VM_MAYWRITE;
		*mode |= 0222;
	}
	if (flags & SHM_EXEC) {
		vm |= VM_EXEC;
		*mode |= 0111;
	}
	return vm;
}

/*
 * Counts the mapping to come, and one more for us: another thread may unmap it
 * again before shmat is through.  ERR_PTR.
 */
static struct shm_segment *begin_attach(struct ipc_ns *ns, int id, u32 mode)
{
	struct shm_segment *s;
	int err;

	mutex_lock(&ns->lock);
	s = shm_find(ns, id);
	err = IS_ERR(s) ? 0 : ipc_check_mode(&s->perm, mode);
	if (err)
		s = ERR_PTR(err);
	if (!IS_ERR(s)) {
		s->nattch += 2;
		s->atime = now();
		s->lpid = current->process->pid;
	}
	mutex_unlock(&ns->lock);
	return s;
}

long sys_shmat(int id, void __user *addr, int flags)
{
	struct map_request req = { .ops = &shm_vm_ops };
	struct shm_segment *s;
	u32 mode;
	s64 at;
	int err;

	if (id < 0)
		return -EINVAL;
	err = place(&req, (u64)__force_user(addr), flags);
	if (err)
		return err;
	req.vm_flags = access_of(flags, &mode);
	s = begin_attach(ipc_ns_current(), id, mode);
	if (IS_ERR(s))
		return PTR_ERR(s);
	req.file = s->file;
	req.private = s;
	req.len = ALIGN_UP(s->size, PAGE_SIZE);
	at = mm_map(current->mm, &req);
	drop_attaches(s, at >= 0 ? 1 : 2);
	return at == -EEXIST ? -EINVAL : at;
}

long sys_shmdt(void __user *addr)
{
	u64 at = (u64)__force_user(addr);

	if (!IS_ALIGNED(at, PAGE_SIZE))
		return -EINVAL;
	return mm_unmap_attached(current->mm, at, &shm_vm_ops);
}
