// SPDX-License-Identifier: MIT
/* What clock_calls.c sets in clock.c. */
#pragma once

extern _Atomic s32 clock_tai_offset;
