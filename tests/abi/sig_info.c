// SPDX-License-Identifier: MIT
/* What siginfo tells of faults, limits, pipes and children; sigaltstack, stops that meet continues. */
#include "abi.h"

#include <cpuid.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <ucontext.h>

static siginfo_t seen;
static volatile long long seen_trap, seen_err, seen_cr2, seen_ip;
static sigjmp_buf back;
static char *page, *nowhere;

static void note(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	seen = *si;
	seen_trap = ((ucontext_t *)uc)->uc_mcontext.gregs[REG_TRAPNO];
	seen_err = ((ucontext_t *)uc)->uc_mcontext.gregs[REG_ERR];
	seen_cr2 = ((ucontext_t *)uc)->uc_mcontext.gregs[REG_CR2];
	seen_ip = ((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP];
}

static void note_and_leave(int sig, siginfo_t *si, void *uc)
{
	note(sig, si, uc);
	siglongjmp(back, 1);
}

static void handle(int sig, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO };

	CHECK(!sigaction(sig, &sa, NULL));
}

/* ---- faults ---- */

static void read_nowhere(void) { (void)*(volatile char *)(nowhere + 5); }
static void write_nowhere(void) { *(volatile char *)(nowhere + 5) = 1; }
static void write_read_only(void) { *(volatile char *)(page + 7) = 1; }
static void run_data(void) { ((void (*)(void))page)(); }
static void read_non_canonical(void) { (void)*(volatile char *)0x8000000000000000; }
static void read_kernel(void) { (void)*(volatile char *)0xffffffff81000000; }
static void push_non_canonical(void)
{
	__asm__ volatile("mov %%rsp, %%rbx; mov %0, %%rsp; push %%rax; mov %%rbx, %%rsp"
			 :: "r"(0x8000000000000000ul) : "rbx", "memory");
}
static void halt(void) { __asm__ volatile("hlt"); }
static void divide(void)
{
	__asm__ volatile("xor %%ecx, %%ecx; mov $1, %%eax; cdq; idiv %%ecx" ::: "eax", "ecx", "edx");
}
static void sse_divide(void)
{
	unsigned csr = 0x1f80 & ~0x200u;
	volatile float one = 1, zero = 0;

	__asm__ volatile("ldmxcsr %0; movss %1, %%xmm0; divss %2, %%xmm0" :: "m"(csr), "m"(one), "m"(zero) : "xmm0");
}
static void x87_divide(void)
{
	unsigned short cw = 0x37f & ~4;

	__asm__ volatile("fldcw %0; fld1; fldz; fdivrp; fwait" :: "m"(cw));
}
static void undefined(void) { __asm__ volatile("ud2"); }
static void breakpoint(void) { __asm__ volatile("int3"); }
static void step(void)
{
	__asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop; nop" ::: "cc", "memory");
}
static void past_the_file(void) { (void)*(volatile char *)(page + 4096 + 9); }

/* addr: NO_ADDR: 0, AT_IP: of the instruction, else relative to what the row touches */
enum { NO_ADDR, AT_IP, AT_NOWHERE, AT_PAGE };

