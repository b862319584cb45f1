// SPDX-License-Identifier: MIT
/* Faults of the CPU that leak what a program may not read, and what is done about them. */
#pragma once

#include <tarn/types.h>

/* The name of fault number @nr, as a file of /sys/devices/system/cpu/vulnerabilities; NULL: no more. */
const char *arch_bug_file(u32 nr);
/* "Not affected", "Vulnerable...", "Mitigation...": Linux's words. */
const char *arch_bug_state(const char *file);
