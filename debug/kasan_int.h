// SPDX-License-Identifier: MIT
/* Between the sanitizer's files and arch's shadow. */
#pragma once

#include <arch/shadow.h>

/* The access of @n bytes at @addr touches @bad, which it may not: the end, unless a
 * report is being made already. */
void kasan_report(u64 addr, u64 bad, size_t n, bool write, u64 ip);
