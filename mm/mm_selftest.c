// SPDX-License-Identifier: MIT
/*
 * Tests inside the booted kernel (tarn.test=pages, slab, vmalloc, space): the
 * allocators give back what they took, and an address space behaves as mmap,
 * fork and munmap promise, without a program.
 */
#include <linux/mman.h>
#include <arch/uaccess.h>
#include <tarn/boot_test.h>
#include <tarn/errptr.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include <tarn/thread.h>
#include <tarn/vmalloc.h>
#include "mm_int.h"
#include "page_int.h"
#include "pgtable.h"
#include "vmstat.h"

#define CHECK(cond)                                            \
	do {                                                   \
		if (!(cond))                                   \
			return "line " STRING(__LINE__) ": " #cond; \
	} while (0)
#define STRING(x) STRING_(x)
#define STRING_(x) #x

static u64 frames_free(void)
{
	page_drain_all();
	return page_free_frames();
}

/* ---- frames ---- */

/* A row is single frames: what somebody else still has stays, the rest becomes a block again. */
static const char *check_row(void)
{
	u64 before = frames_free();
	struct page *p = page_alloc_row(PS_ANON);

	if (!p) {
		CHECK(before < page_marks.high + HUGE_FRAMES);
		return NULL;
	}
	CHECK(page_to_pfn(p) % HUGE_FRAMES == 0 && frames_free() == before - HUGE_FRAMES);
	for (unsigned int i = 0; i < HUGE_FRAMES; i++)
		CHECK(p[i].refs == 1 && p[i].order == 0 && p[i].state == PS_ANON);
	CHECK(!memchr_inv(page_address(p), 0, HUGE_SIZE));
	page_get(p + 7);
	for (unsigned int n = page_put_row(p); n < HUGE_FRAMES; n++)
		page_put(p + n);
	CHECK(p[7].state == PS_ANON && p[6].state == PS_FREE && p[511].state == PS_FREE);
	CHECK(frames_free() == before - 1);
	page_put(p + 7);
	CHECK(frames_free() == before);
	return NULL;
}

static const char *test_pages(void)
{
	u64 before = frames_free();
	struct page *p[PAGE_MAX_ORDER + 1];

	for (unsigned int o = 0; o <= PAGE_MAX_ORDER; o++) {
		p[o] = page_alloc(GFP_KERNEL | GFP_ZERO, o, PS_KERNEL);
		CHECK(p[o] && p[o]->order == o && p[o]->refs == 1);
		CHECK(page_to_pfn(p[o]) % (1ul << o) == 0);
		CHECK(!memchr_inv(page_address(p[o]), 0, PAGE_SIZE << o));
		memset(page_address(p[o]), 0xa5, PAGE_SIZE << o);
	}
	CHECK(frames_free() == before - ((2ul << PAGE_MAX_ORDER) - 1));
	for (unsigned int o = 0; o <= PAGE_MAX_ORDER; o++)
		page_put(p[o]);
	CHECK(frames_free() == before);
	return check_row();
}

static const struct boot_test pages_test = { "pages", test_pages };
SECTION_SET(boot_tests, pages_test);

/* ---- slabs ---- */

static const char *test_slab(void)
{
	static void *obj[2000];
	static const size_t sizes[] = {
		1, 16, 17, 64, 100, 576, 1000, 1025, 4096, 8192, 8193, 70000
	};

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		size_t n = sizes[s] > 4096 ? 50 : ARRAY_SIZE(obj);

		for (size_t i = 0; i < n; i++) {
			obj[i] = kzalloc(sizes[s], GFP_KERNEL);
			CHECK(obj[i] && !memchr_inv(obj[i], 0, sizes[s]));
			CHECK((u64)obj[i] % (sizes[s] >= 64 ? 64 : 16) == 0);
			CHECK(kmalloc_size(obj[i]) >= sizes[s]);
			memset(obj[i], (int)i, sizes[s]);
		}
		for (size_t i = 0; i < n; i++)
			CHECK(!memchr_inv(obj[i], (int)(u8)i, sizes[s]));
		for (size_t i = 0; i < n; i++)
			kfree(obj[i]);
	}
	CHECK(!kmalloc(5ul << 20, GFP_KERNEL));
	(void)slab_shrink();
	return NULL;
}

static const struct boot_test slab_test = { "slab", test_slab };
SECTION_SET(boot_tests, slab_test);

