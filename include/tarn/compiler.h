// SPDX-License-Identifier: MIT
/*
 * What the compiler is told beyond C: layout, likelihood, locks, user pointers.
 *
 * Lock annotations are checked by clang (make check); gcc sees nothing.  Field
 * annotations (GUARDED_BY) need clang 22's late parsing; older clangs check
 * function annotations only.
 */
#pragma once

#define PACKED __attribute__((packed))
#define ALIGNED(n) __attribute__((aligned(n)))
#define NORETURN __attribute__((noreturn))
#define NOINLINE __attribute__((noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define USED __attribute__((used))
#define WEAK __attribute__((weak))
#define WARN_UNUSED __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define SECTION(name) __attribute__((section(name)))
#define CACHE_LINE 64
#define CACHE_ALIGNED ALIGNED(CACHE_LINE)

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() __asm__ volatile("" ::: "memory")

/* One load or store, neither torn, repeated nor invented by the compiler. */
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))
/*
 * A GUARDED_BY field read without its lock, once, on purpose: the value may be old by the time
 * it is used.  The lock checker lets only this through; writes still need the lock.
 */
#define READ_UNLOCKED(x) ({ const volatile typeof(x) *unlocked_ = &(x); *unlocked_; })

/* A pointer into user space: only uaccess may follow it. */
#if defined(__clang__) && defined(TARN_LINT)
#define __user __attribute__((noderef))
#define __force_user(p) ((void *)(unsigned long)(p))
#else
#define __user
#define __force_user(p) ((void *)(p))
#endif

#if defined(__clang__) && defined(TARN_LINT)
#define LOCK_TYPE(name) __attribute__((capability(name)))
#define MUST_HOLD(...) __attribute__((requires_capability(__VA_ARGS__)))
#define MUST_HOLD_SHARED(...) __attribute__((requires_shared_capability(__VA_ARGS__)))
#define ACQUIRES(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define ACQUIRES_SHARED(...) __attribute__((acquire_shared_capability(__VA_ARGS__)))
#define TRY_ACQUIRES(...) __attribute__((try_acquire_capability(__VA_ARGS__)))
#define RELEASES(...) __attribute__((release_capability(__VA_ARGS__)))
#define RELEASES_SHARED(...) __attribute__((release_shared_capability(__VA_ARGS__)))
#define RELEASES_ANY(...) __attribute__((release_generic_capability(__VA_ARGS__)))
#define ASSERTS_HELD(...) __attribute__((assert_capability(__VA_ARGS__)))
#define NO_LOCK_CHECK __attribute__((no_thread_safety_analysis))
#else
#define LOCK_TYPE(name)
#define MUST_HOLD(...)
#define MUST_HOLD_SHARED(...)
#define ACQUIRES(...)
#define ACQUIRES_SHARED(...)
#define TRY_ACQUIRES(...)
#define RELEASES(...)
#define RELEASES_SHARED(...)
#define RELEASES_ANY(...)
#define ASSERTS_HELD(...)
#define NO_LOCK_CHECK
#endif

#if defined(__clang__) && defined(TARN_LINT_FIELDS)
#define GUARDED_BY(...) __attribute__((guarded_by(__VA_ARGS__)))
#else
#define GUARDED_BY(...)
#endif

/*
 * SECTION_SET(set, object): put the address of @object into the linker set
 * @set; SET_FOR_EACH walks it.  For leaf plug-ins only (drivers, file systems,
 * boot tests): core boot order is the plain list of calls in kernel/main.c.
 */
#define SECTION_SET(set, object) \
	static const void *const set##_entry_##object SECTION("set_" #set) USED = &(object)
#define SET_FOR_EACH(type, var, set)                                               \
	extern const void *const __start_set_##set[] WEAK;                         \
	extern const void *const __stop_set_##set[] WEAK;                          \
	for (const void *const *var##_it = __start_set_##set;                      \
	     var##_it < __stop_set_##set; var##_it++)                              \
		for (type *var = (type *)*var##_it; var; var = NULL)
