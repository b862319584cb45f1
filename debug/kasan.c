// SPDX-License-Identifier: MIT
/*
 * The address sanitizer: keeping the shadow and asking it.
 *
 * gcc puts the common checks in line: shift the address, add the offset, look at one byte.  What
 * it calls is here: the report when such a check fails, checks of odd sizes, the registration of
 * globals.  Its names begin with __asan_.
 *
 * A thread that leaves frames behind without returning from them (panic, exit, the first way to
 * user mode) would leave their redzones on its stack for whoever runs there next:
 * __asan_handle_no_return() wipes them.
 *
 * This file is compiled without checks, and takes no locks: a shadow byte belongs to the owner of
 * the memory.
 */
#include <tarn/kasan.h>
#include <tarn/panic.h>
#include <tarn/thread.h>
#include "kasan_int.h"

/* What gcc tells of a global variable; its layout is the compiler's. */
struct asan_global {
	const void *start;
	size_t size, size_with_redzone;
	const void *name, *module;
	size_t has_init;
	const void *location, *odr;
};

typedef void asan_constructor(void);
extern asan_constructor *const __start_init_array[], *const __stop_init_array[];

/* memset() itself asks the shadow. */
void *memset_unchecked(void *dst, int c, size_t n);

void kasan_poison(const void *p, size_t n, enum kasan_kind why)
{
	memset_unchecked(shadow_of(p), why, n / SHADOW_GRAIN);
}

void kasan_unpoison(const void *p, size_t n)
{
	s8 *s = shadow_of(p);

	memset_unchecked(s, 0, n / SHADOW_GRAIN);
	if (n % SHADOW_GRAIN)
		s[n / SHADOW_GRAIN] = (s8)(n % SHADOW_GRAIN);
}

void kasan_limit(const void *p, size_t n, size_t size, enum kasan_kind why)
{
	size_t used = ALIGN_UP(n, (size_t)SHADOW_GRAIN);

	kasan_unpoison(p, n);
	if (used < size)
		kasan_poison((const char *)p + used, ALIGN_UP(size, (size_t)SHADOW_GRAIN) - used, why);
}

/* ---- asking ---- */

static bool byte_is_bad(u64 addr)
{
	s8 s = *shadow_of((void *)addr);

	return s && (s < 0 || (s8)(addr % SHADOW_GRAIN) >= s);
}

/* The first byte of the range that may not be touched; 0: all may. */
static u64 first_bad(u64 addr, size_t n)
{
	const s8 *s = shadow_of((void *)addr), *last = shadow_of((void *)(addr + n - 1));

	while (s + sizeof(u64) <= last && !*(const u64 *)s)
		s += sizeof(u64);
	while (s < last && !*s)
		s++;
	if (s == last && !byte_is_bad(addr + n - 1))
		return 0;
	for (u64 a = addr; a < addr + n; a++)
		if (byte_is_bad(a))
			return a;
	return 0;
}

static ALWAYS_INLINE void check(u64 addr, size_t n, bool write, u64 ip)
{
	u64 bad;

	/* User and null addresses have no shadow: the access itself will fault. */
	if (!n || addr < KERNEL_HALF || addr + n < addr)
		return;
	bad = first_bad(addr, n);
	if (unlikely(bad))
		kasan_report(addr, bad, n, write, ip);
}

void kasan_check(const void *p, size_t n, bool write, u64 ip)
{
	check((u64)p, n, write, ip);
}

/* ---- what the compiler calls ---- */

#define ACCESS(name, size, write)                                             \
	void __asan_##name##size##_noabort(u64 addr);                         \
	void __asan_##name##size##_noabort(u64 addr)                          \
	{                                                                     \
		check(addr, size, write, (u64)__builtin_return_address(0));   \
	}                                                                     \
	void __asan_report_##name##size##_noabort(u64 addr);                  \
	void __asan_report_##name##size##_noabort(u64 addr)                   \
	{                                                                     \
		u64 bad = first_bad(addr, size);                              \
									      \
		kasan_report(addr, bad ? bad : addr, size, write,             \
			     (u64)__builtin_return_address(0));               \
	}
ACCESS(load, 1, false)
ACCESS(load, 2, false)
ACCESS(load, 4, false)
ACCESS(load, 8, false)
ACCESS(load, 16, false)
ACCESS(store, 1, true)
ACCESS(store, 2, true)
ACCESS(store, 4, true)
ACCESS(store, 8, true)
ACCESS(store, 16, true)

#define ACCESS_N(name, report, write)                                         \
	void name(u64 addr, size_t n);                                        \
	void name(u64 addr, size_t n)                                         \
	{                                                                     \
		check(addr, n, write, (u64)__builtin_return_address(0));      \
	}                                                                     \
	void report(u64 addr, size_t n);                                      \
	void report(u64 addr, size_t n)                                       \
	{                                                                     \
		u64 bad = first_bad(addr, n);                                 \
									      \
		kasan_report(addr, bad ? bad : addr, n, write,                \
			     (u64)__builtin_return_address(0));               \
	}
ACCESS_N(__asan_loadN_noabort, __asan_report_load_n_noabort, false)
ACCESS_N(__asan_storeN_noabort, __asan_report_store_n_noabort, true)

void __asan_register_globals(const struct asan_global *g, size_t n);
void __asan_register_globals(const struct asan_global *g, size_t n)
{
	for (; n--; g++)
		kasan_limit(g->start, g->size, g->size_with_redzone, KASAN_GLOBAL);
}

void __asan_unregister_globals(const struct asan_global *g, size_t n);
void __asan_unregister_globals(const struct asan_global *g, size_t n)
{
}

void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
	u64 sp = (u64)__builtin_frame_address(0);
	const struct thread *t = current;

	if (t && t->kstack && sp - (u64)t->kstack < KSTACK_SIZE)
		kasan_unpoison(t->kstack, KSTACK_SIZE);
}

/* ---- start ---- */

void kasan_early_init(void)
{
	shadow_early_init();
	for (asan_constructor *const *f = __start_init_array; f < __stop_init_array; f++)
		(*f)();
}
