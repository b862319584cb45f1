// SPDX-License-Identifier: MIT
/*
 * Address spaces: mappings, faults, and the system calls on them.  mm/.
 *
 * mm->map_lock: faults take it shared, everything that changes the tree takes
 * it exclusive.  Page table entries are guarded by the lock in the table's
 * struct page.  See docs/memory.md for the life of a fault.
 */
#pragma once

#include <arch/mmu.h>
#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/page.h>
#include <tarn/rbtree.h>
#include <tarn/refcount.h>

struct file;
struct inode;
struct vma;

#define VM_READ BIT(0)
#define VM_WRITE BIT(1)
#define VM_EXEC BIT(2)
#define VM_SHARED BIT(3)
#define VM_MAYREAD BIT(4)
#define VM_MAYWRITE BIT(5)
#define VM_MAYEXEC BIT(6)
#define VM_GROWSDOWN BIT(7)
#define VM_LOCKED BIT(8)
#define VM_DONTCOPY BIT(9)     /* MADV_DONTFORK */
#define VM_WIPEONFORK BIT(10)
#define VM_DONTEXPAND BIT(11)
#define VM_IO BIT(12)          /* device memory or special pages: no struct page life cycle */
#define VM_NORESERVE BIT(13)
#define VM_ACCOUNT BIT(14)     /* counted as committed */
#define VM_HEAP BIT(15)        /* [heap] in /proc/PID/maps */
#define VM_STACK BIT(16)
#define VM_DONTDUMP BIT(17)
#define VM_HUGEPAGE BIT(18)
#define VM_NOHUGEPAGE BIT(19)
#define VM_SEQ_READ BIT(20)
#define VM_RAND_READ BIT(21)
#define VM_LOCKONFAULT BIT(22)
#define VM_PKEY_SHIFT 23       /* four bits: the protection key, mm/pkeys.c */
#define VM_PKEY (15u << VM_PKEY_SHIFT)

/*
 * op       lock held by caller        NULL means
 * fault    map_lock shared            file mapping through the page cache, or anonymous
 * open     map_lock exclusive         nothing to do when the vma is copied or split
 * close    map_lock exclusive         nothing to do when it goes
 * name     map_lock shared            file's path, [heap], [stack] or nothing
 *
 * fault returns the page to map with a reference in *page and 0, or -errno:
 * -EFAULT SIGBUS, -ENOMEM out of memory.
 */
struct vm_ops {
	int (*fault)(struct vma *v, u64 pgoff, bool write, struct page **page);
	void (*open)(struct vma *v);
	void (*close)(struct vma *v);
	const char *(*name)(struct vma *v);
};

/* One mapping: [start, end) with one protection and one backing. */
struct vma {
	u64 start, end;           /* map_lock exclusive to change */
	struct rb_node node;      /* mm->vmas, by start */
	u64 gap_before, max_gap;  /* usable hole below this vma; largest such in its subtree */
	struct mm *mm;            /* [I] */
	u32 flags;                /* VM_* */
	u64 pgoff;                /* file page at start; for anonymous: start >> PAGE_SHIFT at birth */
	struct file *file;        /* counted; NULL: anonymous */
	const struct vm_ops *ops; /* [I] */
	void *private;            /* ops' own */
	union {
		struct rb_node file_node; /* in file's mapping->vmas, by pgoff; mapping->vmas_lock */
		struct list dead_node;    /* unmapped: whoever unmapped it frees it without map_lock */
	};
	u64 file_last;            /* last page shown in the subtree of file_node; mapping->vmas_lock */
	bool has_anon;            /* may hold anonymous pages, so fork must copy; only ever set */
	bool untouched;           /* was there when clear_refs began to watch: map_lock exclusive */
};

struct mm {
	struct refcount users;      /* threads and short visitors: the mappings live while > 0 */
	struct refcount refs;       /* of the struct: users together count as one, lazy TLB CPUs */
	struct rwsem map_lock;      /* rank LR_MM */
	struct rb_root vmas;        /* map_lock */
	struct vma *_Atomic last_vma; /* a hint: map_lock shared */
	u32 nr_vmas;
	pte_t *root;                /* [I] top page table */
	_Atomic u64 cpus;           /* [a] bit per CPU whose TLB may hold entries */
	_Atomic u64 tlb_gen;        /* [a] */

