// SPDX-License-Identifier: MIT
/* Errno values inside pointers: the top 4095 addresses are never mapped. */
#pragma once

#include <linux/errno.h>

#define ERRPTR_MAX 4095ul

static inline void *ERR_PTR(long error)		/* -4095 to -1 */
{
	return (void *)error;
}

static inline long PTR_ERR(const void *p)
{
	return (long)p;
}

static inline bool IS_ERR(const void *p)
{
	return unlikely((ulong)p >= -ERRPTR_MAX);
}

static inline bool IS_ERR_OR_NULL(const void *p)
{
	return unlikely(!p) || IS_ERR(p);
}

/* The error, or 0 for a good pointer. */
static inline int PTR_ERR_OR_ZERO(const void *p)
{
	return IS_ERR(p) ? (int)PTR_ERR(p) : 0;
}

/* An error on its way through a function that returns another pointer type. */
static inline void *ERR_CAST(const void *p)
{
	return (void *)p;
}
