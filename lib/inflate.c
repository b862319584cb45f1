// SPDX-License-Identifier: MIT
/*
 * Inflate: deflate (RFC 1951) decompression into one contiguous buffer, which
 * is its own window.
 *
 * Codes of up to FAST_BITS bits are found by one table look-up; longer ones,
 * which are rare by construction, bit by bit in canonical order.  Every length
 * and distance is checked against the buffers: damaged input gives -EINVAL.
 */
#include <tarn/crc.h>
#include <tarn/errno.h>
#include <tarn/inflate.h>
#include <tarn/lib_alloc.h>
#include <tarn/string.h>

#define FAST_BITS 10
#define MAX_BITS 15
#define MAX_LITLEN 288
#define MAX_DIST 32

/* A canonical Huffman code. */
struct huffman {
	u16 fast[1 << FAST_BITS]; /* symbol << 4 | length; 0: a longer code */
	u16 count[MAX_BITS + 1];  /* codes of each length */
	u16 symbol[MAX_LITLEN];   /* in order of code */
};

struct inflate_state {
	const u8 *in, *in_start, *in_end;
	u8 *out, *out_start, *out_end;
	u64 bits;       /* read but not used, first one lowest */
	u32 nbits;
	struct huffman litlen, dist;
	u8 lengths[MAX_LITLEN + MAX_DIST];
};

static void refill(struct inflate_state *s)
{
	while (s->nbits <= 56 && s->in < s->in_end) {
		s->bits |= (u64)*s->in++ << s->nbits;
		s->nbits += 8;
	}
}

/* The next @n (<= 16) bits, or -1 at the end of input. */
static int take_bits(struct inflate_state *s, u32 n)
{
	u32 v;

	refill(s);
	if (s->nbits < n)
		return -1;
	v = (u32)(s->bits & ((1u << n) - 1));
	s->bits >>= n;
	s->nbits -= n;
	return (int)v;
}

static u32 reverse(u32 code, u32 len)
{
	u32 r = 0;

	while (len--) {
		r = r << 1 | (code & 1);
		code >>= 1;
	}
	return r;
}

/* False: more codes than the lengths have room for. */
static bool huffman_build(struct huffman *h, const u8 *lengths, u32 n)
{
	u16 next[MAX_BITS + 2], offset[MAX_BITS + 2];
	s32 left = 1;

	memset(h->count, 0, sizeof(h->count));
	memset(h->fast, 0, sizeof(h->fast));
	for (u32 i = 0; i < n; i++)
		h->count[lengths[i]]++;
	h->count[0] = 0;
	offset[1] = next[1] = 0;
	for (u32 len = 1; len <= MAX_BITS; len++) {
		left = (left << 1) - h->count[len];
		if (left < 0)
			return false;
		offset[len + 1] = (u16)(offset[len] + h->count[len]);
		next[len + 1] = (u16)((next[len] + h->count[len]) << 1);
	}
	for (u32 i = 0; i < n; i++) {
		u32 len = lengths[i], code;

		if (!len)
			continue;
		h->symbol[offset[len]++] = (u16)i;
		code = next[len]++;
		if (len > FAST_BITS)
			continue;
		for (u32 at = reverse(code, len); at < 1u << FAST_BITS; at += 1u << len)
			h->fast[at] = (u16)(i << 4 | len);
	}
	return true;
}

/* A symbol, or -1: end of input or a code that is not there. */
static int decode_slow(struct inflate_state *s, const struct huffman *h)
{
	s32 code = 0, first = 0, index = 0;

	for (u32 len = 1; len <= MAX_BITS && len <= s->nbits; len++) {
		s32 count = h->count[len];

		code |= (s32)(s->bits >> (len - 1)) & 1;
		if (code - count < first) {
			s->bits >>= len;
			s->nbits -= len;
			return h->symbol[index + (code - first)];
		}
		index += count;
		first = (first + count) << 1;
		code <<= 1;
	}
	return -1;
}

