// SPDX-License-Identifier: MIT
/*
 * Hashes for in-memory tables.  Not for disks or wires: they may change.
 *
 * All give well mixed bits from top to bottom, so a table of 2^n buckets may
 * mask the low n.  hash_bytes takes a seed so that names chosen by users cannot
 * be aimed at one bucket; seed it from the random pool at boot.
 */
#pragma once

static inline u64 hash_u64(u64 x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	return x ^ (x >> 32);
}

static inline u64 hash_ptr(const void *p)
{
	return hash_u64((u64)(ulong)p);
}

/* Fold another word into a running hash; order matters. */
static inline u64 hash_add(u64 hash, u64 word)
{
	return hash_u64(hash * 0x9e3779b97f4a7c15ull + word);
}

u64 hash_bytes(u64 seed, const void *data, size_t len);
