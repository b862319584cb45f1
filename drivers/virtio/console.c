// SPDX-License-Identifier: MIT
/*
 * virtio-console ports (virtio 1.1, 5.3): byte streams between host and guest,
 * /dev/vportNpM as Linux names them.  With VIRTIO_CONSOLE_F_MULTIPORT each port
 * has two queues, and control messages say which ports exist, their names, and
 * when either side opens or closes one.
 *
 *   read:  0 when the host side is closed and nothing is left; blocks else
 *   write: blocks (or EAGAIN) while the host does not take the bytes
 *
 * Control messages arrive in the interrupt and are handled by a work item,
 * since making a port allocates.
 *
 * Locks: port->lock (LR_DEVICE, irqs off): its queues and flags.
 *   console->control_lock: the control queues.
 */
#include <arch/mmu.h>
#include <arch/uaccess.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <asm/fcntl.h>
#include <tarn/errno.h>
#include <tarn/errptr.h>
#include <tarn/file.h>
#include <tarn/inode.h>
#include <tarn/poll.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>
#include <tarn/string.h>
#include <tarn/virtio.h>
#include <tarn/waitq.h>
#include <tarn/work.h>

#define MAX_PORTS 31u
#define IN_BUFFERS 16u
#define OUT_BUFFERS 16u
#define BUFFER_SIZE PAGE_SIZE
#define CONTROL_BUFFERS 16u
#define CONTROL_SIZE 256u

/* One page that travels: filled and its reading position, for input. */
struct port_buffer {
	u8 *data;            /* [I] a page */
	u32 len, pos;
	struct list node;
};

struct port {
	struct virtio_console *console;  /* [I] */
	u32 id;                          /* [I] */
	struct spinlock lock;
	struct virtq *in, *out;          /* [I] */
	struct list received GUARDED_BY(&lock);  /* input not read yet, oldest first */
	struct list spare GUARDED_BY(&lock);     /* output buffers not under way */
	bool host_open GUARDED_BY(&lock);
	bool guest_open GUARDED_BY(&lock);
	struct waitq waitq;
	char name[64];
	char node[24];
	struct device dev;
};

struct control_message {
	struct list node;
	u32 len;
	struct virtio_console_control head;
	char text[CONTROL_SIZE - sizeof(struct virtio_console_control)];
};

struct virtio_console {
	struct virtio_dev *v;              /* [I] */
	u32 number;                        /* [I] N of /dev/vportNpM */
	u32 max_ports;                     /* [I] */
	struct spinlock control_lock;
	struct virtq *control_in, *control_out;
	struct list messages GUARDED_BY(&control_lock);
	struct work control_work;
	struct port *_Atomic ports[MAX_PORTS];
};

static u32 port_major;                             /* [I] after the first probe */
static struct virtio_console *consoles[4];         /* [I] slots are filled at boot */

static const struct file_ops port_fops;

/* ---- control queue ---- */

static void control_buffer_give(struct virtio_console *c, struct control_message *m)
	MUST_HOLD(&c->control_lock)
{
	struct virtq_buf buf = { virt_to_phys(&m->head), CONTROL_SIZE };

	if (virtq_add(c->control_in, &buf, 0, 1, m))
		kfree(m);
}

/* Tells the host @event about port @id; its buffer is freed when the device has read it. */
static void control_send(struct virtio_console *c, u32 id, u16 event, u16 value)
{
	struct virtio_console_control *m = kzalloc(sizeof(*m), GFP_KERNEL), *done;
	struct virtq_buf buf;
	u64 flags;

	if (!m)
		return;
	m->id = id;
	m->event = event;
	m->value = value;
	buf = (struct virtq_buf){ virt_to_phys(m), sizeof(*m) };
	flags = spin_lock_irqsave(&c->control_lock);
	while ((done = virtq_get(c->control_out, NULL)))
		kfree(done);
	if (virtq_add(c->control_out, &buf, 1, 0, m) == 0)
		virtq_kick(c->control_out);
	else
		kfree(m);
	spin_unlock_irqrestore(&c->control_lock, flags);
}

static void control_interrupt(struct virtq *vq)
{
	struct virtio_console *c = virtq_private(vq);
	struct control_message *m;
	u32 len;
	u64 flags = spin_lock_irqsave(&c->control_lock);

	while ((m = virtq_get(vq, &len))) {
		m->len = MIN(len, CONTROL_SIZE);
		list_add_tail(&c->messages, &m->node);
	}
	spin_unlock_irqrestore(&c->control_lock, flags);
	work_queue(&c->control_work);
}

/* ---- ports ---- */

