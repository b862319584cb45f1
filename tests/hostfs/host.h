// SPDX-License-Identifier: MIT
/*
 * What the parts of this host build offer each other.
 *
 * Two worlds meet here and share no header but this one: libc.c is an ordinary
 * program, everything else is compiled as the kernel is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- libc.c ---- */
void host_say(const char *text);
void host_die(const char *text) __attribute__((noreturn));
uint64_t host_time(void);
/* An image of @kib made by mkfs.ext4 with @options, malloc'ed: NULL when mkfs fails, whose words are shown. */
uint8_t *host_mkfs(uint32_t kib, const char *options);
/* Runs debugfs with one request that writes: 0, or its status. */
int host_debugfs(uint8_t *image, size_t bytes, const char *request);
/* e2fsck -fn: its status, 0: nothing to say; what it says is shown. */
int host_fsck(const uint8_t *image, size_t bytes);
/* e2fsck -fy; the image is changed.  Its status. */
int host_fsck_repair(uint8_t *image, size_t bytes);

/* ---- memory.c ---- */
/* Frames and kernel objects that are in use. */
long host_memory_used(void);
/* The next @n allocations work, then every one fails; -1: none fails. */
void host_fail_memory(long n);

/* ---- locks.c ---- */
/* Runs what waits for readers under RCU. */
void host_rcu_barrier(void);
/* True when no lock is held. */
bool host_locks_free(void);

/* ---- disk.c ---- */
/* Ends the requests that are under way; false: there were none. */
bool host_complete_io(void);

/* ---- kernel.c ---- */
void host_boot(void);
/* Messages of the kernel are shown (the start), or only kept. */
void host_quiet(bool yes);
/* The last message that the kernel logged. */
const char *host_last_message(void);
