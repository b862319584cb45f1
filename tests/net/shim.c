// SPDX-License-Identifier: MIT
/*
 * The kernel that the network stands on, for the host: one CPU, one thread that never sleeps, a clock that
 * moves only when told.
 *
 * Locks check that they are free when taken and held when dropped. Memory is malloc's, filled with a pattern and
 * counted, so that AddressSanitizer and the tests see each mistake; frames are taken from one mapping, because
 * struct page and address are computed from each other, and are poisoned while free. RCU call-backs
 * wait for host_rcu_run(), which the simulator calls between events.
 */
#include <sanitizer/asan_interface.h>
#include <tarn/charge.h>
#include <tarn/cpu.h>
#include <tarn/cred.h>
#include <tarn/errptr.h>
#include <tarn/iov.h>
#include <tarn/printk.h>
#include <tarn/random.h>
#include <tarn/rcu.h>
#include <tarn/slab.h>
#include <tarn/thread.h>
#include <tarn/waitq.h>
#include <tarn/work.h>
#include "host.h"

void *mmap(void *addr, size_t len, int prot, int flags, int fd, long off);
int vprintf(const char *fmt, __builtin_va_list ap);

ktime_t host_clock = NSEC_PER_SEC;
long host_blocks, host_frames, host_fail_after = -1;

static struct thread thread_of_host;
static struct cpu cpu_of_host;
struct thread *host_thread = &thread_of_host;
struct cpu *host_cpu = &cpu_of_host;
struct cpu *cpus[MAX_CPUS] = { &cpu_of_host };
u32 nr_cpus = 1;

/* ---- the end ---- */

void NORETURN panic(const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	printf("panic: ");
	vprintf(fmt, ap);
	printf("\n");
	fflush(NULL);
	abort();
}

void printk(int level, const char *fmt, ...)
{
}

void ref_bad_change(_Atomic u32 *n, u32 old)
{
	panic("a reference count was %u when it changed", old);
}

/* ---- locks ---- */

static u32 spins;

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank)
{
	*l = (struct spinlock){ .name = name, .rank = (u16)rank };
}
void spin_lock(struct spinlock *l)
{
	if (l->cpu_plus_1)
		panic("lock %s taken twice", l->name);
	l->cpu_plus_1 = 1;
	spins++;
}
void spin_lock_nested(struct spinlock *l)
{
	spin_lock(l);
}
void spin_unlock(struct spinlock *l)
{
	if (!l->cpu_plus_1)
		panic("lock %s is not held", l->name);
	l->cpu_plus_1 = 0;
	spins--;
}
u64 spin_lock_irqsave(struct spinlock *l)
{
	spin_lock(l);
	return 0;
}
void spin_unlock_irqrestore(struct spinlock *l, u64 flags)
{
	spin_unlock(l);
}
bool spin_is_held(const struct spinlock *l)
{
	return l->cpu_plus_1;
}
void mutex_init(struct mutex *m, const char *name, enum lock_rank rank)
{
	m->name = name;
	m->owner = NULL;
}
void mutex_lock(struct mutex *m)
{
	if (m->owner || spins)
		panic("mutex %s: would sleep", m->name);
	m->owner = host_thread;
}
void mutex_unlock(struct mutex *m)
{
	m->owner = NULL;
}
bool mutex_is_held(const struct mutex *m)
{
	return m->owner;
}
void might_sleep(const char *what)
{
	if (spins)
		panic("%s: would sleep with a spinlock held", what);
}

/* ---- waiting: nobody does ---- */

void waitq_init(struct waitq *q)
{
	list_init(&q->waiters);
}
void waitq_wake_all(struct waitq *q, u32 events)
{
}
void waitq_wake_one(struct waitq *q, u32 events)
{
}
void waitq_prepare(struct waitq *q, struct wait_entry *e, enum thread_state state, bool exclusive)
{
	panic("somebody waits");
}
void waitq_finish(struct wait_entry *e)
{
}
bool schedule_deadline(ktime_t deadline)
{
	panic("somebody sleeps");
}
bool thread_sleep_interrupted(enum thread_state state)
{
	return false;
}
void cond_resched(void)
{
}

/* ---- memory ---- */

static bool may_allocate(void)
{
	if (host_fail_after == 0)
		return false;
	if (host_fail_after > 0)
		host_fail_after--;
	return true;
}

void *kmalloc(size_t size, gfp_t gfp)
{
	void *p;

	if ((gfp & GFP_RECLAIM && spins) || !may_allocate()) {
		if (spins && gfp & GFP_RECLAIM)
			panic("an allocation that may sleep, with a spinlock held");
		return NULL;
	}
	p = aligned_alloc(64, ALIGN_UP(size, 64ul));
	__builtin_memset(p, gfp & GFP_ZERO ? 0 : 0xa5, size);
	host_blocks++;
	return p;
}
void *kzalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp | GFP_ZERO);
}
void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return kzalloc(n * size, gfp);
}
void kfree(const void *p)
{
	if (p)
		host_blocks--;
	free((void *)p);
}
struct kmem_cache {
	size_t size;
};
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, void (*ctor)(void *obj))
{
	struct kmem_cache *c = malloc(sizeof(*c));

	c->size = size;
	return c;
}
void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp)
{
	return kmalloc(c->size, gfp);
}
void kmem_cache_free(struct kmem_cache *c, void *obj)
{
	kfree(obj);
}

/* Frames: blocks of eight, enough of them; a freed one is used again last. */
#define BLOCKS 16384u
#define BLOCK_FRAMES 8u
static u32 free_blocks[BLOCKS], first_free, nr_free;

