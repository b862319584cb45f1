// SPDX-License-Identifier: MIT
/*
 * membarrier(2): a full barrier on every CPU that runs threads of this process
 * (or of any), so that the other side of an algorithm needs none.  An interrupt
 * is such a barrier.
 */
#include <linux/membarrier.h>
#include <tarn/cpu.h>
#include <tarn/errno.h>
#include <tarn/rcu.h>
#include <tarn/thread.h>
#include <tarn/syscall.h>
#include "mm_int.h"

#define EXPEDITED_CMDS                                                                     \
	(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |                          \
	 MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |      \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |                                        \
	 MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |                                       \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)

static void full_barrier(void *unused)
{
	atomic_thread_fence(memory_order_seq_cst);
}

static long barrier_everywhere(void)
{
	full_barrier(NULL);
	cpu_call_others(full_barrier, NULL);
	full_barrier(NULL);
	return 0;
}

/* The command that asks for leave to give @cmd: its bit stands for it in mm->membarrier_state. */
static u32 register_of(int cmd)
{
	return cmd == MEMBARRIER_CMD_PRIVATE_EXPEDITED ?
		       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED :
		       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;
}

long sys_membarrier(int cmd, unsigned int flags, int cpu)
{
	struct mm *mm = current->mm;

	if (flags)
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_CMD_QUERY:
		return EXPEDITED_CMDS;
	case MEMBARRIER_CMD_GLOBAL:
		rcu_synchronize();
		return 0;
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
		return 0; /* a barrier of others reaches every CPU here */
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
		atomic_fetch_or(&mm->membarrier_state, (u32)cmd);
		return 0;
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE: /* returning from an interrupt serialises */
		if (!(atomic_load(&mm->membarrier_state) & register_of(cmd)))
			return -EPERM;
		return barrier_everywhere();
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
		return barrier_everywhere();
	}
	return -EINVAL;
}
