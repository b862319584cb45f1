// SPDX-License-Identifier: MIT
/* The mount tree, for mount.c, mount_ops.c (system calls) and mount_show.c. */
#pragma once

#include <tarn/list.h>
#include <tarn/lock.h>
#include <tarn/mount.h>

extern struct rwsem namespace_lock;

#define MOUNT_FLAGS \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | \
	 MS_NOSYMFOLLOW)

/* In mount->flags: umount2(2) with MNT_EXPIRE saw it unused, and nobody has used it since. */
#define MOUNT_EXPIRES BIT(29)
/* mount_put() of a user who does not count as one. */
void mount_put_quietly(struct mount *m);

struct mount *mount_alloc(struct super *sb, struct dentry *root, const char *source, u32 flags);
void mount_link(struct mount *m, struct mount *parent, struct dentry *mountpoint);
void mount_unlink(struct mount *m);
struct mount *mount_next(struct mount *m, struct mount *top, bool skip_children);
void mount_set_ns(struct mount *top, struct mount_ns *ns);
void mount_drop_tree(struct mount *top, struct list *dead);
void mount_put_dead(struct list *dead);
struct mount *mount_copy_tree(struct mount *src, struct dentry *root, bool recursive,
			      struct list *dead);
u32 mount_new_peer_group(void);
struct mount_ns *mount_ns_new(void);
void mount_ns_event(struct mount_ns *ns);
struct mount_ns *current_mount_ns(void);
