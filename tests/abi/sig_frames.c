// SPDX-License-Identifier: MIT
/*
 * Signal frames: the floating point state a handler starts with and gives back, frames that a program edited
 * or invented for rt_sigreturn(2), and siginfo that user space sends.
 */
#include "abi.h"

#include <pthread.h>
#include <sched.h>
#include <sys/ucontext.h>

static void catch(int sig, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO };

	CHECK(!sigaction(sig, &sa, NULL));
}

/* ---- the state a handler starts with ---- */

static uint32_t seen_mxcsr, get_mxcsr_tmp;
static uint16_t seen_cw;
static uint64_t seen_xmm[2];

static uint32_t get_mxcsr(void)
{
	__asm__ volatile("stmxcsr %0" : "=m"(get_mxcsr_tmp));
	return get_mxcsr_tmp;
}

static void set_mxcsr(uint32_t v)
{
	__asm__ volatile("ldmxcsr %0" ::"m"(v));
}

static void look_at_fpu(int sig, siginfo_t *si, void *ctx)
{
	(void)sig, (void)si, (void)ctx;
	__asm__ volatile("movdqu %%xmm15, %0; fnstcw %1" : "=m"(seen_xmm), "=m"(seen_cw));
	seen_mxcsr = get_mxcsr();
	set_mxcsr(0x1f80 | 0x6000); /* what a handler sets ends with it */
}

TEST(handler_starts_with_fresh_fpu_state)
{
	static const uint64_t mark[2] = { 0x1122334455667788, 0x99aabbccddeeff00 };
	uint64_t after[2];
	uint16_t cw = 0x27f, cw_after;
	long pid = getpid(), nr = SYS_kill, sig = SIGUSR1, ret;

	catch(SIGUSR1, look_at_fpu);
	set_mxcsr(0x9fc0); /* flush to zero, denormals are zero */
	__asm__ volatile("fldcw %3; movdqu %4, %%xmm15; syscall; movdqu %%xmm15, %1; fnstcw %2; fninit"
			 : "=a"(ret), "=m"(after), "=m"(cw_after)
			 : "m"(cw), "m"(mark), "0"(nr), "D"(pid), "S"(sig)
			 : "rcx", "r11", "xmm15", "memory");
	CHECK_EQ(ret, 0);
	CHECK_EQ(seen_mxcsr, 0x1f80);
	CHECK_EQ(seen_cw, 0x37f);
	CHECK(!seen_xmm[0] && !seen_xmm[1]);
	CHECK_EQ(get_mxcsr(), 0x9fc0);
	CHECK_EQ(cw_after, cw);
	CHECK(!memcmp(after, mark, sizeof(mark)));
}

/* A handler within a handler starts fresh too, and each gets its own back. */
static void nested(int sig, siginfo_t *si, void *ctx)
{
	(void)si, (void)ctx;
	CHECK_EQ(get_mxcsr(), 0x1f80);
	set_mxcsr(0x1f80 | (sig == SIGUSR1 ? 0x2000u : 0x4000u));
	if (sig == SIGUSR1) {
		raise(SIGUSR2);
		CHECK_EQ(get_mxcsr(), 0x1f80 | 0x2000);
	}
}

TEST(nested_handlers_have_their_own_fpu_state)
{
	catch(SIGUSR1, nested);
	catch(SIGUSR2, nested);
	set_mxcsr(0x1f80 | 0x6000);
	raise(SIGUSR1);
	CHECK_EQ(get_mxcsr(), 0x1f80 | 0x6000);
}

/* ---- frames that user space edits ---- */

struct sw_bytes { /* <asm/sigcontext.h>: struct _fpx_sw_bytes */
	uint32_t magic1, extended_size;
	uint64_t features;
	uint32_t size, pad[7];
};

static struct sw_bytes *sw_of(ucontext_t *uc)
{
	return (void *)((char *)uc->uc_mcontext.fpregs + 464);
}

static uint64_t *header_of(ucontext_t *uc)
{
	return (void *)((char *)uc->uc_mcontext.fpregs + 512);
}

static void *move_image(ucontext_t *uc, size_t offset)
{
	size_t size = sw_of(uc)->magic1 ? sw_of(uc)->extended_size : 512;
	char *to = aligned_alloc(4096, 65536);

	memcpy(to + offset, uc->uc_mcontext.fpregs, size);
	return to + offset;
}

enum { LIVES, DIES, EITHER };

static void no_image(ucontext_t *uc)
{
	uc->uc_mcontext.fpregs = NULL;
}

