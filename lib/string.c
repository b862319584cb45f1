// SPDX-License-Identifier: MIT
/*
 * Strings (contract: include/tarn/string.h).
 *
 * strlen and memcmp go by words: an aligned word never crosses into a page the
 * string is not on.  The rest are plain loops.
 *
 * gcc recognises such loops and would turn strlen into a call of strlen: the
 * pragma forbids it.  (AddressSanitizer objects to reading a whole word around
 * a NUL, so on the host and in debug builds the byte loop runs.)
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

#include <tarn/string.h>
#include <tarn/endian.h>
#include <tarn/parse.h>
#include <linux/errno.h>
#include "string_names.h"

#define ONES  0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

/* Nonzero if any byte of @x is 0. */
static inline u64 zero_bytes(u64 x)
{
	return (x - ONES) & ~x & HIGHS;
}

size_t STRING_NAME(strlen)(const char *s)
{
	const char *p = s;

#if defined(__KERNEL__) && !defined(TARN_DEBUG)
	while (!IS_ALIGNED((ulong)p, 8)) {
		if (!*p)
			return (size_t)(p - s);
		p++;
	}
	while (!zero_bytes(*(const u64 *)p))
		p += 8;
#endif
	while (*p)
		p++;
	return (size_t)(p - s);
}

size_t STRING_NAME(strnlen)(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

/* Unaligned words are fine: both blocks are readable for @n bytes. */
int STRING_NAME(memcmp)(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	for (; n >= 8; p += 8, q += 8, n -= 8) {
		u64 x, y;

		__builtin_memcpy(&x, p, 8);
		__builtin_memcpy(&y, q, 8);
		if (x != y)
			return get_be64(p) < get_be64(q) ? -1 : 1;
	}
	for (; n; p++, q++, n--)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *STRING_NAME(memchr)(const void *p, int c, size_t n)
{
	const u8 *s = p;

	for (; n; s++, n--)
		if (*s == (u8)c)
			return (void *)s;
	return NULL;
}

int STRING_NAME(strcmp)(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}

int STRING_NAME(strncmp)(const char *a, const char *b, size_t n)
{
	for (; n; a++, b++, n--)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}

int STRING_NAME(strcasecmp)(const char *a, const char *b)
{
	while (*a && char_to_lower(*a) == char_to_lower(*b)) {
		a++;
		b++;
	}
	return (u8)char_to_lower(*a) - (u8)char_to_lower(*b);
}

char *STRING_NAME(strchrnul)(const char *s, int c)
{
	while (*s && *s != (char)c)
		s++;
	return (char *)s;
}

char *STRING_NAME(strchr)(const char *s, int c)
{
	char *p = STRING_NAME(strchrnul)(s, c);

	return *p == (char)c ? p : NULL;
}

char *STRING_NAME(strrchr)(const char *s, int c)
{
	const char *found = NULL;

	do {
		if (*s == (char)c)
			found = s;
	} while (*s++);
	return (char *)found;
}

/* Quadratic at worst; needles here are option names. */
char *STRING_NAME(strstr)(const char *hay, const char *needle)
{
	size_t len = STRING_NAME(strlen)(needle);

	for (; *hay || !len; hay++)
		if (STRING_NAME(strncmp)(hay, needle, len) == 0)
			return (char *)hay;
	return NULL;
}

size_t STRING_NAME(strspn)(const char *s, const char *accept)
{
	size_t n = 0;

	while (s[n] && STRING_NAME(strchr)(accept, s[n]))
		n++;
	return n;
}

size_t STRING_NAME(strcspn)(const char *s, const char *reject)
{
	size_t n = 0;

	while (s[n] && !STRING_NAME(strchr)(reject, s[n]))
		n++;
	return n;
}

char *STRING_NAME(strsep)(char **s, const char *delims)
{
	char *word = *s;

	if (!word)
		return NULL;
	*s = word + STRING_NAME(strcspn)(word, delims);
	if (**s)
		*(*s)++ = '\0';
	else
		*s = NULL;
	return word;
}

ssize_t strscpy(char *dst, const char *src, size_t size)
{
	size_t len = STRING_NAME(strnlen)(src, size);

	if (!size)
		return -E2BIG;
	if (len == size) {
		memcpy(dst, src, size - 1);
		dst[size - 1] = '\0';
		return -E2BIG;
	}
	memcpy(dst, src, len + 1);
	return (ssize_t)len;
}

void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *s = p;
	u64 pattern = (u8)c * ONES;

	for (; n >= 8; s += 8, n -= 8)
		if (get_le64(s) != pattern)
			break;
	for (; n; s++, n--)
		if (*s != (u8)c)
			return (void *)s;
	return NULL;
}

bool str_starts_with(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return false;
	return true;
}

void *lib_memcpy_generic(void *restrict dst, const void *restrict src, size_t n)
{
	u8 *d = dst;
	const u8 *s = src;

	while (n--)
		*d++ = *s++;
	return dst;
}

void *lib_memmove_generic(void *dst, const void *src, size_t n)
{
	u8 *d = dst;
	const u8 *s = src;

	if ((ulong)d <= (ulong)s)
		while (n--)
			*d++ = *s++;
	else
		while (n--)
			d[n] = s[n];
	return dst;
}

void *lib_memset_generic(void *dst, int c, size_t n)
{
	u8 *d = dst;

	while (n--)
		*d++ = (u8)c;
	return dst;
}
