// SPDX-License-Identifier: MIT
/* Fault stacks by index in the TSS: an IDT entry names index + 1. */
#pragma once

enum ist {
	IST_DOUBLE_FAULT,
	IST_NMI,
	IST_MACHINE_CHECK,
	IST_COUNT,
};
