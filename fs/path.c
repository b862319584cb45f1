// SPDX-License-Identifier: MIT
/*
 * Path walks: from a name to a (mount, dentry).
 *
 * A walk begins without references ("rcu"): it reads cached dentries, checks
 * each one's seq after using it, and at its end takes two references and looks
 * whether the mount tree stood still.  When it needs what may sleep (a name
 * not cached, a link without cached text, revalidation) it takes its
 * references where it stands (unlazy) and goes on counted.  When something
 * changed underneath, -ECHILD: the whole walk begins anew, counted; that one
 * cannot fail this way.
 *
 * Symlinks: without references, a link's text is read in place, as inodes go
 * through RCU, and what follows it in the path is kept in saved[].  A counted
 * walk builds one string of text and rest instead, so nothing nests and 40
 * links need no stack.
 *
 * ".." stops at w->root: the thread's, or with RESOLVE_IN_ROOT where we began.
 *
 * Scoped walks (RESOLVE_BENEATH, RESOLVE_IN_ROOT) must not leave w->start,
 * which they hold for that.  A rename or mount behind our back could make ".."
 * lead past it: any that happened since the start ends the walk with -EAGAIN,
 * as on Linux, and so does an end, or a parent of a name to be made, that is
 * no longer below.
 *
 * Tests: tests/abi/vfs_race.c, fs_security.c.
 */
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <tarn/hash.h>
#include <tarn/inode.h>
#include <tarn/mount.h>
#include <tarn/printk.h>
#include <tarn/slab.h>
#include <tarn/string.h>
#include <tarn/super.h>
#include <tarn/thread.h>

#include "internal.h"

#define MAX_LINKS 40

/* ---- where to begin ---- */

static void fs_read(struct path *root, struct path *cwd)
{
	struct fs_context *fs = current->fs;

	if (ref_read(&fs->refs) == 1) { /* only we could change it */
		*root = fs->root;
		*cwd = fs->cwd;
		return;
	}
	spin_lock(&fs->lock);
	*root = fs->root;
	*cwd = fs->cwd;
	spin_unlock(&fs->lock);
}

static bool is_root(const struct walk *w, const struct path *p)
{
	return p->dentry == w->root.dentry && p->mnt == w->root.mnt;
}

/* "/": the root, or refused. */
static bool absolute_ok(const struct walk *w)
{
	return !(w->flags & LOOKUP_BENEATH);
}

static bool is_scoped(const struct walk *w)
{
	return w->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT);
}

/* What the tree looks like: before the first step. */
static void sample_tree(struct walk *w)
{
	w->mount_seq = seq_read_begin(&mount_seq);
	if (is_scoped(w))
		w->renames = atomic_load(&rename_count);
}

static int begin_rcu(struct walk *w)
{
	struct path cwd;

	rcu_read_lock();
	w->rcu = true;
	sample_tree(w);
	fs_read(&w->root, &cwd);
	if (!w->have_start)
		w->start = cwd;
	if (w->flags & LOOKUP_IN_ROOT)
		w->root = w->start;
	w->path = *w->name == '/' ? w->root : w->start;
	w->seq = seq_read_begin(&w->path.dentry->seq);
	w->inode = w->path.dentry->inode;
	return 0;
}

static int begin_counted(struct walk *w)
{
	struct path cwd;

	w->rcu = false;
	w->name = w->original;
	w->depth = w->links = 0;
	w->trailing_slash = false;
	sample_tree(w);
	fs_get_root(&w->root);
	fs_get_cwd(&cwd);
	if (!w->have_start)
		w->start = cwd;
	if (w->flags & LOOKUP_IN_ROOT) {
		path_put(&w->root);
		w->root = w->start;
		path_get(&w->root);
	}
	w->path = *w->name == '/' ? w->root : w->start;
	path_get(&w->path);
	path_put(&cwd); /* another thread may let it go: nobody but scoped walks looks at w->start later */
	w->inode = w->path.dentry->inode;
	return 0;
}

