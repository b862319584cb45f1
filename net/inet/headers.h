// SPDX-License-Identifier: MIT
/* Headers as the wire has them.  Fields are checked by whoever reads them; sizes are asserted here. */
#pragma once

#include <tarn/endian.h>

struct ip4_header { /* RFC 791 3.1 */
	u8 version_ihl; /* 4, and the header's length in words */
	u8 tos;
	be16 total;
	be16 id;
	be16 frag;      /* IP4_DF, IP4_MF, offset in units of 8 bytes */
	u8 ttl, protocol;
	be16 csum;
	be32 src, dst;
};
_Static_assert(sizeof(struct ip4_header) == 20, "RFC 791");
#define IP4_DF 0x4000u
#define IP4_MF 0x2000u
#define IP4_OFFSET 0x1fffu

struct ip6_header { /* RFC 8200 3 */
	be32 flow;      /* 6, traffic class, flow label */
	be16 payload;   /* bytes after this header */
	u8 next, hops;
	u8 src[16], dst[16];
};
_Static_assert(sizeof(struct ip6_header) == 40, "RFC 8200");

struct ip6_frag_header { /* RFC 8200 4.5 */
	u8 next, reserved;
	be16 frag; /* offset in bytes, its low three bits: reserved, reserved, more */
	be32 id;
};
_Static_assert(sizeof(struct ip6_frag_header) == 8, "RFC 8200");

struct udp_header { /* RFC 768 */
	be16 sport, dport, len, csum;
};
_Static_assert(sizeof(struct udp_header) == 8, "RFC 768");

struct icmp_header { /* RFC 792, RFC 4443 */
	u8 type, code;
	be16 csum;
	union {
		struct {
			be16 id, seq;
		};
		be32 info; /* MTU, pointer, gateway */
	};
};
_Static_assert(sizeof(struct icmp_header) == 8, "RFC 792");

struct arp_header { /* RFC 826, for Ethernet and IPv4 */
	be16 hw_type, protocol;
	u8 hw_len, protocol_len;
	be16 op;
	u8 sender_hw[6], sender_ip[4], target_hw[6], target_ip[4];
};
_Static_assert(sizeof(struct arp_header) == 28, "RFC 826");

struct nd_header { /* NS and NA: RFC 4861 4.3, 4.4; options follow */
	u8 type, code;
	be16 csum;
	be32 flags;
	u8 target[16];
};
_Static_assert(sizeof(struct nd_header) == 24, "RFC 4861");

/* Bytes that are not aligned, into an address and back. */
static inline be32 be32_at(const void *p)
{
	be32 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}
