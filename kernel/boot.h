// SPDX-License-Identifier: MIT
/* The steps of boot that only kernel/main.c calls. */
#pragma once

extern const char kernel_release[], kernel_version[];

void sched_boot_thread(void);  /* sched/thread.c: current = the boot CPU's own thread */
void NORETURN idle_loop(void); /* sched/idle.c */
void random_init(void);
void time_init(void);
void time_check_done(void);
void kthreads_init(void);
void root_mount(void);         /* root.c: ends in boot_fail() when there is nothing to mount */
extern bool initramfs_has_init; /* [I] after root_mount(): init.c runs rdinit= then */
void NORETURN init_start(void); /* init.c: the first program */
