// SPDX-License-Identifier: MIT
/* Wide products and common divisors (contract: include/tarn/math.h). */
#include <tarn/math.h>

/* Long division of high:low by d, bit by bit; high < d, so the result fits. */
static u64 div_128(u64 high, u64 low, u64 d)
{
	unsigned i;

	for (i = 0; i < 64; i++) {
		bool carry = high >> 63;

		high = high << 1 | low >> 63;
		low <<= 1;
		if (carry || high >= d) {
			high -= d;
			low |= 1;
		}
	}
	return low;
}

u64 mul_div_u64(u64 a, u64 b, u64 d)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	u64 high = (u64)(product >> 64);

	if (!high)
		return (u64)product / d;
	return high >= d ? UINT64_MAX : div_128(high, (u64)product, d);
}

u64 gcd_u64(u64 a, u64 b)
{
	while (b) {
		u64 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}
