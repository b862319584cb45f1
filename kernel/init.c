// SPDX-License-Identifier: MIT
/*
 * From thread 1 of the kernel to the first program: standard streams on
 * /dev/console, then init= or the usual places, in Linux's order.
 */
#include <linux/fcntl.h>
#include <tarn/cmdline.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/fail.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/panic.h>
#include <tarn/printk.h>
#include <tarn/process.h>
#include "boot.h"

static void open_console(void)
{
	struct file *f = file_open("/dev/console", O_RDWR, 0);

	if (IS_ERR(f)) {
		pr_warn("cannot open /dev/console (error %ld): init starts without it",
			-PTR_ERR(f));
		return;
	}
	for (int fd = 0; fd < 3; fd++) {
		file_get(f);
		if (fd_add(f, 0) < 0)
			file_put(f);
	}
	file_put(f);
}

static int run_init(const char *path)
{
	boot_options.init_args[0] = path;
	pr_info("Run %s as init process", path);
	return kernel_execve(path, boot_options.init_args, boot_options.init_env);
}

static void NORETURN run_named(const char *path)
{
	int err = run_init(path);

	boot_fail("cannot run %s as init: error %d", path, -err);
}

void init_start(void)
{
	static const char *const places[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };

	fail_from_cmdline();
	open_console();
	if (initramfs_has_init)
		run_named(boot_options.rdinit);
	if (boot_options.init)
		run_named(boot_options.init);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int err = run_init(places[i]);

		if (err != -ENOENT)
			pr_err("%s exists but cannot run: error %d", places[i], -err);
	}
	boot_fail("no working init found: try init= on the command line");
}
