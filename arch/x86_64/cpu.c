// SPDX-License-Identifier: MIT
/*
 * What the CPU can do, switching it on, and what user space is told of it.
 *
 * All CPUs of a machine are taken to be alike: cpu_detect() asks the boot CPU
 * once, cpu_setup() runs on each.
 */
#include <arch/io.h>
#include <arch/pkeys.h>
#include <arch/time.h>
#include <arch/topology.h>
#include <asm/hwcap2.h>
#include <tarn/cpu.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include "fpu.h"
#include "offsets.h"
#include "timing.h"
#include "x86.h"

struct x86_features x86;
bool cpu_pause_rarely;
bool dma_mb_by_rdtsc;
bool cpu_may_be_taken;

static void detect_names(void)
{
	struct cpuid_regs r = cpuid(0, 0);
	u32 max_ext = cpuid(0x80000000, 0).eax;

	memcpy(x86.vendor, &r.ebx, 4);
	memcpy(x86.vendor + 4, &r.edx, 4);
	memcpy(x86.vendor + 8, &r.ecx, 4);
	for (u32 i = 0; i < 3 && max_ext >= 0x80000004; i++) {
		r = cpuid(0x80000002 + i, 0);
		memcpy(x86.name + 16 * i, &r, 16);
	}
	if (!x86.name[0])
		strscpy(x86.name, "unknown", sizeof(x86.name));
	x86.phys_bits = 36;
	x86.virt_bits = 48;
	if (max_ext >= 0x80000008) {
		x86.phys_bits = (u8)cpuid(0x80000008, 0).eax;
		x86.virt_bits = (u8)(cpuid(0x80000008, 0).eax >> 8);
	}
}

static bool emulated_by_tcg(void)
{
	struct cpuid_regs r = cpuid(0x40000000, 0);

	return (cpuid(1, 0).ecx & BIT(31)) && memcmp(&r.ebx, "TCGTCGTCGTCG", 12) == 0;
}

void cpu_detect(void)
{
	u32 max = cpuid(0, 0).eax;
	struct cpuid_regs one = cpuid(1, 0);
	struct cpuid_regs seven = max >= 7 ? cpuid(7, 0) : (struct cpuid_regs){ 0 };
	u32 ext = cpuid(0x80000001, 0).edx;

	detect_names();
	cpu_pause_rarely = dma_mb_by_rdtsc = emulated_by_tcg();
	cpu_may_be_taken = one.ecx & BIT(31);
	x86.family = one.eax >> 8 & 0xf;
	if (x86.family == 15)
		x86.family += one.eax >> 20 & 0xff;
	x86.model = (one.eax >> 4 & 0xf) | (one.eax >> 12 & 0xf0);
	x86.stepping = one.eax & 0xf;
	x86.hwcap = one.edx;
	x86.pge = one.edx & BIT(13);
	x86.xsave = one.ecx & BIT(26);
	x86.rdrand = one.ecx & BIT(30);
	x86.fsgsbase = seven.ebx & BIT(0);
	x86.smep = seven.ebx & BIT(7);
	x86.erms = seven.ebx & BIT(9);
	x86.smap = seven.ebx & BIT(20);
	x86.umip = seven.ecx & BIT(2);
	x86.rdpid = seven.ecx & BIT(22);
	x86.pku = seven.ecx & BIT(3) && x86.xsave;
	x86.nx = ext & BIT(20);
	x86.gib_pages = ext & BIT(26);
	x86.rdtscp = ext & BIT(27);
	if (cpuid(0x80000000, 0).eax >= 0x80000007)
		x86.invariant_tsc = cpuid(0x80000007, 0).edx & BIT(8);
	fpu_detect();
}

/* CLAC and STAC are invalid opcodes without SMAP: every site becomes a NOP.  Before W^X, one CPU. */
void cpu_patch_smap(void)
{
	extern const s32 __start_smap_sites[], __stop_smap_sites[];
	static const u8 nop3[3] = { 0x0f, 0x1f, 0x00 };

	if (x86.smap)
		return;
	for (const s32 *s = __start_smap_sites; s < __stop_smap_sites; s++)
		memcpy((char *)s + *s, nop3, sizeof(nop3));
}

