// SPDX-License-Identifier: MIT
/* Stack-usage marks of debug builds: debug/stack.c.  Empty in release builds. */
#pragma once

struct thread;

#ifdef TARN_DEBUG
/* A stack that was just made. */
void stack_paint(void *stack);
/* One that was used before: its lowest bytes were a list's link. */
void stack_reuse(void *stack);
/* @t never runs again and its stack is about to be freed. */
void stack_measure(const struct thread *t);
#else
static inline void stack_paint(void *stack) { }
static inline void stack_reuse(void *stack) { }
static inline void stack_measure(const struct thread *t) { }
#endif
