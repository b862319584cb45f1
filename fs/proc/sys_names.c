// SPDX-License-Identifier: MIT
/*
 * /proc/sys/kernel/hostname and domainname: the reader's own, and poll(2) tells
 * of a change (hostnamed waits for it).  One event is for both.
 *
 * Tests: tests/abi/proc_files.c.
 */
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/parse.h>
#include <tarn/proc.h>
#include <tarn/process.h>
#include <tarn/string.h>
#include <tarn/uts.h>
#include <tarn/waitq.h>

static struct waitq uts_waitq = WAITQ_INIT(uts_waitq);
static _Atomic u32 uts_count;

void uts_changed(void)
{
	atomic_fetch_add(&uts_count, 1);
	waitq_wake_all(&uts_waitq, 0);
}

static int name_show(struct strbuf *out, size_t offset)
{
	struct uts_ns *uts = current->ns->uts;

	mutex_lock(&uts->lock);
	strbuf_printf(out, "%s\n", (const char *)&uts->names + offset);
	mutex_unlock(&uts->lock);
	return 0;
}

static ssize_t name_write(const char *text, size_t n, size_t offset)
{
	struct uts_ns *uts = current->ns->uts;
	char copy[65], *name;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	strscpy(copy, text, sizeof(copy));
	name = parse_trim(copy);
	mutex_lock(&uts->lock);
	strscpy((char *)&uts->names + offset, name, sizeof(uts->names.nodename));
	mutex_unlock(&uts->lock);
	uts_changed();
	return n;
}

static int hostname_show(struct strbuf *out)
{
	return name_show(out, offsetof(struct uts_names, nodename));
}
static ssize_t hostname_write(const char *text, size_t n)
{
	return name_write(text, n, offsetof(struct uts_names, nodename));
}
static int domainname_show(struct strbuf *out)
{
	return name_show(out, offsetof(struct uts_names, domainname));
}
static ssize_t domainname_write(const char *text, size_t n)
{
	return name_write(text, n, offsetof(struct uts_names, domainname));
}
static const struct proc_entry sys_hostname = { "sys/kernel/hostname", hostname_show, hostname_write, 0 };
static const struct proc_entry sys_domainname = { "sys/kernel/domainname", domainname_show,
						  domainname_write, 0 };
static const struct proc_event hostname_event = { "sys/kernel/hostname", &uts_count, &uts_waitq };
static const struct proc_event domainname_event = { "sys/kernel/domainname", &uts_count, &uts_waitq };
SECTION_SET(proc_entries, sys_hostname);
SECTION_SET(proc_entries, sys_domainname);
SECTION_SET(proc_events, hostname_event);
SECTION_SET(proc_events, domainname_event);
