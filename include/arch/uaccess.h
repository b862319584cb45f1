// SPDX-License-Identifier: MIT
/*
 * Copies between kernel and user space: the only code that follows a user
 * pointer.  Faults are found in an exception table; a bad address, or a range
 * not wholly below USER_END, gives an error and never a panic.  May sleep
 * (page faults), so not under a spinlock; the _nofault forms never sleep.
 */
#pragma once

/* Bytes that could NOT be copied: 0 is success.  copy_from_user zeroes what it could not fill. */
size_t WARN_UNUSED copy_to_user_partial(void __user *dst, const void *src, size_t n);
size_t WARN_UNUSED copy_from_user_partial(void *dst, const void __user *src, size_t n);
size_t WARN_UNUSED clear_user_partial(void __user *dst, size_t n);

/* 0 or -EFAULT. */
int WARN_UNUSED copy_to_user(void __user *dst, const void *src, size_t n);
int WARN_UNUSED copy_from_user(void *dst, const void __user *src, size_t n);
int WARN_UNUSED clear_user(void __user *dst, size_t n);

/* Length without the NUL, or -EFAULT, or -E2BIG (no NUL in @size bytes; dst is then not terminated). */
ssize_t WARN_UNUSED strncpy_from_user(char *dst, const char __user *src, size_t size);
/* Length without the NUL; @max if longer; -EFAULT. */
ssize_t WARN_UNUSED strnlen_user(const char __user *s, size_t max);

/* Never sleeps: -EFAULT if the page is not present with the right permission. */
int WARN_UNUSED copy_to_user_nofault(void __user *dst, const void *src, size_t n);
int WARN_UNUSED copy_from_user_nofault(void *dst, const void __user *src, size_t n);
/* Kernel addresses that may be bad (backtraces). */
int WARN_UNUSED copy_from_kernel_nofault(void *dst, const void *src, size_t n);

/* One naturally aligned 1, 2, 4 or 8 byte object: 0 or -EFAULT. */
#define get_user(x, uptr)                                                     \
	copy_from_user(&(x), (uptr),                                          \
		       sizeof(x) == sizeof(*(uptr)) ? sizeof(x) : (size_t)-1)
#define put_user(x, uptr)                                                     \
	({                                                                    \
		typeof(*(uptr)) put_user_value = (x);                         \
		copy_to_user((uptr), &put_user_value, sizeof(put_user_value)); \
	})

/* *uaddr == old ? new : unchanged, atomically; *found gets what was there.  0 or -EFAULT; may sleep. */
int WARN_UNUSED user_cmpxchg32(u32 __user *uaddr, u32 old, u32 new, u32 *found);
/* FUTEX_WAKE_OP's operation (FUTEX_OP_* number): *old gets the value before.  0, -EFAULT, -ENOSYS. */
int WARN_UNUSED user_futex_op32(u32 __user *uaddr, int op, u32 arg, u32 *old);

/* Whether [p, p + n) lies wholly in the user half. */
bool user_range_ok(const void __user *p, size_t n);
