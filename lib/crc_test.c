// SPDX-License-Identifier: MIT
/* CRCs: published check values, and every table entry through a bit-by-bit model. */
/* test-sources: lib/crc.c */
#include <tarn/crc.h>
#include "test.h"

static u32 model(u32 crc, u32 polynomial, const u8 *p, size_t len)
{
	int bit;

	for (; len; p++, len--) {
		crc ^= *p;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
	}
	return crc;
}

TEST(crc_check_values)
{
	/* The catalogues' "check": the CRC of these nine digits. */
	EXPECT_EQ(~crc32c(~0u, "123456789", 9), 0xe3069283u);
	EXPECT_EQ(~crc32(~0u, "123456789", 9), 0xcbf43926u);
	EXPECT_EQ(crc16(0, "123456789", 9), 0xbb3d);
	EXPECT_EQ(crc16(0xffff, "123456789", 9), 0x4b37);
}

TEST(crc32c_rfc3720_vectors)
{
	u8 block[32];
	unsigned i;

	memset(block, 0, 32);
	EXPECT_EQ(~crc32c(~0u, block, 32), 0x8a9136aau);
	memset(block, 0xff, 32);
	EXPECT_EQ(~crc32c(~0u, block, 32), 0x62a8ab43u);
	for (i = 0; i < 32; i++)
		block[i] = (u8)i;
	EXPECT_EQ(~crc32c(~0u, block, 32), 0x46dd794eu);
	for (i = 0; i < 32; i++)
		block[i] = (u8)(31 - i);
	EXPECT_EQ(~crc32c(~0u, block, 32), 0x113fdb5cu);
}

TEST(crc_like_the_model)
{
	u8 data[100];
	unsigned round, i;

	for (round = 0; round < 20000; round++) {
		size_t offset = test_random_below(8);
		size_t len = test_random_below(sizeof(data) - offset + 1);
		size_t split = test_random_below(len + 1);
		u32 crc = (u32)test_random();

		for (i = 0; i < sizeof(data); i++)
			data[i] = (u8)(test_random() >> 20);
		EXPECT_EQ(crc32c(crc, data + offset, len),
			  model(crc, 0x82f63b78, data + offset, len));
		EXPECT_EQ(crc32(crc, data + offset, len),
			  model(crc, 0xedb88320, data + offset, len));
		EXPECT_EQ(crc16((u16)crc, data + offset, len),
			  model((u16)crc, 0xa001, data + offset, len));
		EXPECT_EQ(crc32c(crc32c(crc, data + offset, split), data + offset + split,
				 len - split),
			  crc32c(crc, data + offset, len));
	}
}
