// SPDX-License-Identifier: MIT
/* What <linux/if.h> wants of the C library. */
#pragma once

#include <linux/socket.h>

struct sockaddr {
	unsigned short sa_family;
	char sa_data[14];
};
