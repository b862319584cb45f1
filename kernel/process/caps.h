// SPDX-License-Identifier: MIT
/* Capability options of prctl(2): 0 (or the answer) or -errno. */
#pragma once

#define CAP_ALL ((1ull << (CAP_LAST_CAP + 1)) - 1)

long caps_bound_drop(unsigned long cap);
long caps_bound_read(unsigned long cap);
long caps_ambient(unsigned long what, unsigned long cap);
long caps_set_securebits(unsigned long bits);
long caps_set_keepcaps(unsigned long on);
