// SPDX-License-Identifier: MIT
/*
 * Arguments and environment on their way from the old program to the new.
 *
 * They are gathered into kernel memory while the old address space still
 * exists, and copied to the new stack in one piece each.  As on Linux one
 * string may have 128 KiB, and strings and pointers together a quarter of the
 * stack limit, at most 6 MiB; else E2BIG.
 */
#include "internal.h"

#include <linux/binfmts.h>
#include <linux/limits.h>
#include <tarn/math.h>
#include <tarn/vmalloc.h>

#define ARG_TOTAL_MAX (6ul << 20)

static void block_free(struct arg_block *b)
{
	if (b->cap > PAGE_SIZE)
		vfree(b->data);
	else
		kfree(b->data);
}

static int block_reserve(struct arg_block *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 1024;
	char *data;

	if (b->len + more <= b->cap)
		return 0;
	while (cap < b->len + more)
		cap *= 2;
	data = cap > PAGE_SIZE ? vmalloc(cap) : kmalloc(cap, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	if (b->len)
		memcpy(data, b->data, b->len);
	block_free(b);
	b->data = data;
	b->cap = cap;
	return 0;
}

static size_t args_used(const struct exec_args *a)
{
	return a->argv.len + a->envp.len + (a->argv.count + a->envp.count) * sizeof(u64);
}

/* One string of @n bytes without NUL was appended to @b. */
static int block_added(struct exec_args *a, struct arg_block *b, size_t n)
{
	b->len += n + 1;
	b->count++;
	return args_used(a) > a->limit ? -E2BIG : 0;
}

static int add_user_string(struct exec_args *a, struct arg_block *b, const char __user *s)
{
	ssize_t n = strnlen_user(s, MAX_ARG_STRLEN);
	int err;

	if (n < 0)
		return (int)n;
	if (n >= MAX_ARG_STRLEN || args_used(a) + (size_t)n + 1 > a->limit)
		return -E2BIG;
	err = block_reserve(b, (size_t)n + 1);
	if (err)
		return err;
	/* It may have changed meanwhile, but not become longer than the room. */
	n = strncpy_from_user(b->data + b->len, s, (size_t)n + 1);
	if (n < 0)
		return (int)n;
	return block_added(a, b, (size_t)n);
}

static int add_user_vector(struct exec_args *a, struct arg_block *b,
			   const char __user *const __user *vec)
{
	const char __user *s;
	int err;

	if (!vec)
		return 0;
	for (;; vec++) {
		if (get_user(s, vec))
			return -EFAULT;
		if (!s)
			return 0;
		err = add_user_string(a, b, s);
		if (err)
			return err;
		if (fatal_signal_pending())
			return -EINTR;
		cond_resched();
	}
}

static void set_limit(struct exec_args *a)
{
	size_t limit = MIN(rlimit_cur(RLIMIT_STACK) / 4, ARG_TOTAL_MAX);

	a->limit = MAX(limit, (size_t)ARG_MAX);
}

int args_from_user(struct exec_args *a, const char __user *const __user *argv,
		   const char __user *const __user *envp)
{
	int err;

	set_limit(a);
	err = add_user_vector(a, &a->argv, argv);
	if (!err)
		err = add_user_vector(a, &a->envp, envp);
	/* A program that looks at argv[0] must not read its environment instead: CVE-2021-4034. */
	if (!err && !a->argv.count) {
		err = block_reserve(&a->argv, 1);
		if (!err) {
			a->argv.data[a->argv.len] = 0;
			err = block_added(a, &a->argv, 0);
		}
	}
	return err;
}

static int add_kernel_vector(struct exec_args *a, struct arg_block *b, const char *const *vec)
{
	for (; *vec; vec++) {
		size_t n = strlen(*vec);
		int err = block_reserve(b, n + 1);

		if (err)
			return err;
		memcpy(b->data + b->len, *vec, n + 1);
		err = block_added(a, b, n);
		if (err)
			return err;
	}
	return 0;
}

int args_from_kernel(struct exec_args *a, const char *const *argv, const char *const *envp)
{
	int err;

	set_limit(a);
	err = add_kernel_vector(a, &a->argv, argv);
	return err ? err : add_kernel_vector(a, &a->envp, envp);
}

int args_for_script(struct exec_args *a, const char *interp, const char *arg, const char *path)
{
	u32 first = a->skip ? 1 : 0; /* of the old prefix: what a deeper script replaces */
	u32 add = arg ? 3 : 2, keep = a->nr_prefix - (a->nr_prefix ? first : 0);
	char *fresh[3] = { kstrdup(interp, GFP_KERNEL), kstrdup(arg ? arg : path, GFP_KERNEL),
			   arg ? kstrdup(path, GFP_KERNEL) : NULL };

	if (!fresh[0] || !fresh[1] || (arg && !fresh[2])) {
		for (int i = 0; i < 3; i++)
			kfree(fresh[i]);
		return -ENOMEM;
	}
	if (a->nr_prefix)
		kfree(a->prefix[0]);
	memmove(a->prefix + add, a->prefix + (a->nr_prefix - keep), keep * sizeof(char *));
	memcpy(a->prefix, fresh, add * sizeof(char *));
	a->nr_prefix = add + keep;
	a->skip = 1;
	return 0;
}

void args_free(struct exec_args *a)
{
	for (u32 i = 0; i < a->nr_prefix; i++)
		kfree(a->prefix[i]);
	block_free(&a->argv);
	block_free(&a->envp);
}

u32 args_count(const struct exec_args *a)
{
	return a->nr_prefix + a->argv.count - MIN(a->skip, a->argv.count);
}

const char *args_tail(const struct exec_args *a, size_t *len)
{
	size_t cut = a->skip && a->argv.count ? strlen(a->argv.data) + 1 : 0;

	*len = a->argv.len - cut;
	return a->argv.data + cut;
}

size_t args_bytes(const struct exec_args *a)
{
	size_t n;

	args_tail(a, &n);
	n += a->envp.len;
	for (u32 i = 0; i < a->nr_prefix; i++)
		n += strlen(a->prefix[i]) + 1;
	return n;
}
