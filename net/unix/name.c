// SPDX-License-Identifier: MIT
/*
 * Names of Unix sockets: paths, abstract names, and the list of all sockets
 * that /proc/net/unix shows.
 *
 * A path's socket is found through its inode (inode->sock, inode->spin), an
 * abstract name through a hash table (table_lock).
 */
#include <arch/uaccess.h>
#include <tarn/dentry.h>
#include <tarn/errptr.h>
#include <tarn/hash.h>
#include <tarn/inode.h>
#include <tarn/pointer.h>
#include <tarn/proc.h>
#include <tarn/process.h>
#include <tarn/random.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/printf.h>
#include "unix.h"

#define NAME_BUCKETS 4096u
#define PATH_AT ((int)offsetof(struct sockaddr_un, sun_path))

static struct spinlock table_lock = SPINLOCK_INIT("unix table", LR_UNIX_TABLE);
static struct list all_sockets = LIST_INIT(all_sockets);
static struct list names[NAME_BUCKETS];
static bool names_ready;
static u64 names_seed; /* [I] with names_ready: nobody can aim names at one bucket */

/* ---- the list of all ---- */

static void names_prepare(void) MUST_HOLD(&table_lock)
{
	if (names_ready)
		return;
	for (u32 i = 0; i < NAME_BUCKETS; i++)
		list_init(&names[i]);
	names_seed = random_u64();
	names_ready = true;
}

void unix_table_add(struct unix_sock *u)
{
	spin_lock(&table_lock);
	list_add_tail(&all_sockets, &u->all_node);
	spin_unlock(&table_lock);
}

void unix_table_remove(struct unix_sock *u)
{
	spin_lock(&table_lock);
	list_del(&u->all_node);
	spin_unlock(&table_lock);
}

static void show_name(struct strbuf *out, const struct unix_addr *a)
{
	int n = a->len - PATH_AT;

	strbuf_putc(out, ' ');
	for (int i = 0; i < n; i++) {
		char c = a->name.sun_path[i];

		/* A path's final NUL is not shown, an abstract name's NULs are as '@'. */
		if (!c && a->name.sun_path[0])
			break;
		strbuf_putc(out, c ? c : '@');
	}
}

static u32 shown_state(const struct unix_sock *u)
{
	bool connected = u->state == UNIX_CONNECTED || (u->type == SOCK_DGRAM && READ_ONCE(u->peer));

	if (!READ_ONCE(u->socket))
		return connected ? 2 : 4; /* SS_CONNECTING, SS_DISCONNECTING */
	return connected ? 3 : 1;         /* SS_CONNECTED, SS_UNCONNECTED */
}

#define SO_ACCEPTCON_FLAG 0x10000u /* __SO_ACCEPTCON of linux/net.h, as the Flags column has it */

static u64 inode_number(struct unix_sock *u)
{
	u64 ino;

	spin_lock(&u->lock);
	ino = u->socket && u->socket->inode ? u->socket->inode->ino : 0;
	spin_unlock(&u->lock);
	return ino;
}

/* @u or the first behind it that still lives, with a reference: the last one is gone before the place here. */
static struct unix_sock *get_living(struct unix_sock *u) MUST_HOLD(&table_lock)
{
	while (u && !ref_get_unless_zero(&u->refs))
		u = list_next(&all_sockets, u, all_node);
	return u;
}

