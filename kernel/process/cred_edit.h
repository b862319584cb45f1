// SPDX-License-Identifier: MIT
/* Editing a cred that cred_copy() made, before cred_commit(). */
#pragma once

#include <linux/securebits.h>
#include <tarn/cred.h>

static inline bool cred_secure(const struct cred *c, u32 bit)
{
	return c->securebits >> bit & 1;
}

/* Real uid and what is counted for it: 0 or -ENOMEM. */
int cred_set_user(struct cred *c, uid_t uid);
/* Capabilities follow a change of user ids from @old to @c, as capabilities(7) says. */
void cred_fix_caps_after_setuid(struct cred *c, const struct cred *old);
/* The same when only fsuid changed. */
void cred_fix_caps_after_setfsuid(struct cred *c, const struct cred *old);
