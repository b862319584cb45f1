// SPDX-License-Identifier: MIT
/*
 * Names of the system: uname(2), sethostname(2), setdomainname(2).
 *
 * Programs look at the release to learn what the kernel can do (glibc wants
 * 3.2 or later), so it is that of the Linux whose calls this kernel speaks.
 */
#include <linux/utsname.h>
#include <arch/cpu.h>
#include <arch/uaccess.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/lock.h>
#include <tarn/process.h>
#include <tarn/string.h>
#include <tarn/syscall.h>
#include <tarn/uts.h>
#include "../boot.h"

const char kernel_release[] = "6.1.0-tarn";
const char kernel_version[] = "#1 SMP Tarn";

long sys_uname(void __user *uname)
{
	struct uts_ns *ns = current->ns->uts;
	struct new_utsname k;

	memset(&k, 0, sizeof(k));
	(void)strscpy(k.sysname, "Linux", sizeof(k.sysname));
	(void)strscpy(k.release, kernel_release, sizeof(k.release));
	(void)strscpy(k.version, kernel_version, sizeof(k.version));
	(void)strscpy(k.machine, ARCH_MACHINE, sizeof(k.machine));
	mutex_lock(&ns->lock);
	memcpy(k.nodename, ns->names.nodename, sizeof(k.nodename));
	memcpy(k.domainname, ns->names.domainname, sizeof(k.domainname));
	mutex_unlock(&ns->lock);
	return copy_to_user(uname, &k, sizeof(k));
}

static long set_name(char *field, const char __user *uname, int len)
{
	struct uts_ns *ns = current->ns->uts;
	char text[__NEW_UTS_LEN + 1] = { 0 };

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > __NEW_UTS_LEN)
		return -EINVAL;
	if (copy_from_user(text, uname, (size_t)len))
		return -EFAULT;
	mutex_lock(&ns->lock);
	memcpy(field, text, sizeof(text));
	mutex_unlock(&ns->lock);
	uts_changed();
	return 0;
}

long sys_sethostname(const char __user *name, int len)
{
	return set_name(current->ns->uts->names.nodename, name, len);
}

long sys_setdomainname(const char __user *name, int len)
{
	return set_name(current->ns->uts->names.domainname, name, len);
}
