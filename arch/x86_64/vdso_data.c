// SPDX-License-Identifier: MIT
/* The page the vDSO reads: all of it is shown to user space, so nothing else may lie in it. */
#include <arch/time.h>

static union {
	struct vdso_data data;
	u8 page[PAGE_SIZE];
} data_page ALIGNED(4096) SECTION(".data.page_aligned");

struct vdso_data *vdso_data = &data_page.data;
