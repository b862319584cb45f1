// SPDX-License-Identifier: MIT
/*
 * Boot, from the first C function to the first program.
 *
 * kernel_main() runs on the boot CPU with interrupts off and brings the parts
 * up in the order of its list; each line says what it needs from those above.
 * When threads can run it starts thread 1, which goes on in start_userland()
 * (it may sleep: drivers wait for interrupts), and becomes CPU 0's idle thread.
 */
#include <arch/boot.h>
#include <arch/mmu.h>
#include <arch/time.h>
#include <tarn/acpi.h>
#include <tarn/block.h>
#include <tarn/boot_test.h>
#include <tarn/cmdline.h>
#include <tarn/device.h>
#include <tarn/errptr.h>
#include <tarn/kasan.h>
#include <tarn/mm.h>
#include <tarn/mount.h>
#include <tarn/page.h>
#include <tarn/printk.h>
#include <tarn/net/netns.h>
#include <tarn/process.h>
#include <tarn/random.h>
#include <tarn/slab.h>
#include <tarn/socket.h>
#include <tarn/tty.h>
#include "boot.h"

static void start_userland(void *arg)
{
	net_init();    /* packets, the receive context, the first namespace */
	boot_tests_run(boot_options.test);
	vfs_init();    /* dentry, inode and file caches, internal mounts */
	unix_init();   /* AF_UNIX */
	block_init();  /* before the drivers that register disks */
	tty_init();    /* before the drivers that register terminals */
	drivers_init();
	root_mount();  /* initramfs or disk */
	init_start();
}

NO_KASAN void kernel_main(void)
{
	struct thread *init;

	kasan_early_init();  /* checked code may run: all that follows */
	sched_boot_thread(); /* `current` works from here */
	arch_boot_init();    /* copies what the loader left; IDT, early console */
	cmdline_parse(boot_info.cmdline);
	pr_info("Tarn %s", kernel_version);
	pr_info("Command line: %s", boot_info.cmdline);

	page_early_init();                 /* frames from the loader's map */
	arch_mmu_init(page_early_alloc);   /* direct map, W^X */
	page_init();                       /* the buddy allocator */
	slab_init();
	mm_init();                         /* address spaces, page cache */
	acpi_early_init();                 /* tables, through the direct map */
	process_init();                    /* the kernel's own process: needs slabs */
	sched_init();                      /* run queues of CPU 0; needs the process */
	random_init();                     /* what the CPU gives so far */
	arch_irq_init();                   /* interrupt controllers: needs ACPI */
	arch_time_init();                  /* calibrates: printk's times are right from here */
	time_init();                       /* wall clock from the battery */
	irq_enable();
	smp_init();                        /* idle threads for the others: needs slabs, vmalloc */
	arch_time_check();
	time_check_done();                 /* the vDSO may read the TSC if that was sound */
	kthreads_init();                   /* RCU and worker threads */

	init = process_create_init(start_userland, NULL);
	if (IS_ERR(init))
		panic("no memory for the first process");
	sched_start(init);
	idle_loop();
}
