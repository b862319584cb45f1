// SPDX-License-Identifier: MIT
/* What the UAPI headers leave out of the file ABI: directory entries and mode bits' helpers. */
#pragma once

/* struct linux_dirent64 of getdents64(2). */
struct abi_dirent64 {
	u64 d_ino;
	s64 d_off;
	u16 d_reclen;
	u8 d_type;
	char d_name[];
} __attribute__((packed));
_Static_assert(offsetof(struct abi_dirent64, d_name) == 19, "getdents64(2)");

#define DT_UNKNOWN 0
#define DT_FIFO 1
#define DT_CHR 2
#define DT_DIR 4
#define DT_BLK 6
#define DT_REG 8
#define DT_LNK 10
#define DT_SOCK 12
/* DT_* of a mode. */
#define MODE_TO_DT(mode) (((mode) >> 12) & 15)

/* eventfd(2): the rest of its flags equal O_CLOEXEC and O_NONBLOCK. */
#define ABI_EFD_SEMAPHORE 1
