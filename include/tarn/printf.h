// SPDX-License-Identifier: MIT
/*
 * Formatted print into a buffer.
 *
 * Conversions: d i u x X o c s p % with flags - + space # 0, width and
 * precision (both may be *), lengths hh h l ll z t j.  No floating point, no
 * %n, and no private extensions, so the compiler checks every call.  %p prints
 * 0x and the value; "%s" of NULL prints (null).
 *
 * The lib_ names exist on the host too; the standard names mean them in the
 * kernel and the C library's there.
 */
#pragma once

#include <stdarg.h>

/*
 * At most @size bytes with the NUL; always terminated when @size > 0.
 * Returns the length the whole text has, which may be @size or more.
 */
int lib_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap) PRINTF_LIKE(3, 0);
int lib_snprintf(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same, but return how many bytes (without the NUL) were really put into @buf. */
int vscnprintf(char *buf, size_t size, const char *fmt, va_list ap) PRINTF_LIKE(3, 0);
int scnprintf(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

#ifdef __KERNEL__
#define vsnprintf lib_vsnprintf
#define snprintf  lib_snprintf
#else
#include <stdio.h>
#endif
