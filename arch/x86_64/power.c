// SPDX-License-Identifier: MIT
/* Off, reset, and the exit status of a panic. */
#include <arch/boot.h>
#include <arch/io.h>
#include <arch/time.h>
#include <tarn/acpi.h>
#include <tarn/cpu.h>

#define I8042_STATUS 0x64
#define I8042_PULSE_RESET 0xfe
#define RESET_CONTROL 0xcf9
#define DEBUG_EXIT 0xf4 /* QEMU's isa-debug-exit: status = value * 2 + 1 */
#define DEBUG_EXIT_PANIC 0x31

static void NORETURN triple_fault(void)
{
	struct {
		u16 limit;
		u64 base;
	} PACKED none = { 0, 0 };

	__asm__ volatile("lidt %0; int3" ::"m"(none));
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* The keyboard controller's reset line, the chip set's register, and what always works. */
static void NORETURN reset_hard(void)
{
	for (unsigned int i = 0; i < 1000 && (inb(I8042_STATUS) & 2); i++)
		delay_us(10);
	outb(I8042_STATUS, I8042_PULSE_RESET);
	delay_us(2000);
	outb(RESET_CONTROL, 0x02);
	outb(RESET_CONTROL, 0x06);
	delay_us(2000);
	triple_fault();
}

void arch_reboot(void)
{
	irq_disable();
	cpu_stop_others();
	acpi_reset();
	reset_hard();
}

/* A machine that cannot switch off (microvm without ACPI) is reset: its monitor ends then. */
void arch_poweroff(void)
{
	irq_disable();
	cpu_stop_others();
	acpi_poweroff();
	reset_hard();
}

void arch_panic_exit(void)
{
	irq_disable();
	cpu_stop_others();
	outb(DEBUG_EXIT, DEBUG_EXIT_PANIC);
	cpu_halt_all();
}
