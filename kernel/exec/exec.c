// SPDX-License-Identifier: MIT
/*
 * execve(2): a process takes up a new program.
 *
 *   prepare   file, arguments, interpreter: any failure is reported
 *   single    the other threads end; credentials
 *   ---- point of no return: the old address space goes ----
 *   load      mappings, stack; a failure kills the process with SIGSEGV
 *   settle    handlers, descriptors, name, credentials; user mode
 *
 * process->exec_lock is held from the point of no return on, so that nobody who
 * looks into the process (ptrace, /proc) sees old rights with a new address
 * space.  Not before: a thread that waits for it could not end.
 */
#include "internal.h"

#include <arch/frame.h>
#include <arch/thread.h>
#include <asm/fcntl.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/personality.h>
#include <tarn/dentry.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/parse.h>
#include <tarn/path.h>
#include <tarn/printk.h>
#include <tarn/random.h>
#include <tarn/strbuf.h>
#include <tarn/syscall.h>
#include <tarn/time.h>

#define BRK_RANDOM_PAGES 8192ul /* 32 MiB */

/* ---- the file ---- */

static struct file *open_path(const struct path *path)
{
	struct inode *i = path->dentry->inode;
	int err;

	if (!mode_is_reg(i->mode))
		return ERR_PTR(mode_is_lnk(i->mode) ? -ELOOP : -EACCES);
	if (atomic_load(&path->mnt->flags) & MS_NOEXEC)
		return ERR_PTR(-EACCES);
	err = inode_permission(i, MAY_EXEC);
	return err ? ERR_PTR(err) : file_open_path(path, O_RDONLY, current->cred);
}

struct file *exec_open_name(const char *name)
{
	struct path path;
	struct file *f;
	int err = path_lookup(name, LOOKUP_FOLLOW, &path);

	if (err)
		return ERR_PTR(err);
	f = open_path(&path);
	path_put(&path);
	return f;
}

/* @f becomes what runs; its reference is taken over. */
static int set_file(struct exec *x, struct file *f)
{
	loff_t pos = 0;
	ssize_t n;
	int err;

	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	err = file_deny_write(f);
	if (err) {
		file_put(f);
		return err;
	}
	if (x->file) {
		file_allow_write(x->file);
		file_put(x->file);
	}
	x->file = f;
	n = kernel_read(f, x->head, SCRIPT_LINE, &pos);
	if (n < 0)
		return (int)n;
	x->head_len = (size_t)n;
	memset(x->head + n, 0, sizeof(x->head) - (size_t)n);
	x->unreadable |= inode_permission(f->inode, MAY_READ) != 0;
	return 0;
}

/* Follows #! lines to the program that really runs. */
static int find_program(struct exec *x)
{
	const char *path = x->name;
	char *name = NULL, *interp, *arg;
	int err = 0;

	for (int depth = 0; !err && str_starts_with(x->head, "#!"); depth++) {
		if (depth == SCRIPT_DEPTH) {
			err = -ELOOP;
			break;
		}
		if (x->unreachable) {
			err = -ENOENT;
			break;
		}
		err = script_parse(x->head, x->head_len, &interp, &arg);
		if (!err)
			err = args_for_script(&x->args, interp, arg, path);
		if (err)
			break;
		kfree(name);
		path = name = kstrdup(interp, GFP_KERNEL);
		err = name ? set_file(x, exec_open_name(name)) : -ENOMEM;
	}
	kfree(name);
	return err;
}

/* ---- preparing ---- */

static void exec_free(struct exec *x)
{
	args_free(&x->args);
	if (x->file) {
		file_allow_write(x->file);
		file_put(x->file);
	}
	if (x->old_exe) {
		file_allow_write(x->old_exe);
		file_put(x->old_exe);
	}
	if (x->old_files)
		files_put(x->old_files);
	if (x->interp)
		file_put(x->interp);
	if (x->cred)
		cred_put(x->cred);
	kfree(x->elf);
	kfree(x->interp_elf);
	kfree(x->name);
	kfree(x);
}

