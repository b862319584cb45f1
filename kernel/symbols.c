// SPDX-License-Identifier: MIT
/*
 * Names of code addresses, for backtraces.
 *
 * The table is made by tools/build/symbols.py from a first link and linked into
 * the second, so in the first there is none: hence the weak reference.
 * Layout, u32 each: count, address offsets rising, offsets into the names, names.
 */
#include <tarn/panic.h>
#include <tarn/printf.h>
#include <tarn/string.h>

extern const u32 kernel_symbols[] WEAK;
extern const char __text_start[], __text_end[];

bool symbol_format(u64 addr, char *buf, size_t size)
{
	u64 base = (u64)__text_start;
	const u32 *offsets, *names;
	const char *pool;
	u32 count, lo = 0, hi;

	if (addr < base || addr >= (u64)__text_end || !kernel_symbols)
		return false;
	count = kernel_symbols[0];
	offsets = kernel_symbols + 1;
	names = offsets + count;
	pool = (const char *)(names + count);
	hi = count;
	while (lo < hi) { /* first symbol above addr */
		u32 mid = lo + (hi - lo) / 2;

		if (base + offsets[mid] <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return false;
	scnprintf(buf, size, "%s+0x%llx", pool + names[lo - 1],
		  (unsigned long long)(addr - base - offsets[lo - 1]));
	return true;
}
