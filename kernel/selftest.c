// SPDX-License-Identifier: MIT
/* Runs the tests that tarn.test= names, prints TAP and leaves the machine. */
#include <arch/boot.h>
#include <tarn/boot_test.h>
#include <tarn/panic.h>
#include <tarn/printk.h>
#include <tarn/string.h>

static unsigned int ran, failed;

static void run(const struct boot_test *t)
{
	const char *why = t->run();

	ran++;
	failed += why != NULL;
	printk(LOG_NOTICE, "%sok %u - %s%s%s", why ? "not " : "", ran, t->name, why ? " # " : "",
	       why ? why : "");
}

void boot_tests_run(const char *which)
{
	if (!which)
		return;
	SET_FOR_EACH(const struct boot_test, t, boot_tests)
		if (str_eq(which, "all") || str_eq(which, t->name))
			run(t);
	SET_FOR_EACH(const struct boot_test, fault, planted_faults)
		if (str_eq(which, fault->name))
			run(fault);
	printk(LOG_NOTICE, "1..%u", ran);
	if (!ran || failed)
		boot_fail("%u of %u boot tests failed", failed, ran);
	arch_poweroff();
}