static void setup_syscall(void)
{
	extern const char syscall_entry[];

	wrmsr(MSR_STAR, (u64)GDT_USER_CS32 << 48 | (u64)GDT_KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, (u64)syscall_entry);
	/* Whatever a user can set and the kernel must not run with. */
	wrmsr(MSR_SFMASK, X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | X86_EFLAGS_IOPL |
				  X86_EFLAGS_NT | X86_EFLAGS_RF | X86_EFLAGS_AC | X86_EFLAGS_ID |
				  X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF |
				  X86_EFLAGS_SF | X86_EFLAGS_OF);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | (x86.nx ? EFER_NXE : 0));
	if (memcmp(x86.vendor, "GenuineIntel", 12) == 0)
		wrmsr(MSR_SYSENTER_CS, 0); /* SYSENTER: #GP, so SIGSEGV */
}

void cpu_setup(void)
{
	u64 cr4 = read_cr4() | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;

	write_cr0((read_cr0() | X86_CR0_WP | X86_CR0_NE | X86_CR0_MP | X86_CR0_AM) &
		  ~(X86_CR0_EM | X86_CR0_TS | X86_CR0_CD | X86_CR0_NW));
	if (x86.pge)
		cr4 |= X86_CR4_PGE;
	if (x86.smep)
		cr4 |= X86_CR4_SMEP;
	if (x86.smap)
		cr4 |= X86_CR4_SMAP;
	if (x86.umip)
		cr4 |= X86_CR4_UMIP;
	if (x86.fsgsbase)
		cr4 |= X86_CR4_FSGSBASE;
	if (x86.xsave)
		cr4 |= X86_CR4_OSXSAVE;
	if (cpu_has_pkeys)
		cr4 |= X86_CR4_PKE;
	write_cr4(cr4);
	setup_syscall();
	if (x86.rdtscp || x86.rdpid)
		wrmsr(MSR_TSC_AUX, this_cpu()->id);
	fpu_setup();
}

/* ---- what user space is told ---- */

bool cpu_random(u64 *out)
{
	u64 v;
	bool ok;

	for (unsigned int tries = 0; x86.rdrand && tries < 10; tries++) {
		__asm__ volatile("rdrand %0" : "=r"(v), "=@ccc"(ok));
		if (ok) {
			*out = v;
			return true;
		}
	}
	return false;
}

u64 arch_boot_secret(void)
{
	u64 v;

	return cpu_random(&v) ? v : rdtsc() * 0x9e3779b97f4a7c15ul;
}

u64 cpu_hwcap(void)
{
	return x86.hwcap;
}

u64 cpu_hwcap2(void)
{
	return x86.fsgsbase ? HWCAP2_FSGSBASE : 0;
}

