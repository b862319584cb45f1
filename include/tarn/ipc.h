// SPDX-License-Identifier: MIT
/* System V shared memory, as processes and namespaces know it.  kernel/ipc/. */
#pragma once

struct ipc_ns;
struct process;

extern struct ipc_ns init_ipc;
void ipc_ns_get(struct ipc_ns *ns);
void ipc_ns_put(struct ipc_ns *ns);
/* @p dies: with shm_rmid_forced its unattached segments go too.  May sleep. */
void shm_process_exit(struct ipc_ns *ns, struct process *p);
