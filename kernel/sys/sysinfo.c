// SPDX-License-Identifier: MIT
/* sysinfo(2) and getcpu(2). */
#include <linux/sysinfo.h>
#include <arch/time.h>
#include <arch/uaccess.h>
#include <tarn/page.h>
#include <tarn/process.h>
#include <tarn/syscall.h>

long sys_sysinfo(void __user *info)
{
	struct sched_stats sched;
	struct mem_stats mem;
	struct sysinfo k = { 0 };

	sched_get_stats(&sched);
	mem_get_stats(&mem);
	k.uptime = (long)(clock_monotonic() / NSEC_PER_SEC);
	for (int i = 0; i < 3; i++)
		k.loads[i] = sched.load[i];
	k.totalram = mem.total << PAGE_SHIFT;
	k.freeram = mem.free << PAGE_SHIFT;
	k.sharedram = mem.shmem << PAGE_SHIFT;
	k.totalswap = mem.swap_total << PAGE_SHIFT;
	k.freeswap = mem.swap_free << PAGE_SHIFT;
	k.procs = (u16)MIN(sched.total, 0xffffu);
	k.mem_unit = 1;
	return copy_to_user(info, &k, sizeof(k));
}

long sys_getcpu(unsigned int __user *cpu, unsigned int __user *node, void __user *unused)
{
	int err = cpu ? put_user(cpu_id(), cpu) : 0;

	if (!err && node)
		err = put_user(0u, node);
	return err;
}
