// SPDX-License-Identifier: MIT
/*
 * struct unix_sock and what the files of this folder share.
 *
 * Life:  fresh -> (bound) -> listening
 *                         -> connected -> closed
 *   A datagram socket may connect again.  An accepted connection begins as an
 *   embryo in its listener's queue: connected, with no file yet.
 *
 * Data waits at the receiver, one struct unix_buf a message (or a piece of a
 * stream); its bytes count against the sender's SO_SNDBUF until they are read.
 *
 * Locks, outer first:
 *   read_lock  (mutex) one reader of a stream at a time
 *   gc lock    in-flight counts (gc.c)
 *   table lock all sockets, abstract names
 *   lock       (spin) everything marked with it; two sockets: lower address first
 * A connected stream's peer never changes until release, so senders use it
 * without a reference of their own.
 */
#pragma once

#include <linux/un.h>
#include <tarn/path.h>
#include <tarn/radix.h>
#include <tarn/socket.h>
#include <tarn/waitq.h>

/* A name that sockets share: a bound one's, its accepted connections'. */
struct unix_addr {
	struct refcount refs;
	int len;                     /* [I] of name, family included */
	struct sockaddr_un name;     /* [I] */
	u8 end;                      /* [I] a NUL after a name of full length */
};

struct unix_files {
	struct unix_files *next;     /* on the way to be closed: gc.c */
	struct user *user;           /* in flight: counted; whose CHARGE_FLYING_FILES they are */
	u32 count;
	struct file *file[];         /* counted */
};
#define UNIX_FILES_MAX 253u      /* SCM_MAX_FD */

struct unix_buf {
	struct list node;            /* receiver's lock */
	struct list files_node;      /* receiver's lock: in with_files; only set up if it had files */
	struct unix_sock *sender;    /* [I] counted: whose wmem it is, and whose name it came from */
	struct user *guest;          /* [I] counted: a user, not the sender's maker, who is charged too; else NULL */
	struct abi_ucred cred;       /* fixed once queued; UNIX_NO_CRED: nobody had asked for it */
	struct unix_files *files;    /* receiver's read side; NULL: none */
	ktime_t when;                /* fixed once queued; CLOCK_REALTIME, 0: nobody had asked for it */
	u32 weight;                  /* [I] bytes of the sender's SO_SNDBUF, and of its CHARGE_SOCKET_BYTES */
	u32 len;                     /* [I] */
	u32 off;                     /* read so far: read_lock */
	bool has_cred;               /* [I] the sender gave credentials of his own */
	bool peeked;                 /* read_lock: SO_PEEK_OFF went past it, should it be empty */
	u8 data[];
};
/* What Linux shows of a message whose sender was not noted: no process, and the overflow ids. */
#define UNIX_NO_CRED ((struct abi_ucred){ .pid = 0, .uid = 65534, .gid = 65534 })

enum unix_state { UNIX_FRESH, UNIX_LISTEN, UNIX_CONNECTED, UNIX_CLOSED };

#define UNIX_SHUT_RD 1u
#define UNIX_SHUT_WR 2u

struct unix_sock {
	struct refcount refs;
	int type;                             /* [I] SOCK_* */
	struct spinlock lock;                 /* LR_UNIX */
	struct mutex read_lock;               /* LR_SOCKET */
	struct socket *socket;                /* lock; NULL: embryo or released */
	enum unix_state state;                /* lock */
	u32 shutdown;                         /* lock to write: UNIX_SHUT_* of this end */
	struct unix_sock *peer;               /* lock; counted */
	struct unix_addr *addr;               /* lock; counted; set once */
	struct path path;                     /* lock; of a name in the file system */
	struct list queue;                    /* lock: unix_buf */
	struct list with_files;               /* lock: those of them that carry files */
	struct unix_buf *oob;                 /* lock: the urgent byte in the queue; NULL: none */
	u32 queued;                           /* lock: how many */
	struct list embryos;                  /* lock: listener's accept queue */
	struct list embryo_node;              /* listener's lock */
	struct unix_sock *listener;           /* [I] of an embryo; only compared */
	u32 backlog, waiting;                 /* lock: limit of embryos (datagrams: of queued); length of embryos */
	_Atomic u32 wmem;                     /* [a] bytes sent and not read: buf.c charges them */
	_Atomic bool kept;                    /* [a] UNIX_KEPT of them are charged for the socket's life */
	u32 sndbuf;                           /* copy of the option, also for embryos */
	_Atomic int error;                    /* [a] ECONNRESET */
	struct user *user;                    /* [I] counted: who made it */
	const struct cred *peer_cred;         /* lock; counted; of a listener its own: its clients' peer */
	pid_t peer_pid;                       /* lock */
	struct mutex bind_lock;               /* LR_SOCKET: one bind at a time */
	struct waitq wait;                    /* data, room, connections, end */
	struct waitq peer_wait;               /* for those who wait for room in our queue */
	struct list all_node;                 /* table lock */
	struct list name_node;                /* table lock: abstract names */
	bool name_hashed;                     /* table lock */

