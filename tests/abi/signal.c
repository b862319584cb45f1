// SPDX-License-Identifier: MIT
/* Signals: delivery, masks, queues, frames, restarts, the CPU's state across them. */
#include "abi.h"

#include <setjmp.h>
#include <sys/signalfd.h>
#include <sys/ucontext.h>

static volatile sig_atomic_t count, last_sig;
static siginfo_t last_info;

static void on_signal(int sig, siginfo_t *si, void *ctx)
{
	(void)ctx;
	count++;
	last_sig = sig;
	last_info = *si;
}

static void catch(int sig, int flags)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags };

	CHECK(!sigaction(sig, &sa, NULL));
}

static sigset_t set_of(int sig)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	return s;
}

TEST(handler_gets_siginfo)
{
	union sigval v = { .sival_int = 42 };

	catch(SIGUSR1, 0);
	CHECK(!kill(getpid(), SIGUSR1));
	CHECK(count == 1 && last_info.si_signo == SIGUSR1 && last_info.si_code == SI_USER);
	CHECK(last_info.si_pid == getpid() && last_info.si_uid == getuid());
	CHECK(!sigqueue(getpid(), SIGUSR1, v));
	CHECK(count == 2 && last_info.si_code == SI_QUEUE && last_info.si_value.sival_int == 42);
	CHECK(!raise(SIGUSR1));
	CHECK_EQ(last_info.si_code, SI_TKILL);
}

TEST(blocked_stays_pending_once)
{
	sigset_t s = set_of(SIGUSR1), p;

	catch(SIGUSR1, 0);
	CHECK(!sigprocmask(SIG_BLOCK, &s, NULL));
	for (int i = 0; i < 5; i++)
		CHECK(!kill(getpid(), SIGUSR1));
	CHECK(count == 0 && !sigpending(&p) && sigismember(&p, SIGUSR1));
	CHECK(!sigprocmask(SIG_UNBLOCK, &s, NULL));
	CHECK_EQ(count, 1); /* a standard signal is queued once */
}

TEST(realtime_queues_in_order)
{
	sigset_t s = set_of(SIGRTMIN);
	siginfo_t si;

	sigaddset(&s, SIGRTMIN + 1);
	CHECK(!sigprocmask(SIG_BLOCK, &s, NULL));
	for (int i = 0; i < 4; i++) {
		union sigval v = { .sival_int = i };

		CHECK(!sigqueue(getpid(), SIGRTMIN + 1, v) && !sigqueue(getpid(), SIGRTMIN, v));
	}
	for (int i = 0; i < 4; i++) /* lowest number first, then in order of sending */
		CHECK(sigwaitinfo(&s, &si) == SIGRTMIN && si.si_value.sival_int == i);
	for (int i = 0; i < 4; i++)
		CHECK(sigwaitinfo(&s, &si) == SIGRTMIN + 1 && si.si_value.sival_int == i);
}

TEST(sigtimedwait_times_out)
{
	sigset_t s = set_of(SIGUSR1);
	struct timespec t = { 0, 50000000 };
	long long start = now_ns();

	CHECK(!sigprocmask(SIG_BLOCK, &s, NULL));
	CHECK_ERR(sigtimedwait(&s, NULL, &t), EAGAIN);
	CHECK(now_ns() - start >= 50000000);
}

TEST(kill_and_stop_cannot_be_caught)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };
	sigset_t all, old;

	CHECK_ERR(sigaction(SIGKILL, &sa, NULL), EINVAL);
	CHECK_ERR(sigaction(SIGSTOP, &sa, NULL), EINVAL);
	sigfillset(&all);
	CHECK(!sigprocmask(SIG_SETMASK, &all, NULL) && !sigprocmask(SIG_BLOCK, NULL, &old));
	CHECK(!sigismember(&old, SIGKILL) && !sigismember(&old, SIGSTOP));
	WAIT_SIGNAL(CHILD({
			    kill(getpid(), SIGKILL);
			    pause();
		    }),
		    SIGKILL);
}

