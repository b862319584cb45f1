// SPDX-License-Identifier: MIT
/*
 * Tests that run inside the booted kernel: tarn.test=NAME or tarn.test=all.
 * They print TAP; afterwards the machine powers off, with a status that is not
 * 0 if one failed.  Leaf plug-in: SECTION_SET(boot_tests, my_test).  The set planted_faults holds tests
 * that commit an error the debug kernel must find: they run by name only.
 */
#pragma once

struct boot_test {
	const char *name;
	/* NULL: passed; else what went wrong.  May sleep. */
	const char *(*run)(void);
};

/* @which NULL: no test asked for.  Does not return if one was. */
void boot_tests_run(const char *which);
