// SPDX-License-Identifier: MIT
/*
 * The allocation-failure injector of debug builds: the Nth allocation in scope finds no memory.
 * debug/fail.c; docs/debugging.md tells how to use it.  Empty in release builds.
 */
#pragma once

#include <tarn/page.h>

struct thread;

#ifdef TARN_DEBUG
/* An allocation of @size bytes is asked for: true, it must fail. */
bool fail_allocation(size_t size, gfp_t gfp);
/* A new thread is in scope if its maker is. */
void fail_inherit(struct thread *child);
/* tarn.fail=N[,M] of the command line, when the first program starts. */
void fail_from_cmdline(void);
#else
static inline bool fail_allocation(size_t size, gfp_t gfp)
{
	return false;
}
static inline void fail_inherit(struct thread *child) { }
static inline void fail_from_cmdline(void) { }
#endif