static void unmapped(ucontext_t *uc)
{
	uc->uc_mcontext.fpregs = (void *)64;
}

static void non_canonical(ucontext_t *uc)
{
	uc->uc_mcontext.fpregs = (void *)0x8000000000000000;
}

static void kernel_address(ucontext_t *uc)
{
	uc->uc_mcontext.fpregs = (void *)0xffffffff81000000;
}

static void misaligned(ucontext_t *uc)
{
	uc->uc_mcontext.fpregs = move_image(uc, 4);
}

static void elsewhere(ucontext_t *uc)
{
	uc->uc_mcontext.fpregs = move_image(uc, 128);
}

/* The legacy part is there, what follows is not. */
static void half_mapped(ucontext_t *uc)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(p + 4096 - 512, uc->uc_mcontext.fpregs, 512);
	CHECK(!munmap(p + 4096, 4096));
	uc->uc_mcontext.fpregs = (void *)(p + 4096 - 512);
}

static void no_magic(ucontext_t *uc)
{
	sw_of(uc)->magic1 = 0;
}

static void huge_size(ucontext_t *uc)
{
	sw_of(uc)->size = 0x7fffffff;
}

static void tiny_size(ucontext_t *uc)
{
	sw_of(uc)->size = 512;
}

static void larger_than_extended(ucontext_t *uc)
{
	sw_of(uc)->extended_size = 4;
}

static void no_second_magic(ucontext_t *uc)
{
	*(uint32_t *)((char *)uc->uc_mcontext.fpregs + sw_of(uc)->size) = 0;
}

static void unknown_feature(ucontext_t *uc)
{
	header_of(uc)[0] |= 1ull << 62;
}

static void compacted(ucontext_t *uc)
{
	header_of(uc)[1] = 1ull << 63;
}

static void reserved_header(ucontext_t *uc)
{
	header_of(uc)[2] = ~0ull;
}

static void ignored_header(ucontext_t *uc)
{
	memset(&header_of(uc)[3], 0xff, 40);
}

static void no_feature(ucontext_t *uc)
{
	header_of(uc)[0] = 0;
}

static void all_features_claimed(ucontext_t *uc)
{
	sw_of(uc)->features = ~0ull;
}

static void reserved_mxcsr(ucontext_t *uc)
{
	uc->uc_mcontext.fpregs->mxcsr = ~0u;
}

static void odd_flags(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_EFL] = (long)0xfffffffffffbbeff; /* not TF, AC, NT */
}

static void far_rip(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_RIP] = (long)0x8000000000000000;
}

static void far_rsp(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_RSP] = (long)0x8000000000000000;
}

static const struct edit_row {
	const char *what;
	void (*edit)(ucontext_t *uc);
	int result;
	bool xsave; /* only where the frame has an extended part */
} edit_rows[] = {
	{ "no_image", no_image, LIVES, false },
	{ "unmapped", unmapped, DIES, false },
	{ "non_canonical", non_canonical, DIES, false },
	{ "kernel_address", kernel_address, DIES, false },
	{ "misaligned", misaligned, DIES, false },
	{ "elsewhere", elsewhere, LIVES, false },
	{ "half_mapped", half_mapped, DIES, true },
	{ "no_magic", no_magic, LIVES, true },
	{ "huge_size", huge_size, LIVES, true },
	{ "tiny_size", tiny_size, LIVES, true },
	{ "larger_than_extended", larger_than_extended, LIVES, true },
	{ "no_second_magic", no_second_magic, LIVES, true },
	{ "unknown_feature", unknown_feature, DIES, true },
	{ "compacted", compacted, DIES, true },
	{ "reserved_header", reserved_header, DIES, true },
	{ "ignored_header", ignored_header, LIVES, true },
	{ "no_feature", no_feature, LIVES, true },
	{ "all_features_claimed", all_features_claimed, LIVES, true },
	/* The CPU faults on these bits, QEMU's emulation of it does not: Linux dies by the one and not by the other. */
	{ "reserved_mxcsr", reserved_mxcsr, EITHER, false },
	{ "odd_flags", odd_flags, LIVES, false },
	{ "far_rip", far_rip, DIES, false },
	{ "far_rsp", far_rsp, DIES, false },
};

static bool has_xsave(void)
{
	unsigned a = 1, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c & 1u << 27; /* OSXSAVE */
}

static const struct edit_row *editing;

static void edit_frame(int sig, siginfo_t *si, void *ctx)
{
	(void)sig, (void)si;
	editing->edit(ctx);
}

