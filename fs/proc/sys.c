// SPDX-License-Identifier: MIT
/*
 * /proc/sys: what programs ask the kernel's settings for (proc(5)).
 *
 * A name is here only if the mechanism behind it is: constants that programs
 * read (cap_last_cap, ngroups_max), the host's names, random ids, and mm's
 * settings.  Subsystems add theirs with SECTION_SET(sysctls, ...).
 */
#include <linux/capability.h>
#include <linux/limits.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/parse.h>
#include <tarn/proc.h>
#include <tarn/process.h>
#include <tarn/random.h>
#include <tarn/string.h>
#include <tarn/uts.h>

#define SYS_TEXT(ident, file, ...)                                                \
	static int ident##_show(struct strbuf *out)                               \
	{                                                                         \
		strbuf_printf(out, __VA_ARGS__);                                  \
		return 0;                                                         \
	}                                                                         \
	static const struct proc_entry sys_##ident = { "sys/" file, ident##_show, NULL, 0 }; \
	SECTION_SET(proc_entries, sys_##ident)

SYS_TEXT(ostype, "kernel/ostype", "%s\n", UTS_SYSNAME);
SYS_TEXT(osrelease, "kernel/osrelease", "%s\n", UTS_RELEASE);
SYS_TEXT(version, "kernel/version", "%s\n", UTS_VERSION);
SYS_TEXT(cap_last_cap, "kernel/cap_last_cap", "%d\n", CAP_LAST_CAP);
SYS_TEXT(ngroups_max, "kernel/ngroups_max", "%d\n", NGROUPS_MAX);
SYS_TEXT(overflowuid, "kernel/overflowuid", "65534\n");
SYS_TEXT(overflowgid, "kernel/overflowgid", "65534\n");
SYS_TEXT(fs_overflowuid, "fs/overflowuid", "65534\n");
SYS_TEXT(fs_overflowgid, "fs/overflowgid", "65534\n");
SYS_TEXT(random_poolsize, "kernel/random/poolsize", "256\n");
SYS_TEXT(random_entropy, "kernel/random/entropy_avail", "%d\n", random_ready() ? 256 : 0);

/* ---- random ids: RFC 4122 version 4 ---- */

static void uuid_print(struct strbuf *out, const u8 id[16])
{
	for (int i = 0; i < 16; i++)
		strbuf_printf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", id[i]);
	strbuf_putc(out, '\n');
}

static void uuid_make(u8 id[16])
{
	random_bytes(id, 16);
	id[6] = (id[6] & 0x0f) | 0x40;
	id[8] = (id[8] & 0x3f) | 0x80;
}

static int uuid_show(struct strbuf *out)
{
	u8 id[16];

	uuid_make(id);
	uuid_print(out, id);
	return 0;
}

/* Made at the first reading, the same until the next boot. */
static int boot_id_show(struct strbuf *out)
{
	static struct mutex lock = MUTEX_INIT(lock, "boot id", LR_SLEEP_LEAF);
	static u8 id[16];

	mutex_lock(&lock);
	if (!memchr_inv(id, 0, sizeof(id)))
		uuid_make(id);
	mutex_unlock(&lock);
	uuid_print(out, id);
	return 0;
}
static const struct proc_entry sys_uuid = { "sys/kernel/random/uuid", uuid_show, NULL, 0 };
static const struct proc_entry sys_boot_id = { "sys/kernel/random/boot_id", boot_id_show, NULL, 0 };
SECTION_SET(proc_entries, sys_uuid);
SECTION_SET(proc_entries, sys_boot_id);
