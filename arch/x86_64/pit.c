// SPDX-License-Identifier: MIT
/* The 8254's channel 2: the one reference every PC has.  Used at boot only. */
#include <arch/io.h>
#include "timing.h"

#define PIT_CHANNEL2 0x42
#define PIT_COMMAND 0x43
#define SPEAKER 0x61

/* Counts down from 0xffff over and over (mode 2), speaker off. */
bool pit_start(void)
{
	u16 a, b;

	outb(SPEAKER, (u8)((inb(SPEAKER) & ~2) | 1));
	outb(PIT_COMMAND, 0xb4);
	outb(PIT_CHANNEL2, 0xff);
	outb(PIT_CHANNEL2, 0xff);
	a = pit_read();
	for (unsigned int i = 0; i < 100; i++) {
		b = pit_read();
		if (b != a && a != 0xffff)
			return true;
	}
	return b != a;
}

u16 pit_read(void)
{
	u8 lo;

	outb(PIT_COMMAND, 0x80); /* latch channel 2 */
	lo = inb(PIT_CHANNEL2);
	return (u16)(lo | inb(PIT_CHANNEL2) << 8);
}
