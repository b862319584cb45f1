// SPDX-License-Identifier: MIT
/* What tests/host/main.c wants to know of memory: a case that leaves a frame or an object behind fails. */
#include "host.h"
#include "test.h"

long test_alloc_count(void)
{
	static bool booted;

	if (!booted)
		host_boot();
	booted = true;
	return host_memory_used();
}

void test_alloc_fail_after(long n)
{
	host_fail_memory(n);
}

void test_rcu_defer(bool defer)
{
}

void test_rcu_barrier(void)
{
	host_rcu_barrier();
}
