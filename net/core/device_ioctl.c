// SPDX-License-Identifier: MIT
/*
 * netdevice(7): SIOC... ioctls about devices, on sockets of any family. Addresses and routes are net/inet's.
 *
 * All take a struct ifreq: a name, and a union of which each uses one member. Reading needs no privilege, changing
 * CAP_NET_ADMIN, which is asked for before the device is looked for, as Linux does.
 *
 * Tests: tests/abi/net_device.c.
 */
#include <arch/uaccess.h>
#include <linux/if_arp.h>
#include <linux/sockios.h>
#include <tarn/cred.h>
#include <tarn/errno.h>
#include <tarn/net/device.h>
#include <tarn/net/netns.h>
#include <tarn/string.h>

/* As many bytes as it has: the rest of the caller's stays, as on Linux. */
static int get_hwaddr(struct net_device *d, struct ifreq *r)
{
	r->ifr_hwaddr.sa_family = d->type;
	memcpy(r->ifr_hwaddr.sa_data, d->addr, MIN(d->addr_len, (u8)sizeof(r->ifr_hwaddr.sa_data)));
	return 0;
}

/* The device under net->config. -ENOTTY: not a request that reads. */
static int get(struct net_device *d, unsigned int cmd, struct ifreq *r)
{
	switch (cmd) {
	case SIOCGIFFLAGS:
		r->ifr_flags = (short)device_flags(d);
		return 0;
	case SIOCGIFMTU:
		r->ifr_mtu = (int)d->mtu;
		return 0;
	case SIOCGIFINDEX:
		r->ifr_ifindex = d->ifindex;
		return 0;
	case SIOCGIFHWADDR:
		return get_hwaddr(d, r);
	case SIOCGIFMETRIC:
		r->ifr_metric = 0;
		return 0;
	case SIOCGIFTXQLEN:
		r->ifr_qlen = (int)d->tx_queue_len;
		return 0;
	case SIOCGIFMAP:
		memset(&r->ifr_map, 0, sizeof(r->ifr_map));
		return 0;
	default:
		return -ENOTTY;
	}
}

static int set_hwaddr(struct net_device *d, const struct ifreq *r)
{
	if (r->ifr_hwaddr.sa_family != d->type)
		return -EINVAL;
	return device_set_mac(d, (const u8 *)r->ifr_hwaddr.sa_data);
}

static int multicast(struct net_device *d, const struct ifreq *r, bool add)
{
	if (!d->ops->set_rx_mode || r->ifr_hwaddr.sa_family != AF_UNSPEC)
		return -EINVAL;
	return device_multicast(d, (const u8 *)r->ifr_hwaddr.sa_data, add);
}

static int set(struct net_device *d, unsigned int cmd, const struct ifreq *r)
{
	switch (cmd) {
	case SIOCSIFFLAGS:
		return device_change_flags(d, (u16)r->ifr_flags, 0xffff);
	case SIOCSIFMTU:
		return r->ifr_mtu < 0 ? -EINVAL : device_set_mtu(d, (u32)r->ifr_mtu);
	case SIOCSIFHWADDR:
		return set_hwaddr(d, r);
	case SIOCSIFTXQLEN:
		if (r->ifr_qlen < 0)
			return -EINVAL;
		WRITE_ONCE(d->tx_queue_len, (u32)r->ifr_qlen);
		return 0;
	case SIOCSIFMETRIC:
	case SIOCSIFMAP:
		return -EOPNOTSUPP;
	case SIOCADDMULTI:
	case SIOCDELMULTI:
		return multicast(d, r, cmd == SIOCADDMULTI);
	case SIOCSIFNAME:
		return device_rename(d, r->ifr_newname);
	default:
		return -ENOTTY;
	}
}

static bool is_get(unsigned int cmd)
{
	return cmd == SIOCGIFFLAGS || cmd == SIOCGIFMTU || cmd == SIOCGIFINDEX ||
	       cmd == SIOCGIFHWADDR || cmd == SIOCGIFMETRIC || cmd == SIOCGIFTXQLEN ||
	       cmd == SIOCGIFMAP;
}

static bool is_set(unsigned int cmd)
{
	return cmd == SIOCSIFFLAGS || cmd == SIOCSIFMTU || cmd == SIOCSIFHWADDR ||
	       cmd == SIOCSIFTXQLEN || cmd == SIOCSIFMETRIC || cmd == SIOCSIFMAP ||
	       cmd == SIOCADDMULTI || cmd == SIOCDELMULTI || cmd == SIOCSIFNAME;
}

/* "eth0:1" is eth0's: old tools name addresses so. */
static void cut_label(char *name)
{
	name[IFNAMSIZ - 1] = 0;
	for (; *name; name++)
		if (*name == ':')
			*name = 0;
}

static int on_device(struct net *net, unsigned int cmd, struct ifreq *r)
{
	struct net_device *d;
	char name[IFNAMSIZ];
	int err;

	memcpy(name, r->ifr_name, sizeof(name));
	cut_label(name);
	mutex_lock(&net->config);
	d = device_by_name(net, name);
	if (!d)
		err = -ENODEV;
	else
		err = is_get(cmd) ? get(d, cmd, r) : set(d, cmd, r);
	mutex_unlock(&net->config);
	return err;
}

static int name_of(struct net *net, struct ifreq *r)
{
	struct net_device *d;

	rcu_read_lock();
	d = device_by_index(net, r->ifr_ifindex);
	if (d)
		memcpy(r->ifr_name, d->name, IFNAMSIZ);
	rcu_read_unlock();
	return d ? 0 : -ENODEV;
}

long device_ioctl(struct net *net, unsigned int cmd, unsigned long arg)
{
	struct ifreq r;
	int err;

	if (!is_get(cmd) && !is_set(cmd) && cmd != SIOCGIFNAME)
		return -ENOTTY;
	if (copy_from_user(&r, (void __user *)arg, sizeof(r)))
		return -EFAULT;
	if (is_set(cmd) && !capable(CAP_NET_ADMIN))
		return -EPERM;
	err = cmd == SIOCGIFNAME ? name_of(net, &r) : on_device(net, cmd, &r);
	if (!err && !is_set(cmd) && copy_to_user((void __user *)arg, &r, sizeof(r)))
		return -EFAULT;
	return err;
}
