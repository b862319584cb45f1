// SPDX-License-Identifier: MIT
/* tmpfs for the kernel's own uses: memfd, shared anonymous memory, System V shm.  fs/tmpfs/. */
#pragma once

struct file;

/* A nameless file of @size bytes, zeros; @name shows in /proc/PID/maps ("/dev/zero", "/memfd:x", "/SYSV...").
 * O_RDWR; @flags O_*.  @promise: all of it counts as committed memory from now on.  ERR_PTR(-ENOMEM, -ENOSPC). */
struct file *tmpfs_anon_file(const char *name, u64 size, u32 flags, bool promise);
