// SPDX-License-Identifier: MIT
/* Samples of a process that several files of /proc/PID show. */
#pragma once

#include <tarn/mm.h>
#include <tarn/process.h>

/* Signals of a thread and its process, taken under one lock. */
struct signal_sample {
	u64 pending, shared_pending, blocked, ignored, caught;
	u32 nthreads;
};
void signal_sample(struct thread *t, struct signal_sample *s);

/* Ids of the process tree and the terminal; tty_pgrp is -1 without one. */
struct tree_sample {
	pid_t ppid, pgrp, session, tty_pgrp;
	kdev_t tty;
};
void tree_sample(struct thread *t, struct tree_sample *ids);

/* A counter of an mm, which may be a little negative between CPUs' updates. */
static inline s64 pages_read(const _Atomic s64 *n)
{
	s64 v = atomic_load_explicit(n, memory_order_relaxed);

	return v > 0 ? v : 0;
}
static inline s64 mm_rss(const struct mm *mm)
{
	return pages_read(&mm->rss_anon) + pages_read(&mm->rss_file) + pages_read(&mm->rss_shmem);
}
static inline u64 mm_text_pages(const struct mm *mm)
{
	return (ALIGN_UP(mm->end_code, PAGE_SIZE) - ALIGN_DOWN(mm->start_code, PAGE_SIZE)) >>
	       PAGE_SHIFT;
}