static int decode(struct inflate_state *s, const struct huffman *h)
{
	u32 e, len;

	refill(s);
	e = h->fast[s->bits & ((1u << FAST_BITS) - 1)];
	len = e & 15;
	if (!e || len > s->nbits)
		return decode_slow(s, h);
	s->bits >>= len;
	s->nbits -= len;
	return (int)(e >> 4);
}

/* ---- blocks ---- */

static int stored_block(struct inflate_state *s)
{
	u32 len, check;

	/* Back to the byte boundary: whole bytes that were read ahead return to the input. */
	s->bits >>= s->nbits & 7;
	s->nbits &= ~7u;
	s->in -= s->nbits / 8;
	s->bits = s->nbits = 0;
	if (s->in_end - s->in < 4)
		return -EINVAL;
	len = s->in[0] | (u32)s->in[1] << 8;
	check = s->in[2] | (u32)s->in[3] << 8;
	s->in += 4;
	if (len != (~check & 0xffff) || (size_t)(s->in_end - s->in) < len)
		return -EINVAL;
	if ((size_t)(s->out_end - s->out) < len)
		return -ENOSPC;
	memcpy(s->out, s->in, len);
	s->in += len;
	s->out += len;
	return 0;
}

static int copy_match(struct inflate_state *s, u32 len, u32 dist)
{
	const u8 *from = s->out - dist;

	if (dist > (size_t)(s->out - s->out_start))
		return -EINVAL;
	if (len > (size_t)(s->out_end - s->out))
		return -ENOSPC;
	if (dist >= len) {
		memcpy(s->out, from, len);
		s->out += len;
	} else {
		while (len--)
			*s->out++ = *from++; /* overlapping: repeats what it writes */
	}
	return 0;
}

