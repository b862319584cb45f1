// SPDX-License-Identifier: MIT
/* COM1, polled: text before the drivers, and in a panic. */
#include <arch/boot.h>
#include <arch/io.h>

#define COM1 0x3f8
#define LINE_STATUS 5
#define TX_EMPTY 0x20

static void com1_put(u8 c)
{
	for (unsigned int tries = 0; tries < 100000; tries++)
		if (inb(COM1 + LINE_STATUS) & TX_EMPTY)
			break;
	outb(COM1, c);
}

/* A machine without COM1 reads 0xff, which looks like an empty transmitter: nothing waits. */
void arch_early_putc(char c)
{
	if (c == '\n')
		com1_put('\r');
	com1_put((u8)c);
}
