// SPDX-License-Identifier: MIT
/* Linux's UAPI header <linux/if.h> includes libc's <sys/socket.h> for struct sockaddr alone: here it is. */
#pragma once

#include <abi_socket.h>

struct sockaddr {
	unsigned short sa_family;
	char sa_data[14];
};
