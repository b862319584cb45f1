// SPDX-License-Identifier: MIT
/*
 * The address sanitizer of debug builds: what may be touched, byte by byte.
 *
 * One byte of shadow describes eight of kernel memory: 0, all may be touched; 1 to 7, so many from
 * the front; a value of enum kasan_kind, none, and why.  The compiler checks each load and store
 * (and poisons around locals and globals); allocators tell what they hand out through the calls
 * below.  In release builds all of this is empty.  docs/debugging.md; debug/kasan.c.
 */
#pragma once

#include <arch/mmu.h>

enum kasan_kind {
	KASAN_STACK_LEFT = 0xf1, /* these three are the compiler's */
	KASAN_STACK_MIDDLE = 0xf2,
	KASAN_STACK_RIGHT = 0xf3,
	KASAN_VMALLOC = 0xf7,    /* not part of any area */
	KASAN_GLOBAL = 0xf9,     /* behind a global variable */
	KASAN_FREED = 0xfb,      /* a freed object of a slab */
	KASAN_SLAB = 0xfc,       /* between objects, or never handed out */
	KASAN_KMALLOC = 0xfd,    /* behind the bytes that were asked for */
	KASAN_PAGE_TAIL = 0xfe,  /* the same, of whole pages */
	KASAN_PAGE_FREE = 0xff,  /* a frame of the page allocator */
};

#ifdef TARN_DEBUG
#define NO_KASAN __attribute__((no_sanitize_address))

/* First of all: from here on checked code may run. */
void kasan_early_init(void);
/* [p, p + n): no byte may be touched; the range begins and ends at multiples of 8. */
void kasan_poison(const void *p, size_t n, enum kasan_kind why);
/* The first n bytes at p may be touched, p a multiple of 8; the rest of the last eight may not. */
void kasan_unpoison(const void *p, size_t n);
/* The first n of size bytes at p may be touched, the others not, because of @why. */
void kasan_limit(const void *p, size_t n, size_t size, enum kasan_kind why);
/* For copies that the compiler does not see: an access of code at @ip. */
void kasan_check(const void *p, size_t n, bool write, u64 ip);
/* A report and the end: @what happened to the object at @p. */
void NORETURN kasan_bad_free(const void *p, const char *what);

/* mm/slab_debug.c: prints what is known of the slab's object at @addr; false: it is in none. */
bool slab_describe(u64 addr);

/* arch: real shadow behind kernel addresses [start, end) of the vmalloc range, poisoned; false: no memory.
 * May sleep, interrupts on. */
bool shadow_map(u64 start, u64 end);
#else
#define NO_KASAN
static inline void kasan_early_init(void) { }
static inline void kasan_poison(const void *p, size_t n, enum kasan_kind why) { }
static inline void kasan_unpoison(const void *p, size_t n) { }
static inline void kasan_limit(const void *p, size_t n, size_t size, enum kasan_kind why) { }
static inline void kasan_check(const void *p, size_t n, bool write, u64 ip) { }
static inline bool shadow_map(u64 start, u64 end) { return true; }
#endif

/* On behalf of the caller of the function that says so. */
#define kasan_check_read(p, n) kasan_check(p, n, false, (u64)__builtin_return_address(0))
#define kasan_check_write(p, n) kasan_check(p, n, true, (u64)__builtin_return_address(0))
