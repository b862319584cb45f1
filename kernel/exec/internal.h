// SPDX-License-Identifier: MIT
/* What the files of kernel/exec/ share. */
#pragma once

#include "../process/internal.h"

#include "elf.h"
#include "script.h"

#include <tarn/mm.h>

#define SCRIPT_DEPTH 5

/* ---- args.c ---- */

/* Strings one after the other, each with its NUL. */
struct arg_block {
	char *data;
	size_t len, cap;
	u32 count;
};

struct exec_args {
	struct arg_block argv, envp;
	char *prefix[2 + 2 * SCRIPT_DEPTH]; /* kmalloc'ed; scripts put these before argv */
	u32 nr_prefix;
	u32 skip;                           /* leading strings of argv that a script replaced: 0 or 1 */
	size_t limit;                       /* bytes that strings and pointers may take in all */
};

int args_from_user(struct exec_args *a, const char __user *const __user *argv,
		   const char __user *const __user *envp);
int args_from_kernel(struct exec_args *a, const char *const *argv, const char *const *envp);
/* A script runs as: @interp [@arg] @path, then what was there but for its first.  -ENOMEM. */
int args_for_script(struct exec_args *a, const char *interp, const char *arg, const char *path);
void args_free(struct exec_args *a);
u32 args_count(const struct exec_args *a); /* argc */
/* Of everything: strings with their NULs. */
size_t args_bytes(const struct exec_args *a);
/* First argument after the ones skipped, and how many bytes from there. */
const char *args_tail(const struct exec_args *a, size_t *len);

/* ---- exec.c ---- */

/* One execve on its way. */
struct exec {
	struct file *file;          /* being run, writes denied; a script's interpreter replaces it */
	char *name;                 /* AT_EXECFN: as asked */
	char head[SCRIPT_LINE + 1];
	size_t head_len;
	bool unreachable;           /* a script could not open @name again: its descriptor closes on exec */
	struct exec_args args;
	struct cred *cred;          /* to become */
	bool secure;                /* AT_SECURE */
	bool unreadable;            /* the file may be run but not read */
	struct elf_info *elf, *interp_elf;
	struct file *interp;
	/* What the old program leaves: put after exec_lock, for closing may take any lock. */
	struct file *old_exe;
	struct files *old_files;
};

/* A regular file that current may execute, open for reading; ERR_PTR. */
struct file *exec_open_name(const char *name);

/* ---- cred.c ---- */
int exec_prepare_cred(struct exec *x);

/* ---- load.c ---- */

struct loaded {
	u64 bias, interp_bias;      /* added to the files' addresses */
	u64 entry;                  /* where to start: the interpreter's if there is one */
	u64 brk;                    /* first page after the program */
};
/* Reads and checks headers, opens the interpreter.  0 or -errno. */
int elf_prepare(struct exec *x);
/* Maps program and interpreter into current's fresh mm. */
int elf_load(struct exec *x, struct loaded *out);

/* ---- layout.c ---- */
/* Where stack and mappings begin in @mm. */
struct layout {
	u64 stack_top;
};
void exec_layout(struct mm *mm, struct layout *out);
bool exec_randomizes(void);

/* ---- stack.c ---- */
/* Maps the stack into current's mm and fills it; *sp is what the program starts with. */
int exec_build_stack(struct exec *x, const struct loaded *l, const struct layout *lay, u64 *sp);

/* ---- vdso.c ---- */
/* Maps data page and image; 0 or -errno.  mm->vdso_base stays 0 if there is none. */
int vdso_map(struct mm *mm);

/* ---- group.c ---- */
/* Ends all other threads; current becomes the leader.  0, -EAGAIN, -EINTR (killed meanwhile). */
int exec_become_single(void);
/* A handler table of its own. */
int exec_unshare_handlers(void);
