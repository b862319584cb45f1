// SPDX-License-Identifier: MIT
/*
 * sysfs: a tree of directories, attribute files and links that the kernel makes
 * and user space reads.  fs/sysfs/.
 *
 * Nodes are made at boot and when devices appear; they are never removed, so a
 * pointer to one stays good.
 */
#pragma once

struct strbuf;
struct sysfs_node;

extern struct sysfs_node *sysfs_root(void);
/* The directory @name in @parent, made if it is not there; NULL: no memory. */
struct sysfs_node *sysfs_dir(struct sysfs_node *parent, const char *name);
/* The same for a path with slashes, from the root. */
struct sysfs_node *sysfs_path(const char *path);

/* Contents of a file: 0 or -errno; store: bytes or -errno, NULL: read-only. */
struct sysfs_file_ops {
	int (*show)(void *arg, struct strbuf *out);
	ssize_t (*store)(void *arg, const char *text, size_t n);
};
/* 0, -EEXIST, -ENOMEM. */
int sysfs_file(struct sysfs_node *dir, const char *name, u32 mode,
	       const struct sysfs_file_ops *ops, void *arg);
/* /sys/kernel/mm: memory's settings. */
void sysfs_memory_init(void);
/* A relative link to @target. */
int sysfs_link(struct sysfs_node *dir, const char *name, struct sysfs_node *target);
