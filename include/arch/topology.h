// SPDX-License-Identifier: MIT
/* How the CPUs are arranged and what caches they have: for /sys and /proc/cpuinfo. */
#pragma once

struct cpu_place {
	u32 package, core;            /* numbers as the hardware counts them */
	u32 core_bits, package_bits;  /* for arch_cpus_share(): CPUs of one core, of one package */
};
struct cpu_place arch_cpu_place(u32 cpu);

struct cpu_cache {
	const char *type;             /* "Data", "Instruction", "Unified" */
	u32 level, line, partitions, ways, sets;
	u32 shared_bits;              /* for arch_cpus_share() */
};
/* The cache number @index of each CPU; false: there are no more, or nothing is told of them. */
bool arch_cpu_cache(u32 index, struct cpu_cache *c);

/* Whether @a and @b differ in the low @bits of their hardware number only. */
bool arch_cpus_share(u32 a, u32 b, u32 bits);
