// SPDX-License-Identifier: MIT
/* Runs the tests that tarn.test= names, prints TAP and leaves the machine. */
#include <arch/boot.h>
#include <tarn/boot_test.h>
#include <tarn/panic.h>
#include <tarn/printk.h>
#include <tarn/string.h>

void boot_tests_run(const char *which)
{
	unsigned int n = 0, failed = 0;

	if (!which)
		return;
	SET_FOR_EACH(const struct boot_test, t, boot_tests) {
		const char *why;

		if (!str_eq(which, "all") && !str_eq(which, t->name))
			continue;
		why = t->run();
		n++;
		failed += why != NULL;
		printk(LOG_NOTICE, "%sok %u - %s%s%s", why ? "not " : "", n, t->name,
		       why ? " # " : "", why ? why : "");
	}
	printk(LOG_NOTICE, "1..%u", n);
	if (n == 0 || failed)
		boot_fail("%u of %u boot tests failed", failed, n);
	arch_poweroff();
}
