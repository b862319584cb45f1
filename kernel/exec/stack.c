// SPDX-License-Identifier: MIT
/*
 * The first stack of a program, as the System V ABI draws it.  From the top down:
 *
 *   8 bytes of 0
 *   the program's name as given to execve  (AT_EXECFN)
 *   environment strings, argument strings
 *   "x86_64" (AT_PLATFORM), 16 random bytes (AT_RANDOM)
 *   auxiliary vector, envp[], argv[], argc     <- sp, 16-byte aligned
 *
 * The vectors are built in kernel memory and copied in one piece.
 */
#include "internal.h"

#include <arch/cpu.h>
#include <arch/signal.h>
#include <linux/auxvec.h>
#include <tarn/random.h>
#include <tarn/vmalloc.h>

#define STACK_SPARE (128ul << 10) /* mapped at once beyond what is filled */
#define PLATFORM "x86_64"
#define USER_HZ 100

struct filler {
	u64 sp;        /* next free byte downward */
	u64 execfn, strings, env, env_end, platform, random;
};

static int put_below(struct filler *f, const void *data, size_t n)
{
	f->sp -= n;
	return copy_to_user((void __user *)f->sp, data, n);
}

static int put_strings(struct filler *f, const struct exec *x)
{
	const struct exec_args *a = &x->args;
	u64 zero = 0;
	size_t n;
	const char *tail = args_tail(a, &n);
	int err = put_below(f, &zero, sizeof(zero));

	err = err ? err : put_below(f, x->name, strlen(x->name) + 1);
	f->execfn = f->env_end = f->sp;
	err = err ? err : put_below(f, a->envp.data, a->envp.len);
	f->env = f->sp;
	err = err ? err : put_below(f, tail, n);
	for (u32 i = a->nr_prefix; i-- > 0 && !err;)
		err = put_below(f, a->prefix[i], strlen(a->prefix[i]) + 1);
	f->strings = f->sp;
	return err;
}

static int put_extras(struct filler *f)
{
	u8 random[16];
	int err = put_below(f, PLATFORM, sizeof(PLATFORM));

	f->platform = f->sp;
	if (exec_randomizes())
		f->sp -= random_u64() % 8192; /* cache colouring, and one more thing to guess */
	f->sp = ALIGN_DOWN(f->sp, 16);
	random_bytes(random, sizeof(random));
	err = err ? err : put_below(f, random, sizeof(random));
	f->random = f->sp;
	return err;
}

/* ---- the vectors ---- */

static u64 *aux(u64 *v, u64 type, u64 value)
{
	v[0] = type;
	v[1] = value;
	return v + 2;
}

static u64 *fill_auxv(u64 *v, const struct exec *x, const struct loaded *l, const struct filler *f)
{
	const struct cred *c = current->cred;
	const struct elf_info *elf = x->elf;

	if (current->mm->vdso_base)
		v = aux(v, AT_SYSINFO_EHDR, current->mm->vdso_base);
	v = aux(v, AT_MINSIGSTKSZ, arch_signal_frame_size());
	v = aux(v, AT_HWCAP, cpu_hwcap());
	v = aux(v, AT_PAGESZ, PAGE_SIZE);
	v = aux(v, AT_CLKTCK, USER_HZ);
	v = aux(v, AT_PHDR, elf->phdr_vaddr ? elf->phdr_vaddr + l->bias : 0);
	v = aux(v, AT_PHENT, sizeof(Elf64_Phdr));
	v = aux(v, AT_PHNUM, elf->phnum);
	v = aux(v, AT_BASE, x->interp_elf ? l->interp_bias : 0);
	v = aux(v, AT_FLAGS, 0);
	v = aux(v, AT_ENTRY, elf->entry + l->bias);
	v = aux(v, AT_UID, c->uid);
	v = aux(v, AT_EUID, c->euid);
	v = aux(v, AT_GID, c->gid);
	v = aux(v, AT_EGID, c->egid);
	v = aux(v, AT_SECURE, x->secure);
	v = aux(v, AT_RANDOM, f->random);
	v = aux(v, AT_HWCAP2, cpu_hwcap2());
	v = aux(v, AT_EXECFN, f->execfn);
	v = aux(v, AT_PLATFORM, f->platform);
	return aux(v, AT_NULL, 0);
}

/* @n pointers to the strings that lie one after the other from @addr; *data walks the kernel's copy. */
static u64 *fill_pointers(u64 *v, u32 n, const char *data, u64 *addr)
{
	while (n--) {
		size_t len = strlen(data) + 1;

		*v++ = *addr;
		*addr += len;
		data += len;
	}
	return v;
}

static u64 *fill_argv(u64 *v, const struct exec_args *a, u64 addr)
{
	size_t n;

	*v++ = args_count(a);
	for (u32 i = 0; i < a->nr_prefix; i++)
		v = fill_pointers(v, 1, a->prefix[i], &addr);
	v = fill_pointers(v, args_count(a) - a->nr_prefix, args_tail(a, &n), &addr);
	*v++ = 0;
	return v;
}

static int put_vectors(struct filler *f, struct exec *x, const struct loaded *l)
{
	const struct exec_args *a = &x->args;
	struct mm *mm = current->mm;
	size_t words = 1 + args_count(a) + 1 + a->envp.count + 1 + ARRAY_SIZE(mm->auxv);
	u64 *block = words > 512 ? vmalloc(words * sizeof(u64)) : kcalloc(words, sizeof(u64), GFP_KERNEL);
	u64 *v, *auxv, env = f->env;
	int err;

	if (!block)
		return -ENOMEM;
	v = fill_argv(block, a, f->strings);
	v = fill_pointers(v, a->envp.count, a->envp.data, &env);
	*v++ = 0;
	auxv = v;
	v = fill_auxv(v, x, l, f);
	mm->auxv_len = (u32)((v - auxv) * sizeof(u64));
	memcpy(mm->auxv, auxv, mm->auxv_len);
	f->sp = ALIGN_DOWN(f->sp - (u64)(v - block) * sizeof(u64), 16);
	err = copy_to_user((void __user *)f->sp, block, (size_t)(v - block) * sizeof(u64));
	if (words > 512)
		vfree(block);
	else
		kfree(block);
	return err;
}

static int map_stack(struct mm *mm, const struct exec *x, u64 top)
{
	size_t fill = args_bytes(&x->args) + strlen(x->name) +
		      (args_count(&x->args) + x->args.envp.count) * sizeof(u64);
	struct map_request r = {
		.len = ALIGN_UP(fill + STACK_SPARE, PAGE_SIZE),
		.vm_flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC |
			    VM_GROWSDOWN | VM_STACK | VM_ACCOUNT,
		.fixed = true,
		.noreplace = true,
	};
	s64 at;

	if (x->elf->exec_stack)
		r.vm_flags |= VM_EXEC;
	r.addr = top - r.len;
	at = mm_map(mm, &r);
	return at < 0 ? (int)at : 0;
}

int exec_build_stack(struct exec *x, const struct loaded *l, const struct layout *lay, u64 *sp)
{
	struct filler f = { .sp = lay->stack_top };
	struct mm *mm = current->mm;
	int err = map_stack(mm, x, lay->stack_top);

	err = err ? err : put_strings(&f, x);
	err = err ? err : put_extras(&f);
	err = err ? err : put_vectors(&f, x, l);
	if (err)
		return err;
	mm->arg_start = f.strings;
	mm->arg_end = mm->env_start = f.env;
	mm->env_end = f.env_end;
	mm->start_stack = f.sp;
	*sp = f.sp;
	return 0;
}
