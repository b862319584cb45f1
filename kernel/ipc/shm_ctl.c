// SPDX-License-Identifier: MIT
/*
 * shmctl(2), /proc/sysvipc/shm and the limits in /proc/sys/kernel.
 *
 * Each command fills its answer under ns->lock and copies it out afterwards.
 */
#include <arch/uaccess.h>
#include <linux/shm.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/parse.h>
#include <tarn/proc.h>
#include <tarn/process.h>
#include <tarn/syscall.h>

#include "shm.h"

/* ---- about all segments ---- */

static long info(struct ipc_ns *ns, void __user *buf)
{
	struct shminfo64 out = { .shmmin = SHMMIN };
	long max;

	mutex_lock(&ns->lock);
	out.shmmax = ns->shmmax;
	out.shmall = ns->shmall;
	out.shmmni = out.shmseg = ns->shmmni;
	max = ipc_max_index(&ns->shm);
	mutex_unlock(&ns->lock);
	return copy_to_user(buf, &out, sizeof(out)) ? -EFAULT : max;
}

static long usage(struct ipc_ns *ns, void __user *buf)
{
	struct shm_info out = { 0 };
	struct ipc_object *p;
	u32 index;
	long max;

	mutex_lock(&ns->lock);
	out.used_ids = (int)ns->shm.in_use;
	out.shm_tot = ns->shm_pages;
	IDR_FOR_EACH(&ns->shm.table, p, index) {
		out.shm_rss += shm_resident(shm_of(p));
		out.shm_swp += shm_swapped(shm_of(p));
	}
	max = ipc_max_index(&ns->shm);
	mutex_unlock(&ns->lock);
	return copy_to_user(buf, &out, sizeof(out)) ? -EFAULT : max;
}

/* ---- about one ---- */

static void fill_stat(const struct shm_segment *s, struct shmid64_ds *out)
{
	*out = (struct shmid64_ds){
		.shm_segsz = s->size,
		.shm_atime = s->atime,
		.shm_dtime = s->dtime,
		.shm_ctime = s->ctime,
		.shm_cpid = s->cpid,
		.shm_lpid = s->lpid,
		.shm_nattch = s->nattch,
	};
	ipc_perm_show(&s->perm, &out->shm_perm);
}

/* IPC_STAT takes an identifier and gives 0; the others take an index and give the identifier. */
static long stat(struct ipc_ns *ns, int id, int cmd, void __user *buf)
{
	struct shmid64_ds out;
	struct ipc_object *p;
	long ret;

	mutex_lock(&ns->lock);
	p = cmd == IPC_STAT ? ipc_find(&ns->shm, id) : ipc_find_index(&ns->shm, id);
	ret = IS_ERR(p) ? PTR_ERR(p) : cmd == SHM_STAT_ANY ? 0 : ipc_check_mode(p, 0444);
	if (!ret) {
		fill_stat(shm_of(p), &out);
		ret = cmd == IPC_STAT ? 0 : p->id;
	}
	mutex_unlock(&ns->lock);
	if (ret < 0)
		return ret;
	return copy_to_user(buf, &out, sizeof(out)) ? -EFAULT : ret;
}

static long set(struct ipc_ns *ns, int id, const void __user *buf)
{
	struct shmid64_ds in;
	struct shm_segment *s;
	long err;

	if (copy_from_user(&in, buf, sizeof(in)))
		return -EFAULT;
	mutex_lock(&ns->lock);
	s = shm_find(ns, id);
	err = IS_ERR(s) ? PTR_ERR(s) : ipc_check_owner(&s->perm);
	if (!err && (in.shm_perm.uid == ~0u || in.shm_perm.gid == ~0u))
		err = -EINVAL;
	if (!err) {
		s->perm.uid = in.shm_perm.uid;
		s->perm.gid = in.shm_perm.gid;
		s->perm.mode = (s->perm.mode & ~0777u) | (in.shm_perm.mode & 0777);
		s->ctime = clock_realtime() / NSEC_PER_SEC;
	}
	mutex_unlock(&ns->lock);
	return err;
}

static long remove(struct ipc_ns *ns, int id)
{
	struct shm_segment *s;
	bool gone = false;
	long err;

	mutex_lock(&ns->lock);
	s = shm_find(ns, id);
	err = IS_ERR(s) ? PTR_ERR(s) : ipc_check_owner(&s->perm);
	if (!err)
		gone = shm_remove(ns, s);
	mutex_unlock(&ns->lock);
	if (gone)
		shm_free(s);
	return err;
}

/* ---- locking in memory ---- */

static int may_lock(const struct shm_segment *s, int cmd)
{
	const struct cred *c = current->cred;

	if (capable(CAP_IPC_LOCK))
		return 0;
	if (c->euid != s->perm.uid && c->euid != s->perm.cuid)
		return -EPERM;
	return cmd == SHM_LOCK && !rlimit_cur(RLIMIT_MEMLOCK) ? -EPERM : 0;
}