static void input_give(struct port *p, struct port_buffer *b) MUST_HOLD(&p->lock)
{
	struct virtq_buf buf = { virt_to_phys(b->data), BUFFER_SIZE };

	b->len = b->pos = 0;
	/* The ring is larger than IN_BUFFERS: this cannot run out. */
	if (virtq_add(p->in, &buf, 0, 1, b) == 0)
		virtq_kick(p->in);
}

static void input_interrupt(struct virtq *vq)
{
	struct port *p = virtq_private(vq);
	struct port_buffer *b;
	u32 len;
	u64 flags = spin_lock_irqsave(&p->lock);

	while ((b = virtq_get(vq, &len))) {
		b->len = MIN(len, (u32)BUFFER_SIZE);
		list_add_tail(&p->received, &b->node);
	}
	spin_unlock_irqrestore(&p->lock, flags);
	waitq_wake_all(&p->waitq, POLLIN | POLLRDNORM);
}

static void output_interrupt(struct virtq *vq)
{
	struct port *p = virtq_private(vq);
	struct port_buffer *b;
	u64 flags = spin_lock_irqsave(&p->lock);

	while ((b = virtq_get(vq, NULL)))
		list_add_tail(&p->spare, &b->node);
	spin_unlock_irqrestore(&p->lock, flags);
	waitq_wake_all(&p->waitq, POLLOUT | POLLWRNORM);
}

static struct port_buffer *buffer_new(void)
{
	struct port_buffer *b = kzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return NULL;
	b->data = pages_alloc(GFP_KERNEL, 0);
	if (!b->data) {
		kfree(b);
		return NULL;
	}
	return b;
}

static int name_show(struct device *dev, struct strbuf *out)
{
	strbuf_printf(out, "%s\n", container_of(dev, struct port, dev)->name);
	return 0;
}

static const struct device_attr port_attrs[] = {
	{ "name", 0444, name_show, NULL },
	{ 0 },
};

/* Queues come in pairs: 0, 1 for port 0, then the control pair, then ports 1... (5.3.2). */
static u32 port_queue(u32 id)
{
	return id == 0 ? 0 : 2 + 2 * id;
}

static void port_publish(struct port *p)
{
	struct virtio_console *c = p->console;

	snprintf(p->node, sizeof(p->node), "vport%up%u", c->number, p->id);
	p->dev.name = p->node;
	p->dev.parent = &c->v->dev;
	p->dev.subsystem = "virtio-ports";
	p->dev.dev = KDEV(port_major, c->number * 32 + p->id);
	p->dev.attrs = port_attrs;
	atomic_store(&c->ports[p->id], p);
	device_add(&p->dev);
	control_send(c, p->id, VIRTIO_CONSOLE_PORT_READY, 1);
}

/* The queues were made before DRIVER_OK; here they get buffers. */
static void port_add(struct virtio_console *c, u32 id)
{
	struct port *p = id < c->max_ports ? atomic_load(&c->ports[id]) : NULL;
	u64 flags;

	if (!p || p->dev.name)
		return;
	for (u32 i = 0; i < OUT_BUFFERS; i++) {
		struct port_buffer *b = buffer_new();

		if (b)
			list_add_tail(&p->spare, &b->node);
	}
	for (u32 i = 0; i < IN_BUFFERS; i++) {
		struct port_buffer *b = buffer_new();

		if (!b)
			break;
		flags = spin_lock_irqsave(&p->lock);
		input_give(p, b);
		spin_unlock_irqrestore(&p->lock, flags);
	}
	port_publish(p);
}

static void port_set_host_open(struct port *p, bool open)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	p->host_open = open;
	spin_unlock_irqrestore(&p->lock, flags);
	waitq_wake_all(&p->waitq, POLLIN | POLLOUT | POLLHUP);
}

static void message_handle(struct virtio_console *c, struct control_message *m)
{
	u32 id = m->head.id, text_len;
	struct port *p = id < c->max_ports ? atomic_load(&c->ports[id]) : NULL;

	if (m->len < sizeof(m->head) || !p)
		return;
	switch (m->head.event) {
	case VIRTIO_CONSOLE_PORT_ADD:
		port_add(c, id);
		break;
	case VIRTIO_CONSOLE_PORT_OPEN:
		port_set_host_open(p, m->head.value);
		break;
	case VIRTIO_CONSOLE_PORT_NAME:
		text_len = MIN(m->len - (u32)sizeof(m->head), (u32)sizeof(p->name) - 1);
		memcpy(p->name, m->text, text_len);
		p->name[text_len] = '\0';
		break;
	}
}

