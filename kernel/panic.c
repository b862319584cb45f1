// SPDX-License-Identifier: MIT
/*
 * The end: a kernel bug (panic) or a boot that cannot go on (boot_fail).
 *
 * One CPU reports; a second that panics meanwhile stops silently, and a panic
 * inside the report ends at once.  The report goes through printk, so it is on
 * the console before the machine is left with a status that is not 0.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/frame.h>
#include <arch/mmu.h>
#include <arch/time.h>
#include <tarn/cpu.h>
#include <tarn/panic.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include <tarn/thread.h>

int panic_timeout;

static _Atomic u32 panic_cpu;      /* [a] reporting CPU + 1; 0: none */
static _Atomic u32 panic_nested;   /* [a] panics while reporting */
static char panic_text[512];       /* written by the reporting CPU alone */

bool panic_in_progress(void)
{
	return atomic_load_explicit(&panic_cpu, memory_order_relaxed) != 0;
}

/* True on the CPU that may report. */
static bool panic_claim(void)
{
	u32 none = 0;

	irq_disable();
	if (atomic_compare_exchange_strong(&panic_cpu, &none, cpu_id() + 1))
		return true;
	if (none != cpu_id() + 1)
		for (;;)
			cpu_relax();
	if (atomic_fetch_add(&panic_nested, 1) == 0)
		return true; /* the report itself failed: say so once */
	arch_panic_exit();
}

struct trace {
	unsigned int frames;
	const struct regs *regs;
};

/*
 * A return address may lie behind its function, when that ended with a call that never returns:
 * the call's own last byte tells the name.  The registers' address is exact.
 */
static void show_frame(void *arg, u64 addr)
{
	struct trace *trace = arg;
	bool exact = trace->regs && !trace->frames;
	char name[96];

	if (trace->frames++ >= 24)
		return;
	if (!symbol_format(exact ? addr : addr - 1, name, sizeof(name)))
		scnprintf(name, sizeof(name), "?");
	printk(LOG_EMERG, "  %016llx %s", (unsigned long long)addr, name);
}

/* The message is in panic_text. */
static void NORETURN panic_report(const struct regs *regs)
{
	const struct thread *t = current;
	struct trace trace = { 0, regs };

	console_loglevel = 8;
	printk(LOG_EMERG, "Kernel panic: %s", panic_text);
	if (t)
		printk(LOG_EMERG, "CPU %u, thread %d (%s)", cpu_id(), t->tid, t->comm);
	else
		printk(LOG_EMERG, "CPU %u, before the first thread", cpu_id());
	if (regs)
		arch_show_regs(regs);
	if (kernel_at.image != KERNEL_BASE) /* for addr2line and gdb, which know the linked addresses */
		printk(LOG_EMERG, "Kernel offset: 0x%lx", (ulong)(kernel_at.image - KERNEL_BASE));
	printk(LOG_EMERG, "Call trace:");
	arch_backtrace(regs, show_frame, &trace);
	printk(LOG_EMERG, "End of panic report");
	arch_panic_exit();
}

void panic(const char *fmt, ...)
{
	va_list ap;

	panic_claim();
	va_start(ap, fmt);
	vscnprintf(panic_text, sizeof(panic_text), fmt, ap);
	va_end(ap);
	panic_report(NULL);
}

void panic_regs(const struct regs *regs, const char *fmt, ...)
{
	va_list ap;

	panic_claim();
	va_start(ap, fmt);
	vscnprintf(panic_text, sizeof(panic_text), fmt, ap);
	va_end(ap);
	panic_report(regs);
}

void boot_fail(const char *fmt, ...)
{
	va_list ap;

	panic_claim();
	va_start(ap, fmt);
	vscnprintf(panic_text, sizeof(panic_text), fmt, ap);
	va_end(ap);
	console_loglevel = 8;
	printk(LOG_EMERG, "Boot failed: %s", panic_text);
	arch_panic_exit();
}

/* gcc's stack protector found an overwritten canary. */
void NORETURN __stack_chk_fail(void);
void __stack_chk_fail(void)
{
	panic("stack of thread %d overwritten", current ? current->tid : -1);
}
