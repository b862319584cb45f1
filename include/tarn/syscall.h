// SPDX-License-Identifier: MIT
/* Every system call's prototype, made from abi/syscall.tbl. */
#pragma once

#include <syscalls.h>

typedef long syscall_fn(u64, u64, u64, u64, u64, u64);