/* Feature names as Linux spells them in /proc/cpuinfo: { leaf, register, bit, name }. */
enum reg { EAX, EBX, ECX, EDX };
static const struct flag_name {
	u32 leaf;
	u8 reg, bit;
	const char *name;
} flag_names[] = {
	{ 1, EDX, 0, "fpu" },
	{ 1, EDX, 1, "vme" },
	{ 1, EDX, 2, "de" },
	{ 1, EDX, 3, "pse" },
	{ 1, EDX, 4, "tsc" },
	{ 1, EDX, 5, "msr" },
	{ 1, EDX, 6, "pae" },
	{ 1, EDX, 7, "mce" },
	{ 1, EDX, 8, "cx8" },
	{ 1, EDX, 9, "apic" },
	{ 1, EDX, 11, "sep" },
	{ 1, EDX, 12, "mtrr" },
	{ 1, EDX, 13, "pge" },
	{ 1, EDX, 14, "mca" },
	{ 1, EDX, 15, "cmov" },
	{ 1, EDX, 16, "pat" },
	{ 1, EDX, 17, "pse36" },
	{ 1, EDX, 19, "clflush" },
	{ 1, EDX, 23, "mmx" },
	{ 1, EDX, 24, "fxsr" },
	{ 1, EDX, 25, "sse" },
	{ 1, EDX, 26, "sse2" },
	{ 1, EDX, 27, "ss" },
	{ 1, EDX, 28, "ht" },
	{ 0x80000001, EDX, 11, "syscall" },
	{ 0x80000001, EDX, 20, "nx" },
	{ 0x80000001, EDX, 22, "mmxext" },
	{ 0x80000001, EDX, 25, "fxsr_opt" },
	{ 0x80000001, EDX, 26, "pdpe1gb" },
	{ 0x80000001, EDX, 27, "rdtscp" },
	{ 0x80000001, EDX, 29, "lm" },
	{ 0x80000001, EDX, 30, "3dnowext" },
	{ 0x80000001, EDX, 31, "3dnow" },
	{ 1, ECX, 0, "pni" },
	{ 1, ECX, 1, "pclmulqdq" },
	{ 1, ECX, 3, "monitor" },
	{ 1, ECX, 9, "ssse3" },
	{ 1, ECX, 12, "fma" },
	{ 1, ECX, 13, "cx16" },
	{ 1, ECX, 19, "sse4_1" },
	{ 1, ECX, 20, "sse4_2" },
	{ 1, ECX, 21, "x2apic" },
	{ 1, ECX, 22, "movbe" },
	{ 1, ECX, 23, "popcnt" },
	{ 1, ECX, 25, "aes" },
	{ 1, ECX, 26, "xsave" },
	{ 1, ECX, 28, "avx" },
	{ 1, ECX, 29, "f16c" },
	{ 1, ECX, 30, "rdrand" },
	{ 1, ECX, 31, "hypervisor" },
	{ 0x80000001, ECX, 0, "lahf_lm" },
	{ 0x80000001, ECX, 2, "svm" },
	{ 0x80000001, ECX, 4, "cr8_legacy" },
	{ 0x80000001, ECX, 5, "abm" },
	{ 0x80000001, ECX, 6, "sse4a" },
	{ 0x80000001, ECX, 8, "3dnowprefetch" },
	{ 7, EBX, 0, "fsgsbase" },
	{ 7, EBX, 3, "bmi1" },
	{ 7, EBX, 5, "avx2" },
	{ 7, EBX, 7, "smep" },
	{ 7, EBX, 8, "bmi2" },
	{ 7, EBX, 9, "erms" },
	{ 7, EBX, 16, "avx512f" },
	{ 7, EBX, 18, "rdseed" },
	{ 7, EBX, 19, "adx" },
	{ 7, EBX, 20, "smap" },
	{ 7, EBX, 23, "clflushopt" },
	{ 7, EBX, 24, "clwb" },
	{ 7, EBX, 29, "sha_ni" },
	{ 7, ECX, 2, "umip" },
	{ 7, ECX, 3, "pku" },
	{ 7, ECX, 4, "ospke" },
	{ 7, ECX, 9, "vaes" },
	{ 7, ECX, 10, "vpclmulqdq" },
	{ 7, ECX, 22, "rdpid" },
};

static void show_flags(struct strbuf *out)
{
	u32 max = cpuid(0, 0).eax;

	strbuf_puts(out, "flags\t\t:");
	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++) {
		const struct flag_name *f = &flag_names[i];
		struct cpuid_regs r;
		const u32 *regs = &r.eax;

		if (f->leaf < 0x80000000 && f->leaf > max)
			continue;
		r = cpuid(f->leaf, 0);
		if (regs[f->reg] >> f->bit & 1)
			strbuf_printf(out, " %s", f->name);
	}
	strbuf_putc(out, '\n');
}

void cpu_show_info(struct strbuf *out, u32 cpu)
{
	u64 khz = tsc_khz();
	u32 apic = cpus[cpu]->arch.apic_id, siblings = 0, cores = 0;
	struct cpu_place place = arch_cpu_place(cpu);

	FOR_EACH_CPU(c) {
		bool first = true; /* of its core */

		if (!arch_cpus_share(c, cpu, place.package_bits))
			continue;
		siblings++;
		for (u32 d = 0; d < c; d++)
			first &= !arch_cpus_share(c, d, place.core_bits);
		cores += first;
	}
	strbuf_printf(out, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", cpu,
		      x86.vendor, x86.family, x86.model);
	strbuf_printf(out, "model name\t: %s\nstepping\t: %u\ncpu MHz\t\t: %lu.%03lu\n", x86.name,
		      x86.stepping, (ulong)(khz / 1000), (ulong)(khz % 1000));
	strbuf_printf(out,
		      "physical id\t: %u\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n"
		      "apicid\t\t: %u\ninitial apicid\t: %u\n",
		      place.package, siblings, place.core, cores, apic, apic);
	strbuf_printf(out, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
		      cpuid(0, 0).eax);
	show_flags(out);
	bugs_show_flags(out);
	strbuf_printf(out, "bogomips\t: %lu.%02lu\n", (ulong)(khz / 500),
		      (ulong)(khz / 5 % 100));
	strbuf_printf(out,
		      "clflush size\t: %u\ncache_alignment\t: 64\n"
		      "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
		      (cpuid(1, 0).ebx >> 8 & 0xff) * 8, x86.phys_bits, x86.virt_bits);
}
