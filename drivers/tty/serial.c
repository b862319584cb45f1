// SPDX-License-Identifier: MIT
/*
 * The 16550 and its kin at the four PC ports: /dev/ttyS0 to ttyS3.
 *
 * Output goes into a ring and from there into the chip's FIFO, 16 bytes at a
 * time: at once while the chip says it is empty, else from its interrupt.
 * Under an emulator the FIFO empties as fast as it is filled, so most writes
 * need no interrupt at all.  Input is read in the interrupt; when the line
 * discipline holds it back, receive interrupts go off and the chip's FIFO (and
 * the host behind it) waits.
 *
 * The same port may show the kernel log, polled: printk comes from anywhere,
 * so port->lock ranks with the log's own lock, is taken under it, and nothing
 * may print while holding it.
 */
#include <arch/io.h>
#include <arch/irq.h>
#include <arch/uaccess.h>
#include <linux/serial.h>
#include <linux/serial_core.h>
#include <linux/serial_reg.h>
#include <tarn/device.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/printk.h>
#include <tarn/ring.h>
#include "tty_internal.h"

#define FIFO_SIZE 16u
#define OUT_RING 4096u
#define BASE_BAUD 115200u
#define POLL_LIMIT 2000000u /* looks at the line status before bytes are given up: seconds of a busy host */
#define POLL_STUCK 10000u   /* the same once the line did not take any for so long: it may never again */
#define LSR_ERRORS (UART_LSR_BI | UART_LSR_FE | UART_LSR_PE)

struct port {
	u16 io;                  /* [I] */
	u8 irq;                  /* [I] */
	const char *name;        /* [I] */
	bool present;            /* [I] after serial_init */
	struct tty *tty;         /* [I] */
	struct spinlock lock;
	struct ring out;         /* lock; how full it is, also without */
	u8 ier, mcr, lcr;        /* lock: what the registers hold */
	u64 rx, tx, errors;      /* lock */
	bool stuck;              /* lock: the log waited POLL_LIMIT looks in vain */
	struct device device;
	struct console console;
	u8 buf[OUT_RING];
};

static struct port ports[4] = {
	{ .io = 0x3f8, .irq = 4, .name = "ttyS0" },
	{ .io = 0x2f8, .irq = 3, .name = "ttyS1" },
	{ .io = 0x3e8, .irq = 4, .name = "ttyS2" },
	{ .io = 0x2e8, .irq = 3, .name = "ttyS3" },
};

static u8 reg_read(const struct port *p, u16 reg)
{
	return inb(p->io + reg);
}

static void reg_write(const struct port *p, u16 reg, u8 v)
{
	outb(p->io + reg, v);
}

static void set_ier(struct port *p, u8 ier)
{
	if (p->ier == ier)
		return;
	p->ier = ier;
	reg_write(p, UART_IER, ier);
}

/* ---- output ---- */

/* Fills the FIFO as often as it is empty; the transmit interrupt is on while bytes remain. */
static void transmit(struct port *p) MUST_HOLD(&p->lock)
{
	while (!ring_empty(&p->out) && (reg_read(p, UART_LSR) & UART_LSR_THRE)) {
		for (u32 i = 0; i < FIFO_SIZE; i++) {
			int c = ring_getc(&p->out);

			if (c < 0)
				break;
			reg_write(p, UART_TX, (u8)c);
			p->tx++;
		}
	}
	set_ier(p, ring_empty(&p->out) ? p->ier & ~UART_IER_THRI : p->ier | UART_IER_THRI);
}

static size_t port_write(struct tty *t, const u8 *data, size_t n)
{
	struct port *p = tty_driver_data(t);
	u64 flags = spin_lock_irqsave(&p->lock);
	u32 took = ring_write(&p->out, data, (u32)n);

	if (!(p->ier & UART_IER_THRI))
		transmit(p);
	spin_unlock_irqrestore(&p->lock, flags);
	return took;
}

static size_t port_room(struct tty *t)
{
	struct port *p = tty_driver_data(t);

	return ring_space(&p->out);
}

static size_t port_pending(struct tty *t)
{
	struct port *p = tty_driver_data(t);

	return ring_used(&p->out);
}

static void port_flush(struct tty *t)
{
	struct port *p = tty_driver_data(t);
	u64 flags = spin_lock_irqsave(&p->lock);

	ring_clear(&p->out);
	spin_unlock_irqrestore(&p->lock, flags);
}

/* ---- input ---- */

static void port_throttle(struct tty *t, bool on)
{
	struct port *p = tty_driver_data(t);
	u64 flags = spin_lock_irqsave(&p->lock);

	set_ier(p, on ? p->ier & ~UART_IER_RDI : p->ier | UART_IER_RDI);
	spin_unlock_irqrestore(&p->lock, flags);
}

static enum n_tty_flag error_flag(u8 lsr)
{
	if (lsr & UART_LSR_BI)
		return NTTY_BREAK;
	return lsr & UART_LSR_PE ? NTTY_PARITY : NTTY_FRAME;
}

