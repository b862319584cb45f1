// SPDX-License-Identifier: MIT
/*
 * Names for lib/string.c: C's own in the kernel, lib_ in front on the host,
 * where the C library has the plain ones and tests compare the two.
 */
#pragma once

#ifdef __KERNEL__
#undef memcmp
#undef strlen
#undef strcmp
#define STRING_NAME(name) name
#else
#define STRING_NAME(name) lib_##name
int lib_memcmp(const void *a, const void *b, size_t n);
void *lib_memchr(const void *p, int c, size_t n);
size_t lib_strlen(const char *s);
size_t lib_strnlen(const char *s, size_t max);
int lib_strcmp(const char *a, const char *b);
int lib_strncmp(const char *a, const char *b, size_t n);
int lib_strcasecmp(const char *a, const char *b);
char *lib_strchr(const char *s, int c);
char *lib_strrchr(const char *s, int c);
char *lib_strchrnul(const char *s, int c);
char *lib_strstr(const char *hay, const char *needle);
size_t lib_strspn(const char *s, const char *accept);
size_t lib_strcspn(const char *s, const char *reject);
char *lib_strsep(char **s, const char *delims);
#endif
