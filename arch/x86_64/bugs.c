// SPDX-License-Identifier: MIT
/*
 * The faults of CPUs by which a program reads what it may not: which of them this machine has, and
 * what is done about each.  For /sys/devices/system/cpu/vulnerabilities and the bugs line of /proc/cpuinfo.
 *
 * A CPU tells by IA32_ARCH_CAPABILITIES what it does not have; for the rest its vendor, family and model
 * are looked at.  In doubt it has the fault: a hypervisor may hide anything.
 *
 * Done: fences behind SWAPGS (entry.S), where user space chooses GS or SMAP is not there to help, and
 * masked indexes (tarn/nospec.h).  Not done, and so told: page tables of user mode's own (meltdown),
 * retpolines and IBRS (spectre_v2, retbleed), barriers in user copies (spectre_v1), clearing of
 * buffers (mds and its like), inverted swap entries (l1tf).
 *
 * Limits: what can be found about a CPU that is not Intel's, AMD's or Hygon's is little: it has all of
 * the oldest four.  Tests: tests/system/test_hardening.py.
 */
#include <arch/bugs.h>
#include <tarn/cmdline.h>
#include <tarn/cpu.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include "x86.h"

#define MSR_ARCH_CAPABILITIES 0x10a
#define CAP_RDCL_NO BIT(0)
#define CAP_RSBA BIT(2)
#define CAP_SSB_NO BIT(4)
#define CAP_MDS_NO BIT(5)
#define CAP_PSCHANGE_MC_NO BIT(6)
#define CAP_TAA_NO BIT(8)
#define CAP_STALE_NO (BIT(13) | BIT(14) | BIT(15)) /* SBDR_SSDP, FBSDP, PSDP */

static bool is_amd(void)
{
	return !memcmp(x86.vendor, "AuthenticAMD", 12) || !memcmp(x86.vendor, "HygonGenuine", 12);
}

static bool is_intel(void)
{
	return !memcmp(x86.vendor, "GenuineIntel", 12);
}

static u64 capabilities(void)
{
	bool told = cpuid(0, 0).eax >= 7 && cpuid(7, 0).edx & BIT(29);

	return told ? rdmsr(MSR_ARCH_CAPABILITIES) : 0;
}

static bool intel_lacks(u64 cap)
{
	return is_intel() && (capabilities() & cap) != cap;
}

static bool model_in(const u8 *models, size_t n)
{
	return is_intel() && x86.family == 6 && memchr(models, (int)x86.model, n);
}

/* ---- which ---- */

static bool always(void)
{
	return true;
}
static bool has_meltdown(void)
{
	return !is_amd() && !(capabilities() & CAP_RDCL_NO);
}
static bool has_store_bypass(void)
{
	bool amd_no = cpuid(0x80000000, 0).eax >= 0x80000008 && cpuid(0x80000008, 0).ebx & BIT(26);

	return !(capabilities() & CAP_SSB_NO) && !(is_amd() && amd_no);
}
static bool has_mds(void)
{
	return intel_lacks(CAP_MDS_NO);
}
static bool has_swapgs(void)
{
	return !is_amd();
}
static bool has_multihit(void)
{
	return intel_lacks(CAP_PSCHANGE_MC_NO);
}
static bool has_taa(void)
{
	return intel_lacks(CAP_TAA_NO) && cpuid(7, 0).ebx & BIT(11);
}
static bool has_stale_data(void)
{
	return intel_lacks(CAP_STALE_NO);
}
/* RDRAND and its like through a buffer shared between cores: Ivy Bridge to Comet Lake. */
static bool has_srbds(void)
{
	static const u8 models[] = { 0x3a, 0x3c, 0x45, 0x46, 0x3d, 0x47, 0x4e, 0x5e, 0x66, 0x8e, 0x9e, 0xa5, 0xa6 };

	return model_in(models, sizeof(models));
}
/* Returns that are predicted as indirect branches: AMD's families 15h to 17h, Skylake to Rocket Lake. */
static bool has_retbleed(void)
{
	static const u8 models[] = { 0x4e, 0x5e, 0x55, 0x66, 0x8e, 0x9e, 0xa5, 0xa6, 0xa7, 0x7e, 0x6a, 0x6c, 0x8a };

	if (is_amd())
		return x86.family >= 0x15 && x86.family <= 0x18;
	return model_in(models, sizeof(models)) || (is_intel() && capabilities() & CAP_RSBA);
}