int walk_begin(struct walk *w, int dfd, const struct path *base, const char *name, u32 flags)
{
	memset(w, 0, sizeof(*w));
	w->flags = flags;
	w->name = w->original = name;
	if (!*name && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	if (!base && !current->fs->root.dentry)
		return -ENOENT; /* boot: nothing is mounted yet */
	if (base) {
		w->start = *base;
		w->have_start = true;
	} else if (dfd != AT_FDCWD && (*name != '/' || (flags & LOOKUP_IN_ROOT))) {
		w->dirfd = fd_ref_raw((unsigned int)dfd);
		if (!w->dirfd.file)
			return -EBADF;
		w->start = w->dirfd.file->path;
		w->have_start = true;
	} else if (is_scoped(w)) {
		fs_get_cwd(&w->start);
		w->have_start = w->start_counted = true;
	}
	if (*name == '/' && !absolute_ok(w))
		return -EXDEV;
	return begin_rcu(w);
}

static void drop_position(struct walk *w)
{
	if (w->rcu) {
		rcu_read_unlock();
		w->rcu = false;
	} else {
		path_put(&w->path);
		path_put(&w->root);
	}
	w->path = w->root = (struct path){ 0 };
}

void walk_end(struct walk *w)
{
	drop_position(w);
	kfree(w->flat);
	if (w->start_counted)
		path_put(&w->start);
	if (w->dirfd.file)
		fd_unref(w->dirfd);
}

static int restart(struct walk *w)
{
	drop_position(w);
	return begin_counted(w);
}

/* ---- taking references ---- */

/* One string of what is left: @text (or nothing), then the rest.  RCU or not. */
static int flatten(struct walk *w, const char *text, const char *rest, gfp_t gfp)
{
	size_t len = strlen(text) + 1 + strlen(rest) + 1, at;
	char *flat;

	for (u32 i = 0; i < w->depth; i++)
		len += strlen(w->saved[i]) + 1;
	if (len > 2 * PATH_MAX_LEN)
		return -ENAMETOOLONG;
	flat = kmalloc(len, gfp);
	if (!flat)
		return -ENOMEM;
	at = strlen(text);
	memcpy(flat, text, at);
	if (*rest) {
		if (at)
			flat[at++] = '/';
		memcpy(flat + at, rest, strlen(rest));
		at += strlen(rest);
	}
	while (w->depth) {
		const char *more = w->saved[--w->depth];

		flat[at++] = '/';
		memcpy(flat + at, more, strlen(more));
		at += strlen(more);
	}
	flat[at] = '\0';
	kfree(w->flat);
	w->flat = flat;
	w->name = flat;
	return 0;
}

/* References to both; @held tells what was taken, also when it fails. */
static inline bool get_counted(const struct path *p, struct path *held)
{
	if (unlikely(!ref_get_unless_zero(&p->mnt->refs)))
		return false;
	held->mnt = p->mnt;
	if (unlikely(!dentry_get_unless_dead(p->dentry)))
		return false;
	held->dentry = p->dentry;
	return true;
}

/* The last puts may sleep: outside RCU. */
static NOINLINE int lose_place(struct walk *w, const struct path *place, const struct path *root)
{
	path_put(place);
	path_put(root);
	w->path = w->root = (struct path){ 0 };
	return -ECHILD;
}

/* From here on the walk is counted: 0, or -ECHILD with nothing held and w at no place. */
static int unlazy(struct walk *w)
{
	struct path place = { 0 }, root = { 0 };
	bool ok = true;

	if (!w->rcu)
		return 0;
	/* What is left may lie in a link's text, which only RCU keeps. */
	if (w->depth || (w->links && *w->name))
		ok = flatten(w, "", w->name, GFP_ATOMIC) == 0;
	else if (!*w->name)
		w->name = "";
	ok = ok && get_counted(&w->path, &place) && !seq_read_retry(&w->path.dentry->seq, w->seq);
	ok = ok && get_counted(&w->root, &root) && !seq_read_retry(&mount_seq, w->mount_seq);
	rcu_read_unlock();
	w->rcu = false;
	return likely(ok) ? 0 : lose_place(w, &place, &root);
}

/* The same where a whole walk ends: nobody asks for its root any more. */
static inline int unlazy_end(struct walk *w)
{
	struct path place = { 0 };
	bool ok;

	if (!w->rcu)
		return 0;
	ok = get_counted(&w->path, &place) && !seq_read_retry(&w->path.dentry->seq, w->seq) &&
	     !seq_read_retry(&mount_seq, w->mount_seq);
	rcu_read_unlock();
	w->rcu = false;
	w->root = (struct path){ 0 };
	return likely(ok) ? 0 : lose_place(w, &place, &w->root);
}

/* ---- steps ---- */

static void go_to(struct walk *w, struct mount *mnt, struct dentry *d)
{
	w->path.mnt = mnt;
	w->path.dentry = d;
	w->inode = d->inode;
}

static int go_root(struct walk *w)
{
	if (!absolute_ok(w))
		return -EXDEV;
	if ((w->flags & LOOKUP_NO_XDEV) && w->path.mnt != w->root.mnt)
		return -EXDEV;
	if (w->rcu) {
		go_to(w, w->root.mnt, w->root.dentry);
		w->seq = seq_read_begin(&w->path.dentry->seq);
	} else {
		path_get(&w->root);
		path_put(&w->path);
		go_to(w, w->root.mnt, w->root.dentry);
	}
	return 0;
}

/* Into what is mounted where @w stands. */
static int cross_down_rcu(struct walk *w)
{
	while (atomic_load_explicit(&w->path.dentry->flags, memory_order_relaxed) & DF_MOUNTED) {
		struct mount *m = mount_at_rcu(w->path.mnt, w->path.dentry);

		if (!m)
			break;
		if (w->flags & LOOKUP_NO_XDEV)
			return -EXDEV;
		go_to(w, m, m->root);
		w->seq = seq_read_begin(&w->path.dentry->seq);
	}
	return 0;
}

static int cross_down(struct walk *w)
{
	struct mount *before = w->path.mnt;

	mount_down(&w->path);
	w->inode = w->path.dentry->inode;
	return before != w->path.mnt && (w->flags & LOOKUP_NO_XDEV) ? -EXDEV : 0;
}

static int dotdot_rcu(struct walk *w)
{
	struct dentry *d = w->path.dentry, *parent;
	u32 seq;

	while (!is_root(w, &w->path) && w->path.dentry == w->path.mnt->root) {
		struct mount *up = READ_ONCE(w->path.mnt->parent);
		struct dentry *at = READ_ONCE(w->path.mnt->mountpoint);

		if (!up || !at)
			break;
		if (seq_read_retry(&mount_seq, w->mount_seq))
			return -ECHILD;
		if (w->flags & LOOKUP_NO_XDEV)
			return -EXDEV;
		go_to(w, up, at);
		w->seq = seq_read_begin(&at->seq);
	}
	d = w->path.dentry;
	if (!is_root(w, &w->path) && d != w->path.mnt->root) {
		parent = READ_ONCE(d->parent);
		seq = seq_read_begin(&parent->seq);
		if (seq_read_retry(&d->seq, w->seq))
			return -ECHILD;
		go_to(w, w->path.mnt, parent);
		w->seq = seq;
	}
	return cross_down_rcu(w);
}

static int dotdot_counted(struct walk *w)
{
	while (!is_root(w, &w->path) && w->path.dentry == w->path.mnt->root) {
		if (!mount_up(&w->path))
			break;
		if (w->flags & LOOKUP_NO_XDEV)
			return -EXDEV;
	}
	if (!is_root(w, &w->path) && w->path.dentry != w->path.mnt->root) {
		struct dentry *d = w->path.dentry;

		spin_lock(&d->lock); /* its parent stays while we look */
		w->path.dentry = d->parent;
		dentry_get(w->path.dentry);
		spin_unlock(&d->lock);
		dentry_put(d);
	}
	w->inode = w->path.dentry->inode;
	return cross_down(w);
}

static bool tree_changed(const struct walk *w)
{
	return seq_read_retry(&mount_seq, w->mount_seq) || atomic_load(&rename_count) != w->renames;
}

static int dotdot(struct walk *w)
{
	int err;

	if ((w->flags & LOOKUP_BENEATH) && w->path.dentry == w->start.dentry &&
	    w->path.mnt == w->start.mnt)
		return -EXDEV;
	err = w->rcu ? dotdot_rcu(w) : dotdot_counted(w);
	if (!err && is_scoped(w) && tree_changed(w))
		err = w->rcu ? -ECHILD : -EAGAIN;
	return err;
}

/* ---- names on disk ---- */

static bool still_valid(struct dentry *d)
{
	if (!d->ops || !d->ops->revalidate || d->ops->revalidate(d))
		return true;
	dentry_invalidate(d);
	return false;
}

static struct dentry *cached_child(struct dentry *dir, const struct qstr *name)
{
	struct dentry *d = dentry_lookup(dir, name);

	if (d && !still_valid(d)) {
		dentry_put(d);
		return NULL;
	}
	return d;
}

struct dentry *lookup_locked(struct dentry *dir, const struct qstr *name, u32 flags)
{
	struct inode *inode = dir->inode;
	struct dentry *d;
	int err;

	if (name->len > NAME_MAX_LEN)
		return ERR_PTR(-ENAMETOOLONG);
	d = cached_child(dir, name);
	if (d)
		return d;
	if (!inode->ops->lookup)
		return ERR_PTR(-ENOTDIR);
	if (READ_UNLOCKED(inode->state) & IS_DEAD_DIR)
		return ERR_PTR(-ENOENT);
	d = dentry_alloc(dir, name);
	if (!d)
		return ERR_PTR(-ENOMEM);
	err = inode->ops->lookup(inode, d);
	if (!err && d->inode && mode_is_dir(d->inode->mode) && dentry_dir_has_other_alias(d)) {
		pr_err("%s: directory inode %llu has two names\n", d->super->id,
		       (unsigned long long)d->inode->ino);
		dentry_drop(d);
		err = -EUCLEAN;
	}
	if (err) {
		dentry_put(d);
		return ERR_PTR(err);
	}
	return d;
}

struct dentry *lookup_child(struct dentry *dir, const struct qstr *name, u32 flags)
{
	struct dentry *d = cached_child(dir, name);

	if (d)
		return d;
	if (!mode_is_dir(dir->inode->mode))
		return ERR_PTR(-ENOTDIR);
	rwsem_write_lock(&dir->inode->lock);
	d = lookup_locked(dir, name, flags);
	rwsem_write_unlock(&dir->inode->lock);
	return d;
}

/* ---- symlinks ---- */

void link_jump(struct path *target)
{
	current->path_walk->jump = *target;
}

void link_done(void *done)
{
	kfree(done);
}

/* w->inode is the directory that holds @link. */
static inline int link_allowed(struct walk *w, const struct inode *link)
{
	int err;

	if (++w->links > MAX_LINKS)
		return -ELOOP;
	err = w->trailing && unlikely(READ_ONCE(w->inode->mode) & S_ISVTX)
		      ? perm_follow_link(w->inode, link)
		      : 0;
	if (unlikely(err))
		return err;
	if (w->flags & LOOKUP_NO_SYMLINKS)
		return -ELOOP;
	if (atomic_load_explicit(&w->path.mnt->flags, memory_order_relaxed) & MS_NOSYMFOLLOW)
		return -ELOOP;
	return 0;
}

static int magic_allowed(const struct walk *w)
{
	if (w->flags & LOOKUP_NO_MAGICLINKS)
		return -ELOOP;
	if (w->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT))
		return -EXDEV;
	if ((w->flags & LOOKUP_NO_XDEV) && w->jump.mnt != w->path.mnt)
		return -EXDEV;
	return 0;
}