static volatile int depth, deepest;

static void nested(int sig)
{
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (sig == SIGUSR1)
		raise(SIGUSR2);
	depth--;
}

TEST(handlers_nest_and_mask)
{
	struct sigaction sa = { .sa_handler = nested };

	CHECK(!sigaction(SIGUSR1, &sa, NULL) && !sigaction(SIGUSR2, &sa, NULL));
	raise(SIGUSR1);
	CHECK_EQ(deepest, 2);
	deepest = 0;
	sigaddset(&sa.sa_mask, SIGUSR2);
	CHECK(!sigaction(SIGUSR1, &sa, NULL));
	raise(SIGUSR1);
	CHECK_EQ(deepest, 1); /* USR2 waited until USR1's handler returned */
}

static volatile int recursion;

static void recurse(int sig)
{
	if (++recursion < 50)
		raise(sig);
}

TEST(nodefer_recurses)
{
	struct sigaction sa = { .sa_handler = recurse, .sa_flags = SA_NODEFER };

	CHECK(!sigaction(SIGUSR1, &sa, NULL));
	raise(SIGUSR1);
	CHECK_EQ(recursion, 50);
}

TEST(resethand_is_one_shot)
{
	catch(SIGUSR1, SA_RESETHAND);
	raise(SIGUSR1);
	CHECK_EQ(count, 1);
	WAIT_SIGNAL(CHILD(raise(SIGUSR1)), SIGUSR1);
}

static char *alt_low, *alt_high;
static volatile int on_alt;

static void alt_handler(int sig)
{
	char here;
	stack_t s;

	(void)sig;
	on_alt = &here >= alt_low && &here < alt_high;
	sigaltstack(NULL, &s);
	if (!(s.ss_flags & SS_ONSTACK))
		on_alt = 0;
}

TEST(alternate_stack)
{
	stack_t s = { .ss_size = 65536, .ss_sp = malloc(65536) };
	struct sigaction sa = { .sa_handler = alt_handler, .sa_flags = SA_ONSTACK };

	alt_low = s.ss_sp;
	alt_high = alt_low + s.ss_size;
	CHECK(!sigaltstack(&s, NULL) && !sigaction(SIGUSR1, &sa, NULL));
	raise(SIGUSR1);
	CHECK(on_alt);
	s.ss_size = 100;
	CHECK_ERR(sigaltstack(&s, NULL), ENOMEM);
	s.ss_size = 65536;
	s.ss_flags = 0x1234;
	CHECK_ERR(sigaltstack(&s, NULL), EINVAL);
}

static sigjmp_buf overflow_jump;

static void on_overflow(int sig)
{
	siglongjmp(overflow_jump, sig);
}

static int deep(int n)
{
	volatile char b[8192];

	b[0] = (char)n;
	return n < 1000000 ? deep(n + 1) + b[0] : 0;
}

TEST(stack_overflow_handled_on_alternate_stack)
{
	stack_t s = { .ss_size = 65536, .ss_sp = malloc(65536) };
	struct sigaction sa = { .sa_handler = on_overflow, .sa_flags = SA_ONSTACK };

	CHECK(!sigaltstack(&s, NULL) && !sigaction(SIGSEGV, &sa, NULL));
	if (!sigsetjmp(overflow_jump, 1)) {
		deep(0);
		ABI_FAIL("no fault");
	}
}

static void change_rax(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	(void)sig, (void)si;
	uc->uc_mcontext.gregs[REG_RIP] += 2; /* over ud2 */
	uc->uc_mcontext.gregs[REG_RAX] = 77;
}

TEST(frame_registers_are_put_back)
{
	struct sigaction sa = { .sa_sigaction = change_rax, .sa_flags = SA_SIGINFO };
	long v = 1;

	CHECK(!sigaction(SIGILL, &sa, NULL));
	__asm__ volatile("ud2" : "+a"(v));
	CHECK_EQ(v, 77);
}

