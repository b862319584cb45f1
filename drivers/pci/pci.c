// SPDX-License-Identifier: MIT
/*
 * PCI: finding devices behind configuration ports and offering them to drivers.
 *
 * Firmware has assigned the BARs; they are read, not moved.  Configuration
 * mechanism 1 (ports 0xcf8, 0xcfc) reaches the first 256 bytes, where all
 * capabilities that Tarn uses lie.
 *
 * Boot CPU only while scanning; config accesses later hold config_lock since a
 * transfer is two port accesses.
 */
#include <arch/io.h>
#include <arch/mmu.h>
#include <tarn/list.h>
#include <tarn/pci.h>
#include <tarn/printf.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/strbuf.h>

#include <linux/pci_regs.h>

#include "pci.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc

static struct spinlock config_lock = SPINLOCK_INIT("pci config", LR_LEAF);
static struct list devices = LIST_INIT(devices); /* [I] after pci_init() */

static u32 config_address(const struct pci_dev *d, u16 offset)
{
	return 1u << 31 | (u32)d->bus << 16 | (u32)d->slot << 11 | (u32)d->func << 8 |
	       (offset & 0xfcu);
}

u32 pci_read(const struct pci_dev *d, u16 offset, unsigned int bytes)
{
	u16 port = CONFIG_DATA + (offset & 3);
	u64 flags = spin_lock_irqsave(&config_lock);
	u32 v;

	outl(CONFIG_ADDRESS, config_address(d, offset));
	v = bytes == 1 ? inb(port) : bytes == 2 ? inw(port) : inl(port);
	spin_unlock_irqrestore(&config_lock, flags);
	return v;
}

void pci_write(const struct pci_dev *d, u16 offset, unsigned int bytes, u32 value)
{
	u16 port = CONFIG_DATA + (offset & 3);
	u64 flags = spin_lock_irqsave(&config_lock);

	outl(CONFIG_ADDRESS, config_address(d, offset));
	if (bytes == 1)
		outb(port, (u8)value);
	else if (bytes == 2)
		outw(port, (u16)value);
	else
		outl(port, value);
	spin_unlock_irqrestore(&config_lock, flags);
}