static int lock_pages(struct shm_segment *s)
{
	u64 limit = capable(CAP_IPC_LOCK) ? CHARGE_NO_LIMIT : rlimit_cur(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (s->locker)
		return 0;
	s->locker = charge_current(CHARGE_LOCKED_SHM, shm_pages_of(s), limit);
	if (!s->locker)
		return -ENOMEM;
	shm_pin_pages(s, true);
	s->perm.mode |= SHM_LOCKED;
	return 0;
}

static long lock_or_unlock(struct ipc_ns *ns, int id, int cmd)
{
	struct shm_segment *s;
	long err;

	mutex_lock(&ns->lock);
	s = shm_find(ns, id);
	err = IS_ERR(s) ? PTR_ERR(s) : may_lock(s, cmd);
	if (!err && cmd == SHM_LOCK) {
		err = lock_pages(s);
	} else if (!err) {
		shm_unlock_pages(s);
		s->perm.mode &= ~SHM_LOCKED;
	}
	mutex_unlock(&ns->lock);
	return err;
}

long sys_shmctl(int id, int cmd, void __user *buf)
{
	struct ipc_ns *ns = ipc_ns_current();

	if (cmd < 0 || id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
		return info(ns, buf);
	case SHM_INFO:
		return usage(ns, buf);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return stat(ns, id, cmd, buf);
	case IPC_SET:
		return set(ns, id, buf);
	case IPC_RMID:
		return remove(ns, id);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return lock_or_unlock(ns, id, cmd);
	}
	return -EINVAL;
}

/* ---- /proc ---- */

static int sysvipc_show(struct strbuf *out)
{
	struct ipc_ns *ns = ipc_ns_current();
	struct ipc_object *p;
	u32 index;

	strbuf_puts(out, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid"
			 "  cuid  cgid      atime      dtime      ctime                   rss"
			 "                  swap\n");
	mutex_lock(&ns->lock);
	IDR_FOR_EACH(&ns->shm.table, p, index) {
		const struct shm_segment *s = shm_of(p);

		strbuf_printf(out, "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u", p->key, p->id,
			      p->mode, (ulong)s->size, (u32)s->cpid, (u32)s->lpid, (ulong)s->nattch,
			      p->uid, p->gid, p->cuid, p->cgid);
		strbuf_printf(out, " %10ld %10ld %10ld %21lu %21lu\n", (long)s->atime,
			      (long)s->dtime, (long)s->ctime,
			      (ulong)(shm_resident(s) << PAGE_SHIFT),
			      (ulong)(shm_swapped(s) << PAGE_SHIFT));
	}
	mutex_unlock(&ns->lock);
	return 0;
}
static const struct proc_entry proc_sysvipc_shm = { "sysvipc/shm", sysvipc_show, NULL, 0 };
SECTION_SET(proc_entries, proc_sysvipc_shm);

static int show_limit(struct strbuf *out, u64 value)
{
	strbuf_printf(out, "%lu\n", (ulong)value);
	return 0;
}

/* The files have mode 0644: who could open one for writing may set it, down to @max. */
static ssize_t write_limit(const char *text, size_t n, u64 *to, u64 max)
{
	u64 value;

	if (parse_u64(text, 10, &value) || value > max)
		return -EINVAL;
	WRITE_ONCE(*to, value);
	return (ssize_t)n;
}

static int shmmax_show(struct strbuf *out)
{
	return show_limit(out, ipc_ns_current()->shmmax);
}
static ssize_t shmmax_write(const char *text, size_t n)
{
	return write_limit(text, n, &ipc_ns_current()->shmmax, ~0ul);
}
static int shmall_show(struct strbuf *out)
{
	return show_limit(out, ipc_ns_current()->shmall);
}
static ssize_t shmall_write(const char *text, size_t n)
{
	return write_limit(text, n, &ipc_ns_current()->shmall, ~0ul);
}
static int shmmni_show(struct strbuf *out)
{
	return show_limit(out, ipc_ns_current()->shmmni);
}
static ssize_t shmmni_write(const char *text, size_t n)
{
	return write_limit(text, n, &ipc_ns_current()->shmmni, IPC_INDEXES);
}
static int rmid_forced_show(struct strbuf *out)
{
	return show_limit(out, ipc_ns_current()->shm_rmid_forced);
}
static ssize_t rmid_forced_write(const char *text, size_t n)
{
	struct ipc_ns *ns = ipc_ns_current();
	ssize_t ret = write_limit(text, n, &ns->shm_rmid_forced, 1);

	if (ret > 0 && READ_ONCE(ns->shm_rmid_forced))
		shm_process_exit(ns, NULL);
	return ret;
}

#define LIMIT_FILE(name, file)                                                                \
	static const struct proc_entry sys_##name = { "sys/kernel/" file, name##_show, name##_write, 0 }; \
	SECTION_SET(proc_entries, sys_##name)

LIMIT_FILE(shmmax, "shmmax");
LIMIT_FILE(shmall, "shmall");
LIMIT_FILE(shmmni, "shmmni");
LIMIT_FILE(rmid_forced, "shm_rmid_forced");
