// SPDX-License-Identifier: MIT
/*
 * inotify(7)'s events, told by whoever changes a file.  fs/inotify.c.
 *
 * Cheap when nobody watches: callers need not ask first.
 */
#pragma once

struct dentry;
struct file;
struct inode;
struct qstr;

#define NOTIFY_IS_DIR BIT(30) /* IN_ISDIR, beside the event */
/* inotify event on @inode and, with @dentry's name, on its parent.  Cheap when nobody watches. */
void notify_dentry(struct dentry *d, u32 in_event);
void notify_file(struct file *f, u32 in_event);
void notify_name(struct inode *dir, const struct qstr *name, u32 in_event, u32 cookie);
void notify_inode_gone(struct inode *inode);
