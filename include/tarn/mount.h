// SPDX-License-Identifier: MIT
/*
 * Mounts: where super blocks hang in a namespace's tree.  fs/mount.c.
 *
 * Life:  new -> attached (the tree holds one reference) -> detached -> freed
 *   A mount holds its root dentry and its super block.
 *
 * Locks (fs/mount_internal.h): namespace_lock, one for all namespaces, serialises
 *   changes of trees; mount_lock with mount_seq guards the links that walks follow.
 */
#pragma once

#include <tarn/list.h>
#include <tarn/rcu.h>
#include <tarn/refcount.h>

struct dentry;
struct fs_context;
struct fs_type;
struct path;
struct strbuf;
struct super;
struct waitq;

struct mount {
	struct mount *parent;            /* NULL: root or detached; namespace_lock, and mount_lock to write */
	struct dentry *mountpoint;       /* counted; as parent */
	struct dentry *root;             /* [I] counted */
	struct super *super;             /* [I] counted */
	struct refcount refs;            /* the tree's, open files', walks' */
	_Atomic u32 flags;               /* MNT_* of mount(2): MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_RDONLY ... */
	u32 id;                          /* [I] for mountinfo */
	u32 peer_group, master_group;    /* propagation; 0: private; namespace_lock */
	struct mount_ns *ns;             /* NULL: detached; namespace_lock */
	struct list children, sibling;   /* the tree; as parent */
	struct list ns_node;             /* in ns->mounts, or on its way out; namespace_lock */
	struct hlist_node hash_node;     /* (parent, mountpoint) -> mount; mount_lock, RCU to read */
	char *source;                    /* [I] first column of /proc/mounts */
	struct mount *copy;              /* its twin while a tree is copied; namespace_lock */
	struct rcu_head rcu;
};

struct mount_ns {
	struct refcount refs;
	struct mount *root;              /* namespace_lock */
	struct list mounts;              /* mount->ns_node, in order of mounting; namespace_lock */
	u64 event;                       /* bumped by each change: poll on /proc/mounts; namespace_lock to write */
	u64 inum;                        /* [I] what /proc/PID/ns/mnt shows */
};

/* mount(2) without user pointers: mounts @type on @target. */
int mount_fs(const char *source, const char *target, const char *type, u32 flags, char *data);
/* The first mount: becomes current's root.  0 or -errno. */
int mount_root(const char *source, const char *type, u32 flags, char *data);
/* A super block no namespace shows (pipes, sockets, memfd): panics at boot if it fails. */
struct mount *mount_internal(const struct fs_type *type);
/* 0, or -EROFS when the mount or super block is read-only. */
int mount_want_write(const struct mount *m);
struct mount_ns *mount_ns_copy(struct mount_ns *old);
/* The same, and @fs (of the new thread) stands in the copy from now on. */
struct mount_ns *mount_ns_copy_fs(struct mount_ns *old, struct fs_context *fs);
void mount_ns_put(struct mount_ns *ns);
/* Woken by mount_ns_event() of any namespace; ns->event tells whether it was this one. */
struct waitq *mount_event_waitq(void);
/* /proc/mounts, mountinfo (@kind 0, 1). */
int mount_ns_show(struct mount_ns *ns, const struct path *root, int kind, struct strbuf *out);

/* ---- start ---- */

/* Once: the caches of names, inodes and files, and the internal mounts. */
void vfs_init(void);
/* Unpacks a cpio archive (newc, gzip'ed if the magic says so) into current's root. 0 or -errno. */
int initramfs_unpack(const void *data, size_t size);
