// SPDX-License-Identifier: MIT
/* Every system call's prototype, made from abi/syscall.tbl. */
#pragma once

#include <syscalls.h>

typedef long syscall_fn(u64, u64, u64, u64, u64, u64);

/* Name of call @number, NULL if there is none. */
const char *syscall_name(u64 number);
