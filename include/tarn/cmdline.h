// SPDX-License-Identifier: MIT
/* The kernel's command line, in Linux's words.  kernel/cmdline.c. */
#pragma once

#define CMDLINE_MAX_ARGS 32

struct boot_options {
	const char *root, *rootfstype, *rootflags; /* NULL: not given */
	const char *init;                          /* NULL: the usual places */
	const char *rdinit;                        /* never NULL */
	const char *console;                       /* last console=, without what follows the comma; NULL */
	const char *test;                          /* tarn.test= */
	bool read_write;                           /* rw; the root is mounted read-only otherwise */
	bool root_wait;
	bool no_mitigations;                       /* mitigations=off */
	bool init_on_alloc, init_on_free;          /* 0 by default: their cost is in docs/security.md */
	bool hardened_usercopy;                    /* the same */
	u32 max_cpus;                              /* nosmp: 1 */
	const char *init_args[CMDLINE_MAX_ARGS + 2]; /* [0] is filled with the program's path */
	const char *init_env[CMDLINE_MAX_ARGS + 2];
	u32 n_args, n_env;
};
extern struct boot_options boot_options; /* [I] after cmdline_parse() */

/* Before the first line of log: "quiet" and its like count from there on. */
void cmdline_parse(const char *text);
/* The @nth (from 0) word `name=value` of the line, for drivers; false: none, or longer than @size.
 * The value is copied: words such as virtio_mmio.device= repeat. */
bool cmdline_find(const char *name, unsigned int nth, char *value, size_t size);