/* get_link moved us: w->jump is where the walk stands now. */
static int take_jump(struct walk *w)
{
	int err = magic_allowed(w);

	if (err) {
		path_put(&w->jump);
	} else {
		path_put(&w->path);
		w->path = w->jump;
		w->inode = w->path.dentry->inode;
	}
	w->jump = (struct path){ 0 };
	return err;
}

static const char *read_link(struct walk *w, struct inode *inode, struct dentry *d, void **done)
{
	const char *text;

	if (!inode->ops->get_link)
		return inode->link ? inode->link : ERR_PTR(-EINVAL);
	w->outer = current->path_walk;
	current->path_walk = w;
	text = inode->ops->get_link(inode, d, done);
	current->path_walk = w->outer;
	return text;
}

/* Counted: @d (not taken over) is a symlink in w->path; w->name is what follows it. */
static int follow_counted(struct walk *w, struct dentry *d)
{
	void *done = NULL;
	const char *text;
	int err = link_allowed(w, d->inode);

	if (err)
		return err;
	atime_update(&(struct path){ w->path.mnt, d });
	text = read_link(w, d->inode, d, &done);
	if (IS_ERR(text))
		return (int)PTR_ERR(text);
	if (!text)
		return w->jump.dentry ? take_jump(w) : -ENOENT;
	if (!*text)
		err = -ENOENT;
	if (!err && *text == '/')
		err = go_root(w);
	if (!err)
		err = flatten(w, text, w->name, GFP_KERNEL);
	link_done(done);
	return err;
}