	/* Layout: map_lock to write */
	u64 mmap_base;              /* mappings are placed downward from here */
	u64 start_code, end_code, start_data, end_data;
	u64 start_brk, brk, start_stack;
	u64 arg_start, arg_end, env_start, env_end;
	u64 vdso_base;
	u64 auxv[48];               /* for /proc/PID/auxv: written by exec */
	u32 auxv_len;               /* bytes */
	u32 def_flags;              /* VM_LOCKED after mlockall(MCL_FUTURE) */

	/* Sizes in pages [a] */
	_Atomic s64 total_vm, locked_vm, data_vm, exec_vm, stack_vm;
	_Atomic s64 rss_anon, rss_file, rss_shmem, swap_used, table_pages;
	u64 hiwater_rss, hiwater_vm;
	struct file *exe_file;      /* counted, [I] after exec */
	_Atomic u32 membarrier_state; /* [a] kinds of barrier its threads may ask for: mm/membarrier.c */
	bool oom_skip;              /* mm/oom.c, oom_lock: killed, and has no more to give */
	bool thp_disabled;          /* PR_SET_THP_DISABLE: no 2 MiB entries from now on; kept by fork and exec */
	struct list dying_node;     /* mm/mm.c: waiting for a worker to unmap it */
	struct list all_node;       /* mm/mm.c: all address spaces */
	u16 pkeys;                  /* protection keys in use; map_lock */
	s8 exec_only_key;           /* of memory that may only be executed; -1: none yet; map_lock */
	u64 swap_hand;              /* mm/swap_out.c: where the clock goes on; races only lose a little */
};

extern struct mm kernel_mm; /* its root holds the kernel half; no mappings */

/* A fresh, empty address space, users 1; NULL: no memory. */
struct mm *mm_create(void);
/* A copy-on-write copy of current's for fork; ERR_PTR. */
struct mm *mm_fork(struct mm *old);
static inline void mm_get(struct mm *mm)
{
	ref_get(&mm->users);
}
static inline bool mm_get_unless_dead(struct mm *mm)
{
	return ref_get_unless_zero(&mm->users);
}
/* The last user unmaps everything.  May sleep. */
void mm_put(struct mm *mm);
/* The same from anywhere that may sleep but holds locks: a worker does the unmapping. */
void mm_put_later(struct mm *mm);
/* The struct alone (lazy TLB): mm_drop from the scheduler, irqs off allowed. */
void mm_hold(struct mm *mm);
void mm_drop(struct mm *mm);

/* ---- finding and making mappings: map_lock held as said ---- */
/* The mapping that holds @addr or the next above it; shared. */
struct vma *vma_find(struct mm *mm, u64 addr);
/* The one that holds @addr, or NULL; shared. */
struct vma *vma_at(struct mm *mm, u64 addr);
struct vma *vma_next(struct vma *v);
struct vma *vma_first(struct mm *mm);

/* What to map: mmap(2) after its flags were judged, also exec, shm and the vDSO. */
struct map_request {
	u64 addr;            /* page aligned hint, or the place with @fixed */
	u64 len;             /* page aligned, > 0 */
	u32 vm_flags;
	bool fixed;          /* replaces what is there */
	bool noreplace;      /* with fixed: -EEXIST instead */
	bool low32;          /* MAP_32BIT */
	bool populate;
	struct file *file;   /* NULL: anonymous (VM_SHARED: a nameless tmpfs file is made) */
	u64 pgoff;
	const struct vm_ops *ops;
	void *private;
};
/* The address or -errno.  Takes map_lock of @mm itself. */
s64 mm_map(struct mm *mm, const struct map_request *req);
int mm_unmap(struct mm *mm, u64 start, u64 len);
/* What a mapping of a whole file with @ops, made at @addr, has become: -EINVAL if nothing is left of one. */
int mm_unmap_attached(struct mm *mm, u64 addr, const struct vm_ops *ops);
/* What /proc/PID/oom_score shows: badness on Linux's scale, 666 for nothing at all, 0: never chosen. */
struct process;
u32 oom_score(struct process *p);
/* exec: where the heap starts.  0 or -errno. */
int mm_setup_brk(struct mm *mm, u64 brk_start);

/* ---- faults ---- */
#define FAULT_WRITE BIT(0)
#define FAULT_EXEC BIT(1)
#define FAULT_USER BIT(2)
/*
 * A page fault at @addr of current's mm, interrupts on, from arch.  0 handled; otherwise the signal
 * to send: SIGSEGV or SIGBUS with *code the si_code; 0 with nothing mapped never happens.  -1: killed.
 */
