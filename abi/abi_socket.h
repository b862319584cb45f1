// SPDX-License-Identifier: MIT
/*
 * What the UAPI headers leave out of the socket ABI: x86-64 Linux's numbers and
 * layouts, as socket(2), send(2), recv(2) and cmsg(3) document them.
 */
#pragma once

#include <linux/socket.h>

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_SEQPACKET 5
#define SOCK_TYPE_MASK 0xf
#define SOCK_NONBLOCK 00004000
#define SOCK_CLOEXEC 02000000

#define SHUT_RD 0
#define SHUT_WR 1
#define SHUT_RDWR 2

#define MSG_OOB 0x1
#define MSG_PEEK 0x2
#define MSG_DONTROUTE 0x4
#define MSG_CTRUNC 0x8
#define MSG_TRUNC 0x20
#define MSG_DONTWAIT 0x40
#define MSG_EOR 0x80
#define MSG_WAITALL 0x100
#define MSG_CONFIRM 0x800
#define MSG_ERRQUEUE 0x2000
#define MSG_NOSIGNAL 0x4000
#define MSG_MORE 0x8000
#define MSG_WAITFORONE 0x10000
#define MSG_CMSG_CLOEXEC 0x40000000
#define MSG_CMSG_COMPAT 0x80000000

#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define SCM_CREDENTIALS 2
#define SOMAXCONN 4096

#define ABI_SOCKADDR_MAX 128

struct abi_ucred {
	s32 pid;
	u32 uid, gid;
};

struct abi_msghdr {
	void *msg_name;
	s32 msg_namelen;
	u32 pad0;
	void *msg_iov;
	u64 msg_iovlen;
	void *msg_control;
	u64 msg_controllen;
	u32 msg_flags;
	u32 pad1;
};
_Static_assert(sizeof(struct abi_msghdr) == 56, "x86_64 struct msghdr");

struct abi_cmsghdr {
	u64 cmsg_len;
	s32 cmsg_level, cmsg_type;
};
_Static_assert(sizeof(struct abi_cmsghdr) == 16, "x86_64 struct cmsghdr");
#define ABI_CMSG_ALIGN(len) (((len) + 7) & ~7ul)