/* ---- what is done ---- */

static bool fences_kernel, fences_user; /* [I] after bugs_init() */

static void patch_out(const s32 *from, const s32 *to)
{
	static const u8 nop3[3] = { 0x0f, 0x1f, 0x00 };

	for (const s32 *s = from; s < to; s++)
		memcpy((char *)s + *s, nop3, sizeof(nop3));
}

/* Without FSGSBASE a program's GS base is a user address, which SMAP stops, if only meltdown lets it. */
void bugs_init(void)
{
	extern const s32 __start_fence_user_sites[], __stop_fence_user_sites[],
		__start_fence_kernel_sites[], __stop_fence_kernel_sites[];

	fences_kernel = !boot_options.no_mitigations && (x86.fsgsbase || !x86.smap || has_meltdown());
	fences_user = fences_kernel && has_swapgs();
	if (!fences_kernel)
		patch_out(__start_fence_kernel_sites, __stop_fence_kernel_sites);
	if (!fences_user)
		patch_out(__start_fence_user_sites, __stop_fence_user_sites);
}

static const char *spectre_v1_state(void)
{
	return boot_options.no_mitigations ? "Vulnerable: no swapgs barriers; no usercopy barriers"
					   : "Vulnerable: swapgs barriers only; no usercopy barriers";
}

/* The large pages whose change an Intel CPU cannot stand are a guest's, and this kernel has no guests. */
static const char *multihit_state(void)
{
	return "KVM: Mitigation: VMX unsupported";
}

static const struct bug {
	const char *file; /* in vulnerabilities/, or NULL */
	const char *flag; /* in /proc/cpuinfo */
	bool (*has)(void);
	const char *(*state)(void); /* NULL: nothing is done */
} bugs[] = {
	{ "meltdown", "cpu_meltdown", has_meltdown, NULL },
	{ "spectre_v1", "spectre_v1", always, spectre_v1_state },
	{ "spectre_v2", "spectre_v2", always, NULL },
	{ "spec_store_bypass", "spec_store_bypass", has_store_bypass, NULL },
	{ "l1tf", "l1tf", has_meltdown, NULL },
	{ "mds", "mds", has_mds, NULL },
	{ NULL, "swapgs", has_swapgs, NULL },
	{ "tsx_async_abort", "taa", has_taa, NULL },
	{ "itlb_multihit", "itlb_multihit", has_multihit, multihit_state },
	{ "srbds", "srbds", has_srbds, NULL },
	{ "mmio_stale_data", "mmio_stale_data", has_stale_data, NULL },
	{ "retbleed", "retbleed", has_retbleed, NULL },
};

const char *arch_bug_file(u32 nr)
{
	u32 seen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bugs); i++)
		if (bugs[i].file && seen++ == nr)
			return bugs[i].file;
	return NULL;
}

const char *arch_bug_state(const char *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (!bugs[i].file || !str_eq(bugs[i].file, file))
			continue;
		if (!bugs[i].has())
			return "Not affected";
		return bugs[i].state ? bugs[i].state() : "Vulnerable";
	}
	return "Not affected";
}

void bugs_show_flags(struct strbuf *out)
{
	strbuf_puts(out, "bugs\t\t:");
	for (size_t i = 0; i < ARRAY_SIZE(bugs); i++)
		if (bugs[i].has())
			strbuf_printf(out, " %s", bugs[i].flag);
	strbuf_putc(out, '\n');
}
