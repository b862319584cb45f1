// SPDX-License-Identifier: MIT
/*
 * Copies between kernel and user space: the only code that follows a user
 * pointer.  Faults are found in an exception table; a bad address, or a range
 * not wholly below USER_END, gives an error and never a panic.  May sleep
 * (page faults), so not under a spinlock; the _nofault forms never sleep.
 */
#pragma once

#include <arch/mmu.h>
#include <tarn/usercopy.h>

/* Bytes that could NOT be copied: 0 is success.  copy_from_user zeroes what it could not fill. */
size_t WARN_UNUSED copy_to_user_partial(void __user *dst, const void *src, size_t n);
size_t WARN_UNUSED copy_from_user_partial(void *dst, const void __user *src, size_t n);
size_t WARN_UNUSED clear_user_partial(void __user *dst, size_t n);

/* 0 or -EFAULT.  The _exact forms are for lengths that are constants; tarn/usercopy.h. */
int WARN_UNUSED copy_to_user_exact(void __user *dst, const void *src, size_t n);
int WARN_UNUSED copy_from_user_exact(void *dst, const void __user *src, size_t n);
int WARN_UNUSED copy_to_user_bounded(void __user *dst, const void *src, size_t n);
int WARN_UNUSED copy_from_user_bounded(void *dst, const void __user *src, size_t n);
int WARN_UNUSED clear_user(void __user *dst, size_t n);

static ALWAYS_INLINE int WARN_UNUSED copy_to_user(void __user *dst, const void *src, size_t n)
{
	return __builtin_constant_p(n) ? copy_to_user_exact(dst, src, n) :
					 copy_to_user_bounded(dst, src, n);
}
static ALWAYS_INLINE int WARN_UNUSED copy_from_user(void *dst, const void __user *src, size_t n)
{
	return __builtin_constant_p(n) ? copy_from_user_exact(dst, src, n) :
					 copy_from_user_bounded(dst, src, n);
}

/* Length without the NUL, or -EFAULT, or -E2BIG (no NUL in @size bytes; dst is then not terminated). */
ssize_t WARN_UNUSED strncpy_from_user(char *dst, const char __user *src, size_t size);
/* Length without the NUL; @max if longer; -EFAULT. */
ssize_t WARN_UNUSED strnlen_user(const char __user *s, size_t max);

/* Never sleeps: -EFAULT if the page is not present with the right permission. */
int WARN_UNUSED copy_from_user_nofault(void *dst, const void __user *src, size_t n);
/* Kernel addresses that may be bad (backtraces). */
int WARN_UNUSED copy_from_kernel_nofault(void *dst, const void *src, size_t n);

/*
 * Pieces of the inline accesses.  UACCESS_BEGIN and _END open and close user memory (NOPs without
 * SMAP, see arch/x86_64/asm.h); a fault between labels 1 and 2 runs the fix-up, then goes on at 2.
 */
#define UACCESS_SITE(insn)                              \
	"771: " insn "\n\t.pushsection .smap_sites, \"a\"\n\t" \
	".long 771b - .\n\t.popsection\n\t"
#define UACCESS_BEGIN UACCESS_SITE("stac")
#define UACCESS_END UACCESS_SITE("clac")
#define UACCESS_FIXUP(insn)                                                  \
	".pushsection .text.fixup, \"ax\"\n3: " insn "\n\tjmp 2b\n\t.popsection\n\t" \
	".pushsection __ex_table, \"a\"\n\t.balign 4\n\t"                  \
	".long 1b - ., 2b - ., 3b - ., 0\n\t.popsection\n\t"

