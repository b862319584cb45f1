// SPDX-License-Identifier: MIT
/*
 * lib_alloc for the host: malloc, so that AddressSanitizer watches, filled with
 * a pattern so that nobody counts on zeros, and able to fail on request.
 */
#include <pthread.h>
#include <tarn/lib_alloc.h>
#include "test.h"

struct deferred {
	struct deferred *next;
};

_Static_assert(sizeof(struct deferred) <= LIB_RCU_SPACE, "it lives in the freed object");

static long blocks;			/* [a] */
static long allowed = -1;		/* single-threaded tests only */
static bool deferring;
static struct deferred *deferred_list;	/* under deferred_lock */
static pthread_mutex_t deferred_lock = PTHREAD_MUTEX_INITIALIZER;

void test_alloc_fail_after(long n)
{
	allowed = n;
}

long test_alloc_count(void)
{
	return __atomic_load_n(&blocks, __ATOMIC_RELAXED);
}

void *lib_alloc(size_t size)
{
	void *p;

	if (allowed == 0)
		return NULL;
	if (allowed > 0)
		allowed--;
	p = malloc(size);
	if (!p)
		return NULL;
	memset(p, 0xa5, size);
	__atomic_add_fetch(&blocks, 1, __ATOMIC_RELAXED);
	return p;
}

void *lib_alloc_atomic(size_t size)
{
	return lib_alloc(size);
}

void lib_free(void *p)
{
	if (p)
		__atomic_sub_fetch(&blocks, 1, __ATOMIC_RELAXED);
	free(p);
}

void test_rcu_defer(bool defer)
{
	deferring = defer;
}

void lib_free_rcu(void *p)
{
	struct deferred *d = p;

	if (!deferring) {
		lib_free(p);
		return;
	}
	pthread_mutex_lock(&deferred_lock);
	d->next = deferred_list;
	deferred_list = d;
	pthread_mutex_unlock(&deferred_lock);
}

void test_rcu_barrier(void)
{
	struct deferred *d;

	pthread_mutex_lock(&deferred_lock);
	while ((d = deferred_list) != NULL) {
		deferred_list = d->next;
		lib_free(d);
	}
	pthread_mutex_unlock(&deferred_lock);
}
