// SPDX-License-Identifier: MIT
/* Addresses as numbers: classes, prefixes, scopes (RFC 4291, 5735, 6890).  Tests: tests/abi/net_bind.c. */
#include "inet_internal.h"

bool addr_is_multicast(const struct inet_addr *a)
{
	return addr_is_v4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

bool addr_is_loopback(const struct inet_addr *a)
{
	if (addr_is_v4(a))
		return a->b[12] == 127;
	return !a->d[0] && !a->w[2].raw && be32_to_cpu(a->w[3]) == 1;
}

bool addr_is_linklocal(const struct inet_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

struct inet_addr addr_masked(const struct inet_addr *a, u32 bits)
{
	struct inet_addr m = *a;

	for (u32 i = 0; i < 16; i++) {
		u32 keep = bits > i * 8 ? MIN(bits - i * 8, 8u) : 0;

		m.b[i] &= (u8)(0xff00u >> keep);
	}
	return m;
}

bool addr_prefix_equal(const struct inet_addr *a, const struct inet_addr *b, u32 bits)
{
	u32 bytes = bits / 8, rest = bits % 8;

	if (memcmp(a->b, b->b, bytes))
		return false;
	return !rest || !((a->b[bytes] ^ b->b[bytes]) >> (8 - rest));
}

/* RFC 4291 2.7 for groups; a unicast address has the scope that its kind says (RFC 4007 4). */
u8 addr_scope6(const struct inet_addr *a)
{
	if (addr_is_v4(a))
		return addr_is_loopback(a) || (a->b[12] == 169 && a->b[13] == 254) ? 2 : 14; /* RFC 6724 3.2 */
	if (a->b[0] == 0xff)
		return a->b[1] & 0xf;
	if (addr_is_linklocal(a) || addr_is_loopback(a))
		return 2;
	if (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0xc0)
		return 5;
	return 14;
}