static void frames_init(void)
{
	size_t bytes = BLOCKS * BLOCK_FRAMES * PAGE_SIZE;

	mmap((void *)DIRECT_MAP_BASE, bytes, 3, 0x4032, -1, 0);
	mmap((void *)PAGE_ARRAY_BASE, BLOCKS * BLOCK_FRAMES * sizeof(struct page), 3, 0x4032, -1, 0);
	for (u32 i = 0; i < BLOCKS; i++)
		free_blocks[i] = i;
	nr_free = BLOCKS;
}

struct page *page_alloc(gfp_t gfp, unsigned int order, enum page_state state)
{
	struct page *p;

	if (gfp & GFP_RECLAIM && spins)
		panic("a frame that may sleep, with a spinlock held");
	if (order > 3 || !nr_free || !may_allocate())
		return NULL;
	p = pfn_to_page((pfn_t)free_blocks[first_free] * BLOCK_FRAMES);
	first_free = (first_free + 1) % BLOCKS;
	nr_free--;
	*p = (struct page){ .refs = 1, .state = state, .order = (u8)order };
	ASAN_UNPOISON_MEMORY_REGION(page_address(p), PAGE_SIZE << order);
	__builtin_memset(page_address(p), gfp & GFP_ZERO ? 0 : 0xa5, PAGE_SIZE << order);
	host_frames++;
	return p;
}
void page_put(struct page *p)
{
	if (ref_lower(&p->refs) != 1)
		return;
	ASAN_POISON_MEMORY_REGION(page_address(p), PAGE_SIZE << p->order);
	free_blocks[(first_free + nr_free) % BLOCKS] = (u32)(page_to_pfn(p) / BLOCK_FRAMES);
	nr_free++;
	host_frames--;
}

/* ---- users pay nothing here ---- */

bool charge_try(struct user *u, enum charge_kind kind, u64 n, u64 limit)
{
	return true;
}
void charge_drop(struct user *u, enum charge_kind kind, u64 n)
{
}

void user_get(struct user *u)
{
}
void user_put(struct user *u)
{
}

/* ---- RCU ---- */

static struct rcu_head *put_off;
static u32 readers;

void rcu_read_lock(void)
{
	readers++;
}
void rcu_read_unlock(void)
{
	readers--;
}
void rcu_call(struct rcu_head *h, void (*fn)(struct rcu_head *h))
{
	h->fn = fn;
	h->next = put_off;
	put_off = h;
}
void host_rcu_run(void)
{
	struct rcu_head *h;

	if (spins || readers)
		panic("a lock is held at a quiet point");
	while ((h = put_off) != NULL) {
		put_off = h->next;
		h->fn(h);
	}
}
void rcu_synchronize(void)
{
	host_rcu_run();
}

/* ---- iov: the kernel's kind alone ---- */

void iov_init_kernel(struct iov_iter *it, void *buf, size_t len)
{
	*it = (struct iov_iter){ .kind = IOV_KERNEL, .count = len, .kernel.buf = buf };
}
size_t iov_copy_to(struct iov_iter *it, const void *src, size_t n)
{
	n = MIN(n, it->count);
	__builtin_memcpy((u8 *)it->kernel.buf + it->done_in_seg, src, n);
	it->done_in_seg += n;
	it->count -= n;
	return n;
}
size_t iov_copy_from(void *dst, struct iov_iter *it, size_t n)
{
	n = MIN(n, it->count);
	__builtin_memcpy(dst, (u8 *)it->kernel.buf + it->done_in_seg, n);
	it->done_in_seg += n;
	it->count -= n;
	return n;
}

/* ---- time ---- */

static struct list timers = LIST_INIT(timers);

ktime_t net_now(void)
{
	return host_clock;
}
void net_timer_init(struct net_timer *t, void (*fn)(struct net_timer *t))
{
	*t = (struct net_timer){ .fn = fn };
}
bool net_timer_arm(struct net_timer *t, ktime_t expires)
{
	bool fresh = !t->cpu_plus_1;
	struct net_timer *o;

	if (!fresh)
		list_del(&t->node);
	t->expires = MAX(expires, host_clock);
	t->cpu_plus_1 = 1;
	LIST_FOR_EACH_REVERSE(o, &timers, node)
		if (o->expires <= t->expires)
			break;
	list_add(&o->node, &t->node); /* after a whole walk &o->node is the head */
	return fresh;
}
bool net_timer_cancel(struct net_timer *t)
{
	if (!t->cpu_plus_1)
		return false;
	list_del(&t->node);
	t->cpu_plus_1 = 0;
	return true;
}
bool host_timer_next(ktime_t *when)
{
	struct net_timer *t = list_first(&timers, struct net_timer, node);

	if (t)
		*when = t->expires;
	return t;
}
void host_timers_run(void)
{
	struct net_timer *t;

	while ((t = list_first(&timers, struct net_timer, node)) && t->expires <= host_clock) {
		net_timer_cancel(t);
		t->fn(t);
	}
}
u32 host_timers_armed(void)
{
	struct net_timer *t;
	u32 n = 0;

	LIST_FOR_EACH(t, &timers, node)
		n++;
	return n;
}

/* ---- numbers ---- */

u64 host_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static u64 random_state = 1;

u64 random_u64(void)
{
	return host_random(&random_state);
}
void random_bytes(void *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((u8 *)out)[i] = (u8)random_u64();
}

void packet_init(void);

void host_init(void)
{
	frames_init();
	packet_init();
}
