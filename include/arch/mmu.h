// SPDX-License-Identifier: MIT
/*
 * Page tables and TLBs.
 *
 * Kernel address map (all in the top half, shared by every address space):
 *   0xffff800000000000  direct map: all physical memory, phys_to_virt()
 *   0xffffc00000000000  vmalloc: big tables
 *   0xffffc7c000000000  guarded stacks
 *   0xffffc80000000000  device registers, mmu_map_device()
 *   0xffffe00000000000  struct page array, indexed by page frame number
 *   0xffffec0000000000  debug builds: the address sanitizer's shadow (arch/shadow.h)
 *   0xffffffff80000000  the kernel image
 *
 * These are windows: in each, what it is for begins where kernel_at says, which is at its start with
 * `nokaslr` and anywhere in its first half without (arch/x86_64/kaslr.c).
 *
 * A pte_t is the hardware's format; only this header and arch/ know its bits.
 * mm/ walks the four levels through pt_* below: level 3 is the root (PGD),
 * level 0 holds 4 KiB entries; a level 1 entry may be a 2 MiB leaf.
 */
#pragma once

#define KERNEL_HALF 0xffff800000000000ul
#define DIRECT_MAP_WINDOW KERNEL_HALF
#define DIRECT_MAP_SPAN (1ul << 46)
#define VMALLOC_WINDOW 0xffffc00000000000ul
#define KSTACK_WINDOW 0xffffc7c000000000ul
#define KSTACK_SPAN (1ul << 38)
#define DEVICE_WINDOW 0xffffc80000000000ul
#define DEVICE_SPAN (1ul << 39)
#define VMALLOC_END 0xffffd00000000000ul
#define PAGE_ARRAY_WINDOW 0xffffe00000000000ul
#define PAGE_ARRAY_SPAN (1ul << 43)
#define KERNEL_BASE 0xffffffff80000000ul /* of the linked image, and of physical address 0 in it */

struct kernel_place {
	u64 direct_map, page_array, vmalloc, stacks, device, image;
};
extern struct kernel_place kernel_at; /* [I] read-only memory once the kernel has its own tables */
#define PAGE_ARRAY_BASE kernel_at.page_array

/* User addresses are below this; the last page is never mapped (SYSRET at the edge). */
#define USER_END 0x00007ffffffff000ul

#define PT_LEVELS 4
#define PT_ENTRIES 512
#define PT_SHIFT(level) (PAGE_SHIFT + 9 * (level))
#define PT_SPAN(level) (1ul << PT_SHIFT(level))
#define HUGE_SIZE PT_SPAN(1)

typedef struct {
	u64 v;
} pte_t;

/* Protection and state of a leaf, as mm/ speaks of it. */
#define PTE_PRESENT BIT(0)
#define PTE_WRITE BIT(1)
#define PTE_USER BIT(2)
#define PTE_UNCACHED (BIT(3) | BIT(4))
#define PTE_ACCESSED BIT(5)
#define PTE_DIRTY BIT(6)
#define PTE_HUGE BIT(7)
#define PTE_GLOBAL BIT(8)
#define PTE_SPECIAL BIT(9)  /* software: no struct page behind it is counted */
#define PTE_SOFT2 BIT(10)   /* software: free for mm/ */
#define PTE_SOFT3 BIT(11)   /* the same */
#define PTE_PKEY_SHIFT 59 /* four bits: the protection key of a user page, arch/pkeys.h */
#define PTE_NX BIT(63)
#define PTE_ADDR_MASK 0x000ffffffffff000ul

static inline phys_t pte_phys(pte_t e)
{
	return e.v & PTE_ADDR_MASK;
}
static inline pfn_t pte_pfn(pte_t e)
{
	return pte_phys(e) >> PAGE_SHIFT;
}
static inline bool pte_present(pte_t e)
{
	return e.v & PTE_PRESENT;
}
static inline bool pte_none(pte_t e)
{
	return e.v == 0;
}
static inline pte_t pte_make(pfn_t pfn, u64 bits)
{
	return (pte_t){ (pfn << PAGE_SHIFT) | bits };
}
/* Not-present entries hold software values (swap slots): 58 bits. */
#define PTE_SWAP_SHIFT 5
static inline pte_t pte_make_swap(u64 value)
{
	return (pte_t){ value << PTE_SWAP_SHIFT | BIT(4) };
}
static inline pte_t pte_load(const pte_t *p)
{
	return (pte_t){ __atomic_load_n(&p->v, __ATOMIC_ACQUIRE) };
}
static inline void pte_store(pte_t *p, pte_t e)
{
	__atomic_store_n(&p->v, e.v, __ATOMIC_RELEASE);
}
/* Takes an entry away; returns it with the accessed and dirty bits the hardware last wrote. */
static inline pte_t pte_take(pte_t *p)
{
	return (pte_t){ __atomic_exchange_n(&p->v, 0, __ATOMIC_ACQ_REL) };
}
/* Clears @bits atomically (write-protect, age); returns the old entry. */
static inline pte_t pte_clear_bits(pte_t *p, u64 bits)
{
	return (pte_t){ __atomic_fetch_and(&p->v, ~bits, __ATOMIC_ACQ_REL) };
}
static inline unsigned int pt_index(u64 addr, unsigned int level)
{
	return (addr >> PT_SHIFT(level)) & (PT_ENTRIES - 1);
}

static inline void *phys_to_virt(phys_t p)
{
	return (void *)(p + kernel_at.direct_map);
}
/* For direct-map addresses and addresses inside the kernel image. */
phys_t virt_to_phys(const void *v);

/* The table an entry above level 0 points to. */
static inline pte_t *pt_table(pte_t e)
{
	return phys_to_virt(pte_phys(e));
}
/* Entry that points to the table in frame @pfn. */
static inline pte_t pt_make_table(pfn_t pfn)
{
	return pte_make(pfn, PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY);
}

struct mm;

/* Fills a fresh root table (one zeroed page) with the kernel's half. */
void mmu_init_root(pte_t *root);
/* Runs on @mm's tables from now on; NULL means the kernel's own.  Interrupts off (context switch). */
void mmu_switch(struct mm *mm);
/* Forgets [start, end) of @mm on every CPU that may hold it; interrupts on.  Returns when none can use it.
 * @mm NULL: a kernel range. */
void tlb_flush_range(struct mm *mm, u64 start, u64 end);
void tlb_flush_mm(struct mm *mm);
/* This CPU only, one page: after a permission was widened a stale entry only causes a spurious fault. */
void tlb_flush_local(u64 addr);

/* Maps one kernel page (vmalloc range, device registers).  Tables are allocated as needed.
 * Returns 0 or -ENOMEM.  Concurrent calls for different pages are safe. */
int mmu_map_kernel(u64 va, phys_t pa, u64 pte_bits);
/* Takes a kernel page away and returns its old physical address (~0 if none); the caller flushes. */
phys_t mmu_unmap_kernel(u64 va);
/* Device registers: uncached mapping of [pa, pa + size); NULL when out of memory. Never unmapped. */
void *mmu_map_device(phys_t pa, size_t size);