/* Two that follow each other in time lie side by side seldom; without an order drawn for each slab, nearly always. */
static const char *test_slab_order(void)
{
	static char *obj[1024];
	struct kmem_cache *c = kmem_cache_create("test-order", 128, 0, NULL);
	size_t neighbours = 0, stride = ~0ul;

	for (size_t i = 0; i < ARRAY_SIZE(obj); i++) {
		obj[i] = kmem_cache_alloc(c, GFP_KERNEL);
		CHECK(obj[i]);
		for (size_t j = 0; j < i; j++) {
			size_t apart =
				(size_t)(obj[j] < obj[i] ? obj[i] - obj[j] : obj[j] - obj[i]);

			CHECK(apart);
			stride = MIN(stride, apart);
		}
	}
	for (size_t i = 1; i < ARRAY_SIZE(obj); i++)
		neighbours += obj[i] == obj[i - 1] + stride || obj[i] + stride == obj[i - 1];
	for (size_t i = 0; i < ARRAY_SIZE(obj); i++)
		kmem_cache_free(c, obj[i]);
	CHECK(neighbours < ARRAY_SIZE(obj) * 6 / 10);
	return NULL;
}

static const struct boot_test slab_order_test = { "slab-order", test_slab_order };
SECTION_SET(boot_tests, slab_order_test);

/* ---- vmalloc ---- */

static const char *test_vmalloc(void)
{
	char *a = vmalloc(100000), *b = vmalloc(100000);

	CHECK(a && b && a != b);
	CHECK(!memchr_inv(a, 0, 100000));
	memset(a, 1, 100000);
	memset(b, 2, 100000);
	CHECK(!memchr_inv(a, 1, 100000) && !memchr_inv(b, 2, 100000));
	vfree(a);
	CHECK(!memchr_inv(b, 2, 100000));
	vfree(b);
	a = vmalloc(100000);
	CHECK(a && !memchr_inv(a, 0, 100000));
	vfree(a);
	return NULL;
}

static const struct boot_test vmalloc_test = { "vmalloc", test_vmalloc };
SECTION_SET(boot_tests, vmalloc_test);

/* ---- an address space ---- */

static void run_on(struct mm *mm)
{
	u64 flags = irq_save();

	current->mm = mm;
	mmu_switch(mm);
	irq_restore(flags);
}

static s64 map_anon(u64 addr, u64 len, u32 extra, bool fixed)
{
	struct map_request r = {
		.addr = addr,
		.len = len,
		.vm_flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | extra,
		.fixed = fixed,
	};

	return mm_map(current->mm, &r);
}

static int peek(u64 addr)
{
	u8 byte;

	return copy_from_user(&byte, (void __user *)addr, 1) ? -1 : byte;
}

static bool poke(u64 addr, u8 byte)
{
	return copy_to_user((void __user *)addr, &byte, 1) == 0;
}