/* The same without references; 1: this one needs them. */
static int follow_rcu(struct walk *w, struct inode *inode)
{
	const char *text = READ_ONCE(inode->link);
	int err;

	if (!text || !*text || (*w->name && w->depth == ARRAY_SIZE(w->saved)))
		return 1;
	if (atime_would_change(w->path.mnt, inode))
		return 1;
	err = link_allowed(w, inode);
	if (err)
		return err;
	if (*w->name)
		w->saved[w->depth++] = w->name;
	w->name = text;
	return *text == '/' ? go_root(w) : 0;
}

/* ---- one name ---- */

/* What a step did. */
#define STEP_LINK 1 /* a link's text is now w->name (or we jumped: w->name is the rest) */

static int step_counted(struct walk *w, const struct qstr *name, bool follow)
{
	struct dentry *d = lookup_child(w->path.dentry, name, w->flags);
	int err;

	if (IS_ERR(d))
		return (int)PTR_ERR(d);
	if (!d->inode) {
		dentry_put(d);
		return -ENOENT;
	}
	if (follow && mode_is_lnk(d->inode->mode)) {
		err = follow_counted(w, d);
		dentry_put(d);
		return err ? err : STEP_LINK;
	}
	dentry_put(w->path.dentry);
	go_to(w, w->path.mnt, d);
	return cross_down(w);
}

