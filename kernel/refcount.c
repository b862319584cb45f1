// SPDX-License-Identifier: MIT
/* Reference counts that went wrong, and the test of them (tarn.test=refcount). */
#include <tarn/boot_test.h>
#include <tarn/printk.h>
#include <tarn/refcount.h>

void ref_bad_change(_Atomic u32 *n, u32 old)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;

	if (old == 0)
		panic("a reference of an object that has none left");
	atomic_store_explicit(n, REF_STUCK, memory_order_relaxed);
	if (!atomic_flag_test_and_set(&told))
		pr_err("an object with %u references: it will never be freed", old);
}

static const char *test_refcount(void)
{
	struct refcount r;

	ref_init(&r, REF_TOO_MANY - 2);
	ref_get(&r);
	if (ref_read(&r) != REF_TOO_MANY - 1 || ref_put(&r))
		return "a large count is not counted";
	for (int i = 0; i < 4; i++)
		ref_get(&r);
	if (ref_read(&r) != REF_STUCK)
		return "a count that is too large does not stick";
	if (!ref_get_unless_zero(&r) || ref_read(&r) != REF_STUCK || ref_put(&r) || ref_read(&r) != REF_STUCK)
		return "a count that sticks moves";
	ref_init(&r, 0xffffffff);
	if (!ref_get_unless_zero(&r) || ref_read(&r) != REF_STUCK)
		return "a count wraps to 0";
	ref_init(&r, 1);
	if (!ref_put(&r) || ref_get_unless_zero(&r))
		return "the last reference is not the last";
	return NULL;
}

static const struct boot_test refcount_test = { "refcount", test_refcount };
SECTION_SET(boot_tests, refcount_test);