static const char *check_mapping(void)
{
	s64 a = map_anon(0, 16 * PAGE_SIZE, 0, false);
	struct mm *mm = current->mm;

	CHECK(a > 0);
	CHECK(peek((u64)a) == 0 && mm->rss_anon == 0);
	CHECK(poke((u64)a, 7) && peek((u64)a) == 7 && mm->rss_anon == 1);
	CHECK(poke((u64)a + 15 * PAGE_SIZE, 9) && mm->rss_anon == 2);
	CHECK(peek((u64)a + 16 * PAGE_SIZE) == -1);
	/* A hole in the middle: two mappings, and the hole is found again. */
	CHECK(sys_munmap((u64)a + 4 * PAGE_SIZE, 4 * PAGE_SIZE) == 0 && mm->nr_vmas == 2);
	CHECK(peek((u64)a + 5 * PAGE_SIZE) == -1 && peek((u64)a) == 7);
	CHECK(map_anon((u64)a + 4 * PAGE_SIZE, 4 * PAGE_SIZE, 0, true) == a + 4 * (s64)PAGE_SIZE);
	CHECK(mm->nr_vmas == 1 && peek((u64)a + 5 * PAGE_SIZE) == 0);
	/* Permissions */
	CHECK(sys_mprotect((u64)a, PAGE_SIZE, PROT_READ) == 0 && mm->nr_vmas == 2);
	CHECK(!poke((u64)a, 1) && peek((u64)a) == 7);
	CHECK(sys_mprotect((u64)a, PAGE_SIZE, PROT_NONE) == 0 && peek((u64)a) == -1);
	CHECK(sys_mprotect((u64)a, PAGE_SIZE, PROT_READ | PROT_WRITE) == 0 && mm->nr_vmas == 1);
	CHECK(peek((u64)a) == 7 && poke((u64)a, 8));
	/* Moving */
	a = sys_mremap((u64)a, 16 * PAGE_SIZE, 600 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
	CHECK(a > 0 && peek((u64)a) == 8 && peek((u64)a + 15 * PAGE_SIZE) == 9);
	CHECK(peek((u64)a + 599 * PAGE_SIZE) == 0);
	CHECK(sys_munmap((u64)a, 600 * PAGE_SIZE) == 0);
	CHECK(mm->nr_vmas == 0 && mm->rss_anon == 0 && mm->total_vm == 0);
	CHECK(mm->table_pages == 1);
	return NULL;
}

static const char *check_fork(void)
{
	struct mm *parent = current->mm, *child;
	s64 a = map_anon(0, 1000 * PAGE_SIZE, 0, false);

	for (u64 i = 0; i < 1000; i++)
		CHECK(poke((u64)a + i * PAGE_SIZE, (u8)i));
	child = mm_fork(parent);
	CHECK(!IS_ERR(child) && child->rss_anon == 1000);
	CHECK(poke((u64)a, 100) && peek((u64)a) == 100);
	run_on(child);
	CHECK(peek((u64)a) == 0 && peek((u64)a + 999 * PAGE_SIZE) == (999 & 0xff));
	CHECK(poke((u64)a + PAGE_SIZE, 55));
	run_on(parent);
	CHECK(peek((u64)a + PAGE_SIZE) == 1);
	mm_put(child);
	CHECK(peek((u64)a + 999 * PAGE_SIZE) == (999 & 0xff));
	CHECK(poke((u64)a + 999 * PAGE_SIZE, 1)); /* alone again: kept, not copied */
	CHECK(parent->rss_anon == 1000);
	CHECK(sys_madvise((u64)a, 1000 * PAGE_SIZE, MADV_DONTNEED) == 0);
	CHECK(parent->rss_anon == 0 && peek((u64)a + 3 * PAGE_SIZE) == 0);
	return NULL;
}

static bool leaf_at(u64 addr)
{
	return pte_leaf(pt_peek(current->mm, addr));
}

static const char *check_huge(void)
{
	s64 a = map_anon(0x40000000, 3 * HUGE_SIZE, VM_HUGEPAGE, true);
	struct mm *mm = current->mm, *child;
	u64 at = (u64)a;

	CHECK(a > 0 && poke(at + 5 * PAGE_SIZE, 5) && poke(at + HUGE_SIZE, 6));
	if (!leaf_at(at) || !leaf_at(at + HUGE_SIZE))
		return huge_mode == HUGE_NEVER || page_free_frames() < 2 * page_marks.high
			       ? NULL
			       : "no leaf";
	CHECK(mm->rss_anon == 2 * HUGE_FRAMES && mm->table_pages == 5);
	/* Cut by munmap; moved whole; shared and stored to by a child, then ours alone again. */
	CHECK(sys_munmap(at, PAGE_SIZE) == 0 && !leaf_at(at + PAGE_SIZE) &&
	      leaf_at(at + HUGE_SIZE));
	CHECK(peek(at + 5 * PAGE_SIZE) == 5 && mm->rss_anon == 2 * HUGE_FRAMES - 1);
	a = sys_mremap(at + HUGE_SIZE, HUGE_SIZE, HUGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       at + 8 * HUGE_SIZE);
	CHECK(a == (s64)(at + 8 * HUGE_SIZE) && leaf_at((u64)a) && peek((u64)a) == 6);
	child = mm_fork(mm);
	CHECK(!IS_ERR(child) && child->rss_anon == mm->rss_anon);
	run_on(child);
	CHECK(leaf_at((u64)a) && poke((u64)a, 7) && !leaf_at((u64)a) && peek((u64)a) == 7);
	run_on(mm);
	CHECK(leaf_at((u64)a) && peek((u64)a) == 6);
	mm_put(child);
	CHECK(poke((u64)a, 8) && leaf_at((u64)a));
	CHECK(sys_munmap(at, 9 * HUGE_SIZE) == 0);
	CHECK(mm->rss_anon == 0 && mm->table_pages == 1 && vm_sum(VM_ANON_LEAVES) == 0);
	return NULL;
}

static const char *check_stack(void)
{
	u64 top = USER_END - (1ul << 30);
	s64 a = map_anon(top, 4 * PAGE_SIZE, VM_GROWSDOWN, true);

	CHECK(a == (s64)top);
	CHECK(poke(top - PAGE_SIZE, 1) && poke(top - 100 * PAGE_SIZE, 1));
	/* A neighbour below stops it at the gap. */
	CHECK(map_anon(top - 1000 * PAGE_SIZE, PAGE_SIZE, 0, true) > 0);
	CHECK(!poke(top - 990 * PAGE_SIZE, 1) && poke(top - 700 * PAGE_SIZE, 1));
	return NULL;
}

static const char *test_space(void)
{
	static const char *(*const checks[])(void) = { check_mapping, check_fork, check_huge,
						     check_stack };
	struct mm *old = current->mm;
	const char *err = NULL;
	u64 before = frames_free();

	for (size_t i = 0; i < ARRAY_SIZE(checks) && !err; i++) {
		struct mm *mm = mm_create();

		CHECK(mm);
		run_on(mm);
		err = checks[i]();
		run_on(old);
		mm_put(mm);
	}
	(void)slab_shrink();
	if (!err && frames_free() + 64 < before)
		err = "frames were lost";
	return err;
}

static const struct boot_test space_test = { "space", test_space };
SECTION_SET(boot_tests, space_test);
