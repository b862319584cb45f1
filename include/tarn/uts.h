// SPDX-License-Identifier: MIT
/*
 * What uname(2), /proc/version and /proc/sys/kernel say of this kernel.
 *
 * The release starts with the Linux version whose calls Tarn follows: glibc
 * refuses to start on one that it thinks too old.
 */
#pragma once

#define UTS_SYSNAME "Linux"
#define UTS_RELEASE "6.1.0-tarn"
#define UTS_VERSION "#1 SMP Tarn"

/* The host's or domain's name is another: who polls its file below /proc/sys is told.  fs/proc/sys_names.c */
void uts_changed(void);
