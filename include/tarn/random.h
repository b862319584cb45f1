// SPDX-License-Identifier: MIT
/* One ChaCha20 generator, seeded by RDRAND, timing and virtio-rng.  kernel/random.c. */
#pragma once

/* Mixes @n bytes in; credits @bits of entropy (0: none claimed).  Any context. */
void random_add(const void *data, size_t n, unsigned int bits);
/* Never fails, never sleeps; before seeding is complete the output is only as good as what came in. */
void random_bytes(void *out, size_t n);
u64 random_u64(void);
bool random_ready(void);
/* Sleeps until seeded: 0 or -ERESTARTSYS. */
int random_wait_ready(void);