static void clobber_fpu(int sig)
{
	(void)sig;
	__asm__ volatile("pxor %%xmm7, %%xmm7; fninit; fldpi" ::: "xmm7");
}

TEST(fpu_state_survives_a_handler)
{
	struct sigaction sa = { .sa_handler = clobber_fpu };
	uint64_t in = 0x1122334455667788, out = 0;
	long pid = getpid(), nr = SYS_kill, sig = SIGUSR1, ret;
	double st = 2.5, back = 0;

	CHECK(!sigaction(SIGUSR1, &sa, NULL));
	__asm__ volatile("movq %3, %%xmm7; fldl %4; syscall; fstpl %2; movq %%xmm7, %1"
			 : "=a"(ret), "=r"(out), "=m"(back)
			 : "r"(in), "m"(st), "0"(nr), "D"(pid), "S"(sig)
			 : "rcx", "r11", "xmm7", "memory");
	CHECK(ret == 0 && out == in && back == st);
}

TEST(flags_are_clean_in_handlers)
{
	/* The ABI wants DF clear in a handler and restored afterwards. */
	unsigned long flags;
	long nr = SYS_getpid, ret;

	__asm__ volatile("std; syscall; pushfq; popq %1; cld"
			 : "=a"(ret), "=r"(flags)
			 : "0"(nr)
			 : "rcx", "r11", "memory");
	CHECK_EQ(ret, getpid());
	CHECK(flags & 0x400);
}

TEST(entry_with_odd_flags)
{
	/* DF, AC, NT set at each way into the kernel: it must neither crash nor keep them. */
	static const unsigned long bits[] = { 0x400, 0x40000, 0x4000, 0x44400 };
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (unsigned i = 0; i < 4; i++) {
		long nr = SYS_write, ret;
		int fds[2];

		CHECK(!pipe(fds));
		__asm__ volatile("pushfq; orq %5, (%%rsp); popfq; movb $1, (%6); syscall;"
				 "pushfq; andq $~0x44400, (%%rsp); popfq"
				 : "=a"(ret)
				 : "0"(nr), "D"((long)fds[1]), "S"(page), "d"(10l), "r"(bits[i]),
				   "r"(page)
				 : "rcx", "r11", "memory");
		CHECK_EQ(ret, 10);
		close(fds[0]);
		close(fds[1]);
		madvise(page, 4096, MADV_DONTNEED);
	}
}

TEST(faults_have_codes)
{
	volatile int zero = 0, one = 1;

	WAIT_SIGNAL(CHILD(one = one / zero), SIGFPE);
	WAIT_SIGNAL(CHILD(__asm__ volatile("ud2")), SIGILL);
	WAIT_SIGNAL(CHILD(__asm__ volatile("int3")), SIGTRAP);
	WAIT_SIGNAL(CHILD(__asm__ volatile("hlt")), SIGSEGV);
	WAIT_SIGNAL(CHILD(__asm__ volatile("cli")), SIGSEGV);
	WAIT_SIGNAL(CHILD(abort()), SIGABRT);
}

TEST(ignored_fault_kills)
{
	signal(SIGSEGV, SIG_IGN);
	WAIT_SIGNAL(CHILD(*(volatile int *)4 = 1), SIGSEGV);
}

static void nothing(int sig)
{
	(void)sig;
}

static void alarm_after(long ms, int flags)
{
	struct sigaction sa = { .sa_handler = nothing, .sa_flags = flags };
	timer_t t;
	struct itimerspec its = { .it_value = { ms / 1000, ms % 1000 * 1000000 } };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };

	CHECK(!sigaction(SIGUSR2, &sa, NULL));
	CHECK(!timer_create(CLOCK_MONOTONIC, &ev, &t) && !timer_settime(t, 0, &its, NULL));
}

