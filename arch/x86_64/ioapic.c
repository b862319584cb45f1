// SPDX-License-Identifier: MIT
/* IO-APICs: device lines (GSIs) to vectors.  Written at boot and when drivers start, one CPU's lock. */
#include <arch/io.h>
#include <arch/mmu.h>
#include <tarn/cpu.h>
#include <tarn/errno.h>
#include <tarn/lock.h>
#include "apic.h"

#define IOREGSEL 0x00
#define IOWIN 0x10
#define REG_VERSION 1
#define REG_REDIRECT 0x10

#define REDIR_ACTIVE_LOW BIT(13)
#define REDIR_LEVEL BIT(15)
#define REDIR_MASKED BIT(16)

struct ioapic {
	char *regs;       /* [I] */
	u32 base, lines;  /* [I] GSIs it serves */
};
static struct ioapic ioapics[MAX_IOAPICS];
static u32 nioapics;
static struct spinlock ioapic_lock = SPINLOCK_INIT("ioapic", LR_LEAF);

static u32 ioapic_read(struct ioapic *io, u32 reg)
{
	mmio_write32(io->regs + IOREGSEL, reg);
	return mmio_read32(io->regs + IOWIN);
}

static void ioapic_write(struct ioapic *io, u32 reg, u32 v)
{
	mmio_write32(io->regs + IOREGSEL, reg);
	mmio_write32(io->regs + IOWIN, v);
}

void ioapic_init(void)
{
	for (u32 i = 0; i < apic_config.nioapics; i++) {
		struct ioapic *io = &ioapics[nioapics];

		io->regs = mmu_map_device(apic_config.ioapics[i].addr, PAGE_SIZE);
		if (!io->regs)
			continue;
		io->base = apic_config.ioapics[i].gsi_base;
		io->lines = (ioapic_read(io, REG_VERSION) >> 16 & 0xff) + 1;
		for (u32 l = 0; l < io->lines; l++)
			ioapic_write(io, REG_REDIRECT + 2 * l, REDIR_MASKED);
		nioapics++;
	}
}

int ioapic_route(u32 gsi, u8 vector, u32 apic_id, bool level, bool active_low)
{
	u32 low = vector | (level ? REDIR_LEVEL : 0) | (active_low ? REDIR_ACTIVE_LOW : 0);

	for (u32 i = 0; i < nioapics; i++) {
		struct ioapic *io = &ioapics[i];
		u32 line = gsi - io->base;
		u64 flags;

		if (gsi < io->base || line >= io->lines)
			continue;
		flags = spin_lock_irqsave(&ioapic_lock);
		ioapic_write(io, REG_REDIRECT + 2 * line, REDIR_MASKED);
		ioapic_write(io, REG_REDIRECT + 2 * line + 1, apic_id << 24);
		ioapic_write(io, REG_REDIRECT + 2 * line, low);
		spin_unlock_irqrestore(&ioapic_lock, flags);
		return 0;
	}
	return -ENODEV;
}