/* strbuf may sleep to grow, so lines are made with the lock dropped, the walk held by a reference. */
static int unix_show(struct strbuf *out)
{
	struct unix_sock *u, *next;

	strbuf_puts(out, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	spin_lock(&table_lock);
	u = get_living(list_first(&all_sockets, struct unix_sock, all_node));
	spin_unlock(&table_lock);
	while (u) {
		strbuf_printf(out, "%016lx: %08X %08X %08X %04X %02X %5llu", (ulong)pointer_shown(u),
			      ref_read(&u->refs), 0, u->state == UNIX_LISTEN ? SO_ACCEPTCON_FLAG : 0,
			      (u32)u->type, shown_state(u),
			      (unsigned long long)inode_number(u));
		if (u->addr)
			show_name(out, u->addr);
		strbuf_putc(out, '\n');
		spin_lock(&table_lock);
		next = get_living(list_next(&all_sockets, u, all_node));
		spin_unlock(&table_lock);
		unix_put(u);
		u = next;
	}
	return 0;
}

static const struct proc_entry unix_entry = { .path = "net/unix", .show = unix_show };
SECTION_SET(proc_entries, unix_entry);

static const struct sysctl qlen_sysctl = {
	.path = "net/unix/max_dgram_qlen",
	.value = &unix_max_dgram_qlen,
	.min = 0,
	.max = 1 << 20,
};
SECTION_SET(sysctls, qlen_sysctl);

/* ---- addresses ---- */

void unix_addr_put(struct unix_addr *a)
{
	if (ref_put(&a->refs))
		kfree(a);
}

int unix_check_address(const void *addr, int len)
{
	const struct sockaddr_un *un = addr;

	if (len <= PATH_AT || len > (int)sizeof(*un) || un->sun_family != AF_UNIX)
		return -EINVAL;
	return 0;
}

static struct unix_addr *addr_make(const struct sockaddr_un *un, int len)
{
	struct unix_addr *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return NULL;
	ref_init(&a->refs, 1);
	memcpy(&a->name, un, (size_t)len);
	a->len = len;
	/* A path's length counts its final NUL, wherever the caller let it end. */
	if (un->sun_path[0])
		a->len = PATH_AT + (int)strnlen(a->name.sun_path, UNIX_PATH_MAX) + 1;
	return a;
}

static struct list *bucket(const struct unix_addr *a, int type)
{
	return &names[hash_add(hash_bytes(names_seed, &a->name, (size_t)a->len), (u64)type) % NAME_BUCKETS];
}

static struct unix_sock *name_find(const struct unix_addr *a, int type) MUST_HOLD(&table_lock)
{
	struct unix_sock *u;

	LIST_FOR_EACH(u, bucket(a, type), name_node)
		if (u->type == type && u->addr->len == a->len &&
		    memcmp(&u->addr->name, &a->name, (size_t)a->len) == 0)
			return u;
	return NULL;
}

/* ---- bind ---- */

static int take_name(struct unix_sock *u, struct unix_addr *a, const struct path *path)
{
	int err = 0;

	spin_lock(&u->lock);
	if (u->addr)
		err = -EINVAL;
	else
		u->addr = a;
	if (!err && path)
		u->path = *path;
	spin_unlock(&u->lock);
	return err;
}

static int bind_abstract(struct unix_sock *u, struct unix_addr *a)
{
	int err;

	spin_lock(&table_lock);
	names_prepare();
	err = name_find(a, u->type) ? -EADDRINUSE : take_name(u, a, NULL);
	if (!err) {
		list_add(bucket(a, u->type), &u->name_node);
		u->name_hashed = true;
	}
	spin_unlock(&table_lock);
	return err;
}

/* A socket that has a name makes no other node, and hears what would be wrong with the new name first. */
static int bind_path(struct unix_sock *u, struct unix_addr *a, mode_t mode) MUST_HOLD(&u->bind_lock)
{
	bool named = READ_ONCE(u->addr);
	struct inode *inode;
	struct path path;
	int err = path_make_socket(a->name.sun_path, mode, named ? NULL : &path);

	if (err)
		return err == -EEXIST ? -EADDRINUSE : err;
	if (named)
		return -EINVAL;
	err = take_name(u, a, &path);
	if (err) { /* cannot be: bind_lock is held, and autobind takes it */
		path_put(&path);
		return err;
	}
	inode = path.dentry->inode;
	spin_lock(&inode->spin);
	inode->sock = u;
	spin_unlock(&inode->spin);
	return 0;
}

/* Five hexadecimal digits in the abstract name space, unix(7). */
static int autobind_locked(struct unix_sock *u) MUST_HOLD(&u->bind_lock)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct unix_addr *a;
	u32 first = (u32)random_u64(), n;
	int err = -EADDRINUSE;

	if (READ_ONCE(u->addr))
		return 0;
	for (n = 0; err == -EADDRINUSE && n <= 0xfffff; n++) {
		cond_resched();
		snprintf(un.sun_path + 1, 6, "%05x", (first + n) & 0xfffff);
		a = addr_make(&un, PATH_AT + 6);
		if (!a)
			return -ENOMEM;
		err = bind_abstract(u, a);
		if (err)
			unix_addr_put(a);
	}
	if (err == -EADDRINUSE)
		return -ENOSPC;
	return err;
}