/* Reads the FIFO into @buf until it is empty, @max, or a byte with an error: that one's flags in *@lsr. */
static u32 receive(struct port *p, u8 *buf, u32 max, u8 *lsr) MUST_HOLD(&p->lock)
{
	u32 n = 0;

	*lsr = 0;
	while (n < max) {
		u8 status = reg_read(p, UART_LSR);

		if (!(status & UART_LSR_DR))
			break;
		buf[n++] = reg_read(p, UART_RX);
		p->rx++;
		if (status & LSR_ERRORS) {
			p->errors++;
			*lsr = status;
			break;
		}
	}
	return n;
}

static bool port_input(struct port *p)
{
	u8 buf[64], lsr;
	u64 flags = spin_lock_irqsave(&p->lock);
	u32 n = p->ier & UART_IER_RDI ? receive(p, buf, sizeof(buf), &lsr) : 0;

	spin_unlock_irqrestore(&p->lock, flags);
	if (!n)
		return false;
	if (lsr)
		n--;
	if (n)
		tty_receive(p->tty, buf, n);
	if (lsr)
		tty_receive_flagged(p->tty, buf[n], error_flag(lsr));
	return true;
}

static bool port_output(struct port *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	bool was_busy = p->ier & UART_IER_THRI;
	bool low;

	if (was_busy)
		transmit(p);
	low = ring_used(&p->out) <= OUT_RING / 4;
	spin_unlock_irqrestore(&p->lock, flags);
	return was_busy && low;
}

/* The ISA line is edge-triggered and may be shared: serve until the chip has nothing more to say. */
static void port_interrupt(void *arg)
{
	struct port *p = arg;

	for (u32 i = 0; i < 64; i++) {
		if (reg_read(p, UART_IIR) & UART_IIR_NO_INT)
			return;
		while (port_input(p))
			;
		if (port_output(p))
			tty_wake_writers(p->tty);
		reg_read(p, UART_MSR);
	}
}

/* ---- settings ---- */

static u8 line_control(const struct ktermios *tio)
{
	u8 lcr = (u8)((tio->c_cflag & CSIZE) >> 4); /* CS5..CS8 are 0..3 << 4, the chip's 0..3 */

	if (tio->c_cflag & CSTOPB)
		lcr |= UART_LCR_STOP;
	if (tio->c_cflag & PARENB)
		lcr |= UART_LCR_PARITY;
	if (!(tio->c_cflag & PARODD))
		lcr |= UART_LCR_EPAR;
	return lcr;
}

static void set_line(struct port *p, u32 baud, u8 lcr)
{
	u32 divisor = baud ? MAX(BASE_BAUD / baud, 1u) : 0;
	u64 flags = spin_lock_irqsave(&p->lock);

	p->lcr = lcr;
	if (divisor) {
		reg_write(p, UART_LCR, lcr | UART_LCR_DLAB);
		reg_write(p, UART_DLL, (u8)divisor);
		reg_write(p, UART_DLM, (u8)(divisor >> 8));
	}
	reg_write(p, UART_LCR, lcr);
	/* B0 hangs up: it drops the modem lines. */
	p->mcr = divisor ? p->mcr | UART_MCR_DTR | UART_MCR_RTS
			 : p->mcr & ~(UART_MCR_DTR | UART_MCR_RTS);
	reg_write(p, UART_MCR, p->mcr);
	spin_unlock_irqrestore(&p->lock, flags);
}

static void port_set_termios(struct tty *t, const struct ktermios *old)
{
	const struct ktermios *tio = &t->n.tio;

	if (old->c_cflag == tio->c_cflag && old->c_ospeed == tio->c_ospeed)
		return;
	set_line(tty_driver_data(t), termios_baud(tio), line_control(tio));
}

static int modem_lines(struct port *p)
{
	u8 msr = reg_read(p, UART_MSR);

	return (p->mcr & UART_MCR_RTS ? TIOCM_RTS : 0) | (p->mcr & UART_MCR_DTR ? TIOCM_DTR : 0) |
	       (msr & UART_MSR_DCD ? TIOCM_CAR : 0) | (msr & UART_MSR_RI ? TIOCM_RNG : 0) |
	       (msr & UART_MSR_DSR ? TIOCM_DSR : 0) | (msr & UART_MSR_CTS ? TIOCM_CTS : 0);
}

static long modem_set(struct port *p, unsigned int cmd, const int __user *in)
{
	u8 bits;
	u64 flags;
	int want;

	if (get_user(want, in))
		return -EFAULT;
	bits = (want & TIOCM_RTS ? UART_MCR_RTS : 0) | (want & TIOCM_DTR ? UART_MCR_DTR : 0);
	flags = spin_lock_irqsave(&p->lock);
	if (cmd == TIOCMBIS)
		p->mcr |= bits;
	else if (cmd == TIOCMBIC)
		p->mcr &= ~bits;
	else
		p->mcr = (p->mcr & ~(UART_MCR_RTS | UART_MCR_DTR)) | bits;
	reg_write(p, UART_MCR, p->mcr);
	spin_unlock_irqrestore(&p->lock, flags);
	return 0;
}

