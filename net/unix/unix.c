// SPDX-License-Identifier: MIT
/*
 * AF_UNIX, unix(7): what stream, datagram and sequenced-packet sockets share.
 * unix.h tells the states and locks.
 */
#include <arch/uaccess.h>
#include <asm/ioctls.h>
#include <asm/socket.h>
#include <linux/fcntl.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <linux/un.h>
#include <tarn/cred.h>
#include <tarn/errptr.h>
#include <tarn/fd.h>
#include <tarn/file.h>
#include <tarn/poll.h>
#include <tarn/process.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include "unix.h"

int unix_max_dgram_qlen = 10;

/* ---- life ---- */

struct unix_sock *unix_alloc(int type)
{
	struct user *user = current->cred->user;
	struct unix_sock *u;

	if (!unix_charge(user, sizeof(*u)))
		return NULL;
	u = kzalloc(sizeof(*u), GFP_KERNEL);
	if (!u) {
		charge_drop(user, CHARGE_SOCKET_BYTES, sizeof(*u));
		return NULL;
	}
	user_get(user);
	u->user = user;
	ref_init(&u->refs, 1);
	u->type = type;
	spin_init(&u->lock, "unix", LR_UNIX);
	mutex_init(&u->read_lock, "unix read", LR_SOCKET);
	mutex_init(&u->bind_lock, "unix bind", LR_SOCKET);
	list_init(&u->queue);
	list_init(&u->with_files);
	list_init(&u->embryos);
	list_init(&u->embryo_node);
	list_init(&u->inflight_node);
	waitq_init(&u->wait);
	waitq_init(&u->peer_wait);
	u->sndbuf = 212992;
	u->backlog = (u32)READ_ONCE(unix_max_dgram_qlen);
	unix_table_add(u);
	return u;
}

void unix_put(struct unix_sock *u)
{
	if (!ref_put(&u->refs))
		return;
	unix_table_remove(u);
	if (u->addr)
		unix_addr_put(u->addr);
	if (u->peer_cred)
		cred_put(u->peer_cred);
	charge_return(u->user, CHARGE_SOCKET_BYTES, sizeof(*u) + (atomic_load(&u->kept) ? UNIX_KEPT : 0));
	kfree(u);
}

void unix_lock_two(struct unix_sock *a, struct unix_sock *b) NO_LOCK_CHECK
{
	if (a == b) {
		spin_lock(&a->lock);
		return;
	}
	spin_lock(a < b ? &a->lock : &b->lock);
	spin_lock_nested(a < b ? &b->lock : &a->lock);
}

void unix_unlock_two(struct unix_sock *a, struct unix_sock *b) NO_LOCK_CHECK
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

int unix_take_error(struct unix_sock *u)
{
	return atomic_load_explicit(&u->error, memory_order_relaxed) ? -atomic_exchange(&u->error, 0) : 0;
}

const struct cred *unix_note_peer(struct unix_sock *u)
{
	const struct cred *old = u->peer_cred;

	u->peer_cred = cred_get(current_cred());
	u->peer_pid = current->process->pid;
	return old;
}

void unix_take_queue(struct unix_sock *u, struct list *out)
{
	struct unix_buf *b;

	while ((b = list_first(&u->with_files, struct unix_buf, files_node)))
		list_del_init(&b->files_node);
	list_splice_tail(out, &u->queue);
	u->queued = 0;
	u->oob = NULL;
}

struct unix_files *unix_take_files(struct unix_sock *u, struct unix_buf *b)
{
	struct unix_files *files = b->files;

	if (!files)
		return NULL;
	spin_lock(&u->lock);
	if (!list_empty(&b->files_node))
		list_del_init(&b->files_node);
	spin_unlock(&u->lock);
	unix_inflight(files, -1);
	b->files = NULL;
	return files;
}

void unix_copy_sender(struct msg *m, struct unix_sock *u)
{
	struct unix_addr *a = READ_ONCE(u->addr);

	m->namelen = 0;
	if (!m->name || !a)
		return;
	memcpy(m->name, &a->name, (size_t)a->len);
	m->namelen = a->len;
}

void unix_peek_moved(struct socket *s, u32 flags, size_t n)
{
	s64 off = READ_ONCE(s->opt.peek_off), by = (s64)n;

	if (off < 0)
		return;
	off = flags & MSG_PEEK ? MIN(off + by, (s64)0x7fffffff) : MAX(off - by, (s64)0);
	WRITE_ONCE(s->opt.peek_off, (int)off);
}

