// SPDX-License-Identifier: MIT
/*
 * Random numbers: a pool that input is stirred into, and ChaCha20 generators.
 *
 * Pool: 32 bytes.  Input is xored in, then one ChaCha20 block keyed with the
 * pool replaces it, so that earlier states cannot be computed back.
 * Each CPU has a key drawn from the pool.  A request spends one block: its
 * first half becomes the next key before any output leaves (fast key erasure),
 * the second is the output, or for longer ones the key of a stream of its own.
 * A new draw from the pool (reseeding) is noticed by its generation number.
 *
 * Ready means that 256 bits have been credited: by the CPU's generator, by a
 * virtio device, or by timing.  Who waits for that gathers timing jitter
 * himself, so a machine without any source gets there too.
 */
#include <linux/random.h>
#include <arch/cpu.h>
#include <arch/time.h>
#include <arch/uaccess.h>
#include <tarn/chacha20.h>
#include <tarn/cpu.h>
#include <tarn/errno.h>
#include <tarn/lock.h>
#include <tarn/printk.h>
#include <tarn/random.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include <tarn/waitq.h>
#include "boot.h"

#define KEY CHACHA20_KEY_SIZE
#define BLOCK CHACHA20_BLOCK_SIZE
#define READY_BITS 256u
#define RESEED_NS (60 * NSEC_PER_SEC)
#define OUT_MAX (32ul << 20) /* getrandom(2) gives at most this much at once */

struct generator {
	u8 key[KEY];
	u64 generation;
};

static struct spinlock pool_lock = SPINLOCK_INIT("random pool", LR_LEAF);
static u8 pool[KEY] GUARDED_BY(&pool_lock);
static u64 pool_count GUARDED_BY(&pool_lock);
static u32 pool_bits GUARDED_BY(&pool_lock);
static _Atomic u64 generation = 1; /* [a] of the pool: CPUs with an older key draw a new one */
static _Atomic bool ready;         /* [a] */
static ktime_t next_reseed;        /* racy on purpose: twice does no harm */
static DEFINE_PERCPU(struct generator, generators);
static struct waitq ready_waitq = WAITQ_INIT(ready_waitq);

static void block_of(const u8 key[KEY], u64 nonce, u8 out[BLOCK])
{
	u8 n[CHACHA20_NONCE_SIZE] = { 0 };
	struct chacha20 c;

	memcpy(n, &nonce, sizeof(nonce));
	chacha20_init(&c, key, n, 0);
	chacha20_block(&c, out);
}

static void pool_stir(void) MUST_HOLD(&pool_lock)
{
	u8 block[BLOCK];

	block_of(pool, pool_count++, block);
	memcpy(pool, block, KEY);
}

void random_add(const void *data, size_t n, unsigned int bits)
{
	const u8 *p = data;
	u64 now = arch_clock_ns(), flags;
	bool became_ready = false;

	flags = spin_lock_irqsave(&pool_lock);
	for (size_t i = 0; i < sizeof(now); i++)
		pool[i] ^= (u8)(now >> (8 * i));
	while (n) {
		size_t step = MIN(n, (size_t)KEY);

		for (size_t i = 0; i < step; i++)
			pool[i] ^= p[i];
		pool_stir();
		p += step;
		n -= step;
	}
	if (pool_bits < READY_BITS) {
		pool_bits = MIN(pool_bits + bits, READY_BITS);
		if (bits)
			atomic_fetch_add(&generation, 1); /* every bit counts while there are few */
		became_ready = pool_bits >= READY_BITS;
		if (became_ready)
			atomic_store(&ready, true);
	}
	spin_unlock_irqrestore(&pool_lock, flags);
	if (became_ready)
		waitq_wake_all(&ready_waitq, 0);
}

static void pool_draw(u8 key[KEY])
{
	u8 block[BLOCK];
	u64 flags = spin_lock_irqsave(&pool_lock);

	block_of(pool, pool_count++, block);
	memcpy(pool, block, KEY);
	memcpy(key, block + KEY, KEY);
	spin_unlock_irqrestore(&pool_lock, flags);
	memset(block, 0, sizeof(block));
}