/* Kept small and out of the callers' way: the compiler sees constants and drops the rest. */
#define UACCESS_GET(bits, constraint, suffix)                                                 \
	static ALWAYS_INLINE int get_user_##bits(u##bits *x, const void __user *p)            \
	{                                                                                     \
		int err = 0;                                                                  \
		u##bits v = 0;                                                                \
		if (unlikely((u64)__force_user(p) > USER_END - bits / 8)) {                   \
			*x = 0;                                                               \
			return -14; /* EFAULT */                                              \
		}                                                                             \
		__asm__ volatile(UACCESS_BEGIN "1: mov" suffix " %2, %1\n2: " UACCESS_END     \
				 UACCESS_FIXUP("movl %3, %0")                                 \
				 : "+r"(err), "+" constraint(v)                               \
				 : "m"(*(const u##bits *)__force_user(p)), "i"(-14));         \
		*x = v;                                                                       \
		return err;                                                                   \
	}                                                                                     \
	static ALWAYS_INLINE int put_user_##bits(u##bits v, void __user *p)                   \
	{                                                                                     \
		int err = 0;                                                                  \
		if (unlikely((u64)__force_user(p) > USER_END - bits / 8))                     \
			return -14; /* EFAULT */                                              \
		__asm__ volatile(UACCESS_BEGIN "1: mov" suffix " %1, %2\n2: " UACCESS_END     \
				 UACCESS_FIXUP("movl %3, %0")                                 \
				 : "+r"(err)                                                  \
				 : constraint(v), "m"(*(u##bits *)__force_user(p)), "i"(-14)  \
				 : "memory");                                                 \
		return err;                                                                   \
	}
UACCESS_GET(8, "q", "b")
UACCESS_GET(16, "r", "w")
UACCESS_GET(32, "r", "l")
UACCESS_GET(64, "r", "q")

#define UACCESS_SIZE_OK(type) \
	_Static_assert(sizeof(type) == 1 || sizeof(type) == 2 || sizeof(type) == 4 || sizeof(type) == 8, \
		       "1, 2, 4 or 8 bytes")

/* One object of 1, 2, 4 or 8 bytes: 0 or -EFAULT.  @x has the size of *@uptr; it is 0 after a fault. */
#define get_user(x, uptr)                                                                  \
	({                                                                                 \
		_Static_assert(sizeof(x) == sizeof(*(uptr)), "get_user: sizes differ");    \
		UACCESS_SIZE_OK(x);                                                        \
		int get_err;                                                               \
		if (sizeof(x) == 1)                                                        \
			get_err = get_user_8((u8 *)&(x), (uptr));                          \
		else if (sizeof(x) == 2)                                                   \
			get_err = get_user_16((u16 *)&(x), (uptr));                        \
		else if (sizeof(x) == 4)                                                   \
			get_err = get_user_32((u32 *)&(x), (uptr));                        \
		else                                                                       \
			get_err = get_user_64((u64 *)&(x), (uptr));                        \
		get_err;                                                                   \
	})
#ifdef TARN_LINT /* clang keeps noderef in typeof(*(uptr)): take the value's own type there */
#define put_user(x, uptr)                                                                  \
	({                                                                                 \
		typeof(x) put_value = (x);                                                 \
		(void)sizeof(*(uptr));                                                     \
		copy_to_user((uptr), &put_value, sizeof(put_value));                       \
	})
#else
#define put_user(x, uptr)                                                                  \
	({                                                                                 \
		typeof(*(uptr)) put_value = (x);                                           \
		UACCESS_SIZE_OK(put_value);                                                \
		int put_err;                                                               \
		if (sizeof(put_value) == 1)                                                \
			put_err = put_user_8(*(u8 *)&put_value, (uptr));                   \
		else if (sizeof(put_value) == 2)                                           \
			put_err = put_user_16(*(u16 *)&put_value, (uptr));                 \
		else if (sizeof(put_value) == 4)                                           \
			put_err = put_user_32(*(u32 *)&put_value, (uptr));                 \
		else                                                                       \
			put_err = put_user_64(*(u64 *)&put_value, (uptr));                 \
		put_err;                                                                   \
	})
#endif

/* *uaddr == old ? new : unchanged, atomically; *found gets what was there.  0 or -EFAULT; may sleep. */
int WARN_UNUSED user_cmpxchg32(u32 __user *uaddr, u32 old, u32 new, u32 *found);
/* FUTEX_WAKE_OP's operation (FUTEX_OP_* number): *old gets the value before.  0, -EFAULT, -ENOSYS. */
int WARN_UNUSED user_futex_op32(u32 __user *uaddr, int op, u32 arg, u32 *old);

/* Whether [p, p + n) lies wholly in the user half. */
bool user_range_ok(const void __user *p, size_t n);