static const struct fault {
	const char *what;
	void (*make)(void);
	int sig, code, addr, offset;
	int trap, err;
	bool real; /* QEMU's emulated CPU does otherwise */
} faults[] = {
	{ "read_nowhere", read_nowhere, SIGSEGV, SEGV_MAPERR, AT_NOWHERE, 5, 14, 4, false },
	{ "write_nowhere", write_nowhere, SIGSEGV, SEGV_MAPERR, AT_NOWHERE, 5, 14, 6, false },
	{ "write_read_only", write_read_only, SIGSEGV, SEGV_ACCERR, AT_PAGE, 7, 14, 7, false },
	{ "run_data", run_data, SIGSEGV, SEGV_ACCERR, AT_PAGE, 0, 14, 0x15, false },
	{ "read_non_canonical", read_non_canonical, SIGSEGV, SI_KERNEL, NO_ADDR, 0, 13, 0, false },
	{ "push_non_canonical", push_non_canonical, SIGBUS, SI_KERNEL, NO_ADDR, 0, 12, 0, true },
	{ "halt", halt, SIGSEGV, SI_KERNEL, NO_ADDR, 0, 13, 0, false },
	{ "divide", divide, SIGFPE, FPE_INTDIV, AT_IP, 0, 0, 0, false },
	{ "sse_divide", sse_divide, SIGFPE, FPE_FLTDIV, AT_IP, 0, 19, 0, true },
	{ "x87_divide", x87_divide, SIGFPE, FPE_FLTDIV, AT_IP, 0, 16, 0, false },
	{ "undefined", undefined, SIGILL, ILL_ILLOPN, AT_IP, 0, 6, 0, false },
	{ "breakpoint", breakpoint, SIGTRAP, SI_KERNEL, NO_ADDR, 0, 3, 0, false },
	{ "step", step, SIGTRAP, TRAP_TRACE, AT_IP, 0, 1, 0, false },
	{ "past_the_file", past_the_file, SIGBUS, BUS_ADRERR, AT_PAGE, 4096 + 9, 14, 4, false },
};

static bool cpu_is_emulated(void)
{
	unsigned a, b, c, d;

	__cpuid(0x40000000, a, b, c, d);
	return !memcmp(&b, "TCGT", 4);
}

static void check_fault(const struct fault *row)
{
	long long want = 0;

	if (row->addr == AT_IP)
		want = seen_ip;
	else if (row->addr != NO_ADDR)
		want = (long long)(row->addr == AT_PAGE ? page : nowhere) + row->offset;
	CHECK_EQ(seen.si_signo, row->sig);
	CHECK_EQ(seen.si_errno, 0);
	CHECK_EQ(seen.si_code, row->code);
	CHECK_EQ((long long)seen.si_addr, want);
	CHECK_EQ(seen_trap, row->trap);
	CHECK_EQ(seen_err, row->err);
	if (row->trap == 14)
		CHECK_EQ(seen_cr2, want);
}

TEST_ROWS(fault_tells, faults)
{
	struct sigaction sa = { .sa_sigaction = note_and_leave, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
	int fd = open("f", O_CREAT | O_RDWR, 0600);

	if (row->real && cpu_is_emulated())
		SKIP("the emulated CPU raises another fault, or none");
	CHECK(fd >= 0 && !ftruncate(fd, 4096));
	page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
	nowhere = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED && nowhere != MAP_FAILED && !munmap(nowhere, 4096));
	(void)*(volatile char *)page;
	CHECK(!sigaltstack(&ss, NULL) && !sigaction(row->sig, &sa, NULL));
	if (!sigsetjmp(back, 1)) {
		row->make();
		ABI_FAIL("no fault");
	}
	check_fault(row);
}

TEST(fault_in_kernel_addresses_tells_no_more)
{
	handle(SIGSEGV, note_and_leave);
	if (!sigsetjmp(back, 1)) {
		read_kernel();
		ABI_FAIL("no fault");
	}
	CHECK_EQ(seen.si_code, SEGV_MAPERR);
	CHECK_EQ((unsigned long)seen.si_addr, 0xffffffff81000000);
	CHECK_EQ(seen_trap, 14);
	CHECK_EQ(seen_err, 5); /* as if a page were there, whether one is or not */
}

/* ---- limits, pipes, timers ---- */