static int unix_create(struct socket *s, int type, int protocol)
{
	struct unix_sock *u;

	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	switch (type) {
	case SOCK_STREAM:
		s->ops = &unix_stream_ops;
		break;
	case SOCK_RAW: /* as Linux: another word for datagrams */
	case SOCK_DGRAM:
		s->type = type = SOCK_DGRAM;
		s->ops = &unix_dgram_ops;
		break;
	case SOCK_SEQPACKET:
		s->ops = &unix_seqpacket_ops;
		break;
	default:
		return -ESOCKTNOSUPPORT;
	}
	u = unix_alloc(type);
	if (!u)
		return -ENOBUFS;
	u->socket = s;
	u->sndbuf = s->opt.sndbuf;
	s->sk = u;
	s->error = &u->error;
	return 0;
}

/* ---- the end ---- */

/* The other end of a connection learns that this one is gone; @reset: with data unread. */
static void disconnect(struct unix_sock *u, struct unix_sock *peer, bool reset)
{
	spin_lock(&peer->lock);
	peer->shutdown |= UNIX_SHUT_RD | UNIX_SHUT_WR;
	if (reset)
		atomic_store(&peer->error, ECONNRESET);
	spin_unlock(&peer->lock);
	unix_wake(peer, POLLIN | POLLRDNORM | POLLRDHUP | POLLOUT | POLLHUP | POLLERR, UNIX_WAKE_ALL);
}

static void release_sock(struct unix_sock *u, bool embryo);

static void release_embryos(struct unix_sock *u, struct list *embryos)
{
	struct unix_sock *e;

	while ((e = list_first(embryos, struct unix_sock, embryo_node))) {
		list_del_init(&e->embryo_node);
		release_sock(e, true);
	}
}

void unix_free_queue(struct list *queue)
{
	struct unix_buf *b;

	while ((b = list_first(queue, struct unix_buf, node))) {
		list_del(&b->node);
		unix_buf_free(b);
	}
}

/* Drops the file's (or the accept queue's) reference to @u. */
static void release_sock(struct unix_sock *u, bool embryo)
{
	struct list queue = LIST_INIT(queue), embryos = LIST_INIT(embryos);
	struct unix_sock *peer;

	unix_unname(u);
	spin_lock(&u->lock);
	u->state = UNIX_CLOSED;
	u->shutdown = UNIX_SHUT_RD | UNIX_SHUT_WR;
	u->socket = NULL;
	peer = u->peer;
	u->peer = NULL;
	unix_take_queue(u, &queue);
	list_splice_tail(&embryos, &u->embryos);
	u->waiting = 0;
	spin_unlock(&u->lock);
	unix_wake(u, POLLHUP, UNIX_WAKE_ALL);
	waitq_wake_all(&u->peer_wait, POLLOUT | POLLWRNORM);
	if (peer) {
		if (u->type != SOCK_DGRAM)
			disconnect(u, peer, embryo || !list_empty(&queue));
		unix_put(peer);
	}
	release_embryos(u, &embryos);
	unix_free_queue(&queue);
	unix_put(u);
}

void unix_release(struct socket *s)
{
	release_sock(s->sk, false);
	s->sk = NULL;
	unix_gc_schedule();
}

/* ---- shared operations ---- */

int unix_socketpair(struct socket *a, struct socket *b)
{
	struct unix_sock *ua = a->sk, *ub = b->sk;

	unix_get(ua);
	unix_get(ub);
	ua->peer = ub;
	ub->peer = ua;
	spin_lock(&ua->lock);
	unix_note_peer(ua); /* new sockets: there was nobody before */
	spin_unlock(&ua->lock);
	spin_lock(&ub->lock);
	unix_note_peer(ub);
	spin_unlock(&ub->lock);
	if (ua->type != SOCK_DGRAM)
		ua->state = ub->state = UNIX_CONNECTED;
	return 0;
}

/* What one end shuts, the other end of a connection sees mirrored. */
int unix_shutdown(struct socket *s, int how)
{
	struct unix_sock *u = s->sk, *peer;
	u32 bits = (u32)how + 1; /* SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2 */
	u32 mirrored = (bits & UNIX_SHUT_RD ? UNIX_SHUT_WR : 0) | (bits & UNIX_SHUT_WR ? UNIX_SHUT_RD : 0);

	spin_lock(&u->lock);
	u->shutdown |= bits;
	peer = u->peer;
	if (peer)
		unix_get(peer);
	spin_unlock(&u->lock);
	if (peer && u->type != SOCK_DGRAM) {
		spin_lock(&peer->lock);
		peer->shutdown |= mirrored;
		spin_unlock(&peer->lock);
		unix_wake(peer, POLLIN | POLLRDNORM | POLLRDHUP | POLLOUT | POLLHUP, UNIX_WAKE_ALL);
	}
	unix_wake(u, POLLIN | POLLRDNORM | POLLRDHUP | POLLOUT | POLLHUP, UNIX_WAKE_ALL);
	if (peer)
		unix_put(peer);
	return 0;
}

