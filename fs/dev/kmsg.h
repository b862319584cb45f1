// SPDX-License-Identifier: MIT
/* /dev/kmsg, which mem.c registers with the other devices of major 1. */
#pragma once

extern const struct file_ops kmsg_fops;
