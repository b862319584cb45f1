// SPDX-License-Identifier: MIT
/* What the cases share: a disk to begin with, and its examination at the end. */
#pragma once

#include "host.h"
#include "test.h"
#include "volume.h"

/* A fresh disk by mkfs.ext4, mounted read-write. */
struct disk *begin(u32 kib, const char *options);
/* Unmounts, asks e2fsck, frees the disk. */
void end(struct disk *d);
/* Unmounts, asks e2fsck and mounts again: caches begin empty. */
bool again(struct disk *d);
/* @n bytes that depend on @seed, and whether they are those. */
void fill(u8 *buf, size_t n, u32 seed);
bool filled(const u8 *buf, size_t n, u32 seed);
/* Writes @n bytes at @pos; reads them back and compares. */
bool put(const char *path, u64 pos, size_t n, u32 seed);
bool get(const char *path, u64 pos, size_t n, u32 seed);
/* Are [pos, pos + n) zeros? */
bool zeros(const char *path, u64 pos, size_t n);
/* Makes files PREFIX0 ... */
bool make_files(const char *prefix, u32 n);
bool have_files(const char *prefix, u32 n);
bool drop_files(const char *prefix, u32 n, u32 step);
u64 size_of(const char *path);
u64 blocks_of(const char *path); /* of 512 bytes */
u64 free_blocks(void);
u64 free_inodes(void);