/* -EAGAIN: needs references, taken here. */
static int step_rcu(struct walk *w, const struct qstr *name, bool follow)
{
	struct dentry *d;
	struct inode *inode;
	int err;
	u32 seq;

	d = dentry_lookup_rcu(w->path.dentry, name, &seq);
	if (!d || (d->ops && d->ops->revalidate))
		return -EAGAIN;
	inode = READ_ONCE(d->inode);
	if (seq_read_retry(&d->seq, seq) || seq_read_retry(&w->path.dentry->seq, w->seq))
		return -ECHILD;
	if (!inode)
		return -ENOENT;
	if (follow && mode_is_lnk(inode->mode)) {
		err = follow_rcu(w, inode);
		if (err > 0)
			return -EAGAIN;
		return err ? err : STEP_LINK;
	}
	w->path.dentry = d;
	w->inode = inode;
	w->seq = seq;
	return cross_down_rcu(w);
}

static int step(struct walk *w, const struct qstr *name, bool follow)
{
	char text[NAME_MAX_LEN + 1];
	struct qstr copy = *name;
	int err;

	if (w->rcu) {
		err = step_rcu(w, name, follow);
		if (err != -EAGAIN)
			return err;
		if (name->len > NAME_MAX_LEN)
			return -ENAMETOOLONG;
		memcpy(text, name->name, name->len); /* it may lie in a link's text */
		copy.name = text;
		err = unlazy(w);
		if (err)
			return err;
	}
	return step_counted(w, &copy, follow);
}

/* ---- the walk ---- */

/* The next component of w->name into w->last; w->name goes behind it and its slashes. */
static void parse_component(struct walk *w)
{
	const char *s = w->name, *end;
	u64 h;

	end = s;
	while (*end && *end != '/')
		end++;
	w->last.name = s;
	w->last.len = (u32)(end - s);
	if (s[0] == '.' && w->last.len == 1)
		w->last_kind = LAST_DOT;
	else if (s[0] == '.' && s[1] == '.' && w->last.len == 2)
		w->last_kind = LAST_DOTDOT;
	else
		w->last_kind = LAST_NAME;
	h = w->last_kind == LAST_NAME ? name_hash(w->path.dentry, s, w->last.len) : 0;
	w->last.hash = (u32)h;
	s = end;
	while (*s == '/')
		s++;
	w->trailing_slash = s != end && !*s;
	w->name = s;
}

static int may_search(struct walk *w)
{
	if (!w->inode)
		return w->rcu ? -ECHILD : -ENOENT;
	if (!mode_is_dir(w->inode->mode))
		return -ENOTDIR;
	return inode_permission(w->inode, MAY_EXEC);
}

