// SPDX-License-Identifier: MIT
/* ChaCha20's block function, RFC 8439 section 2.3 (contract: include/tarn/chacha20.h). */
#include <tarn/chacha20.h>
#include <tarn/endian.h>

static u32 rotl(u32 x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static ALWAYS_INLINE void quarter_round(u32 *w, unsigned a, unsigned b, unsigned c, unsigned d)
{
	w[a] += w[b];
	w[d] = rotl(w[d] ^ w[a], 16);
	w[c] += w[d];
	w[b] = rotl(w[b] ^ w[c], 12);
	w[a] += w[b];
	w[d] = rotl(w[d] ^ w[a], 8);
	w[c] += w[d];
	w[b] = rotl(w[b] ^ w[c], 7);
}

void chacha20_init(struct chacha20 *state, const u8 key[CHACHA20_KEY_SIZE],
		   const u8 nonce[CHACHA20_NONCE_SIZE], u32 counter)
{
	static const char constants[] = "expand 32-byte k";
	unsigned i;

	for (i = 0; i < 4; i++)
		state->word[i] = get_le32(&constants[4 * i]);
	for (i = 0; i < 8; i++)
		state->word[4 + i] = get_le32(key + 4 * i);
	state->word[12] = counter;
	for (i = 0; i < 3; i++)
		state->word[13 + i] = get_le32(nonce + 4 * i);
}

void chacha20_block(struct chacha20 *state, u8 out[CHACHA20_BLOCK_SIZE])
{
	struct chacha20 mixed = *state;
	u32 *w = mixed.word;
	unsigned i;

	for (i = 0; i < 10; i++) {
		quarter_round(w, 0, 4, 8, 12);
		quarter_round(w, 1, 5, 9, 13);
		quarter_round(w, 2, 6, 10, 14);
		quarter_round(w, 3, 7, 11, 15);
		quarter_round(w, 0, 5, 10, 15);
		quarter_round(w, 1, 6, 11, 12);
		quarter_round(w, 2, 7, 8, 13);
		quarter_round(w, 3, 4, 9, 14);
	}
	for (i = 0; i < 16; i++)
		put_le32(out + 4 * i, w[i] + state->word[i]);
	state->word[12]++;
}