	/* gc.c, gc lock */
	u32 inflight;                         /* references from messages under way */
	struct list inflight_node;
	struct list gc_node;
	u32 gc_refs;
	bool gc_candidate;
};

extern const struct proto_ops unix_stream_ops, unix_dgram_ops, unix_seqpacket_ops;
extern int unix_max_dgram_qlen;

/* unix.c */
struct unix_sock *unix_alloc(int type);
static inline void unix_get(struct unix_sock *u)
{
	ref_get(&u->refs);
}
void unix_put(struct unix_sock *u);
void unix_lock_two(struct unix_sock *a, struct unix_sock *b);
void unix_unlock_two(struct unix_sock *a, struct unix_sock *b);
void unix_release(struct socket *s);
/*
 * Wakes up to @n exclusive waiters (and all others) of @u: POLL* @events happened
 * there.  All that happens to a socket is told here: to sleepers, poll(2), epoll.
 * What tells a process by SIGIO or SIGURG (POLLPRI) belongs here too.
 */
static inline void unix_wake(struct unix_sock *u, u32 events, u32 n)
{
	if (waitq_active(&u->wait))
		waitq_wake_n(&u->wait, events, n);
}
#define UNIX_WAKE_ALL (~0u)
/* current becomes what SO_PEERCRED of the other side tells; u->lock held. What was there before, to be put. */
const struct cred *unix_note_peer(struct unix_sock *u) MUST_HOLD(&u->lock);
/* Takes all messages off @u's queue into @out; u->lock held. */
void unix_take_queue(struct unix_sock *u, struct list *out) MUST_HOLD(&u->lock);
void unix_free_queue(struct list *queue);
/* Takes the pending error of either kind: 0 or -errno. */
int unix_take_error(struct unix_sock *u);

/* name.c */
int unix_bind(struct socket *s, const void *addr, int len);
int unix_autobind(struct unix_sock *u);
/* The socket bound to @addr with a reference; ERR_PTR(-ECONNREFUSED, -EPROTOTYPE ...). */
struct unix_sock *unix_find(const struct sockaddr_un *addr, int len, int type);
int unix_check_address(const void *addr, int len);
void unix_unname(struct unix_sock *u);
void unix_addr_put(struct unix_addr *a);
int unix_getname(struct socket *s, void *addr, bool peer);

/* buf.c */
struct scm;
/* Charges current's user, or @u's maker if they are one: false when over what one user may keep in sockets. */
bool unix_charge(struct user *user, u64 n);
/* What a socket that ever sent stays charged with, so that small messages that are read soon charge nothing. */
#define UNIX_KEPT 8192u
/* A message of @len bytes from @m, charged to @u; ERR_PTR(-ENOMEM, -ENOBUFS, -EFAULT). */
struct unix_buf *unix_buf_make(struct unix_sock *u, struct msg *m, size_t len, struct scm *scm);
void unix_buf_free(struct unix_buf *b);
void unix_buf_note_asked(struct unix_buf *b, struct unix_sock *u, struct unix_sock *to) MUST_HOLD(&to->lock);
/* Notes of @b, which @u sends to @to, what the two asked for: credentials, time; to->lock held. */
static inline void unix_buf_note(struct unix_buf *b, struct unix_sock *u, struct unix_sock *to)
	MUST_HOLD(&to->lock);