static void maybe_reseed(void)
{
	ktime_t now = arch_clock_ns();
	u64 word;

	if (now < READ_ONCE(next_reseed))
		return;
	WRITE_ONCE(next_reseed, now + RESEED_NS);
	if (cpu_random(&word))
		random_add(&word, sizeof(word), 0);
	atomic_fetch_add(&generation, 1);
}

/* 32 fresh bytes; the CPU's key moves on first. */
static void draw_key(u8 out[KEY])
{
	u8 block[BLOCK];
	struct generator *g;
	u64 flags, gen;

	maybe_reseed();
	flags = irq_save();
	g = this_percpu(generators);
	gen = atomic_load_explicit(&generation, memory_order_relaxed);
	if (g->generation != gen) {
		pool_draw(g->key);
		g->generation = gen;
	}
	block_of(g->key, 0, block);
	memcpy(g->key, block, KEY);
	irq_restore(flags);
	memcpy(out, block + KEY, KEY);
	memset(block, 0, sizeof(block));
}

/* A stream of its own for one request. */
struct stream {
	struct chacha20 state;
	u8 block[BLOCK];
};

static void stream_start(struct stream *s)
{
	static const u8 nonce[CHACHA20_NONCE_SIZE];
	u8 key[KEY];

	draw_key(key);
	chacha20_init(&s->state, key, nonce, 0);
	memset(key, 0, sizeof(key));
}

void random_bytes(void *out, size_t n)
{
	struct stream s;
	u8 *p = out;

	if (n <= KEY) {
		u8 key[KEY];

		draw_key(key);
		memcpy(out, key, n);
		memset(key, 0, sizeof(key));
		return;
	}
	stream_start(&s);
	while (n) {
		size_t step = MIN(n, (size_t)BLOCK);

		chacha20_block(&s.state, s.block);
		memcpy(p, s.block, step);
		p += step;
		n -= step;
	}
	memset(&s, 0, sizeof(s));
}

u64 random_u64(void)
{
	u64 v;

	random_bytes(&v, sizeof(v));
	return v;
}

bool random_ready(void)
{
	return atomic_load_explicit(&ready, memory_order_acquire);
}

/* How long a trip through the scheduler takes is not known to the last digits: half a bit each. */
static void gather_jitter(void)
{
	for (int i = 0; i < 512 && !random_ready() && !signal_pending(); i++) {
		u64 sample = arch_clock_ns();

		delay_us(1 + (unsigned int)(sample & 3));
		sched_yield_current();
		random_add(&sample, sizeof(sample), i & 1);
	}
}

int random_wait_ready(void)
{
	while (!random_ready()) {
		if (signal_pending())
			return -ERESTARTSYS;
		gather_jitter();
	}
	return 0;
}

void random_init(void)
{
	u64 words[8];
	unsigned int n = 0;

	while (n < ARRAY_SIZE(words) && cpu_random(&words[n]))
		n++;
	random_add(words, sizeof(words), n * 64);
	if (!n)
		pr_info("The CPU has no random number generator");
}

static long give_bytes(u8 __user *ubuf, size_t len)
{
	struct stream s;
	size_t done = 0;
	long err = 0;

	stream_start(&s);
	while (done < len) {
		size_t step = MIN(len - done, (size_t)BLOCK);

		chacha20_block(&s.state, s.block);
		if (copy_to_user(ubuf + done, s.block, step)) {
			err = -EFAULT;
			break;
		}
		done += step;
		if (done % PAGE_SIZE == 0) {
			cond_resched();
			if (signal_pending()) {
				err = -EINTR;
				break;
			}
		}
	}
	memset(&s, 0, sizeof(s));
	return done ? (long)done : err;
}

long sys_getrandom(void __user *buf, size_t len, unsigned int flags)
{
	int err;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if (!(flags & GRND_INSECURE) && !random_ready()) {
		if (flags & GRND_NONBLOCK)
			return -EAGAIN;
		err = random_wait_ready();
		if (err)
			return err;
	}
	if (!len)
		return 0;
	return give_bytes(buf, MIN(len, OUT_MAX));
}
