// SPDX-License-Identifier: MIT
/*
 * Kernel addresses for user space: never as they are.
 *
 * Where a format asks for an address (/proc/net/unix), 32 bits of a keyed hash of
 * it are shown: equal objects look equal, and without the key, which is made at
 * the first use and stays in the kernel, nothing can be computed back.  A mere
 * mixing function would not do: it can be inverted.  kernel.kptr_restrict (proc_sys_kernel(5)):
 * 0 shows the hash to all, 1 to CAP_SYSLOG, 2 to nobody; the rest see 0.
 *
 * Tests: tests/abi/proc_attack.c.
 */
#include <linux/capability.h>
#include <tarn/chacha20.h>
#include <tarn/cred.h>
#include <tarn/lock.h>
#include <tarn/pointer.h>
#include <tarn/proc.h>
#include <tarn/random.h>
#include <tarn/string.h>

static struct mutex key_lock = MUTEX_INIT(key_lock, "pointer key", LR_SLEEP_LEAF);
static u8 key[CHACHA20_KEY_SIZE] GUARDED_BY(&key_lock);
static bool key_made GUARDED_BY(&key_lock);
static int kptr_restrict; /* [a] */

static const struct sysctl kptr_restrict_sysctl = {
	.path = "kernel/kptr_restrict",
	.value = &kptr_restrict,
	.min = 0,
	.max = 2,
	.cap = CAP_SYS_ADMIN,
};
SECTION_SET(sysctls, kptr_restrict_sysctl);

/* The block of ChaCha20 whose nonce is the address. */
static u32 keyed_hash(const void *p)
{
	u8 nonce[CHACHA20_NONCE_SIZE] = { 0 }, block[CHACHA20_BLOCK_SIZE];
	struct chacha20 state;
	u32 shown;

	memcpy(nonce, &p, sizeof(p));
	mutex_lock(&key_lock);
	if (!key_made) {
		random_bytes(key, sizeof(key));
		key_made = true;
	}
	chacha20_init(&state, key, nonce, 0);
	mutex_unlock(&key_lock);
	chacha20_block(&state, block);
	memcpy(&shown, block, sizeof(shown));
	return shown;
}

u64 pointer_shown(const void *p)
{
	int restricted = READ_ONCE(kptr_restrict);

	if (restricted >= 2 || (restricted == 1 && !capable(CAP_SYSLOG)))
		return 0;
	return keyed_hash(p);
}
