// SPDX-License-Identifier: MIT
/*
 * What the files of kernel/ipc/ share: identifiers and permissions, which every
 * kind of System V object has alike.
 *
 * An identifier is  sequence * IPC_INDEXES + index.  The index is a slot of the
 * namespace's table; the sequence moves on when slots are used again, so that a
 * stale identifier does not name the next object in its slot.
 *
 * One mutex of the namespace (LR_IPC) guards all of it.  It nests inside an
 * address space's map_lock, because mappings come and go under that.
 */
#pragma once

#include <linux/ipc.h>
#include <tarn/idr.h>
#include <tarn/ipc.h>
#include <tarn/lock.h>
#include <tarn/rbtree.h>
#include <tarn/refcount.h>
#include <tarn/time.h>

#define IPC_INDEXES 32768u

/* An object's name, owner and mode: the part of it that struct ipc64_perm shows.  ns->lock. */
struct ipc_object {
	int id;                  /* [I] once it is in the table */
	__kernel_key_t key;      /* IPC_PRIVATE: nobody finds it by key */
	struct rb_node by_key;   /* ids->by_key, unless it is private */
	uid_t uid, cuid;
	gid_t gid, cgid;
	u32 mode;                /* permission bits, and the kind's own above them */
};

/* The identifiers of one kind of object. */
struct ipc_ids {
	struct idr table;        /* index -> the object's struct ipc_object */
	struct rb_root by_key;   /* those with a key */
	u32 in_use;
	u32 seq;
	int last_index;
};

struct ipc_ns {
	struct refcount refs;
	struct mutex lock;       /* rank LR_IPC */
	struct ipc_ids shm GUARDED_BY(&lock);
	struct rb_root shm_creators GUARDED_BY(&lock); /* segments whose creator lives, by it: shm.c */
	u64 shm_pages GUARDED_BY(&lock);   /* of all segments */
	/* proc(5), /proc/sys/kernel: read without the lock */
	u64 shmmax, shmall;      /* bytes of one segment, pages of all */
	u64 shmmni;              /* segments */
	u64 shm_rmid_forced;     /* 1: segments without attaches go by themselves */
};

/* The namespace of current. */
struct ipc_ns *ipc_ns_current(void);

/* Gives @p an identifier, out of at most @limit: 0, -ENOSPC, -ENOMEM. */
int ipc_add(struct ipc_ids *ids, struct ipc_object *p, u32 limit);
void ipc_remove(struct ipc_ids *ids, struct ipc_object *p);
/* By identifier: ERR_PTR(-EINVAL) for none, also if a later object has its slot. */
struct ipc_object *ipc_find(struct ipc_ids *ids, int id);
/* By slot, as the *_STAT commands ask: ERR_PTR(-EINVAL). */
struct ipc_object *ipc_find_index(struct ipc_ids *ids, int index);
/* Nobody finds it by its key from now on. */
void ipc_forget_key(struct ipc_ids *ids, struct ipc_object *p);
/* By key; NULL: none. */
struct ipc_object *ipc_find_key(struct ipc_ids *ids, __kernel_key_t key);
/* The highest index in use; 0 also if there is none. */
int ipc_max_index(const struct ipc_ids *ids);

/* Owner and mode from current and the call's flags. */
void ipc_perm_init(struct ipc_object *p, __kernel_key_t key, int flags);
/* May current do what @flags asks, in any of its three groups of bits?  0 or -EACCES. */
int ipc_check_mode(const struct ipc_object *p, u32 flags);
/* May current change or remove it?  0 or -EPERM. */
int ipc_check_owner(const struct ipc_object *p);
struct ipc64_perm;
void ipc_perm_show(const struct ipc_object *p, struct ipc64_perm *out);
