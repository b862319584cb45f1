// SPDX-License-Identifier: MIT
/*
 * reboot(2).  Every end of the machine first writes what is dirty and makes
 * the file systems read-only, so a program that forgets sync loses nothing.
 */
#include <linux/reboot.h>
#include <arch/boot.h>
#include <arch/cpu.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/lock.h>
#include <tarn/printk.h>
#include <tarn/super.h>
#include <tarn/syscall.h>

static struct mutex reboot_lock = MUTEX_INIT(reboot_lock, "reboot", LR_MODULE_INIT);

static void NORETURN end_machine(unsigned int cmd)
{
	mutex_lock(&reboot_lock); /* never let go: the first caller decides */
	vfs_shutdown();
	switch (cmd) {
	case LINUX_REBOOT_CMD_RESTART:
	case LINUX_REBOOT_CMD_RESTART2:
		printk(LOG_NOTICE, "Restarting system");
		arch_reboot();
	case LINUX_REBOOT_CMD_POWER_OFF:
		printk(LOG_NOTICE, "Power down");
		arch_poweroff();
	default:
		printk(LOG_NOTICE, "System halted");
		cpu_halt_all();
	}
}

static bool magic_ok(int magic1, int magic2)
{
	static const u32 second[] = { LINUX_REBOOT_MAGIC2, LINUX_REBOOT_MAGIC2A,
				      LINUX_REBOOT_MAGIC2B, LINUX_REBOOT_MAGIC2C };

	if ((u32)magic1 != LINUX_REBOOT_MAGIC1)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(second); i++)
		if ((u32)magic2 == second[i])
			return true;
	return false;
}

long sys_reboot(int magic1, int magic2, unsigned int cmd, void __user *arg)
{
	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (!magic_ok(magic1, magic2))
		return -EINVAL;
	switch (cmd) {
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		return 0; /* no keyboard sends Ctrl-Alt-Del */
	case LINUX_REBOOT_CMD_RESTART:
	case LINUX_REBOOT_CMD_RESTART2:
	case LINUX_REBOOT_CMD_POWER_OFF:
	case LINUX_REBOOT_CMD_HALT:
		end_machine(cmd);
	}
	return -EINVAL;
}
