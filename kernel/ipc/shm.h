// SPDX-License-Identifier: MIT
/* A segment of System V shared memory: between shm.c (life, attaching) and shm_ctl.c (shmctl, /proc). */
#pragma once

#include "ipc.h"

struct file;
struct cred;

/*
 * A segment: an identifier over a nameless tmpfs file.
 *
 * Born by shmget, found by identifier or key.  Each mapping of it counts in
 * nattch.  IPC_RMID marks it SHM_DEST and takes its key; it goes when nattch is
 * 0 as well.  Mappings keep the file, not the segment.
 *
 * Everything that is not [I] is guarded by ns->lock.
 */
struct shm_segment {
	struct ipc_object perm;        /* first: the table's entries are these */
	struct ipc_ns *ns;           /* [I] */
	struct file *file;           /* [I] counted */
	u64 size;                    /* [I] bytes, as asked for */
	u64 nattch;
	s64 atime, dtime, ctime;     /* seconds since 1970 */
	pid_t cpid, lpid;
	struct process *creator;     /* not counted: NULL once it died */
	struct rb_node by_creator;   /* ns->shm_creators, while there is one */
	struct user *locker;         /* SHM_LOCKED: who pays for it, counted; else NULL */
};

/* perm.mode above the permission bits, as ipcs(1) reads them from shmctl */
#define SHM_DEST 01000u          /* goes with the last detach */
#define SHM_LOCKED 02000u        /* never swapped out */

static inline struct shm_segment *shm_of(struct ipc_object *p)
{
	return container_of(p, struct shm_segment, perm);
}
static inline u64 shm_pages_of(const struct shm_segment *s)
{
	return DIV_ROUND_UP(s->size, PAGE_SIZE);
}
/* Pages in memory now. */
u64 shm_resident(const struct shm_segment *s);
/* And in swap.  Pinned ones stay in memory. */
u64 shm_swapped(const struct shm_segment *s);
void shm_pin_pages(struct shm_segment *s, bool pin);
/* By identifier; ERR_PTR(-EINVAL). */
struct shm_segment *shm_find(struct ipc_ns *ns, int id) MUST_HOLD(&ns->lock);
/* Out of the namespace; then, without the lock, shm_free. */
void shm_unlink(struct ipc_ns *ns, struct shm_segment *s) MUST_HOLD(&ns->lock);
void shm_free(struct shm_segment *s);
/* Removal by IPC_RMID: true if the caller must shm_free it. */
bool shm_remove(struct ipc_ns *ns, struct shm_segment *s) MUST_HOLD(&ns->lock);
/* Pages of @s count against the locker's RLIMIT_MEMLOCK no more; ns->lock held. */
void shm_unlock_pages(struct shm_segment *s);

/* Nothing holds it, and it is to go then. */
static inline bool shm_goes_unattached(const struct shm_segment *s)
{
	return !s->nattch && (s->perm.mode & SHM_DEST || s->ns->shm_rmid_forced);
}

/* ---- shm_creator.c ---- */
void shm_add_creator(struct ipc_ns *ns, struct shm_segment *s) MUST_HOLD(&ns->lock);
void shm_forget_creator(struct ipc_ns *ns, struct shm_segment *s) MUST_HOLD(&ns->lock);