int mm_fault(u64 addr, u32 fault_flags, int *code);
/* The protection key of what is mapped at @addr. */
u32 mm_pkey_at(struct mm *mm, u64 addr);
/* Makes user pages present and referenced, as the program's own access would.  @write: also breaks
 * copy-on-write.  Number got, or -errno for none.  Takes map_lock shared. */
long mm_pin_pages(struct mm *mm, u64 start, unsigned int n, bool write, struct page **pages);
/* They are put; @wrote: what belongs to files is dirty. */
void mm_unpin_pages(struct page **pages, unsigned int n, bool wrote);
/* Reads or writes another address space (ptrace, /proc/PID/mem); @force: past protection, as ptrace may.
 * Bytes done; may be short. */
size_t mm_access(struct mm *mm, u64 addr, void *buf, size_t len, bool write, bool force);
/* Identity of a user address for futexes: private: (mm, address); shared: (inode or page, offset). */
struct futex_key {
	u64 word0, word1;
	u32 offset;
};
int mm_futex_key(u64 uaddr, bool shared, bool write, struct futex_key *key);
/* madvise(2) on any address space. */
int mm_madvise(struct mm *mm, u64 start, u64 len, int advice);

/* ---- file side, called by mm/pagecache.c and truncate ---- */
/* Unmaps file pages [first, last] from every address space that maps @m; private copies too if @even_cows. */
struct mapping;
void mapping_unmap_range(struct mapping *m, u64 first, u64 last, bool even_cows);
/* Write-protects and cleans every mapping of @p (page locked): true if one was dirty. */
bool page_mkclean(struct page *p);
/* Removes all mappings of a cache page (page locked). */
void page_unmap_all(struct page *p);

/* Overcommit (proc_sys_vm(5)): 0 or -ENOMEM.  mm/commit.c */
int mm_commit(u64 pages);
void mm_uncommit(u64 pages);
/* Pages that are there already, or were: counted whatever the limit. */
void mm_count_committed(s64 pages);
/* Could @pages more be promised? */
bool mm_may_commit(u64 pages);
extern u32 vm_overcommit_memory;  /* 0 heuristic, 1 always, 2 never past the limit */
extern u32 vm_overcommit_ratio;   /* percent of RAM that mode 2 promises beyond swap */
extern u64 vm_overcommit_kbytes;  /* instead of the ratio when not 0 */
extern u64 vm_admin_reserve_kbytes, vm_user_reserve_kbytes; /* what mode 2 keeps back: mm/commit.c */
extern u32 vm_max_map_count;      /* mappings of one address space */
extern u64 vm_mmap_min_addr;      /* lowest address a program may map */
/* Does such memory count as promised?  @noreserve is a wish that strict accounting does not grant. */
static inline bool mm_promises(bool noreserve)
{
	return !noreserve || vm_overcommit_memory == 2;
}

/* When a first store to large anonymous memory makes a 2 MiB entry.  mm/huge.c */
enum huge_mode {
	HUGE_ALWAYS,
	HUGE_MADVISE, /* where MADV_HUGEPAGE was said */
	HUGE_NEVER,
	HUGE_MODES,
};
extern enum huge_mode huge_mode;
/* prctl(PR_SET_THP_DISABLE): 0 or -EINTR. */
int mm_set_thp_disabled(bool disabled);

struct strbuf;
/* /proc/PID/maps and smaps, about a page of text from address *at on, which moves (TEXT_END: that was all);
 * takes map_lock shared. */
void mm_show_maps(struct mm *mm, struct strbuf *out, bool smaps, u64 *at);
/* /proc/PID/smaps_rollup: the sums. */
void mm_show_rollup(struct mm *mm, struct strbuf *out);
/* /proc/PID/pagemap: @n words for the pages from @addr on; @frames: with frame numbers. */
void mm_pagemap(struct mm *mm, u64 addr, u64 *out, size_t n, bool frames);
/* /proc/PID/clear_refs: forgets that pages were accessed; and the peak of resident pages. */
enum clear_refs { CLEAR_REFS_ALL = 1, CLEAR_REFS_ANON, CLEAR_REFS_FILE, CLEAR_REFS_SOFT_DIRTY };
void mm_clear_refs(struct mm *mm, enum clear_refs which);
void mm_reset_peak(struct mm *mm);
void mm_init(void);
