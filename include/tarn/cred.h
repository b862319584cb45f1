// SPDX-License-Identifier: MIT
/*
 * Credentials: an immutable, counted object.  Changing one makes a copy,
 * edits it and replaces thread->cred; readers under RCU or on current need no lock.
 */
#pragma once

#include <linux/capability.h>
#include <tarn/charge.h>
#include <tarn/rcu.h>
#include <tarn/refcount.h>

/* What is counted per real user id; freed with the last reference, a cred's or a charged object's. */
struct user {
	uid_t uid;                  /* [I] */
	_Atomic u32 refs;           /* [a] */
	struct user *next;          /* hash chain: user lock */
	_Atomic u64 charged[CHARGE_KINDS]; /* [a] tarn/charge.h */
};
void user_get(struct user *u);
void user_put(struct user *u);

struct cred {
	struct refcount refs;
	uid_t uid, euid, suid, fsuid;
	gid_t gid, egid, sgid, fsgid;
	u64 cap_effective, cap_permitted, cap_inheritable, cap_bounding, cap_ambient;
	struct user *user; /* of uid; counted */
	u32 securebits;
	u32 ngroups;
	gid_t *groups; /* sorted; owned */
	struct rcu_head rcu;
};

static inline const struct cred *cred_get(const struct cred *c)
{
	ref_get((struct refcount *)&c->refs);
	return c;
}
void cred_put(const struct cred *c);
/* A private copy to edit; NULL: out of memory. */
struct cred *cred_copy(const struct cred *c);
/* current runs with @c from now on; takes the caller's reference. */
void cred_commit(struct cred *c);
extern struct cred root_cred;

/* What current's file accesses are judged by. */
const struct cred *current_cred(void);
bool cred_in_group(const struct cred *c, gid_t gid);
bool cred_capable(const struct cred *c, int cap);
/* current has @cap in its effective set. */
bool capable(int cap);
