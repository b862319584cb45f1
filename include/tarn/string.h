// SPDX-License-Identifier: MIT
/*
 * Strings and memory blocks.
 *
 * In the kernel, memcpy, memmove and memset are arch/x86_64's (picked at boot);
 * the rest is lib/string.c.  On the host the C library provides what it has.
 *
 * The macros hand calls to the compiler's builtins, which -ffreestanding would
 * switch off: small copies of constant size become moves and lengths of
 * literals constants.  A file that *defines* one of these must #undef it first.
 */
#pragma once

#ifdef __KERNEL__
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *p, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
int strcasecmp(const char *a, const char *b);		/* ASCII only */
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strchrnul(const char *s, int c);			/* the NUL's address if absent */
char *strstr(const char *hay, const char *needle);
size_t strspn(const char *s, const char *accept);
size_t strcspn(const char *s, const char *reject);
char *strsep(char **s, const char *delims);

#define memcpy(d, s, n)	 __builtin_memcpy(d, s, n)
#define memmove(d, s, n) __builtin_memmove(d, s, n)
#define memset(d, c, n)	 __builtin_memset(d, c, n)
#define memcmp(a, b, n)	 __builtin_memcmp(a, b, n)
#define strlen(s)	 __builtin_strlen(s)
#define strcmp(a, b)	 __builtin_strcmp(a, b)
#else
#include <string.h>
#include <strings.h>
char *strchrnul(const char *s, int c);	/* glibc declares it for _GNU_SOURCE only */
#endif

/*
 * Copy a string into a buffer of @size bytes, always terminated when @size > 0.
 * Returns its length, or -E2BIG when it was cut (or @size is 0).
 */
ssize_t strscpy(char *dst, const char *src, size_t size);

/* First byte of the @n at @p that is not @c, or NULL when all are. */
void *memchr_inv(const void *p, int c, size_t n);

static inline bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

bool str_starts_with(const char *s, const char *prefix);

/* Plain byte loops, for an arch that has nothing better yet and for tests. */
void *lib_memcpy_generic(void *restrict dst, const void *restrict src, size_t n);
void *lib_memmove_generic(void *dst, const void *src, size_t n);
void *lib_memset_generic(void *dst, int c, size_t n);
