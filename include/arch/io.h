// SPDX-License-Identifier: MIT
/* Port and memory-mapped device access. */
#pragma once

static inline void outb(u16 port, u8 v)
{
	__asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}
static inline void outw(u16 port, u16 v)
{
	__asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port));
}
static inline void outl(u16 port, u32 v)
{
	__asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}
static inline u8 inb(u16 port)
{
	u8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline u16 inw(u16 port)
{
	u16 v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline u32 inl(u16 port)
{
	u32 v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

#define MMIO_ACCESSORS(bits)                                                   \
	static inline u##bits mmio_read##bits(const volatile void *addr)       \
	{                                                                      \
		u##bits v = *(const volatile u##bits *)addr;                   \
		barrier();                                                     \
		return v;                                                      \
	}                                                                      \
	static inline void mmio_write##bits(volatile void *addr, u##bits v)    \
	{                                                                      \
		barrier();                                                     \
		*(volatile u##bits *)addr = v;                                 \
	}
MMIO_ACCESSORS(8)
MMIO_ACCESSORS(16)
MMIO_ACCESSORS(32)
MMIO_ACCESSORS(64)

/*
 * Orders memory as a device on the bus sees it (virtio rings).
 *
 * QEMU's TCG before 8.1, started with one CPU or one thread for all CPUs, translates MFENCE and
 * LOCK to nothing, as if no other thread could look - but its devices do, from threads of their
 * own. Then the store before dma_mb() waits in the host CPU's buffer while the load after it is done, and a
 * notification is lost for good. What TCG never leaves out is the call of a helper, and that
 * of RDTSC takes a spin lock (cpu_get_ticks()): an exchange, which is the barrier. No
 * exit, about 20 ns, and under TCG only.
 */
extern bool dma_mb_by_rdtsc; /* [I] after arch_boot_init() */
static inline void dma_wmb(void)
{
	__asm__ volatile("" ::: "memory");
}
static inline void dma_rmb(void)
{
	__asm__ volatile("" ::: "memory");
}
static inline void dma_mb(void)
{
	__asm__ volatile("mfence" ::: "memory");
	if (dma_mb_by_rdtsc)
		__asm__ volatile("rdtsc" ::: "eax", "edx", "memory");
}
