// SPDX-License-Identifier: MIT
/* Addresses of kernel objects, as user space may see them.  kernel/pointer.c */
#pragma once

#include <tarn/types.h>

/* A number that stands for the object at @p and tells nothing of where it is: for columns of /proc. */
u64 pointer_shown(const void *p);
