// SPDX-License-Identifier: MIT
/* What the files of tarn-init share: orders, messages, children. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

enum { MAX_WORDS = 4096, DEVICE_WAIT_MS = 10000 };

/* What /tarn.cfg asked for. */
struct config {
	const char *mode;
	const char *hostname;
	const char *cwd;
	const char *shell;
	const char *copies; /* a disk with files to put into the root; NULL: none */
	bool terminal;      /* mode cmd: the command's streams are a terminal */
	bool user_network;  /* QEMU's: its addresses are known */
	unsigned short rows, cols;
	char *args[MAX_WORDS + 1];
	char *env[MAX_WORDS + 1];
	int nargs, nenv;
};

/* tarn-init.c */
void say(const char *fmt, ...);
/* The machine cannot do what it was started for: says why (errno) once and stops it. */
void fail(const char *what, const char *name) __attribute__((noreturn));
/* Devices appear some time after their driver starts: waits a few seconds.  -1: it did not. */
int open_device(const char *path, int flags);
/* In a child: becomes the command, or says why not the way a shell does. */
void exec_command(struct config *c, char **args) __attribute__((noreturn));

/* command.c: runs the one command, gives its status to the host. */
void run_command(struct config *c);

/* network.c: lo, and the card if its network is QEMU's. */
void network_up(bool user_network);

/* copy.c: unpacks the archive on disk @device below @root. */
void copy_files(const char *device, const char *root);
