// SPDX-License-Identifier: MIT
/* /proc/PID/mounts and /proc/PID/mountinfo, as proc(5) has them. */
#include <linux/mount.h>
#include <tarn/mount.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/super.h>

#include "internal.h"
#include "mount_internal.h"

#define SPECIAL " \t\n\\#"

static void show_mount_flags(u32 flags, struct strbuf *out)
{
	static const struct {
		u32 flag;
		const char *text;
	} names[] = {
		{ MS_NOSUID, ",nosuid" },       { MS_NODEV, ",nodev" },
		{ MS_NOEXEC, ",noexec" },       { MS_NOATIME, ",noatime" },
		{ MS_NODIRATIME, ",nodiratime" }, { MS_RELATIME, ",relatime" },
		{ MS_NOSYMFOLLOW, ",nosymfollow" },
	};

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			strbuf_puts(out, names[i].text);
}

static void show_super_flags(u32 flags, struct strbuf *out)
{
	if (flags & MS_SYNCHRONOUS)
		strbuf_puts(out, ",sync");
	if (flags & MS_DIRSYNC)
		strbuf_puts(out, ",dirsync");
	if (flags & MS_MANDLOCK)
		strbuf_puts(out, ",mand");
	if (flags & MS_LAZYTIME)
		strbuf_puts(out, ",lazytime");
}

/* The file system's own options, with a comma before them. */
static void show_fs_options(struct super *sb, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;

	if (!sb->ops || !sb->ops->show_options)
		return;
	sb->ops->show_options(sb, &text);
	if (text.len) {
		if (strbuf_str(&text)[0] != ',')
			strbuf_putc(out, ',');
		strbuf_puts(out, strbuf_str(&text));
	}
	strbuf_free(&text);
}

static void show_mounts_line(const struct mount *m, const char *where, struct strbuf *out)
{
	u32 flags = atomic_load(&m->flags), sflags = atomic_load(&m->super->flags);

	strbuf_escape(out, m->source, SPECIAL);
	strbuf_putc(out, ' ');
	strbuf_escape(out, where, SPECIAL);
	strbuf_printf(out, " %s %s", m->super->type->name,
		      ((flags | sflags) & MS_RDONLY) ? "ro" : "rw");
	show_super_flags(sflags, out);
	show_mount_flags(flags, out);
	show_fs_options(m->super, out);
	strbuf_puts(out, " 0 0\n");
}

/* The part of its file system that a bind mount shows. */
static void show_root_inside(struct mount *m, char *buf, struct strbuf *out)
{
	struct dentry *top = m->root;
	char *end = buf + PATH_MAX_LEN - 1, *s = end;

	*end = '\0';
	rcu_read_lock();
	while (top->parent != top) {
		u32 len = top->name.len;

		if ((size_t)(s - buf) < len + 1)
			break;
		s -= len;
		memcpy(s, top->name.name, len);
		*--s = '/';
		top = READ_ONCE(top->parent);
	}
	rcu_read_unlock();
	strbuf_escape(out, *s ? s : "/", SPECIAL);
}

static void show_mountinfo_line(struct mount *m, const char *where, char *buf, struct strbuf *out)
{
	u32 flags = atomic_load(&m->flags), sflags = atomic_load(&m->super->flags);

	strbuf_printf(out, "%u %u %u:%u ", m->id, m->parent ? m->parent->id : m->id,
		      KDEV_MAJOR(m->super->dev), KDEV_MINOR(m->super->dev));
	show_root_inside(m, buf, out);
	strbuf_putc(out, ' ');
	strbuf_escape(out, where, SPECIAL);
	strbuf_puts(out, (flags & MS_RDONLY) ? " ro" : " rw");
	show_mount_flags(flags, out);
	if (m->peer_group)
		strbuf_printf(out, " shared:%u", m->peer_group);
	if (m->master_group)
		strbuf_printf(out, " master:%u", m->master_group);
	if (flags & MS_UNBINDABLE)
		strbuf_puts(out, " unbindable");
	strbuf_printf(out, " - %s ", m->super->type->name);
	strbuf_escape(out, m->source, SPECIAL);
	strbuf_puts(out, (sflags & MS_RDONLY) ? " ro" : " rw");
	show_super_flags(sflags, out);
	show_fs_options(m->super, out);
	strbuf_putc(out, '\n');
}

int mount_ns_show(struct mount_ns *ns, const struct path *root, int kind, struct strbuf *out)
{
	char *where_buf = kmalloc(PATH_MAX_LEN, GFP_KERNEL);
	char *root_buf = kmalloc(PATH_MAX_LEN, GFP_KERNEL);
	int err = where_buf && root_buf ? 0 : -ENOMEM;
	struct mount *m;

	if (err)
		goto out;
	rwsem_read_lock(&namespace_lock);
	LIST_FOR_EACH(m, &ns->mounts, ns_node) {
		struct path p = { m, m->root };
		bool unreachable = false;
		char *where = path_format(&p, root, where_buf, PATH_MAX_LEN, &unreachable);

		if (IS_ERR(where) || unreachable)
			continue;
		if (kind == 0)
			show_mounts_line(m, where, out);
		else
			show_mountinfo_line(m, where, root_buf, out);
	}
	rwsem_read_unlock(&namespace_lock);
out:
	kfree(where_buf);
	kfree(root_buf);
	return err;
}
