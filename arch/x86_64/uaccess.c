// SPDX-License-Identifier: MIT
/*
 * User memory, one range check and one copy (string.S) a call.  Faults inside
 * these copies go to mm_fault() and then either continue or take the fix-up.
 */
#include <arch/mmu.h>
#include <arch/uaccess.h>
#include <linux/futex.h>
#include <tarn/errno.h>
#include <tarn/kasan.h>
#include <tarn/page.h>
#include <tarn/string.h>
#include "extable.h"

size_t copy_user(void *to, const void *from, size_t n);
size_t clear_user_asm(void *to, size_t n);
size_t copy_nofault(void *to, const void *from, size_t n);

bool user_range_ok(const void __user *p, size_t n)
{
	u64 a = (u64)__force_user(p);

	return n <= USER_END && a <= USER_END - n;
}

/* Frames whose bytes are one object: of no slab, and none of the image's. */
#define WHOLE_PAGES (BIT(PS_KERNEL) | BIT(PS_ANON) | BIT(PS_CACHE))

/* The commonest answer without a call; mm/usercopy.c has the others.  @n may be anything: the user's range is
 * looked at next. */
static ALWAYS_INLINE bool bounds_are_plain(const void *p, size_t n)
{
	u64 offset = (u64)p - kernel_at.direct_map;

	if (!usercopy_checked)
		return true;
	return offset < VMALLOC_WINDOW - kernel_at.direct_map &&
	       (offset & (PAGE_SIZE - 1)) + n <= PAGE_SIZE &&
	       WHOLE_PAGES >> pfn_to_page(offset >> PAGE_SHIFT)->state & 1;
}

static ALWAYS_INLINE size_t copy_out(void __user *dst, const void *src, size_t n)
{
	if (unlikely(!user_range_ok(dst, n)))
		return n;
	kasan_check_read(src, n);
	return copy_user(__force_user(dst), src, n);
}

static ALWAYS_INLINE size_t copy_in(void *dst, const void __user *src, size_t n)
{
	size_t left = n;

	kasan_check_write(dst, n);
	if (likely(user_range_ok(src, n)))
		left = copy_user(dst, __force_user(src), n);
	if (unlikely(left))
		memset((char *)dst + (n - left), 0, left);
	return left;
}

/* Functions of their own, so that the quick way saves no registers for them. */
static NOINLINE size_t checked_copy_out(void __user *dst, const void *src, size_t n)
{
	usercopy_check(src, n, true);
	return copy_out(dst, src, n);
}

static NOINLINE size_t checked_copy_in(void *dst, const void __user *src, size_t n)
{
	usercopy_check(dst, n, false);
	return copy_in(dst, src, n);
}

size_t copy_to_user_partial(void __user *dst, const void *src, size_t n)
{
	return likely(bounds_are_plain(src, n)) ? copy_out(dst, src, n)
						: checked_copy_out(dst, src, n);
}

size_t copy_from_user_partial(void *dst, const void __user *src, size_t n)
{
	return likely(bounds_are_plain(dst, n)) ? copy_in(dst, src, n)
						: checked_copy_in(dst, src, n);
}

size_t clear_user_partial(void __user *dst, size_t n)
{
	if (unlikely(!user_range_ok(dst, n)))
		return n;
	return clear_user_asm(__force_user(dst), n);
}

int copy_to_user_exact(void __user *dst, const void *src, size_t n)
{
	return copy_out(dst, src, n) ? -EFAULT : 0;
}

int copy_from_user_exact(void *dst, const void __user *src, size_t n)
{
	return copy_in(dst, src, n) ? -EFAULT : 0;
}

int copy_to_user_bounded(void __user *dst, const void *src, size_t n)
{
	return copy_to_user_partial(dst, src, n) ? -EFAULT : 0;
}

int copy_from_user_bounded(void *dst, const void __user *src, size_t n)
{
	return copy_from_user_partial(dst, src, n) ? -EFAULT : 0;
}

int clear_user(void __user *dst, size_t n)
{
	return clear_user_partial(dst, n) ? -EFAULT : 0;
}

#define ONES 0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

