// SPDX-License-Identifier: MIT
/*
 * ChaCha20 (RFC 8439): the block function behind the random pool.
 *
 * State words: 0-3 constants, 4-11 key, 12 block counter, 13-15 nonce.
 */
#pragma once

#define CHACHA20_KEY_SIZE   32
#define CHACHA20_NONCE_SIZE 12
#define CHACHA20_BLOCK_SIZE 64

struct chacha20 {
	u32 word[16];
};

void chacha20_init(struct chacha20 *state, const u8 key[CHACHA20_KEY_SIZE],
		   const u8 nonce[CHACHA20_NONCE_SIZE], u32 counter);
/* One block of key stream; the counter (word 12, carrying into nothing) advances by one. */
void chacha20_block(struct chacha20 *state, u8 out[CHACHA20_BLOCK_SIZE]);
