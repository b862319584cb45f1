// SPDX-License-Identifier: MIT
/*
 * Where the CPUs stand - package, core, thread - and what caches they have, as CPUID tells: leaf 0xb says how
 * many low bits of the APIC number name the thread and how many the thread and core; leaf 4 (Intel) or
 * 0x8000001d (AMD) describes one cache per subleaf; an AMD CPU without that (QEMU's) has words for L1 to
 * L3 in 0x80000005 and 0x80000006.  A machine that tells nothing has packages of one CPU.
 *
 * Tests: tests/system/test_devices.py.
 */
#include <arch/topology.h>
#include <tarn/cpu.h>
#include <tarn/math.h>
#include <tarn/string.h>
#include "x86.h"

#define LEAF_TOPOLOGY 0xbu
#define LEAF_CACHE_INTEL 4u
#define LEAF_CACHE_AMD 0x8000001du
#define LEVEL_THREAD 1u
#define LEVEL_CORE 2u
#define CACHES_MAX 8u

/* How many bits of the APIC number are inside of a level; 0: nothing is told. */
static u32 level_bits(u32 level)
{
	if (cpuid(0, 0).eax < LEAF_TOPOLOGY)
		return 0;
	for (u32 sub = 0; sub < 4; sub++) {
		struct cpuid_regs r = cpuid(LEAF_TOPOLOGY, sub);

		if ((r.ecx >> 8 & 0xff) == level)
			return r.eax & 31;
	}
	return 0;
}

struct cpu_place arch_cpu_place(u32 cpu)
{
	u32 apic = cpus[cpu]->arch.apic_id, thread = level_bits(LEVEL_THREAD),
	    core = MAX(level_bits(LEVEL_CORE), thread);

	return (struct cpu_place){
		.package = apic >> core,
		.core = (apic & (BIT(core) - 1)) >> thread,
		.core_bits = thread,
		.package_bits = core,
	};
}

static u32 cache_leaf(void)
{
	if (cpuid(0x80000000, 0).eax >= LEAF_CACHE_AMD && (cpuid(0x80000001, 0).ecx & BIT(22)))
		return LEAF_CACHE_AMD;
	return memcmp(x86.vendor, "GenuineIntel", 12) == 0 && cpuid(0, 0).eax >= LEAF_CACHE_INTEL ?
		       LEAF_CACHE_INTEL : 0;
}

/* Ways by their code in leaf 0x80000006; 0: no such cache. */
static const u8 amd_ways[16] = { 0, 1, 2, 3, 4, 6, 8, 0, 16, 0, 32, 48, 64, 96, 128, 0 };

/* L1 data, L1 instruction, L2, L3 by AMD's older leaves. */
static bool amd_old_cache(u32 index, struct cpu_cache *c)
{
	struct cpuid_regs r = cpuid(index < 2 ? 0x80000005 : 0x80000006, 0);
	u32 word = index & 1 ? r.edx : r.ecx, bytes;

	if (index > 3 || cpuid(0x80000000, 0).eax < 0x80000006)
		return false;
	if (index < 2)
		*c = (struct cpu_cache){ .ways = word >> 16 & 0xff };
	else
		*c = (struct cpu_cache){ .ways = amd_ways[word >> 12 & 15] };
	bytes = index < 2 ? (word >> 24) << 10 : index == 2 ? (word >> 16) << 10 : (word >> 18) << 19;
	c->level = index < 2 ? 1 : index;
	c->type = index == 0 ? "Data" : index == 1 ? "Instruction" : "Unified";
	c->line = word & 0xff;
	c->partitions = 1;
	c->shared_bits = index == 3 ? arch_cpu_place(0).package_bits : arch_cpu_place(0).core_bits;
	if (!c->line || !c->ways || !bytes)
		return false;
	c->sets = bytes / (c->line * c->ways);
	return true;
}

bool arch_cpu_cache(u32 index, struct cpu_cache *c)
{
	static const char *const types[] = { NULL, "Data", "Instruction", "Unified" };
	u32 leaf = cache_leaf(), type;
	struct cpuid_regs r;

	if (!leaf && memcmp(x86.vendor, "AuthenticAMD", 12) == 0)
		return amd_old_cache(index, c);
	if (!leaf || index >= CACHES_MAX)
		return false;
	r = cpuid(leaf, index);
	type = r.eax & 31;
	if (!type || type >= ARRAY_SIZE(types))
		return false;
	*c = (struct cpu_cache){
		.type = types[type],
		.level = r.eax >> 5 & 7,
		.line = (r.ebx & 0xfff) + 1,
		.partitions = (r.ebx >> 12 & 0x3ff) + 1,
		.ways = (r.ebx >> 22) + 1,
		.sets = r.ecx + 1,
		.shared_bits = ilog2(roundup_pow2((r.eax >> 14 & 0xfff) + 1)),
	};
	return true;
}

bool arch_cpus_share(u32 a, u32 b, u32 bits)
{
	return cpus[a]->arch.apic_id >> bits == cpus[b]->arch.apic_id >> bits;
}
