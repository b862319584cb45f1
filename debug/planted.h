// SPDX-License-Identifier: MIT
/* A planted fault: a boot test that commits an error and must not come back (faults.c, slab_faults.c). */
#pragma once

#include <tarn/boot_test.h>

#define FAULT(id, text)                                                                      \
	static NOINLINE void fault_##id(void);                                               \
	static const char *run_##id(void)                                                    \
	{                                                                                    \
		fault_##id();                                                                \
		return "nobody noticed";                                                     \
	}                                                                                    \
	static const struct boot_test id##_planted = { "fault-" text, run_##id }; \
	SECTION_SET(planted_faults, id##_planted);                                           \
	static NOINLINE void fault_##id(void)
