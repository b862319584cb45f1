// SPDX-License-Identifier: MIT
/*
 * /proc/sys/vm: mm's settings (proc_sys_vm(5)).
 *
 * Two settings of one thing - a ratio and a number of bytes - are one: writing
 * either makes the other 0.
 */
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/mm.h>
#include <tarn/pagecache.h>
#include <tarn/parse.h>
#include <tarn/proc.h>

/* ---- plain numbers ---- */

#define VM_NUMBER(name, least, most)                                                       \
	static const struct sysctl vm_##name##_file = { .path = "vm/" #name,               \
							.value = (int *)&vm_##name,        \
							.min = (least), .max = (most) };   \
	SECTION_SET(sysctls, vm_##name##_file)

VM_NUMBER(overcommit_memory, 0, 2);
VM_NUMBER(max_map_count, 0, 0x7fffffff);
VM_NUMBER(dirty_expire_centisecs, 0, 0x7fffffff);
VM_NUMBER(dirty_writeback_centisecs, 0, 0x7fffffff);

/* ---- a number that needs more ---- */

static int show(struct strbuf *out, u64 value)
{
	strbuf_printf(out, "%lu\n", (ulong)value);
	return 0;
}

/* The number in @text, at most @max, replaces *to; *other, if there is one, becomes 0. */
static ssize_t set32(const char *text, size_t n, u32 *to, u32 max, u64 *other)
{
	u32 value;

	if (parse_u32(text, 10, &value) || value > max)
		return -EINVAL;
	WRITE_ONCE(*to, value);
	if (other)
		WRITE_ONCE(*other, 0);
	return (ssize_t)n;
}

static ssize_t set64(const char *text, size_t n, u64 *to, u32 *other)
{
	u64 value;

	if (parse_u64(text, 10, &value))
		return -EINVAL;
	WRITE_ONCE(*to, value);
	if (other)
		WRITE_ONCE(*other, 0);
	return (ssize_t)n;
}

#define VM_FILE(name)                                                                     \
	static int name##_show(struct strbuf *out)                                        \
	{                                                                                 \
		return show(out, vm_##name);                                              \
	}                                                                                 \
	static const struct proc_entry vm_##name##_file = { "sys/vm/" #name, name##_show, \
							    name##_write, 0 };            \
	SECTION_SET(proc_entries, vm_##name##_file)

#define VM_RATIO(name, most, bytes)                                  \
	static ssize_t name##_write(const char *text, size_t n)      \
	{                                                            \
		return set32(text, n, &vm_##name, most, &vm_##bytes); \
	}                                                            \
	VM_FILE(name)

#define VM_BYTES(name, ratio)                                   \
	static ssize_t name##_write(const char *text, size_t n) \
	{                                                       \
		return set64(text, n, &vm_##name, ratio);       \
	}                                                       \
	VM_FILE(name)

VM_RATIO(overcommit_ratio, ~0u, overcommit_kbytes);
VM_BYTES(overcommit_kbytes, &vm_overcommit_ratio);
VM_BYTES(admin_reserve_kbytes, NULL);
VM_BYTES(user_reserve_kbytes, NULL);
VM_RATIO(dirty_ratio, 100, dirty_bytes);
VM_BYTES(dirty_bytes, &vm_dirty_ratio);
VM_RATIO(dirty_background_ratio, 100, dirty_background_bytes);
VM_BYTES(dirty_background_bytes, &vm_dirty_background_ratio);

static ssize_t mmap_min_addr_write(const char *text, size_t n)
{
	return capable(CAP_SYS_RAWIO) ? set64(text, n, &vm_mmap_min_addr, NULL) : -EPERM;
}
VM_FILE(mmap_min_addr);

/* ---- caches that can be dropped: 1 pages of files, 2 objects, 3 both ---- */

static u32 last_dropped;

static int drop_caches_show(struct strbuf *out)
{
	return show(out, READ_ONCE(last_dropped));
}

static ssize_t drop_caches_write(const char *text, size_t n)
{
	u32 what;

	if (parse_u32(text, 10, &what) || what < 1 || what > 4)
		return -EINVAL;
	WRITE_ONCE(last_dropped, what);
	if (what & 1)
		pagecache_drop_all();
	if (what & 2)
		caches_drop_all();
	return (ssize_t)n;
}
static const struct proc_entry vm_drop_caches_file = { "sys/vm/drop_caches", drop_caches_show,
						       drop_caches_write, 0 };
SECTION_SET(proc_entries, vm_drop_caches_file);
