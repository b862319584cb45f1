// SPDX-License-Identifier: MIT
/* The loader's structures (Xen's public PVH boot protocol), addresses physical. */
#pragma once

#define PVH_MAGIC 0x336ec578

struct pvh_start {
	u32 magic, version, flags, nr_modules;
	u64 modules, cmdline, rsdp, memmap;
	u32 memmap_entries, reserved;
};
struct pvh_module {
	u64 addr, size, cmdline, reserved;
};
struct pvh_mem {
	u64 addr, size;
	u32 type, reserved;
};
