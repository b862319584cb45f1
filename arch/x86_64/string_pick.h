// SPDX-License-Identifier: MIT
#pragma once
/* Measures both ways to move memory and aims string.S's jumps.  Boot CPU, before W^X. */
void string_pick(void);