TEST(read_is_interrupted_or_restarted)
{
	int fds[2];
	char c;
	pid_t pid;

	CHECK(!pipe(fds));
	alarm_after(50, 0);
	CHECK_ERR(read(fds[0], &c, 1), EINTR);
	alarm_after(50, SA_RESTART);
	pid = CHILD({
		sleep_ms(200);
		CHECK_EQ(write(fds[1], "r", 1), 1);
	});
	CHECK_EQ(read(fds[0], &c, 1), 1); /* the signal came in between and the call went on */
	WAIT_OK(pid);
}

TEST(nanosleep_tells_what_is_left)
{
	struct timespec t = { 5, 0 }, left = { 0 };

	alarm_after(50, SA_RESTART);
	CHECK_ERR(nanosleep(&t, &left), EINTR); /* never restarted */
	CHECK(left.tv_sec == 4);
	alarm_after(50, SA_RESTART);
	CHECK_ERR(poll(NULL, 0, 5000), EINTR); /* nor is poll */
}

TEST(stop_does_not_interrupt_sleep)
{
	struct timespec t = { 0, 300000000 };
	long long start = now_ns();
	pid_t me = getpid(), pid = CHILD({
		sleep_ms(50);
		kill(me, SIGSTOP);
		sleep_ms(50);
		kill(me, SIGCONT);
	});

	CHECK(!nanosleep(&t, NULL)); /* went on after SIGCONT without EINTR */
	CHECK(now_ns() - start >= 300000000);
	WAIT_OK(pid);
}

TEST(sigsuspend_swaps_the_mask)
{
	sigset_t block = set_of(SIGUSR1), empty, now;

	sigemptyset(&empty);
	catch(SIGUSR1, 0);
	CHECK(!sigprocmask(SIG_BLOCK, &block, NULL));
	kill(getpid(), SIGUSR1);
	CHECK_ERR(sigsuspend(&empty), EINTR);
	CHECK_EQ(count, 1);
	CHECK(!sigprocmask(SIG_BLOCK, NULL, &now) && sigismember(&now, SIGUSR1));
}

TEST(sigchld_has_details)
{
	catch(SIGCHLD, 0);
	pid_t pid = CHILD(_exit(6));

	while (!count)
		sleep_ms(5);
	CHECK(last_info.si_code == CLD_EXITED && last_info.si_pid == pid &&
	      last_info.si_status == 6);
	wait_status(pid);
}

TEST(signalfd_reads_signals)
{
	sigset_t s = set_of(SIGUSR1);
	struct signalfd_siginfo si;
	struct pollfd p;
	int fd;

	CHECK(!sigprocmask(SIG_BLOCK, &s, NULL));
	fd = signalfd(-1, &s, SFD_NONBLOCK);
	CHECK(fd >= 0);
	CHECK_ERR(read(fd, &si, sizeof(si)), EAGAIN);
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK(!kill(getpid(), SIGUSR1));
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(read(fd, &si, sizeof(si)), sizeof(si));
	CHECK(si.ssi_signo == SIGUSR1 && (pid_t)si.ssi_pid == getpid());
	CHECK_ERR(read(fd, &si, 10), EINVAL);
}

TEST(many_signals_between_processes)
{
	sigset_t s = set_of(SIGUSR1);
	pid_t me = getpid(), pid;
	siginfo_t si;

	CHECK(!sigprocmask(SIG_BLOCK, &s, NULL));
	pid = CHILD(for (int i = 0; i < 500; i++) {
		kill(me, SIGUSR1);
		CHECK(sigwaitinfo(&s, NULL) == SIGUSR1);
	});
	for (int i = 0; i < 500; i++) {
		CHECK(sigwaitinfo(&s, &si) == SIGUSR1 && si.si_pid == pid);
		kill(pid, SIGUSR1);
	}
	WAIT_OK(pid);
}