/* TIOCGSERIAL: what the port is; getty and cttyhack look for the line number. */
static long port_info(struct port *p, struct serial_struct __user *out)
{
	struct serial_struct info = {
		.type = PORT_16550A,
		.line = (int)(p - ports),
		.port = p->io,
		.irq = p->irq,
		.xmit_fifo_size = FIFO_SIZE,
		.baud_base = BASE_BAUD,
	};

	return copy_to_user(out, &info, sizeof(info));
}

static long port_ioctl(struct tty *t, unsigned int cmd, unsigned long arg)
{
	struct port *p = tty_driver_data(t);

	switch (cmd) {
	case TIOCGSERIAL:
		return port_info(p, (struct serial_struct __user *)arg);
	case TIOCMGET:
		return put_user(modem_lines(p), (int __user *)arg);
	case TIOCMBIS:
	case TIOCMBIC:
	case TIOCMSET:
		return modem_set(p, cmd, (const int __user *)arg);
	}
	return -ENOIOCTLCMD;
}

static const struct tty_ops port_ops = {
	.write = port_write,
	.write_room = port_room,
	.pending = port_pending,
	.flush = port_flush,
	.throttle = port_throttle,
	.set_termios = port_set_termios,
	.ioctl = port_ioctl,
};

/* ---- the kernel log ---- */

static void poll_byte(struct port *p, u8 c, u32 *in_fifo)
{
	if (*in_fifo == 0) {
		u32 i = 0, limit = p->stuck ? POLL_STUCK : POLL_LIMIT;

		while (!(reg_read(p, UART_LSR) & UART_LSR_THRE) && ++i < limit)
			cpu_relax();
		p->stuck = i == limit;
	}
	reg_write(p, UART_TX, c);
	*in_fifo = (*in_fifo + 1) % FIFO_SIZE;
}

static void log_to(struct port *p, const char *s, size_t n) NO_LOCK_CHECK
{
	u32 in_fifo = 0;
	bool locked = true;
	u64 flags = irq_save();

	if (panic_in_progress())
		locked = spin_trylock(&p->lock);
	else
		spin_lock_nested(&p->lock);
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			poll_byte(p, '\r', &in_fifo);
		poll_byte(p, (u8)s[i], &in_fifo);
	}
	if (locked)
		spin_unlock(&p->lock);
	irq_restore(flags);
}

#define LOG_TO(n)                                          \
	static void log_to_##n(const char *s, size_t len)  \
	{                                                  \
		log_to(&ports[n], s, len);                 \
	}
LOG_TO(0)
LOG_TO(1)
LOG_TO(2)
LOG_TO(3)

static void (*const log_writers[4])(const char *s, size_t n) = {
	log_to_0, log_to_1, log_to_2, log_to_3,
};

/* ---- finding them ---- */

/* A chip is there if its interrupt mask and scratch register keep what is written. */
static bool port_probe(struct port *p)
{
	u8 scratch;

	reg_write(p, UART_IER, 0);
	if (reg_read(p, UART_IER) != 0 || reg_read(p, UART_LSR) == 0xff)
		return false;
	reg_write(p, UART_IER, 0x0f);
	scratch = reg_read(p, UART_IER) & 0x0f;
	reg_write(p, UART_IER, 0);
	return scratch == 0x0f;
}

static void port_start(struct port *p, u32 index)
{
	p->tty = tty_create(p->name, KDEV(4, 64 + index), &port_ops, p);
	if (IS_ERR(p->tty))
		return;
	p->tty->n.tio.c_cflag = B115200 | CS8 | CREAD | HUPCL | CLOCAL;
	p->tty->n.tio.c_ispeed = p->tty->n.tio.c_ospeed = BASE_BAUD;
	p->mcr = UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2;
	set_line(p, BASE_BAUD, UART_LCR_WLEN8);
	reg_write(p, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT |
				       UART_FCR_TRIGGER_8);
	if (irq_request_isa(p->irq, port_interrupt, p)) {
		pr_warn("%s: no interrupt line %u", p->name, p->irq);
		return;
	}
	reg_read(p, UART_LSR);
	reg_read(p, UART_RX);
	p->present = true;
	set_ier(p, UART_IER_RDI);
	p->device = (struct device){ .name = p->name, .subsystem = "tty",
				     .dev = tty_dev(p->tty), .node_mode = 0660 };
	device_add(&p->device);
	pr_info("%s: 16550 at %#x, irq %u", p->name, p->io, p->irq);
	if (console_wanted(p->name)) {
		p->console = (struct console){ .name = p->name, .write = log_writers[index] };
		console_register(&p->console);
	}
}

void serial_init(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(ports); i++) {
		struct port *p = &ports[i];

		spin_init(&p->lock, "serial port", LR_CONSOLE);
		ring_init(&p->out, p->buf, OUT_RING);
		if (port_probe(p))
			port_start(p, i);
	}
	console_choose();
}
