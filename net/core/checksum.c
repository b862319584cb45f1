// SPDX-License-Identifier: MIT
/*
 * Internet checksums (RFC 1071): one's complement sums of 16-bit words.
 *
 * Such a sum may be taken in larger words, as carries end up in the same place
 * when it is folded: here 64 bits at a time, the carry out of the top added
 * again at the bottom, which is one add and one add-with-carry a word. It does not depend on
 * byte order, and a piece that begins at an odd place counts with its bytes exchanged.
 *
 * Tests: tests/net/packet.c.
 */
#include <tarn/string.h>
#include "packet_int.h"

static inline u64 add_carry(u64 sum, u64 v)
{
	u64 s;
	bool carry = __builtin_add_overflow(sum, v, &s);

	return s + carry;
}

static inline u64 load64(const u8 *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The last 0 to 7 bytes as a word, zeros behind them. */
static u64 load_rest(const u8 *p, size_t n)
{
	u64 v = 0;

	memcpy(&v, p, n);
	return v;
}

u32 csum_bytes(const void *data, size_t n, u32 seed)
{
	const u8 *p = data;
	u64 a = seed, b = 0, high;

	for (; n >= 32; p += 32, n -= 32) {
		a = add_carry(a, load64(p));
		b = add_carry(b, load64(p + 8));
		a = add_carry(a, load64(p + 16));
		b = add_carry(b, load64(p + 24));
	}
	for (; n >= 8; p += 8, n -= 8)
		a = add_carry(a, load64(p));
	a = add_carry(add_carry(a, b), load_rest(p, n));
	high = a >> 32;
	return csum_add((u32)a, (u32)high);
}

u32 packet_csum(const struct packet *p, u32 offset, u32 n, u32 seed)
{
	struct packet_walk w = PACKET_WALK(p);
	struct packet_piece piece;
	u32 done = 0;

	while (done < n && packet_walk_next(&w, &piece)) {
		u32 skip = MIN(offset, piece.len), part = MIN(n - done, piece.len - skip);

		offset -= skip;
		if (part)
			seed = csum_add(seed,
					csum_at(csum_bytes(piece.data + skip, part, 0), done));
		done += part;
	}
	return seed;
}

bool packet_csum_complete(struct packet *p)
{
	u32 start = p->csum_start, field = start + p->csum_offset, at = packet_offset(p);
	u16 sum;

	if (p->csum_state != CSUM_PARTIAL)
		return true;
	if (start < at || field < start || field + 2 > at + p->head_len)
		return false;
	sum = csum_fold(packet_csum(p, start - at, p->len - (start - at), 0));
	if (!sum)
		sum = 0xffff; /* the same number; to UDP 0 means that there is none (RFC 768) */
	memcpy(p->buf + field, &sum, sizeof(sum));
	p->csum_state = CSUM_NONE;
	return true;
}