TEST(file_size_signal_tells_its_sender)
{
	struct rlimit r = { 10, RLIM_INFINITY };
	int fd = open("f", O_CREAT | O_RDWR, 0600);

	handle(SIGXFSZ, note);
	CHECK(!setrlimit(RLIMIT_FSIZE, &r));
	CHECK_EQ(write(fd, "0123456789abc", 13), 10);
	CHECK_EQ(seen.si_signo, 0);
	CHECK_ERR(write(fd, "x", 1), EFBIG);
	CHECK_EQ(seen.si_signo, SIGXFSZ);
	CHECK_EQ(seen.si_code, SI_USER);
	CHECK_EQ(seen.si_pid, getpid());
	CHECK_EQ(seen.si_uid, getuid());
	memset(&seen, 0, sizeof(seen));
	CHECK_ERR(ftruncate(fd, 11), EFBIG);
	CHECK_EQ(seen.si_signo, SIGXFSZ);
	CHECK_EQ(seen.si_code, SI_USER);
	memset(&seen, 0, sizeof(seen));
	CHECK_ERR(fallocate(fd, 0, 0, 11), EFBIG);
	CHECK_EQ(seen.si_signo, SIGXFSZ);
	CHECK_EQ(seen.si_code, SI_USER);
}

TEST(broken_pipe_tells_its_sender)
{
	int p[2];

	handle(SIGPIPE, note);
	CHECK(!pipe(p) && !close(p[0]));
	CHECK_ERR(write(p[1], "x", 1), EPIPE);
	CHECK_EQ(seen.si_signo, SIGPIPE);
	CHECK_EQ(seen.si_code, SI_USER);
	CHECK_EQ(seen.si_pid, getpid());
	CHECK_EQ(seen.si_uid, getuid());
}

static const struct clock_row {
	const char *what;
	int which, sig;
} clock_rows[] = {
	{ "real", ITIMER_REAL, SIGALRM },
	{ "virtual", ITIMER_VIRTUAL, SIGVTALRM },
	{ "prof", ITIMER_PROF, SIGPROF },
};

TEST_ROWS(interval_timer_tells, clock_rows)
{
	struct itimerval t = { .it_value = { 0, 20000 } };

	handle(row->sig, note);
	CHECK(!setitimer(row->which, &t, NULL));
	while (!*(volatile int *)&seen.si_signo)
		;
	CHECK_EQ(seen.si_signo, row->sig);
	CHECK_EQ(seen.si_code, SI_KERNEL);
	CHECK_EQ(seen.si_pid, 0);
	CHECK_EQ(seen.si_uid, 0);
}

TEST(cpu_limit_tells)
{
	struct rlimit r = { 1, 5 };

	handle(SIGXCPU, note);
	CHECK(!setrlimit(RLIMIT_CPU, &r));
	while (!*(volatile int *)&seen.si_signo)
		;
	CHECK_EQ(seen.si_signo, SIGXCPU);
	CHECK_EQ(seen.si_code, SI_KERNEL);
	CHECK_EQ(seen.si_pid, 0);
}

/* ---- children ---- */

static siginfo_t take_child_signal(void)
{
	sigset_t set;
	siginfo_t si;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	memset(&si, 0, sizeof(si));
	CHECK_EQ(sigwaitinfo(&set, &si), SIGCHLD);
	return si;
}

TEST(child_signal_tells)
{
	sigset_t set;
	siginfo_t si;
	pid_t pid;

	handle(SIGCHLD, note);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = CHILD(for (;;) pause(););
	const struct { int sig, code, status; } want[] = {
		{ SIGSTOP, CLD_STOPPED, SIGSTOP },
		{ SIGCONT, CLD_CONTINUED, SIGCONT },
		{ SIGKILL, CLD_KILLED, SIGKILL },
	};
	for (int i = 0; i < 3; i++) {
		CHECK(!kill(pid, want[i].sig));
		si = take_child_signal();
		CHECK_EQ(si.si_signo, SIGCHLD);
		CHECK_EQ(si.si_errno, 0);
		CHECK_EQ(si.si_code, want[i].code);
		CHECK_EQ(si.si_status, want[i].status);
		CHECK_EQ(si.si_pid, pid);
		CHECK_EQ(si.si_uid, getuid());
	}
	wait_status(pid);
	pid = CHILD(_exit(300););
	si = take_child_signal();
	CHECK_EQ(si.si_code, CLD_EXITED);
	CHECK_EQ(si.si_status, 300 & 255);
	wait_status(pid);
}

