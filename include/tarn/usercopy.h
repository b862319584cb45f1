// SPDX-License-Identifier: MIT
/* Bounds of the kernel's side of a copy to or from user space.  mm/usercopy.c. */
#pragma once

extern bool usercopy_checked; /* [I] after slab_init(): hardened_usercopy= */

/* @n bytes at @p lie in one slab object, on this stack or elsewhere, and not in the kernel's text; or panics. */
void usercopy_check(const void *p, size_t n, bool to_user);

static ALWAYS_INLINE void usercopy_bounds(const void *p, size_t n, bool to_user)
{
	if (usercopy_checked)
		usercopy_check(p, n, to_user);
}
