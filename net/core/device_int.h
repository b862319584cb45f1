// SPDX-License-Identifier: MIT
/* Shared among net/core's files about devices. */
#pragma once

#include <tarn/net/device.h>

#define LISTENER_RANKS 100

void tx_queue_init(struct tx_queue *q);
/* /sys/class/net/<name>, for the first namespace's. */
void net_sysfs_add(struct net_device *d);
/* Shows @p to taps: those of its device and of all. @out: it leaves. */
void taps_show(struct packet *p, bool out);
