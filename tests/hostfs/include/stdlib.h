// SPDX-License-Identifier: MIT
/* Of the C library, for code that is compiled as the kernel is: tests/host/test.h wants it. */
#pragma once

void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t size);
void free(void *p);
void NORETURN abort(void);