/* To the parent of the last component.  Keeps the trailing slash of an outer text when a link ends it. */
static int to_parent(struct walk *w)
{
	bool slash = w->trailing_slash;
	int err;

	for (;;) {
		while (*w->name == '/')
			w->name++;
		if (!*w->name) {
			if (w->depth) {
				w->name = w->saved[--w->depth];
				continue;
			}
			w->last_kind = LAST_ROOT;
			w->trailing_slash = slash;
			return 0;
		}
		err = may_search(w);
		if (err)
			return err;
		parse_component(w);
		if (!*w->name && !w->depth) {
			w->trailing_slash |= slash;
			return 0;
		}
		if (w->last_kind == LAST_DOT)
			err = 0;
		else if (w->last_kind == LAST_DOTDOT)
			err = dotdot(w);
		else
			err = step(w, &w->last, true);
		if (err < 0)
			return err;
	}
}

/* The last component itself; STEP_LINK: it was a link, go on with to_parent. */
static int to_last(struct walk *w)
{
	bool follow = (w->flags & LOOKUP_FOLLOW) || w->trailing_slash;
	int err;

	switch (w->last_kind) {
	case LAST_DOTDOT:
		return dotdot(w);
	case LAST_NAME:
		w->trailing = true;
		err = step(w, &w->last, follow);
		w->trailing = false;
		return err;
	default:
		return 0;
	}
}

/* RESOLVE_BENEATH, IN_ROOT: a rename may have moved us out behind our back. */
static int find_start_above(struct walk *w)
{
	struct path p = w->path;
	bool below = false;

	path_get(&p);
	do {
		if (p.mnt == w->start.mnt && dentry_is_below(p.dentry, w->start.dentry)) {
			below = true;
			break;
		}
		dentry_get(p.mnt->root);
		dentry_put(p.dentry);
		p.dentry = p.mnt->root;
	} while (mount_up(&p));
	path_put(&p);
	return below ? 0 : -EAGAIN;
}

static inline int check_still_below(struct walk *w)
{
	return unlikely(is_scoped(w)) ? find_start_above(w) : 0;
}

static int whole_once(struct walk *w)
{
	int err;

	do {
		err = to_parent(w);
		if (!err)
			err = to_last(w);
	} while (err == STEP_LINK);
	if (!err && !w->inode)
		err = w->rcu ? -ECHILD : -ENOENT;
	if (!err && (w->trailing_slash || (w->flags & LOOKUP_DIRECTORY)) &&
	    !mode_is_dir(w->inode->mode))
		err = -ENOTDIR;
	if (!err)
		err = unlazy_end(w);
	if (!err)
		err = check_still_below(w);
	return err;
}

int walk_whole(struct walk *w)
{
	int err = whole_once(w);

	if (err == -ECHILD) {
		restart(w);
		err = whole_once(w);
	}
	return err;
}

int walk_parent(struct walk *w)
{
	int err = to_parent(w);

	if (!err && w->rcu) {
		/* The last name may lie in a link's text, which only RCU keeps. */
		w->name = w->last_kind == LAST_ROOT ? "" : w->last.name;
		err = unlazy(w);
		if (!err)
			err = to_parent(w);
	}
	if (err == -ECHILD) {
		restart(w);
		err = to_parent(w);
	}
	return err ? err : check_still_below(w);
}

int walk_follow_last(struct walk *w, struct dentry *d)
{
	int err;

	w->trailing = true;
	err = follow_counted(w, d);
	w->trailing = false;
	if (!err)
		err = to_parent(w);
	return err ? err : check_still_below(w);
}

int resolve_path(int dfd, const char *name, u32 flags, struct path *out)
{
	struct walk w;
	int err = walk_begin(&w, dfd, NULL, name, flags);

	if (!err)
		err = walk_whole(&w);
	if (!err) {
		*out = w.path;
		w.path = (struct path){ 0 };
	}
	walk_end(&w);
	return err;
}

int path_lookup(const char *name, u32 flags, struct path *out)
{
	return resolve_path(AT_FDCWD, name, flags, out);
}

int path_lookup_from(const struct path *base, const char *name, u32 flags, struct path *out)
{
	struct walk w;
	int err = walk_begin(&w, AT_FDCWD, base, name, flags);

	if (!err)
		err = walk_whole(&w);
	if (!err) {
		*out = w.path;
		w.path = (struct path){ 0 };
	}
	walk_end(&w);
	return err;
}
