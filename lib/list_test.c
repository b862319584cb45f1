// SPDX-License-Identifier: MIT
/* Lists: order, deletion during walks, splicing. */
/* test-sources: */
#include <tarn/list.h>
#include "test.h"

struct item {
	int value;
	struct list link;
	struct hlist_node hash;
};

/* The list's values as a string of digits, walked in both directions. */
static const char *digits(struct list *head)
{
	static char forward[32];
	char backward[32];
	struct item *item;
	size_t n = 0, m = 0;

	LIST_FOR_EACH(item, head, link)
		forward[n++] = (char)('0' + item->value);
	forward[n] = '\0';
	LIST_FOR_EACH_REVERSE(item, head, link)
		backward[m++] = (char)('0' + item->value);
	EXPECT_EQ(m, n);
	while (m--)
		EXPECT_EQ(backward[m], forward[n - 1 - m]);
	return forward;
}

TEST(list_add_and_delete)
{
	struct item items[5];
	struct list head = LIST_INIT(head);
	struct item *item, *tmp;
	int i;

	EXPECT(list_empty(&head));
	EXPECT(!list_first(&head, struct item, link));
	EXPECT(!list_last(&head, struct item, link));
	for (i = 0; i < 5; i++)
		items[i].value = i;
	list_add(&head, &items[1].link);
	list_add(&head, &items[0].link);
	for (i = 2; i < 5; i++)
		list_add_tail(&head, &items[i].link);
	EXPECT_STR(digits(&head), "01234");
	EXPECT_EQ(list_first(&head, struct item, link), &items[0]);
	EXPECT_EQ(list_last(&head, struct item, link), &items[4]);
	EXPECT_EQ(list_next(&head, &items[3], link), &items[4]);
	EXPECT_EQ(list_next(&head, &items[4], link), NULL);
	list_del_init(&items[2].link);
	list_del_init(&items[2].link);
	EXPECT_STR(digits(&head), "0134");
	list_move_tail(&head, &items[0].link);
	EXPECT_STR(digits(&head), "1340");
	LIST_FOR_EACH_SAFE(item, tmp, &head, link)
		if (item->value != 3)
			list_del(&item->link);
	EXPECT_STR(digits(&head), "3");
}

TEST(list_splice)
{
	struct item items[4];
	struct list a, b;
	int i;

	list_init(&a);
	list_init(&b);
	list_splice_tail(&a, &b);
	EXPECT(list_empty(&a));
	for (i = 0; i < 4; i++) {
		items[i].value = i;
		list_add_tail(i < 2 ? &a : &b, &items[i].link);
	}
	list_splice_tail(&a, &b);
	EXPECT_STR(digits(&a), "0123");
	EXPECT(list_empty(&b));
	list_splice_tail(&b, &a);
	EXPECT_STR(digits(&b), "0123");
}

TEST(list_rcu_walker_survives_deletion)
{
	struct item items[3];
	struct list head = LIST_INIT(head);
	struct item *item;
	int i, seen = 0;

	for (i = 0; i < 3; i++) {
		items[i].value = i;
		list_add_tail_rcu(&head, &items[i].link);
	}
	LIST_FOR_EACH_RCU(item, &head, link) {
		seen = seen * 10 + item->value + 1;
		if (item->value == 1)
			list_del_rcu(&item->link);
	}
	EXPECT_EQ(seen, 123);
	EXPECT_STR(digits(&head), "02");
}

TEST(hlist_add_and_delete)
{
	struct item items[3];
	struct hlist_head head = HLIST_INIT;
	struct item *item, *tmp;
	int i, seen = 0;

	EXPECT(hlist_empty(&head));
	for (i = 0; i < 3; i++) {
		items[i].value = i;
		hlist_node_init(&items[i].hash);
		EXPECT(hlist_unhashed(&items[i].hash));
		if (i == 1)
			hlist_add_head_rcu(&head, &items[i].hash);
		else
			hlist_add_head(&head, &items[i].hash);
	}
	HLIST_FOR_EACH(item, &head, hash)
		seen = seen * 10 + item->value + 1;
	EXPECT_EQ(seen, 321);
	seen = 0;
	HLIST_FOR_EACH_RCU(item, &head, hash) {
		seen = seen * 10 + item->value + 1;
		if (item->value == 1)
			hlist_del_rcu(&item->hash);
	}
	EXPECT_EQ(seen, 321);
	EXPECT(hlist_unhashed(&items[1].hash));
	HLIST_FOR_EACH_SAFE(item, tmp, &head, hash)
		hlist_del(&item->hash);
	EXPECT(hlist_empty(&head));
}
