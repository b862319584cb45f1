// SPDX-License-Identifier: MIT
/*
 * Shared between the files of fs/proc.
 *
 * Two kinds of names: the static tree (tree.c), made once from linker sets, and
 * what exists per process (pid.c), made at each lookup.
 */
#pragma once

#include <tarn/dentry.h>
#include <tarn/inode.h>
#include <tarn/proc.h>
#include <tarn/process.h>
#include <tarn/text_file.h>

/* One static name; all fields but the first three are fixed once the tree is built. */
struct proc_node {
	mode_t mode;                       /* [a] as chmod(2) and chown(2) left them: inode->lock to write */
	uid_t uid;
	gid_t gid;
	char name[48];
	bool in_sys;                       /* /proc/sys or below: owned by root for good */
	u64 ino;
	struct proc_node *parent;
	struct list children, sibling;
	const struct proc_entry *entry;
	const struct proc_event *event;    /* of an entry that changes by itself; NULL: none */
	const struct sysctl *sysctl;
	const char *target; /* symlink */
};

struct pid_entry;

/* sb->private: what this mount hides.  Readers take either state during a remount. */
enum hide_pid {
	HIDE_OFF,
	HIDE_NO_ACCESS,            /* others' directories are listed, but closed */
	HIDE_INVISIBLE,            /* and not listed */
	HIDE_NOT_PTRACEABLE = 4,   /* nor those of one's own that one may not look into; gid does not help */
	HIDE_MODES
};
struct proc_super {
	enum hide_pid hide;
	gid_t gid;                 /* whose members nothing is hidden from */
};

/* An inode of /proc: a static node's, or one of a thread's names. */
struct proc_inode {
	struct inode inode;
	struct proc_node *node;            /* [I] static names */
	struct thread *thread;             /* [I] counted: the leader in /proc/PID, the thread in task/TID */
	bool is_task;                      /* [I] below task/ */
	const struct pid_entry *entry;     /* [I] NULL: the PID directory itself */
	int fd;                            /* [I] below fd/ and fdinfo/ */
};

static inline struct proc_inode *to_proc(struct inode *inode)
{
	return container_of(inode, struct proc_inode, inode);
}

/* A name below /proc/PID and /proc/PID/task/TID. */
struct pid_entry {
	const char *name;
	mode_t mode;                       /* with type bits */
	bool leader_only, task_only;       /* not below task/TID; only there */
	bool guarded;                      /* needs proc_may_access() to open, read or follow: under proc_guard() */
	int (*show)(struct thread *t, struct strbuf *out);
	int (*show_mm)(struct mm *mm, struct strbuf *out, u64 *at); /* instead: text_file.h, show_some */
	ssize_t (*write)(struct thread *t, char *text, size_t n);
	int (*link)(struct thread *t, struct path *out); /* magic link's target, with references */
	const struct inode_ops *ops;       /* directories */
	const struct file_ops *fops;       /* directories and special files */
};

extern struct proc_node proc_root;
void proc_tree_build(void);
struct proc_node *proc_node_find(struct proc_node *dir, const struct qstr *name);
struct inode *proc_node_inode(struct super *sb, struct proc_node *node);

/* A fresh inode of /proc; thread's reference is taken over (NULL: none).  NULL: no memory, reference put. */
struct inode *proc_inode_new(struct super *sb, u64 ino, mode_t mode, struct thread *t);
/* chown(2) and utimes(2), but no chmod(2); a new size is ignored, for there is none. */
int proc_setattr(struct inode *inode, const struct setattr *a);
/* Owner and group as the thread's credentials say (root if not dumpable). */
void proc_inode_own(struct inode *inode, struct thread *t);
/* ptrace(2)'s "access mode" check for reading: same user, or CAP_SYS_PTRACE. */
bool proc_may_access(struct thread *t);
/*
 * The same, and until proc_unguard() the thread does not become a program that
 * current may not look into: 0, -EACCES, -EINTR.
 */
int proc_guard(struct thread *t);
void proc_unguard(struct thread *t);
bool proc_thread_gone(struct proc_inode *p);

/* Numbers and inodes of /proc/PID and task/TID. */
#define LAST_PID 0x3fffffffu /* no number is near: positions beyond are user space's */
#define PID_INO(tid, n) ((u64)(tid) << 16 | (n))
/* A whole decimal number without sign or leading zero; false: not one. */
bool proc_name_to_pid(const struct qstr *name, pid_t *out);
/* @d becomes the directory of @t, whose reference is taken over. */
int proc_pid_attach(struct inode *dir, struct dentry *d, struct thread *t, bool is_task);

/* /proc/PID for lookups and listings at the root. */
int proc_pid_lookup(struct inode *dir, struct dentry *d);
/* Emits processes from cookie *pos on. */
int proc_pid_iterate(const struct super *sb, struct dir_emit *e, u64 *pos);
bool proc_emit_dots(struct file *f, struct dir_emit *e, u64 *pos);

extern const struct pid_entry pid_entries[];
extern const u32 pid_nentries;
extern const struct inode_ops pid_task_ops, pid_fd_ops, pid_fdinfo_ops;
extern const struct file_ops pid_task_fops, pid_fd_fops, pid_fdinfo_fops;
extern const struct file_ops pid_mem_fops, pid_pagemap_fops, pid_clear_refs_fops, pid_mounts_fops, pid_mountinfo_fops;
extern const struct dentry_ops proc_pid_dentry_ops;

/* pid_stat.c, pid_status.c, pid_mm.c */
int pid_show_stat(struct thread *t, struct strbuf *out);
int pid_show_task_stat(struct thread *t, struct strbuf *out);
int pid_show_status(struct thread *t, struct strbuf *out);
int pid_show_statm(struct thread *t, struct strbuf *out);
int pid_show_limits(struct thread *t, struct strbuf *out);
int pid_show_io(struct thread *t, struct strbuf *out);
int pid_show_task_io(struct thread *t, struct strbuf *out);
int pid_show_comm(struct thread *t, struct strbuf *out);
ssize_t pid_write_comm(struct thread *t, char *text, size_t n);
int pid_show_cmdline(struct thread *t, struct strbuf *out);
int pid_show_environ(struct mm *mm, struct strbuf *out, u64 *at);
int pid_show_auxv(struct mm *mm, struct strbuf *out, u64 *at);
int pid_show_maps(struct mm *mm, struct strbuf *out, u64 *at);
int pid_show_smaps(struct mm *mm, struct strbuf *out, u64 *at);
int pid_show_smaps_rollup(struct mm *mm, struct strbuf *out, u64 *at);

/*
 * pid_mm.c: what shows memory keeps the mm struct of its open, not its mappings: after
 * an exec, which may have been of a set-user-ID program, there is nothing to see.
 * mem and pagemap keep it in file->private, texts are about it.
 */
extern const struct file_ops pid_mm_text_fops;
int proc_mm_open(struct inode *inode, struct file *f);
int proc_mm_text_open(struct inode *inode, struct file *f, const struct text_ops *ops);
void proc_mm_text_release(struct file *f);
loff_t proc_mm_llseek(struct file *f, loff_t offset, int whence) MUST_HOLD(&f->pos_lock);
void proc_mm_release(struct file *f);