u8 pci_find_cap(const struct pci_dev *d, u8 id, u8 from)
{
	u8 pos;

	if (!(pci_read(d, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	pos = from ? pci_read(d, from + PCI_CAP_LIST_NEXT, 1) :
		     pci_read(d, PCI_CAPABILITY_LIST, 1);
	/* A list longer than the space can hold is a loop. */
	for (int n = 0; pos >= 0x40 && n < 48; n++) {
		pos &= 0xfc;
		if (pci_read(d, pos, 1) == id)
			return pos;
		pos = pci_read(d, pos + PCI_CAP_LIST_NEXT, 1);
	}
	return 0;
}

/* Sizes one BAR by writing ones; returns how many slots it takes (2 when 64 bits wide). */
static unsigned int bar_read(struct pci_dev *d, unsigned int n)
{
	u16 reg = PCI_BASE_ADDRESS_0 + 4 * n;
	u32 low = pci_read(d, reg, 4), size_low;
	u64 base, size;
	bool wide = false;

	pci_write(d, reg, 4, ~0u);
	size_low = pci_read(d, reg, 4);
	pci_write(d, reg, 4, low);
	if (!size_low)
		return 1;
	if (low & PCI_BASE_ADDRESS_SPACE_IO) {
		d->bar[n].io = true;
		d->bar[n].base = low & ~3u;
		d->bar[n].size = (u16)(~(size_low & ~3u) + 1);
		return 1;
	}
	base = low & ~15u;
	size = ~(u64)0 << 32 | (size_low & ~15u);
	wide = (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64 && n < 5;
	if (wide) {
		u32 high = pci_read(d, reg + 4, 4);

		pci_write(d, reg + 4, 4, ~0u);
		size = (u64)pci_read(d, reg + 4, 4) << 32 | (size_low & ~15u);
		pci_write(d, reg + 4, 4, high);
		base |= (u64)high << 32;
	}
	d->bar[n].base = base;
	d->bar[n].size = ~size + 1;
	d->bar[n].prefetch = low & PCI_BASE_ADDRESS_MEM_PREFETCH;
	return wide ? 2 : 1;
}

static void bars_read(struct pci_dev *d)
{
	u16 command = pci_read(d, PCI_COMMAND, 2);

	/* Decoding is off while a BAR holds the sizing pattern. */
	pci_write(d, PCI_COMMAND, 2, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	for (unsigned int n = 0; n < 6;)
		n += bar_read(d, n);
	pci_write(d, PCI_COMMAND, 2, command);
}

void *pci_map_bar(struct pci_dev *d, unsigned int bar)
{
	if (bar >= 6 || d->bar[bar].io || !d->bar[bar].base)
		return NULL;
	return mmu_map_device(d->bar[bar].base, d->bar[bar].size);
}

void pci_enable(struct pci_dev *d)
{
	u16 command = pci_read(d, PCI_COMMAND, 2);

	pci_write(d, PCI_COMMAND, 2,
		  command | PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

#define PCI_HEX_ATTR(field, format)                                              \
	static int field##_show(struct device *dev, struct strbuf *out)          \
	{                                                                        \
		strbuf_printf(out, format "\n",                                  \
			      container_of(dev, struct pci_dev, dev)->field);    \
		return 0;                                                        \
	}
PCI_HEX_ATTR(vendor, "0x%04x")
PCI_HEX_ATTR(device, "0x%04x")
PCI_HEX_ATTR(subsystem_vendor, "0x%04x")
PCI_HEX_ATTR(subsystem_device, "0x%04x")
PCI_HEX_ATTR(class_code, "0x%06x")
PCI_HEX_ATTR(revision, "0x%02x")

static const struct device_attr pci_attrs[] = {
	{ "vendor", 0444, vendor_show, NULL },
	{ "device", 0444, device_show, NULL },
	{ "subsystem_vendor", 0444, subsystem_vendor_show, NULL },
	{ "subsystem_device", 0444, subsystem_device_show, NULL },
	{ "class", 0444, class_code_show, NULL },
	{ "revision", 0444, revision_show, NULL },
	{ 0 },
};

static void device_fill(struct pci_dev *d)
{
	u32 class = pci_read(d, PCI_CLASS_REVISION, 4);

	d->class_code = class >> 8;
	d->revision = (u8)class;
	d->subsystem_vendor = pci_read(d, PCI_SUBSYSTEM_VENDOR_ID, 2);
	d->subsystem_device = pci_read(d, PCI_SUBSYSTEM_ID, 2);
	d->irq_line = pci_read(d, PCI_INTERRUPT_LINE, 1);
	d->irq_pin = pci_read(d, PCI_INTERRUPT_PIN, 1);
	bars_read(d);
	pci_msix_find(d);
	snprintf(d->name, sizeof(d->name), "%04x:%02x:%02x.%x", d->segment, d->bus, d->slot,
		 d->func);
	d->dev.name = d->name;
	d->dev.subsystem = "pci";
	d->dev.is_bus_device = true;
	d->dev.attrs = pci_attrs;
}

static void bus_scan(u8 bus, unsigned int depth);

/* Returns whether the device has more functions. */
static bool function_scan(u8 bus, u8 slot, u8 func, unsigned int depth)
{
	struct pci_dev probe = { .bus = bus, .slot = slot, .func = func }, *d;
	u32 id = pci_read(&probe, PCI_VENDOR_ID, 4);
	u8 header;

	if ((id & 0xffff) == 0xffff)
		return false;
	header = pci_read(&probe, PCI_HEADER_TYPE, 1);
	if ((header & 0x7f) == PCI_HEADER_TYPE_BRIDGE) {
		u8 secondary = pci_read(&probe, PCI_SECONDARY_BUS, 1);

		if (secondary > bus)
			bus_scan(secondary, depth + 1);
	} else if ((header & 0x7f) == PCI_HEADER_TYPE_NORMAL) {
		d = (struct pci_dev *)kmemdup(&probe, sizeof(probe), GFP_KERNEL);
		if (d) {
			d->vendor = (u16)id;
			d->device = id >> 16;
			device_fill(d);
			list_add_tail(&devices, &d->node);
		}
	}
	return header & 0x80;
}

static void bus_scan(u8 bus, unsigned int depth)
{
	if (depth > 8)
		return;
	for (u8 slot = 0; slot < 32; slot++)
		if (function_scan(bus, slot, 0, depth))
			for (u8 func = 1; func < 8; func++)
				function_scan(bus, slot, func, depth);
}

static void driver_match(struct pci_dev *d)
{
	SET_FOR_EACH(const struct pci_driver, drv, pci_drivers) {
		if (d->vendor == drv->vendor && d->device >= drv->device_first &&
		    d->device <= drv->device_last && drv->probe(d) == 0)
			return;
	}
}

/* Whether configuration mechanism 1 answers: microvm without PCI reads ones. */
static bool config_ports_work(void)
{
	outl(CONFIG_ADDRESS, 1u << 31);
	return inl(CONFIG_ADDRESS) == 1u << 31;
}

void pci_init(void)
{
	struct pci_dev *d;

	if (!config_ports_work())
		return;
	bus_scan(0, 0);
	LIST_FOR_EACH(d, &devices, node) {
		device_add(&d->dev);
		driver_match(d);
	}
}