int unix_autobind(struct unix_sock *u)
{
	int err;

	if (READ_ONCE(u->addr))
		return 0;
	mutex_lock(&u->bind_lock);
	err = autobind_locked(u);
	mutex_unlock(&u->bind_lock);
	return err;
}

int unix_bind(struct socket *s, const void *addr, int len)
{
	const struct sockaddr_un *un = addr;
	struct unix_sock *u = s->sk;
	struct unix_addr *a;
	int err;

	if (len == PATH_AT && un->sun_family == AF_UNIX)
		return unix_autobind(u);
	err = unix_check_address(addr, len);
	if (err)
		return err;
	a = addr_make(un, len);
	if (!a)
		return -ENOMEM;
	mutex_lock(&u->bind_lock);
	if (un->sun_path[0])
		err = bind_path(u, a, S_IFSOCK | (s->inode->mode & 0777));
	else
		err = READ_ONCE(u->addr) ? -EINVAL : bind_abstract(u, a);
	mutex_unlock(&u->bind_lock);
	if (err)
		unix_addr_put(a);
	return err;
}

/* Release: nobody finds it any more. */
void unix_unname(struct unix_sock *u)
{
	struct path path = u->path;

	spin_lock(&table_lock);
	if (u->name_hashed)
		list_del(&u->name_node);
	u->name_hashed = false;
	spin_unlock(&table_lock);
	if (!path.dentry)
		return;
	spin_lock(&path.dentry->inode->spin);
	if (path.dentry->inode->sock == u)
		path.dentry->inode->sock = NULL;
	spin_unlock(&path.dentry->inode->spin);
	u->path = (struct path){ 0 };
	path_put(&path);
}

/* ---- finding ---- */

static struct unix_sock *find_abstract(const struct sockaddr_un *un, int len, int type)
{
	struct unix_addr *a = addr_make(un, len);
	struct unix_sock *u;

	if (!a)
		return ERR_PTR(-ENOMEM);
	spin_lock(&table_lock);
	names_prepare();
	u = name_find(a, type);
	if (u)
		unix_get(u);
	spin_unlock(&table_lock);
	unix_addr_put(a);
	return u ? u : ERR_PTR(-ECONNREFUSED);
}

static struct unix_sock *inode_sock(struct inode *inode, int type)
{
	struct unix_sock *u;

	if ((inode->mode & S_IFMT) != S_IFSOCK)
		return ERR_PTR(-ECONNREFUSED);
	spin_lock(&inode->spin);
	u = inode->sock;
	if (u)
		unix_get(u);
	spin_unlock(&inode->spin);
	if (!u)
		return ERR_PTR(-ECONNREFUSED);
	if (u->type == type)
		return u;
	unix_put(u);
	return ERR_PTR(-EPROTOTYPE);
}

static struct unix_sock *find_path(const struct sockaddr_un *un, int len, int type)
{
	char name[UNIX_PATH_MAX + 1] = { 0 };
	struct unix_sock *u;
	struct path path;
	int err;

	memcpy(name, un->sun_path, (size_t)(len - PATH_AT));
	err = path_lookup(name, LOOKUP_FOLLOW, &path);
	if (err)
		return ERR_PTR(err);
	err = inode_permission(path.dentry->inode, MAY_WRITE);
	u = err ? ERR_PTR(err) : inode_sock(path.dentry->inode, type);
	path_put(&path);
	return u;
}

struct unix_sock *unix_find(const struct sockaddr_un *un, int len, int type)
{
	return un->sun_path[0] ? find_path(un, len, type) : find_abstract(un, len, type);
}

static int copy_name(struct unix_sock *u, void *addr)
{
	struct unix_addr *a = READ_ONCE(u->addr);
	struct sockaddr_un *un = addr;

	if (!a) {
		un->sun_family = AF_UNIX;
		return PATH_AT;
	}
	memcpy(un, &a->name, (size_t)a->len);
	return a->len;
}

int unix_getname(struct socket *s, void *addr, bool peer)
{
	struct unix_sock *u = s->sk, *p;
	int len;

	if (!peer)
		return copy_name(u, addr);
	spin_lock(&u->lock);
	p = u->peer;
	if (p)
		unix_get(p);
	spin_unlock(&u->lock);
	if (!p)
		return -ENOTCONN;
	len = copy_name(p, addr);
	unix_put(p);
	return len;
}