/* A stop and a continue in turns, on threads in every state: the process is never lost in between. */
static void *spin(void *stop)
{
	while (!*(volatile int *)stop)
		if (stop == NULL)
			sleep_ms(1);
	return NULL;
}

TEST(stops_that_meet_continues)
{
	siginfo_t si;
	pid_t pid = CHILD({
		static int stop;
		pthread_t t[3];

		for (int i = 0; i < 3; i++)
			CHECK(!pthread_create(&t[i], NULL, spin, &stop));
		for (;;)
			sleep_ms(1);
	});

	for (int i = 0; i < 300; i++) {
		CHECK(!kill(pid, SIGSTOP));
		if (i % 3 == 0)
			CHECK(!waitid(P_PID, (id_t)pid, &si, WSTOPPED));
		CHECK(!kill(pid, SIGCONT));
		if (i % 5 == 0)
			CHECK(!waitid(P_PID, (id_t)pid, &si, WCONTINUED | WNOHANG));
	}
	CHECK(!kill(pid, SIGSTOP));
	CHECK(!waitid(P_PID, (id_t)pid, &si, WSTOPPED));
	CHECK_EQ(si.si_code, CLD_STOPPED);
	CHECK(!kill(pid, SIGTERM)); /* waits until it goes on */
	CHECK(!waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG) && (si.si_pid = 0, true));
	CHECK(!kill(pid, SIGCONT));
	WAIT_SIGNAL(pid, SIGTERM);
}

/* ---- alternate stacks ---- */

#define AUTODISARM (1u << 31)

TEST(sigaltstack_edges)
{
	static char stack[65536];
	stack_t old;

	CHECK(!sigaltstack(NULL, &old));
	CHECK_EQ(old.ss_flags, SS_DISABLE);
	CHECK_ERR(syscall(SYS_sigaltstack, &(stack_t){ .ss_sp = stack, .ss_size = 2047 }, NULL), ENOMEM);
	CHECK(!syscall(SYS_sigaltstack, &(stack_t){ .ss_sp = stack, .ss_size = 2048 }, NULL));
	CHECK_ERR(syscall(SYS_sigaltstack, &(stack_t){ .ss_sp = stack, .ss_size = 65536, .ss_flags = 3 }, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_sigaltstack, (void *)1, NULL), EFAULT);
	CHECK(!syscall(SYS_sigaltstack, &(stack_t){ .ss_sp = stack, .ss_size = 65536, .ss_flags = SS_ONSTACK }, &old));
	CHECK_EQ(old.ss_size, 2048);
	CHECK(!sigaltstack(NULL, &old));
	CHECK_EQ(old.ss_flags, 0);
	CHECK(!syscall(SYS_sigaltstack, &(stack_t){ .ss_flags = (int)(SS_DISABLE | AUTODISARM) }, NULL));
	CHECK(!sigaltstack(NULL, &old));
	CHECK_EQ((unsigned)old.ss_flags, SS_DISABLE | AUTODISARM);
	CHECK_EQ(old.ss_size, 0);
}

static stack_t in_handler;

static void look_at_stack(int sig)
{
	(void)sig;
	syscall(SYS_sigaltstack, NULL, &in_handler);
}

TEST(altstack_that_disarms_itself)
{
	static char stack[65536];
	struct sigaction sa = { .sa_handler = look_at_stack, .sa_flags = SA_ONSTACK };
	stack_t old;

	CHECK(!syscall(SYS_sigaltstack, &(stack_t){ .ss_sp = stack, .ss_size = 65536, .ss_flags = (int)AUTODISARM }, NULL));
	CHECK(!sigaction(SIGUSR1, &sa, NULL));
	raise(SIGUSR1);
	CHECK_EQ(in_handler.ss_flags, SS_DISABLE);
	CHECK_EQ(in_handler.ss_size, 0);
	CHECK(!sigaltstack(NULL, &old));
	CHECK_EQ((unsigned)old.ss_flags, AUTODISARM);
	CHECK_EQ(old.ss_size, 65536);
}
