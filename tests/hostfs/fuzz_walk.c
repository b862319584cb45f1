// SPDX-License-Identifier: MIT
/* libFuzzer: a damaged image is mounted read-only, and everything on it is looked at. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	struct disk *d = fuzz_disk(&in);

	if (!vol_mount(d, true))
		(void)vol_walk();
	fuzz_end(d);
	return 0;
}