static void control_work(struct work *w)
{
	struct virtio_console *c = container_of(w, struct virtio_console, control_work);
	struct control_message *m;
	u64 flags;

	for (;;) {
		flags = spin_lock_irqsave(&c->control_lock);
		m = list_first(&c->messages, struct control_message, node);
		if (m)
			list_del(&m->node);
		spin_unlock_irqrestore(&c->control_lock, flags);
		if (!m)
			return;
		message_handle(c, m);
		flags = spin_lock_irqsave(&c->control_lock);
		control_buffer_give(c, m);
		virtq_kick(c->control_in);
		spin_unlock_irqrestore(&c->control_lock, flags);
	}
}

/* ---- the character device ---- */

static int port_open(struct inode *inode, struct file *f)
{
	u32 minor = KDEV_MINOR(inode->rdev);
	struct virtio_console *c = minor / 32 < ARRAY_SIZE(consoles) ? consoles[minor / 32] : NULL;
	struct port *p = c && minor % 32 < c->max_ports ? atomic_load(&c->ports[minor % 32]) : NULL;
	u64 flags;
	bool busy;

	if (!p)
		return -ENXIO;
	flags = spin_lock_irqsave(&p->lock);
	busy = p->guest_open;
	p->guest_open = true;
	spin_unlock_irqrestore(&p->lock, flags);
	if (busy)
		return -EBUSY;
	f->private = p;
	f->mode |= FMODE_NO_POS;
	control_send(c, p->id, VIRTIO_CONSOLE_PORT_OPEN, 1);
	return 0;
}

/* Output still under way is waited for: the last bytes of a program must not be lost by its exit. */
static bool output_idle(struct port *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	struct port_buffer *b;
	u32 n = 0;

	LIST_FOR_EACH(b, &p->spare, node)
		n++;
	spin_unlock_irqrestore(&p->lock, flags);
	return n == OUT_BUFFERS || !READ_UNLOCKED(p->host_open);
}

static void port_release(struct file *f)
{
	struct port *p = f->private;
	u64 flags;

	wait_event_killable(&p->waitq, output_idle(p));
	control_send(p->console, p->id, VIRTIO_CONSOLE_PORT_OPEN, 0);
	flags = spin_lock_irqsave(&p->lock);
	p->guest_open = false;
	spin_unlock_irqrestore(&p->lock, flags);
}

static bool input_ready(struct port *p)
{
	return !list_empty(&p->received) || !READ_UNLOCKED(p->host_open);
}

/* The oldest input buffer taken off the list, or NULL. */
static struct port_buffer *input_take(struct port *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	struct port_buffer *b = list_first(&p->received, struct port_buffer, node);

	if (b)
		list_del(&b->node);
	spin_unlock_irqrestore(&p->lock, flags);
	return b;
}

/* Read dry: back to the device; else back to the head of the list. */
static void input_return(struct port *p, struct port_buffer *b)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	if (b->pos == b->len)
		input_give(p, b);
	else
		list_add(&p->received, &b->node);
	spin_unlock_irqrestore(&p->lock, flags);
}

static ssize_t port_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct port *p = f->private;
	struct port_buffer *b;
	size_t done, want;
	int err;

	if (!to->count)
		return 0;
	while (!(b = input_take(p))) {
		if (!READ_UNLOCKED(p->host_open))
			return 0;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&p->waitq, input_ready(p));
		if (err)
			return err;
	}
	want = MIN((size_t)(b->len - b->pos), to->count);
	done = iov_copy_to(to, b->data + b->pos, want);
	b->pos += done;
	input_return(p, b);
	return done || !want ? (ssize_t)done : -EFAULT;
}

static struct port_buffer *output_take(struct port *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	struct port_buffer *b = list_first(&p->spare, struct port_buffer, node);

	if (b)
		list_del(&b->node);
	spin_unlock_irqrestore(&p->lock, flags);
	return b;
}

/* A buffer to fill, after a wait unless the file does not block; ERR_PTR. */
static struct port_buffer *output_wait(struct port *p, struct file *f)
{
	struct port_buffer *b;
	int err;

	while (!(b = output_take(p))) {
		if (f->flags & O_NONBLOCK)
			return ERR_PTR(-EAGAIN);
		err = wait_event_interruptible(&p->waitq, !list_empty(&p->spare));
		if (err)
			return ERR_PTR(err);
	}
	return b;
}

static void output_put(struct port *p, struct port_buffer *b, u32 len)
{
	struct virtq_buf buf = { virt_to_phys(b->data), len };
	u64 flags = spin_lock_irqsave(&p->lock);

	if (len && virtq_add(p->out, &buf, 1, 0, b) == 0)
		virtq_kick(p->out);
	else
		list_add(&p->spare, &b->node);
	spin_unlock_irqrestore(&p->lock, flags);
}

