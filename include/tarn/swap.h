// SPDX-License-Identifier: MIT
/* Swap as other folders see it.  mm/swapon.c. */
#pragma once

struct strbuf;

/* /proc/swaps: 0 or -ENOMEM. */
int swap_show(struct strbuf *out);
