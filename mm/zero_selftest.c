// SPDX-License-Identifier: MIT
/*
 * tarn.test=zeroed: passes only under init_on_alloc=1 or init_on_free=1, so it stands with the tests that
 * run by name: without either word what the last owner left is seen again.
 */
#include <tarn/boot_test.h>
#include <tarn/page.h>
#include <tarn/slab.h>
#include <tarn/string.h>

#define ROUNDS 200

static const char *test_zeroed(void)
{
	static void *page, *obj;

	for (int i = 0; i < ROUNDS; i++) {
		obj = kmalloc(256, GFP_KERNEL);
		page = pages_alloc(GFP_KERNEL, 0);
		if (!obj || !page)
			return "no memory";
		if (memchr_inv(obj, 0, 256))
			return "an object shows what its last owner left";
		if (memchr_inv(page, 0, PAGE_SIZE))
			return "a page shows what its last owner left";
		memset(obj, 0xa5, 256);
		memset(page, 0xa5, PAGE_SIZE);
		kfree(obj);
		pages_free(page, 0);
	}
	return NULL;
}

static const struct boot_test zeroed_test = { "zeroed", test_zeroed };
SECTION_SET(planted_faults, zeroed_test);
