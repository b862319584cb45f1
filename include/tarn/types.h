// SPDX-License-Identifier: MIT
/* The kernel's integer types and the few macros that every file needs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef unsigned long ulong;

#ifdef __KERNEL__
typedef long ssize_t;
typedef s64 loff_t;
typedef s32 pid_t;
typedef u32 uid_t;
typedef u32 gid_t;
typedef u32 mode_t;
#else
#include <sys/types.h>
#endif

typedef u64 pfn_t;   /* page frame number: physical address / PAGE_SIZE */
typedef u64 phys_t;  /* physical address */
typedef u64 ktime_t; /* nanoseconds; KTIME_MAX means "never" */
typedef u32 kdev_t;  /* device number as struct stat has it after decoding: major << 20 | minor */

#define KTIME_MAX (~(ktime_t)0)
#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_USEC 1000ull

#define KDEV(major, minor) ((kdev_t)(((u32)(major) << 20) | (u32)(minor)))
#define KDEV_MAJOR(dev) ((dev) >> 20)
#define KDEV_MINOR(dev) ((dev) & 0xfffff)

#define PAGE_SHIFT 12
#define PAGE_SIZE (1ul << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Powers of two only. */
#define ALIGN_UP(x, a) (((x) + (typeof(x))(a)-1) & ~((typeof(x))(a)-1))
#define ALIGN_DOWN(x, a) ((x) & ~((typeof(x))(a)-1))
#define IS_ALIGNED(x, a) (((x) & ((typeof(x))(a)-1)) == 0)
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))

#define MIN(a, b)                    \
	({                           \
		typeof(a) a_ = (a);  \
		typeof(b) b_ = (b);  \
		a_ < b_ ? a_ : b_;   \
	})
#define MAX(a, b)                    \
	({                           \
		typeof(a) a_ = (a);  \
		typeof(b) b_ = (b);  \
		a_ > b_ ? a_ : b_;   \
	})

#define BIT(n) (1ul << (n))