static ssize_t port_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct port *p = f->private;
	ssize_t total = 0;

	while (from->count) {
		struct port_buffer *b = output_wait(p, f);
		size_t n;

		if (IS_ERR(b))
			return total ? total : PTR_ERR(b);
		n = iov_copy_from(b->data, from, MIN(from->count, (size_t)BUFFER_SIZE));
		output_put(p, b, (u32)n);
		total += n;
		if (!n)
			return total ? total : -EFAULT;
	}
	return total;
}

static u32 port_poll(struct file *f, struct poll_wait *w)
{
	struct port *p = f->private;
	u32 mask = 0;

	poll_on(w, &p->waitq);
	if (!list_empty(&p->received))
		mask |= POLLIN | POLLRDNORM;
	if (!list_empty(&p->spare))
		mask |= POLLOUT | POLLWRNORM;
	if (!READ_UNLOCKED(p->host_open))
		mask |= POLLHUP | POLLIN | POLLRDNORM;
	return mask;
}

static const struct file_ops port_fops = {
	.read = port_read,
	.write = port_write,
	.poll = port_poll,
	.open = port_open,
	.release = port_release,
};

/* ---- start ---- */

static int port_prepare(struct virtio_console *c, u32 id)
{
	struct port *p = kzalloc(sizeof(*p), GFP_KERNEL);
	u32 q = port_queue(id);

	if (!p)
		return -ENOMEM;
	p->console = c;
	p->id = id;
	spin_init(&p->lock, "virtio port", LR_DEVICE);
	list_init(&p->received);
	list_init(&p->spare);
	waitq_init(&p->waitq);
	p->in = c->v->ops->queue_setup(c->v, q, input_interrupt);
	p->out = c->v->ops->queue_setup(c->v, q + 1, output_interrupt);
	if (IS_ERR(p->in) || IS_ERR(p->out)) {
		kfree(p);
		return -ENODEV;
	}
	virtq_set_private(p->in, p);
	virtq_set_private(p->out, p);
	atomic_store(&c->ports[id], p);
	return 0;
}

static int control_prepare(struct virtio_console *c)
{
	spin_init(&c->control_lock, "virtio console control", LR_DEVICE);
	list_init(&c->messages);
	work_init(&c->control_work, control_work);
	c->control_in = c->v->ops->queue_setup(c->v, 2, control_interrupt);
	c->control_out = c->v->ops->queue_setup(c->v, 3, NULL);
	if (IS_ERR(c->control_in) || IS_ERR(c->control_out))
		return -ENODEV;
	virtq_set_private(c->control_in, c);
	return 0;
}

static void control_start(struct virtio_console *c)
{
	u64 flags;

	for (u32 i = 0; i < CONTROL_BUFFERS; i++) {
		struct control_message *m = kzalloc(sizeof(*m), GFP_KERNEL);

		if (!m)
			break;
		flags = spin_lock_irqsave(&c->control_lock);
		control_buffer_give(c, m);
		spin_unlock_irqrestore(&c->control_lock, flags);
	}
	flags = spin_lock_irqsave(&c->control_lock);
	virtq_kick(c->control_in);
	spin_unlock_irqrestore(&c->control_lock, flags);
	control_send(c, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
}

static int console_number(struct virtio_console *c)
{
	for (u32 i = 0; i < ARRAY_SIZE(consoles); i++)
		if (!consoles[i]) {
			consoles[i] = c;
			c->number = i;
			return 0;
		}
	return -ENOSPC;
}

static int console_probe(struct virtio_dev *v)
{
	struct virtio_console *c;
	u32 ports = 1;
	int err;

	if (!(v->features & BIT(VIRTIO_CONSOLE_F_MULTIPORT)))
		return -ENODEV;
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return -ENOMEM;
	c->v = v;
	v->driver = c;
	v->ops->config_read(v, offsetof(struct virtio_console_config, max_nr_ports), &ports,
			    sizeof(ports));
	c->max_ports = MIN(ports, MAX_PORTS);
	if (!port_major) {
		port_major = chrdev_dynamic_major();
		chrdev_register(KDEV(port_major, 0), 32 * ARRAY_SIZE(consoles), "virtio-portsdev",
				&port_fops);
	}
	err = control_prepare(c);
	if (!err)
		err = console_number(c);
	for (u32 id = 0; !err && id < c->max_ports; id++)
		err = port_prepare(c, id);
	if (err)
		return err;
	virtio_device_ready(v);
	control_start(c);
	return 0;
}

static const struct virtio_driver virtio_console = {
	.name = "virtio-console",
	.id = VIRTIO_ID_CONSOLE,
	.wanted_features = BIT(VIRTIO_CONSOLE_F_MULTIPORT),
	.probe = console_probe,
};
SECTION_SET(virtio_drivers, virtio_console);
