// SPDX-License-Identifier: MIT
/* Linux's error numbers, and those that never leave the kernel. */
#pragma once

#include <asm/errno.h>

/* A signal interrupted the call.  kernel/signal/ turns these into EINTR or a restart as signal(7) says. */
#define ERESTARTSYS 512           /* restart if SA_RESTART, else EINTR */
#define ERESTARTNOINTR 513        /* always restart */
#define ERESTARTNOHAND 514        /* restart only if no handler ran */
#define ENOIOCTLCMD 515           /* an ioctl is not known here: the next layer is asked */
#define ERESTART_RESTARTBLOCK 516 /* continue through restart_syscall(2) */