static int unshare_files(struct exec *x)
{
	struct thread *t = current;
	struct files *old = t->files, *new;

	if (!old || ref_read(&old->refs) == 1)
		return 0;
	new = files_copy(old, ~0u);
	if (IS_ERR_OR_NULL(new))
		return new ? (int)PTR_ERR(new) : -ENOMEM;
	spin_lock(&t->lock);
	t->files = new;
	spin_unlock(&t->lock);
	x->old_files = old;
	return 0;
}

static int over_process_limit(void)
{
	u64 n = charge_of(current->cred->user, CHARGE_THREADS);

	return current->over_nproc && n > rlimit_cur(RLIMIT_NPROC) ? -EAGAIN : 0;
}

/* Everything that may fail and be reported. */
static int prepare(struct exec *x)
{
	int err = over_process_limit();

	if (!err)
		err = find_program(x);
	if (!err)
		err = elf_prepare(x);
	if (!err)
		err = arch_thread_alloc_fpu(current);
	return err;
}

/* ---- past the point of no return ---- */

static void switch_mm(struct mm *new)
{
	struct thread *t = current;
	struct mm *old = t->mm;

	if (old)
		thread_leave_mm();
	spin_lock(&t->lock);
	irq_disable();
	t->mm = new;
	mmu_switch(new);
	irq_enable();
	spin_unlock(&t->lock);
	thread_vfork_release(t);
	if (old)
		mm_put(old);
}

static int load(struct exec *x, struct mm *mm, u64 *entry, u64 *sp)
{
	struct loaded l = { 0 };
	struct layout lay;
	u64 brk;
	int err;

	exec_layout(mm, &lay);
	err = elf_load(x, &l);
	if (!err)
		err = vdso_map(mm);
	if (!err)
		err = exec_build_stack(x, &l, &lay, sp);
	if (err)
		return err;
	brk = l.brk;
	if (exec_randomizes())
		brk += random_u64() % BRK_RANDOM_PAGES * PAGE_SIZE;
	*entry = l.entry;
	return mm_setup_brk(mm, brk);
}

static void set_name(struct thread *t, const char *path)
{
	const char *slash = strrchr(path, '/');
	char name[sizeof(t->comm)] = { 0 };

	strscpy(name, slash ? slash + 1 : path, sizeof(name));
	spin_lock(&t->lock);
	memcpy(t->comm, name, sizeof(name));
	spin_unlock(&t->lock);
}

static void swap_exe(struct process *p, struct exec *x)
{
	x->old_exe = p->exe;
	p->exe = x->file; /* with its denial of writes */
	x->file = NULL;
}

static void become(struct exec *x)
{
	bool changes = x->cred->euid != current->cred->uid || x->cred->egid != current->cred->gid;
	struct process *p = current->process;

	if (changes)
		current->personality &= ~(u32)PER_CLEAR_ON_SETID;
	cred_commit(x->cred);
	x->cred = NULL;
	p->dumpable = !changes && !x->unreadable;
	if (x->secure)
		current->pdeath_signal = 0;
}

static void settle(struct exec *x)
{
	struct thread *t = current;
	struct process *p = t->process;

	process_timers_exec(p);
	signal_exec(t);
	t->restart.fn = NULL;
	t->flags &= ~(u32)(TF_FORKNOEXEC | TF_KTHREAD);
	p->did_exec = true;
	WRITE_ONCE(p->exec_id, p->exec_id + 1);
	p->exit_signal = SIGCHLD;
	t->exit_signal = SIGCHLD;
	set_name(t, x->name);
	become(x);
	swap_exe(p, x);
}

/* The new program, or death.  @mm is fresh. */
static int take_over(struct exec *x, struct mm *mm)
{
	struct process *p = current->process;
	u64 entry, sp;
	int err;

	mm->thp_disabled = current->mm && current->mm->thp_disabled;
	switch_mm(mm);
	mm->exe_file = file_get(x->file);
	if (x->secure && p->rlimits[RLIMIT_STACK].cur > 8ul << 20) {
		spin_lock(&p->rlimit_lock);
		p->rlimits[RLIMIT_STACK].cur = 8ul << 20; /* no layout by the caller's choice */
		spin_unlock(&p->rlimit_lock);
	}
	err = load(x, mm, &entry, &sp);
	if (!err) {
		settle(x);
		arch_thread_exec(thread_regs(current), entry, sp);
	}
	return err;
}