TEST_ROWS(edited_frame, edit_rows)
{
	int st;
	pid_t pid;

	if (row->xsave && !has_xsave())
		SKIP("the CPU has no XSAVE");
	pid = CHILD({
		editing = row;
		catch(SIGUSR1, edit_frame);
		raise(SIGUSR1);
		__asm__ volatile("cld");
		/* A few switches: a bad image would be loaded again. */
		for (int i = 0; i < 20; i++)
			sched_yield();
	});

	st = wait_status(pid);
	if (row->result == EITHER)
		CHECK(st == 0 || WTERMSIG(st) == SIGSEGV);
	else
		CHECK_EQ(st & 0x7f, row->result == DIES ? SIGSEGV : 0);
}

/* rt_sigreturn on a stack where no frame ever was. */
static const struct invented_row {
	const char *what;
	unsigned char fill;
	bool mapped;
} invented_rows[] = { { "zeros", 0, true }, { "ones", 0xff, true }, { "noise", 0x5a, true }, { "no_stack", 0, false } };

TEST_ROWS(invented_frame, invented_rows)
{
	pid_t pid = CHILD({
		char *p = mmap(NULL, 65536, row->mapped ? PROT_READ | PROT_WRITE : PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (row->mapped)
			memset(p, row->fill, 65536);
		__asm__ volatile("mov %0, %%rsp; mov $15, %%eax; syscall; hlt" ::"r"(p + 32768));
	});

	WAIT_SIGNAL(pid, SIGSEGV);
}

/* ---- siginfo from user space ---- */

static siginfo_t got;

static void keep_info(int sig, siginfo_t *si, void *ctx)
{
	(void)sig, (void)ctx;
	got = *si;
}

/* To itself a thread may claim anything; to another thread, even of its own process, it may not. */
static void *claim_for_leader(void *arg)
{
	siginfo_t si = { .si_code = SI_USER };

	(void)arg;
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getpid(), SIGCONT, &si), EPERM);
	CHECK_ERR(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGCONT, &si), EPERM);
	CHECK(!syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGCONT, &si));
	si.si_code = SI_QUEUE;
	CHECK(!syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGCONT, &si));
	return NULL;
}

TEST(only_to_oneself_may_siginfo_claim_a_sender)
{
	siginfo_t si = { .si_code = SI_USER };
	pthread_t t;

	CHECK(!syscall(SYS_rt_sigqueueinfo, getpid(), SIGCONT, &si));
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getppid(), SIGCONT, &si), EPERM);
	CHECK(!pthread_create(&t, NULL, claim_for_leader, NULL));
	CHECK(!pthread_join(t, NULL));
}

TEST(siginfo_of_unknown_layout_must_end_in_zeros)
{
	siginfo_t si = { .si_code = -50 };

	catch(SIGUSR1, keep_info);
	((char *)&si)[100] = 1;
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &si), E2BIG);
	si.si_code = SI_QUEUE; /* known: what follows its fields is not passed on */
	CHECK(!syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &si));
	CHECK_EQ(got.si_code, SI_QUEUE);
	CHECK_EQ(((char *)&got)[100], 0);
}

TEST(who_is_missing_comes_before_what_is_wrong)
{
	siginfo_t si = { .si_code = SI_QUEUE };

	CHECK_ERR(kill(99999999, 65), ESRCH);
	CHECK_ERR(kill(-99999999, 65), ESRCH);
	CHECK_ERR(kill(getpid(), 65), EINVAL);
	CHECK_ERR(kill(getpid(), -1), EINVAL);
	CHECK_ERR(kill(0, 65), EINVAL);
	CHECK_ERR(syscall(SYS_tkill, 99999999, 65), ESRCH);
	CHECK_ERR(syscall(SYS_tgkill, 99999999, 99999999, 65), ESRCH);
	CHECK_ERR(syscall(SYS_tgkill, getpid(), getpid(), 65), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, 99999999, 65, &si), ESRCH);
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getpid(), 65, &si), EINVAL);
	CHECK_ERR(syscall(SYS_rt_tgsigqueueinfo, 0, 0, SIGUSR1, (void *)8), EFAULT);
	CHECK_ERR(syscall(SYS_rt_tgsigqueueinfo, 0, 0, SIGUSR1, &si), EINVAL);
}

TEST(kill_everybody_without_right_to_any)
{
	pid_t pid;

	OWN_MACHINE();
	pid = CHILD({
		CHECK(!setresuid(4242, 4242, 4242));
		CHECK_EQ(kill(-1, 0), 0); /* whoever may not be signalled is passed over in silence */
		CHECK_ERR(kill(-1, 65), EINVAL);
	});
	WAIT_OK(pid);
}
