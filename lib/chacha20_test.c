// SPDX-License-Identifier: MIT
/* ChaCha20: the vectors of RFC 8439, section 2.3.2 and appendix A.1. */
/* test-sources: lib/chacha20.c */
#include <tarn/chacha20.h>
#include "test.h"

static void expect_block(struct chacha20 *state, const char *hex)
{
	u8 out[CHACHA20_BLOCK_SIZE];
	char text[2 * CHACHA20_BLOCK_SIZE + 1];
	unsigned i;

	chacha20_block(state, out);
	for (i = 0; i < CHACHA20_BLOCK_SIZE; i++)
		sprintf(text + 2 * i, "%02x", out[i]);
	EXPECT_STR(text, hex);
}

TEST(chacha20_rfc8439_2_3_2)
{
	static const u8 nonce[12] = { 0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0 };
	struct chacha20 state;
	u8 key[32];
	unsigned i;

	for (i = 0; i < 32; i++)
		key[i] = (u8)i;
	chacha20_init(&state, key, nonce, 1);
	expect_block(&state, "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
			     "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e");
	EXPECT_EQ(state.word[12], 2);
}

TEST(chacha20_rfc8439_a1)
{
	static const u8 zero[32];
	struct chacha20 state;

	chacha20_init(&state, zero, zero, 0);
	expect_block(&state, "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
			     "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586");
	expect_block(&state, "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
			     "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f");
}