/* 0: the thread's frame is that of the new program. */
static int run(struct exec *x)
{
	struct process *p = current->process;
	struct mm *mm;
	int err = prepare(x);

	if (err)
		return err;
	mm = mm_create();
	if (!mm)
		return -ENOMEM;
	err = exec_become_single();
	if (!err)
		err = exec_prepare_cred(x); /* only now: who shares what with us cannot change any more */
	if (!err)
		err = unshare_files(x);
	if (!err)
		err = exec_unshare_handlers();
	if (err) {
		mm_put(mm);
		return err;
	}
	mutex_lock(&p->exec_lock);
	err = take_over(x, mm);
	mutex_unlock(&p->exec_lock);
	if (!err) {
		if (current->files)
			files_close_on_exec(current->files);
		return 0;
	}
	pr_info("%s: exec failed past the point of no return: error %d\n", x->name, -err);
	exec_free(x);
	process_exit_group(fatal_signal_pending() ? SIGKILL : SIGSEGV);
}

/* ---- from outside ---- */

static struct exec *exec_alloc(const char *name)
{
	struct exec *x = kzalloc(sizeof(*x), GFP_KERNEL);

	if (!x)
		return NULL;
	x->name = kstrdup(name, GFP_KERNEL);
	if (x->name)
		return x;
	kfree(x);
	return NULL;
}

int kernel_execve(const char *path, const char *const *argv, const char *const *envp)
{
	struct exec *x = exec_alloc(path);
	int err;

	if (!x)
		return -ENOMEM;
	err = set_file(x, exec_open_name(path));
	if (!err)
		err = args_from_kernel(&x->args, argv, envp);
	if (!err)
		err = run(x);
	exec_free(x);
	if (!err)
		arch_enter_user();
	return err;
}

/* What AT_EXECFN and a script's interpreter get as the name. */
static char *execat_name(int dfd, const char *name)
{
	struct strbuf sb = STRBUF_INIT;
	char *copy;

	if (dfd == AT_FDCWD || name[0] == '/')
		return kstrdup(name, GFP_KERNEL);
	strbuf_printf(&sb, "/dev/fd/%d", dfd);
	if (name[0])
		strbuf_printf(&sb, "/%s", name);
	copy = sb.error ? NULL : kstrdup(strbuf_str(&sb), GFP_KERNEL);
	strbuf_free(&sb);
	return copy;
}

static struct file *execat_open(int dfd, const char __user *uname, int flags)
{
	struct path path;
	struct file *f;
	u32 how = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	int err;

	if (flags & AT_EMPTY_PATH)
		how |= LOOKUP_EMPTY;
	err = path_lookup_user(dfd, uname, how, &path);
	if (err)
		return ERR_PTR(err);
	f = open_path(&path);
	path_put(&path);
	return f;
}

static bool closes_on_exec(int fd)
{
	long flags = sys_fcntl((unsigned int)fd, F_GETFD, 0);

	return flags >= 0 && flags & FD_CLOEXEC;
}

long sys_execveat(int dfd, const char __user *uname, const char __user *const __user *argv,
		  const char __user *const __user *envp, int flags)
{
	struct exec *x;
	char *name;
	int err;

	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	name = path_name_get(uname, flags & AT_EMPTY_PATH);
	if (IS_ERR(name))
		return PTR_ERR(name);
	x = kzalloc(sizeof(*x), GFP_KERNEL);
	if (x)
		x->name = execat_name(dfd, name);
	if (!x || !x->name) {
		kfree(x);
		path_name_put(name);
		return -ENOMEM;
	}
	x->unreachable = dfd != AT_FDCWD && name[0] != '/' && closes_on_exec(dfd);
	path_name_put(name);
	err = set_file(x, execat_open(dfd, uname, flags));
	if (!err)
		err = args_from_user(&x->args, argv, envp);
	if (!err)
		err = run(x);
	exec_free(x);
	return err;
}

long sys_execve(const char __user *uname, const char __user *const __user *argv,
		const char __user *const __user *envp)
{
	return sys_execveat(AT_FDCWD, uname, argv, envp, 0);
}