/* Length of the string at @s within its first @max bytes; @max if there is no NUL, -EFAULT.
 * @dst (or NULL) gets what was read.  By words where they do not cross a page. */
static ssize_t user_string(char *dst, const char __user *s, size_t max)
{
	size_t done = 0;

	while (done < max) {
		const char __user *p = s + done;
		size_t page_left = PAGE_SIZE - ((u64)__force_user(p) & (PAGE_SIZE - 1));
		u64 word;

		if (max - done >= 8 && page_left >= 8) {
			if (get_user(word, (const u64 __user *)p))
				return -EFAULT;
			if (dst)
				memcpy(dst + done, &word, 8);
			word = (word - ONES) & ~word & HIGHS;
			if (word)
				return (ssize_t)(done + (size_t)(__builtin_ctzll(word) >> 3));
			done += 8;
		} else {
			char c;

			if (get_user(c, p))
				return -EFAULT;
			if (dst)
				dst[done] = c;
			if (!c)
				return (ssize_t)done;
			done++;
		}
	}
	return (ssize_t)max;
}

ssize_t strncpy_from_user(char *dst, const char __user *src, size_t size)
{
	ssize_t n = user_string(dst, src, size);

	return n == (ssize_t)size ? -E2BIG : n;
}

ssize_t strnlen_user(const char __user *s, size_t max)
{
	return user_string(NULL, s, max);
}

int copy_from_user_nofault(void *dst, const void __user *src, size_t n)
{
	if (!user_range_ok(src, n))
		return -EFAULT;
	kasan_check_write(dst, n);
	return copy_nofault(dst, __force_user(src), n) ? -EFAULT : 0;
}

int copy_from_kernel_nofault(void *dst, const void *src, size_t n)
{
	if ((u64)src < KERNEL_HALF || (u64)src + n < (u64)src)
		return -EFAULT;
	return copy_nofault(dst, src, n) ? -EFAULT : 0;
}

/* ---- atomic operations on a user word, for futexes ---- */

static bool user_word_ok(const u32 __user *p)
{
	return user_range_ok(p, 4) && IS_ALIGNED((u64)__force_user(p), 4);
}

int user_cmpxchg32(u32 __user *uaddr, u32 old, u32 new, u32 *found)
{
	int err = 0;

	if (!user_word_ok(uaddr))
		return -EFAULT;
	__asm__ volatile(UACCESS_BEGIN "1: lock cmpxchgl %3, %2\n"
				       "2: " UACCESS_END UACCESS_FIXUP("movl %4, %0")
			 : "+r"(err), "+a"(old), "+m"(*(u32 *)__force_user(uaddr))
			 : "r"(new), "i"(-EFAULT)
			 : "memory", "cc");
	*found = old;
	return err;
}

static int user_xchg32(u32 *p, u32 new, u32 *old)
{
	int err = 0;

	__asm__ volatile(UACCESS_BEGIN "1: xchgl %1, %2\n"
				       "2: " UACCESS_END UACCESS_FIXUP("movl %3, %0")
			 : "+r"(err), "+r"(new), "+m"(*p)
			 : "i"(-EFAULT)
			 : "memory");
	*old = new;
	return err;
}

static u32 futex_apply(int op, u32 value, u32 arg)
{
	switch (op) {
	case FUTEX_OP_ADD:
		return value + arg;
	case FUTEX_OP_OR:
		return value | arg;
	case FUTEX_OP_ANDN:
		return value & ~arg;
	default:
		return value ^ arg; /* FUTEX_OP_XOR */
	}
}

int user_futex_op32(u32 __user *uaddr, int op, u32 arg, u32 *old)
{
	u32 value, found;
	int err;

	if (op < FUTEX_OP_SET || op > FUTEX_OP_XOR)
		return -ENOSYS;
	if (!user_word_ok(uaddr))
		return -EFAULT;
	if (op == FUTEX_OP_SET)
		return user_xchg32((u32 *)__force_user(uaddr), arg, old);
	err = get_user(value, uaddr);
	while (!err) {
		err = user_cmpxchg32(uaddr, value, futex_apply(op, value, arg), &found);
		if (!err && found == value)
			break;
		value = found;
	}
	*old = value;
	return err;
}