/* The match whose length symbol is @sym (257 and up). */
static int match(struct inflate_state *s, u32 sym)
{
	static const u16 len_base[] = { 3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
					31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
	static const u8 len_extra[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
					2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
	static const u16 dist_base[] = { 1,   2,   3,   4,   5,   7,    9,    13,   17,   25,
					 33,  49,  65,  97,  129, 193,  257,  385,  513,  769,
					 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577 };
	int extra, dsym, dextra;

	sym -= 257;
	if (sym >= ARRAY_SIZE(len_base))
		return -EINVAL;
	extra = take_bits(s, len_extra[sym]);
	dsym = decode(s, &s->dist);
	if (extra < 0 || dsym < 0 || dsym >= (int)ARRAY_SIZE(dist_base))
		return -EINVAL;
	dextra = take_bits(s, dsym < 2 ? 0 : (u32)dsym / 2 - 1);
	if (dextra < 0)
		return -EINVAL;
	return copy_match(s, len_base[sym] + (u32)extra, dist_base[dsym] + (u32)dextra);
}

static int coded_block(struct inflate_state *s)
{
	for (;;) {
		int sym = decode(s, &s->litlen), err;

		if (sym < 0)
			return -EINVAL;
		if (sym < 256) {
			if (s->out == s->out_end)
				return -ENOSPC;
			*s->out++ = (u8)sym;
			continue;
		}
		if (sym == 256)
			return 0;
		err = match(s, (u32)sym);
		if (err)
			return err;
	}
}

static int fixed_block(struct inflate_state *s)
{
	u8 *l = s->lengths;

	memset(l, 8, 144);
	memset(l + 144, 9, 112);
	memset(l + 256, 7, 24);
	memset(l + 280, 8, 8);
	huffman_build(&s->litlen, l, 288);
	memset(l, 5, 30);
	huffman_build(&s->dist, l, 30);
	return coded_block(s);
}

/* The code lengths of both codes, themselves coded with s->litlen. */
static int read_lengths(struct inflate_state *s, u32 total)
{
	u32 at = 0;

	while (at < total) {
		int sym = decode(s, &s->litlen), times;
		u8 value = 0;

		if (sym < 0 || sym > 18)
			return -EINVAL;
		if (sym < 16) {
			s->lengths[at++] = (u8)sym;
			continue;
		}
		if (sym == 16) {
			if (!at)
				return -EINVAL;
			value = s->lengths[at - 1];
			times = take_bits(s, 2);
			times = times < 0 ? -1 : times + 3;
		} else {
			times = take_bits(s, sym == 17 ? 3 : 7);
			times = times < 0 ? -1 : times + (sym == 17 ? 3 : 11);
		}
		if (times < 0 || at + (u32)times > total)
			return -EINVAL;
		memset(s->lengths + at, value, (size_t)times);
		at += (u32)times;
	}
	return 0;
}

static int dynamic_block(struct inflate_state *s)
{
	static const u8 order[] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
	int nlit = take_bits(s, 5), ndist = take_bits(s, 5), ncode = take_bits(s, 4);

	if (nlit < 0 || ndist < 0 || ncode < 0)
		return -EINVAL;
	nlit += 257;
	ndist += 1;
	ncode += 4;
	if (nlit > 286 || ndist > 30)
		return -EINVAL;
	memset(s->lengths, 0, sizeof(order));
	for (int i = 0; i < ncode; i++) {
		int len = take_bits(s, 3);

		if (len < 0)
			return -EINVAL;
		s->lengths[order[i]] = (u8)len;
	}
	if (!huffman_build(&s->litlen, s->lengths, sizeof(order)) ||
	    read_lengths(s, (u32)(nlit + ndist)) || !s->lengths[256])
		return -EINVAL;
	if (!huffman_build(&s->litlen, s->lengths, (u32)nlit) ||
	    !huffman_build(&s->dist, s->lengths + nlit, (u32)ndist))
		return -EINVAL;
	return coded_block(s);
}

static int inflate_blocks(struct inflate_state *s)
{
	int last, type, err;

	do {
		last = take_bits(s, 1);
		type = take_bits(s, 2);
		if (last < 0 || type < 0)
			return -EINVAL;
		if (type == 0)
			err = stored_block(s);
		else if (type == 1)
			err = fixed_block(s);
		else
			err = type == 2 ? dynamic_block(s) : -EINVAL;
	} while (!err && !last);
	return err;
}

ssize_t inflate(const void *in, size_t in_len, size_t *consumed, void *out, size_t out_len)
{
	struct inflate_state *s = lib_alloc(sizeof(*s));
	ssize_t ret;

	if (!s)
		return -ENOMEM;
	s->in = s->in_start = in;
	s->in_end = s->in + in_len;
	s->out = s->out_start = out;
	s->out_end = s->out + out_len;
	s->bits = s->nbits = 0;
	ret = inflate_blocks(s);
	if (!ret) {
		*consumed = (size_t)(s->in - s->in_start) - s->nbits / 8;
		ret = s->out - s->out_start;
	}
	lib_free(s);
	return ret;
}

/* ---- gzip ---- */

#define GZ_HCRC 0x02
#define GZ_EXTRA 0x04
#define GZ_NAME 0x08
#define GZ_COMMENT 0x10

/* Length of the header, or -EINVAL. */
static ssize_t gzip_header(const u8 *p, size_t len)
{
	size_t at = 10;

	if (len < 18 || p[0] != 0x1f || p[1] != 0x8b || p[2] != 8 || (p[3] & 0xe0))
		return -EINVAL;
	if (p[3] & GZ_EXTRA)
		at += 2 + (p[10] | (size_t)p[11] << 8);
	for (u32 texts = !!(p[3] & GZ_NAME) + !!(p[3] & GZ_COMMENT); texts; texts--) {
		while (at < len && p[at])
			at++;
		at++;
	}
	if (p[3] & GZ_HCRC)
		at += 2;
	return at < len ? (ssize_t)at : -EINVAL;
}

static u32 read_le32(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

ssize_t gzip_inflate(const void *in, size_t in_len, size_t *consumed, void *out, size_t out_len)
{
	const u8 *p = in;
	ssize_t head = gzip_header(p, in_len), n;
	size_t body;

	if (head < 0)
		return head;
	n = inflate(p + head, in_len - (size_t)head, &body, out, out_len);
	if (n < 0)
		return n;
	body += (size_t)head;
	if (in_len - body < 8 || read_le32(p + body) != ~crc32(~0u, out, (size_t)n) ||
	    read_le32(p + body + 4) != (u32)n)
		return -EINVAL;
	*consumed = body + 8;
	return n;
}
