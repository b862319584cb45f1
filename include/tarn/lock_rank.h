// SPDX-License-Identifier: MIT
/*
 * The lock order: take locks from top to bottom, never upward.  Debug builds
 * panic on a wrong order, naming both locks.  Two locks of one rank need a
 * rule, stated at the rank (parent before child, lower address first ...) and
 * the *_nested form of the lock call.
 */
#pragma once

enum lock_rank {
	/* Sleeping locks */
	LR_MODULE_INIT,    /* one-time set-up of a subsystem                             */
	LR_TTY,            /* tty->termios_lock, tty->read_lock: reads copy to user       */
	LR_FILE_POS,       /* file->pos_lock                                             */
	LR_TEXT,           /* fs/text_file.c: a text in the making, which may tell of all below */
	LR_EPOLL_NEST,     /* fs/epoll.c: putting one epoll set into another             */
	LR_EPOLL,          /* epoll->lock; nested epolls: outer first                    */
	LR_SOCKET,         /* socket->lock; peers: lower address first                    */
	LR_NET_CONFIG,     /* net->config: devices, addresses, routes; two: lower address first */
	LR_PIPE,           /* pipe->lock; two pipes: lower address first                  */
	LR_PROC_EXEC,      /* process->exec_lock: exec against ptrace and /proc           */
	LR_SWAPON,         /* swap_lock: swapon and swapoff, which walks address spaces  */
	LR_SB_UMOUNT,      /* super->umount_lock                                         */
	LR_RENAME,         /* super->rename_lock: one directory rename at a time          */
	LR_INODE_DIR,      /* inode->lock of a directory: ancestor first, then address    */
	LR_INODE,          /* inode->lock of anything else: lower address first           */
	LR_NAMESPACE,      /* mount namespace's lock                                     */
	LR_MM,             /* mm->map_lock: child mm after parent in fork                 */
	LR_MAPPING_INVAL,  /* mapping->invalidate_lock: truncate against filling pages    */
	LR_PAGE,           /* page lock, by rising index                                 */
	LR_FS_TRANS,       /* file system transaction (ext4: s_trans_lock)                */
	LR_FS_INODE_MAP,   /* ext4 inode->map_lock: block mapping of one inode            */
	LR_FS_ALLOC,       /* ext4 block and inode allocation, one group                  */
	LR_BDEV_MAPPING,   /* invalidate_lock of a disk's own cache: file systems read through it  */
	LR_BUFFER,         /* buffer lock                                                */
	LR_IPC,            /* ipc_ns->lock: System V objects; mappings of segments open and close */
	LR_TASK_WORK,      /* process->cred_lock and others held briefly, may allocate     */
	LR_SLEEP_LEAF,     /* a sleeping lock under which no other is taken              */

	/* Spinlocks */
	LR_SPIN_FIRST,
	LR_FILES = LR_SPIN_FIRST, /* files->lock: the descriptor table                   */
	LR_FILE_LOCKS,     /* inode_locks->lock: advisory locks of one inode             */
	LR_LOCK_GRAPH,     /* who waits for which of them, over all inodes               */
	LR_INOTIFY,        /* inotify marks of one inode, under its directory's dentries  */
	LR_INOTIFY_SET,    /* one inotify instance: its watches and its queue            */
	LR_DCACHE_LRU,
	LR_DENTRY,         /* dentry->lock: parent before child                           */
	LR_DCACHE_HASH,    /* a bucket of the dentry hash                                */
	LR_MOUNT_HASH,     /* mount_lock: links of the mount tree                        */
	LR_INODE_HASH,
	LR_INODE_SPIN,     /* inode->spin: state bits, dirty lists                        */
	LR_MAPPING_VMAS,   /* mapping->vmas_lock: who maps this file                      */
	LR_PT,             /* lock of one page table                                     */
	LR_MAPPING_TREE,   /* mapping->tree_lock, irqs off                               */
	LR_SWAP_LIST,      /* order of swap areas, irqs off                              */
	LR_SWAP,           /* a swap area's slots and cached pages, irqs off             */
	LR_PROC_TREE,      /* proc_tree_lock: parents, children, groups, sessions         */
	LR_SIGNAL,         /* sighand->lock, irqs off: handlers, queues, group stop       */
	LR_UNIX_GC,        /* net/unix: sockets in flight                                  */
	LR_UNIX_TABLE,     /* net/unix: all sockets, abstract names                        */
	LR_UNIX,           /* unix_sock->lock; two: lower address first                    */
	LR_SOCK,           /* sock->lock: tarn/net/sock.h                                  */
	LR_SOCK_CHILD,     /* the same, of a connection whose listener is locked            */
	LR_SOCK_QUEUE,     /* sock->receive_lock                                           */
	LR_PORTS,          /* a port's bucket, then                                        */
	LR_SOCK_TABLE,     /* a bucket of a lookup table                                   */
	LR_NEIGH,          /* one neighbour: state and waiting packets                     */
	LR_NET_FRAG,       /* a datagram in reassembly                                     */
	LR_NET_MC,         /* a device's multicast list                                    */
	LR_NET_TX,         /* a device's transmit queue                                    */
	LR_NET_TIMER,      /* a CPU's wheel of the network's timers                        */
	LR_TTY_SPIN,       /* tty->lock, irqs off: the line discipline, over its driver's lock */
	LR_FUTEX,          /* a futex hash bucket; two: lower address first               */
	LR_WORK,           /* work queues                                                */
	LR_DEVICE,         /* a driver's queue, irqs off                                 */
	LR_TIMER,          /* a CPU's timer tree, irqs off                               */
	LR_WAITQ,          /* waitq->lock, irqs off                                      */
	LR_EPOLL_WAKE,     /* an epoll set's ready list and queues, irqs off: two ranks a  */
	LR_EPOLL_WAKE_LAST = LR_EPOLL_WAKE + 13, /* level of nesting, inner first         */
	LR_RUNQ,           /* run queue of a CPU, irqs off; two: lower CPU first           */
	LR_SLAB,           /* slab lists, irqs off                                       */
	LR_LRU,            /* page LRU lists, irqs off                                   */
	LR_PAGES,          /* buddy allocator, irqs off                                  */
	LR_RCU,            /* call-back lists, irqs off                                  */
	LR_LEAF,           /* a spinlock under which no other is taken                   */
	LR_CONSOLE,        /* console and log, irqs off: taken from anywhere              */
};
