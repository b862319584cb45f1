// SPDX-License-Identifier: MIT
/* Shared by the family-independent files of net/. */
#pragma once

#include <tarn/socket.h>

#define SOCKET_BUF_DEFAULT 212992u /* net.core.wmem_default, rmem_default and their maxima */

struct abi_linger {
	s32 l_onoff, l_linger;
};

/* option.c: net.core's sysctls, and the option @name if it is one that is on or off */
extern int net_wmem_default, net_rmem_default, net_wmem_max, net_rmem_max, net_somaxconn;
bool *option_switch(struct socket *s, int name);

/* A socket of @family (type without flags) as a file; ERR_PTR. */
struct file *socket_create(int family, int type, int protocol, u32 flags);

/* calls.c */
/* An address from user space into @addr (ABI_SOCKADDR_MAX bytes): 0, -EINVAL, -EFAULT. */
int address_get(void *addr, const void __user *uaddr, int len);
/* To user space: as much as *ulen allows; *ulen becomes the true length. */
int address_put(const void *addr, int len, void __user *uaddr, int __user *ulen);
