// SPDX-License-Identifier: MIT
/*
 * CRCs (contract: include/tarn/crc.h).
 *
 * A table holds the remainder of every byte value.  CRCs are linear, so an
 * entry is the exclusive or of the entries of its single bits: each table is
 * spelled out below by eight numbers, for the bytes 0x01, 0x02 ... 0x80, and
 * the preprocessor makes the 256.  crc_test.c derives them from the polynomial.
 *
 * crc32c runs over every metadata block of ext4 and takes eight bytes a step:
 * table k is the remainder of a byte followed by k zero bytes.
 */
#include <tarn/crc.h>
#include <tarn/endian.h>

#define ENTRY(i, b0, b1, b2, b3, b4, b5, b6, b7)                                  \
	(((i) & 1 ? b0 : 0) ^ ((i) & 2 ? b1 : 0) ^ ((i) & 4 ? b2 : 0) ^           \
	 ((i) & 8 ? b3 : 0) ^ ((i) & 16 ? b4 : 0) ^ ((i) & 32 ? b5 : 0) ^         \
	 ((i) & 64 ? b6 : 0) ^ ((i) & 128 ? b7 : 0))
#define ENTRIES_4(i, ...)                                                         \
	ENTRY((i), __VA_ARGS__), ENTRY((i) + 1, __VA_ARGS__),                     \
		ENTRY((i) + 2, __VA_ARGS__), ENTRY((i) + 3, __VA_ARGS__)
#define ENTRIES_16(i, ...)                                                        \
	ENTRIES_4((i), __VA_ARGS__), ENTRIES_4((i) + 4, __VA_ARGS__),             \
		ENTRIES_4((i) + 8, __VA_ARGS__), ENTRIES_4((i) + 12, __VA_ARGS__)
#define ENTRIES_64(i, ...)                                                        \
	ENTRIES_16((i), __VA_ARGS__), ENTRIES_16((i) + 16, __VA_ARGS__),          \
		ENTRIES_16((i) + 32, __VA_ARGS__), ENTRIES_16((i) + 48, __VA_ARGS__)
#define TABLE_OF(...)                                                             \
	{                                                                         \
		ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__),          \
			ENTRIES_64(128, __VA_ARGS__), ENTRIES_64(192, __VA_ARGS__) \
	}

/* clang-format off */
static const u32 crc32c_table[8][256] = {
		TABLE_OF(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf,
			 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78),
		TABLE_OF(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8,
			 0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9),
		TABLE_OF(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5,
			 0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743),
		TABLE_OF(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6,
			 0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f),
		TABLE_OF(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91,
			 0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c),
		TABLE_OF(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f,
			 0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6),
		TABLE_OF(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53,
			 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
		TABLE_OF(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da,
			 0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664),
};

static const u32 crc32_table[256] =
	TABLE_OF(0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832,
		 0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320);

static const u16 crc16_table[256] =
	TABLE_OF(0xc0c1, 0xc181, 0xc301, 0xc601, 0xcc01, 0xd801, 0xf001, 0xa001);
/* clang-format on */

static u32 crc32c_byte(u32 crc, u8 byte)
{
	return crc >> 8 ^ crc32c_table[0][(u8)crc ^ byte];
}

u32 crc32c(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	for (; len >= 8; p += 8, len -= 8) {
		u64 x = get_le64(p) ^ crc;

		crc = crc32c_table[7][(u8)x] ^ crc32c_table[6][(u8)(x >> 8)] ^
		      crc32c_table[5][(u8)(x >> 16)] ^ crc32c_table[4][(u8)(x >> 24)] ^
		      crc32c_table[3][(u8)(x >> 32)] ^ crc32c_table[2][(u8)(x >> 40)] ^
		      crc32c_table[1][(u8)(x >> 48)] ^ crc32c_table[0][x >> 56];
	}
	for (; len; p++, len--)
		crc = crc32c_byte(crc, *p);
	return crc;
}

u32 crc32(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	for (; len; p++, len--)
		crc = crc >> 8 ^ crc32_table[(u8)crc ^ *p];
	return crc;
}

u16 crc16(u16 crc, const void *data, size_t len)
{
	const u8 *p = data;

	for (; len; p++, len--)
		crc = (u16)(crc >> 8 ^ crc16_table[(u8)crc ^ *p]);
	return crc;
}