/* FIONREAD: a connection's bytes, of datagrams the first one's. */
static int bytes_waiting(struct unix_sock *u)
{
	struct unix_buf *b;
	int n = 0;

	spin_lock(&u->lock);
	LIST_FOR_EACH(b, &u->queue, node) {
		n += (int)(b->len - b->off);
		if (u->type == SOCK_DGRAM)
			break;
	}
	spin_unlock(&u->lock);
	return n;
}

/* SIOCATMARK: the next byte is the urgent one. */
static int at_mark(struct unix_sock *u)
{
	struct unix_buf *b;
	int at;

	spin_lock(&u->lock);
	b = list_first(&u->queue, struct unix_buf, node);
	at = b && b == u->oob;
	spin_unlock(&u->lock);
	return at;
}

/* SIOCUNIXFILE: a descriptor, O_PATH, of the file that the socket is bound to. */
static long open_bound_file(struct unix_sock *u)
{
	struct path path = { 0 };
	struct file *f;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	spin_lock(&u->lock);
	if (u->path.dentry) {
		path = u->path;
		path_get(&path);
	}
	spin_unlock(&u->lock);
	if (!path.dentry)
		return -ENOENT;
	f = file_open_path(&path, O_PATH, current_cred());
	path_put(&path);
	return IS_ERR(f) ? PTR_ERR(f) : fd_add(f, O_CLOEXEC);
}

long unix_ioctl(struct socket *s, unsigned int cmd, unsigned long arg)
{
	struct unix_sock *u = s->sk;

	switch (cmd) {
	case FIONREAD:
		if (READ_ONCE(u->state) == UNIX_LISTEN)
			return -EINVAL;
		return put_user(bytes_waiting(u), (int __user *)arg);
	case TIOCOUTQ:
		return put_user((int)atomic_load(&u->wmem), (int __user *)arg);
	case SIOCATMARK:
		return put_user(at_mark(u), (int __user *)arg);
	case SIOCUNIXFILE:
		return open_bound_file(u);
	}
	return -ENOTTY;
}

/* ---- options ---- */

void unix_sndbuf_changed(struct socket *s)
{
	struct unix_sock *u = s->sk;

	WRITE_ONCE(u->sndbuf, READ_ONCE(s->opt.sndbuf));
	unix_wake(u, POLLOUT | POLLWRNORM, UNIX_WAKE_ALL);
}

static int answer(const void *data, int size, void *val, int *len)
{
	*len = MIN(*len, size);
	memcpy(val, data, (size_t)*len);
	return 0;
}

/* The credentials of the other side, counted; NULL: none. */
static const struct cred *peer_cred_get(struct unix_sock *u, pid_t *pid)
{
	const struct cred *c;

	spin_lock(&u->lock);
	c = u->peer_cred;
	*pid = u->peer_pid;
	if (c)
		cred_get(c);
	spin_unlock(&u->lock);
	return c;
}

static int get_peercred(struct unix_sock *u, void *val, int *len)
{
	struct abi_ucred out = { .pid = 0, .uid = (u32)-1, .gid = (u32)-1 };
	pid_t pid;
	const struct cred *c = peer_cred_get(u, &pid);

	if (c) {
		out = (struct abi_ucred){ .pid = pid, .uid = c->euid, .gid = c->egid };
		cred_put(c);
	}
	return answer(&out, sizeof(out), val, len);
}

static int get_peergroups(struct unix_sock *u, void *val, int *len)
{
	pid_t pid;
	const struct cred *c = peer_cred_get(u, &pid);
	int size, room = *len;

	if (!c)
		return -ENODATA;
	*len = size = (int)(c->ngroups * sizeof(gid_t));
	if (size && room >= size) /* no list without groups */
		memcpy(val, c->groups, (size_t)size);
	cred_put(c);
	return room < size ? -ERANGE : 0;
}

int unix_getsockopt(struct socket *s, int level, int name, void *val, int *len)
{
	struct unix_sock *u = s->sk;
	u32 memory[9] = { [SK_MEMINFO_RCVBUF] = s->opt.rcvbuf, [SK_MEMINFO_SNDBUF] = s->opt.sndbuf };
	int listening;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	switch (name) {
	case SO_PEERCRED:
		return get_peercred(u, val, len);
	case SO_PEERGROUPS:
		return get_peergroups(u, val, len);
	case SO_ACCEPTCONN:
		listening = READ_ONCE(u->state) == UNIX_LISTEN;
		return answer(&listening, sizeof(listening), val, len);
	case SO_MEMINFO:
		memory[SK_MEMINFO_WMEM_ALLOC] = atomic_load(&u->wmem);
		return answer(memory, sizeof(memory), val, len);
	}
	return -ENOPROTOOPT;
}

void unix_init(void)
{
	socket_register_family(AF_UNIX, unix_create);
	unix_gc_init();
}
