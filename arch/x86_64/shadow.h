// SPDX-License-Identifier: MIT
/* Between mmu.c and the address sanitizer's shadow_debug.c; empty in release builds. */
#pragma once

#include <arch/mmu.h>

#ifdef TARN_DEBUG
/* The kernel's root table gets the shadow's entries. */
void shadow_fill_root(pte_t *root);
/* Real shadow for all RAM, once the kernel's own tables are loaded. */
void shadow_map_ram(phys_t (*alloc_page)(void));
#else
static inline void shadow_fill_root(pte_t *root) { }
static inline void shadow_map_ram(phys_t (*alloc_page)(void)) { }
#endif
