// SPDX-License-Identifier: MIT
/*
 * The block functions of arch/x86_64/string.S with their ranges checked first.
 *
 * In debug builds the assembler's are called *_unchecked, and these have C's names.
 */
#include <tarn/kasan.h>
#include <tarn/page.h>
#include <tarn/string.h>
#undef memcpy
#undef memmove
#undef memset

void *memcpy_unchecked(void *restrict dst, const void *restrict src, size_t n);
void *memmove_unchecked(void *dst, const void *src, size_t n);
void *memset_unchecked(void *dst, int c, size_t n);
void copy_page_unchecked(void *dst, const void *src);
void clear_page_unchecked(void *dst);

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	kasan_check_read(src, n);
	kasan_check_write(dst, n);
	return memcpy_unchecked(dst, src, n);
}

void *memmove(void *dst, const void *src, size_t n)
{
	kasan_check_read(src, n);
	kasan_check_write(dst, n);
	return memmove_unchecked(dst, src, n);
}

void *memset(void *dst, int c, size_t n)
{
	kasan_check_write(dst, n);
	return memset_unchecked(dst, c, n);
}

void copy_page(void *dst, const void *src)
{
	kasan_check_read(src, PAGE_SIZE);
	kasan_check_write(dst, PAGE_SIZE);
	copy_page_unchecked(dst, src);
}

void clear_page(void *dst)
{
	kasan_check_write(dst, PAGE_SIZE);
	clear_page_unchecked(dst);
}
