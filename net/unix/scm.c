// SPDX-License-Identifier: MIT
/*
 * Control messages of Unix sockets, unix(7): SCM_RIGHTS carries open files,
 * SCM_CREDENTIALS who the sender is (checked: only root may lie).
 */
#include <arch/uaccess.h>
#include <linux/fcntl.h>
#include <tarn/cred.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include "unix.h"

/* ---- sending ---- */

void unix_files_free(struct unix_files *files)
{
	if (!files)
		return;
	for (u32 i = 0; i < files->count; i++)
		file_put(files->file[i]);
	kfree(files);
}

struct unix_files *unix_files_dup(const struct unix_files *files)
{
	struct unix_files *copy = kmalloc(sizeof(*copy) + files->count * sizeof(copy->file[0]),
					  GFP_KERNEL);

	if (!copy)
		return NULL;
	copy->count = files->count;
	for (u32 i = 0; i < files->count; i++)
		copy->file[i] = file_get(files->file[i]);
	unix_gc_barrier();
	return copy;
}

static int add_rights(struct scm *scm, const int *fds, u32 n)
{
	struct unix_files *old = scm->files, *files;
	u32 have = old ? old->count : 0;

	if (have + n > UNIX_FILES_MAX)
		return -EINVAL;
	files = kmalloc(sizeof(*files) + (have + n) * sizeof(files->file[0]), GFP_KERNEL);
	if (!files)
		return -ENOMEM;
	files->count = have;
	if (old)
		memcpy(files->file, old->file, have * sizeof(files->file[0]));
	kfree(old);
	scm->files = files;
	for (u32 i = 0; i < n; i++) {
		struct file *f = fd_get_raw((unsigned int)fds[i]);

		if (!f)
			return -EBADF;
		files->file[files->count++] = f;
	}
	return 0;
}

/* Nobody is called what no process is called. */
static bool process_exists(pid_t pid)
{
	struct process *p = process_find_get(pid);

	if (p)
		process_put(p);
	return p;
}

static int check_credentials(struct scm *scm, const struct abi_ucred *c)
{
	const struct cred *me = current->cred;
	bool pid_ok = c->pid == current->process->pid || capable(CAP_SYS_ADMIN);
	bool uid_ok = c->uid == me->uid || c->uid == me->euid || c->uid == me->suid ||
		      capable(CAP_SETUID);
	bool gid_ok = c->gid == me->gid || c->gid == me->egid || c->gid == me->sgid ||
		      capable(CAP_SETGID);

	if (c->uid == (u32)-1 || c->gid == (u32)-1)
		return -EINVAL;
	if (!pid_ok || !uid_ok || !gid_ok)
		return -EPERM;
	if (c->pid != current->process->pid && !process_exists(c->pid))
		return -ESRCH;
	scm->cred = *c;
	scm->has_cred = true;
	return 0;
}

static int parse_one(struct scm *scm, const struct abi_cmsghdr *h, const u8 *data, size_t len)
{
	struct abi_ucred c;
	int err = 0;

	if (h->cmsg_level != SOL_SOCKET)
		return 0;
	if (h->cmsg_type == SCM_RIGHTS) {
		if (len >= sizeof(int))
			err = add_rights(scm, (const int *)(const void *)data, (u32)(len / sizeof(int)));
		return err;
	}
	if (h->cmsg_type == SCM_CREDENTIALS) {
		if (len != sizeof(c))
			return -EINVAL;
		memcpy(&c, data, sizeof(c));
		return check_credentials(scm, &c);
	}
	return -EINVAL;
}

/* What is in flight needs no descriptor, so it has the limit of descriptors too. */
static bool too_many_in_flight(void)
{
	return charge_of(current->cred->user, CHARGE_FLYING_FILES) > rlimit_cur(RLIMIT_NOFILE) &&
	       !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN);
}

int scm_parse(struct scm *scm, const struct msg *m)
{
	const u8 *p = m->control, *end = p + m->controllen;
	int err = 0;

	scm->files = NULL;
	scm->has_cred = false;
	while (p && !err && (size_t)(end - p) >= sizeof(struct abi_cmsghdr)) {
		const struct abi_cmsghdr *h = (const void *)p;

		if (h->cmsg_len < sizeof(*h) || h->cmsg_len > (size_t)(end - p)) {
			err = -EINVAL;
			break;
		}
		err = parse_one(scm, h, p + sizeof(*h), h->cmsg_len - sizeof(*h));
		if (ABI_CMSG_ALIGN(h->cmsg_len) > (size_t)(end - p))
			break;
		p += ABI_CMSG_ALIGN(h->cmsg_len);
	}
	if (!err && scm->files && too_many_in_flight())
		err = -ETOOMANYREFS;
	if (err)
		scm_free(scm);
	return err;
}

void scm_free(struct scm *scm)
{
	unix_files_free(scm->files);
	scm->files = NULL;
}

/* ---- receiving ---- */

static size_t rights_room(const struct msg *m)
{
	if (!m->ucontrol || m->ucontrol_len < sizeof(struct abi_cmsghdr))
		return 0;
	return (m->ucontrol_len - sizeof(struct abi_cmsghdr)) / sizeof(int);
}

/* Numbers for as many as @room; how many there were. */
static u32 reserve_fds(int *fds, u32 room, u32 cloexec)
{
	u32 n;

	for (n = 0; n < room; n++) {
		fds[n] = fd_reserve(0, cloexec);
		if (fds[n] < 0)
			break;
	}
	return n;
}

/*
 * As many files as there is room for become descriptors; the others are closed.
 * None does before its number reached user space: nobody could close it.
 */
static void deliver_rights(struct msg *m, struct unix_files *files, u32 flags)
{
	u32 cloexec = flags & MSG_CMSG_CLOEXEC ? O_CLOEXEC : 0;
	u32 room = (u32)MIN(rights_room(m), (size_t)files->count), n = 0;
	int *fds = kmalloc(files->count * sizeof(int), GFP_KERNEL);

	if (fds)
		n = reserve_fds(fds, room, cloexec);
	if (n && put_cmsg(m, SOL_SOCKET, SCM_RIGHTS, fds, n * sizeof(int)))
		while (n)
			fd_unreserve((unsigned int)fds[--n]);
	for (u32 i = 0; i < n; i++)
		fd_install((unsigned int)fds[i], file_get(files->file[i]));
	if (n < files->count)
		m->flags |= MSG_CTRUNC;
	kfree(fds);
	unix_files_free(files);
}

void scm_deliver(struct socket *s, struct msg *m, const struct abi_ucred *cred,
		 struct unix_files *files, u32 flags)
{
	if (s->opt.passcred)
		put_cmsg(m, SOL_SOCKET, SCM_CREDENTIALS, cred, sizeof(*cred));
	if (files)
		deliver_rights(m, files, flags);
}