static inline void unix_buf_note(struct unix_buf *b, struct unix_sock *u, struct unix_sock *to)
{
	const struct socket *from = u->socket, *at = to->socket;

	if (unlikely(!from || !at || from->opt.passcred || at->opt.passcred || at->opt.timestamp))
		unix_buf_note_asked(b, u, to);
}
static inline bool unix_has_room(struct unix_sock *u)
{
	return atomic_load_explicit(&u->wmem, memory_order_relaxed) < READ_ONCE(u->sndbuf);
}
int unix_wait_room_slow(struct unix_sock *u, u32 flags);
/* Waits for room for one more message: 0 or -errno, pending errors and the end of sending first. */
static inline int unix_wait_room(struct unix_sock *u, u32 flags)
{
	if (likely(unix_has_room(u) && !(READ_ONCE(u->shutdown) & UNIX_SHUT_WR) &&
		   !atomic_load_explicit(&u->error, memory_order_relaxed)))
		return 0;
	return unix_wait_room_slow(u, flags);
}
bool unix_is_writable(struct unix_sock *u);

/* scm.c: control messages */
struct scm {
	struct abi_ucred cred;
	bool has_cred;          /* a SCM_CREDENTIALS was given */
	struct unix_files *files;
};
int scm_parse(struct scm *scm, const struct msg *m);
void scm_free(struct scm *scm);
void unix_files_free(struct unix_files *files);
struct unix_files *unix_files_dup(const struct unix_files *files);
/* Hands credentials and files of a message to the receiver; @files is used up. */
void scm_deliver(struct socket *s, struct msg *m, const struct abi_ucred *cred,
		 struct unix_files *files, u32 flags);

/* gc.c */
/* @files begin or end their flight; the caller holds references to them. */
void unix_inflight(struct unix_files *files, int by);
/* Some socket was closed: looks for sockets that only messages refer to. */
void unix_gc_schedule(void);
/* Waits for a search under way, which may have counted before the caller took references from a queue. */
void unix_gc_barrier(void);
/* Closes them soon, from a worker: closing may close sockets that hold files in turn, without end. */
void unix_files_free_later(struct unix_files *files);
void unix_gc_init(void);

void unix_table_add(struct unix_sock *u);
void unix_table_remove(struct unix_sock *u);

/* listen.c: connection set-up of streams and sequenced packets */
int unix_connect(struct socket *s, const void *addr, int len, u32 file_flags);
int unix_listen(struct socket *s, int backlog);
int unix_accept(struct socket *s, struct socket *new_sock, u32 file_flags);

/* unix.c: shared by the three ops tables */
int unix_socketpair(struct socket *a, struct socket *b);
int unix_shutdown(struct socket *s, int how);
long unix_ioctl(struct socket *s, unsigned int cmd, unsigned long arg);
void unix_sndbuf_changed(struct socket *s);
int unix_getsockopt(struct socket *s, int level, int name, void *val, int *len);
/* Puts @b on @to's queue; to->lock held. */
static inline void unix_enqueue(struct unix_sock *to, struct unix_buf *b) MUST_HOLD(&to->lock);
static inline void unix_enqueue(struct unix_sock *to, struct unix_buf *b)
{
	list_add_tail(&to->queue, &b->node);
	if (b->files)
		list_add_tail(&to->with_files, &b->files_node);
	to->queued++;
}
/* Takes it off; u->lock held. */
static inline void unix_dequeue(struct unix_sock *u, struct unix_buf *b) MUST_HOLD(&u->lock);
static inline void unix_dequeue(struct unix_sock *u, struct unix_buf *b)
{
	list_del(&b->node);
	if (b->files && !list_empty(&b->files_node))
		list_del_init(&b->files_node);
	if (u->oob == b)
		u->oob = NULL;
	u->queued--;
}
/* Takes the files of @b, which current receives: counted out of flight. */
struct unix_files *unix_take_files(struct unix_sock *u, struct unix_buf *b);
/* The address of @u for recvmsg(2). */
void unix_copy_sender(struct msg *m, struct unix_sock *u);
/* SO_PEEK_OFF after @n bytes: on by a peek, back by a read. */
void unix_peek_moved(struct socket *s, u32 flags, size_t n);
