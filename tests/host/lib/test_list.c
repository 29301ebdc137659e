// The list, against an array of what should be in it.
// sources:
#include "lib/list.h"
#include "tests/host/check.h"

struct item {
    int number;
    struct list link;
};

/* The list holds exactly these numbers, in both directions. */
static void
check_numbers(struct list *head, const int *numbers, size_t n)
{
    struct list *link = head;
    struct item *item;
    size_t i = 0;

    list_for_each_entry(item, head, link) {
        if (!CHECK(i < n))
            return;
        CHECK_EQ(item->number, numbers[i++]);
    }
    CHECK_EQ(i, n);
    list_for_each(link, head) {
        CHECK(link->next->prev == link && link->prev->next == link);
        i--;
    }
    CHECK_EQ(i, 0);
    CHECK_EQ(list_empty(head), n == 0);
    CHECK(list_first(head) == (n ? head->next : NULL));
    CHECK(list_last(head) == (n ? head->prev : NULL));
}

static void
test_basics(void)
{
    struct list head = LIST_INIT(head), other;
    struct item a = {.number = 1}, b = {.number = 2}, c = {.number = 3};

    list_init(&other);
    check_row("basics");
    check_numbers(&head, NULL, 0);
    CHECK(!list_pop(&head));
    list_add_tail(&head, &b.link);
    list_add_head(&head, &a.link);
    list_add_tail(&head, &c.link);
    check_numbers(&head, (int[]){1, 2, 3}, 3);
    list_del(&b.link);
    CHECK(list_empty(&b.link));
    list_del(&b.link);
    check_numbers(&head, (int[]){1, 3}, 2);
    list_add_after(&a.link, &b.link);
    check_numbers(&head, (int[]){1, 2, 3}, 3);
    CHECK(list_entry(list_pop(&head), struct item, link) == &a);

    list_add_tail(&other, &a.link);
    list_append(&head, &other);
    check_numbers(&head, (int[]){2, 3, 1}, 3);
    check_numbers(&other, NULL, 0);
    list_append(&head, &other);
    list_append(&other, &head);
    check_numbers(&head, NULL, 0);
    check_numbers(&other, (int[]){2, 3, 1}, 3);
}

static void
test_removal_in_loops(void)
{
    struct list head = LIST_INIT(head), *link, *following;
    struct item items[6], *item, *next;

    check_row("removal in loops");
    for (int i = 0; i < 6; i++) {
        items[i].number = i;
        list_add_tail(&head, &items[i].link);
    }
    list_for_each_entry_safe(item, next, &head, link) {
        if (item->number % 2)
            list_del(&item->link);
    }
    check_numbers(&head, (int[]){0, 2, 4}, 3);
    list_for_each_safe(link, following, &head)
        list_del(link);
    check_numbers(&head, NULL, 0);
}

static void
test_random(void)
{
    enum { ITEMS = 20 };
    struct list head = LIST_INIT(head);
    struct item items[ITEMS];
    int numbers[ITEMS];
    size_t n = 0;

    for (int i = 0; i < ITEMS; i++) {
        items[i].number = i;
        list_init(&items[i].link);
    }
    for (int round = 0; round < 20000; round++) {
        int i = (int)check_random_below(ITEMS);
        size_t at = 0;

        check_row("round %d, item %d", round, i);
        while (at < n && numbers[at] != i)
            at++;
        CHECK_EQ(!list_empty(&items[i].link), at < n);
        if (at < n) {
            list_del(&items[i].link);
            memmove(numbers + at, numbers + at + 1, (--n - at) * sizeof numbers[0]);
        } else if (check_random_below(2)) {
            list_add_tail(&head, &items[i].link);
            numbers[n++] = i;
        } else {
            list_add_head(&head, &items[i].link);
            memmove(numbers + 1, numbers, n++ * sizeof numbers[0]);
            numbers[0] = i;
        }
        check_numbers(&head, numbers, n);
    }
}

int
main(void)
{
    test_basics();
    test_removal_in_loops();
    test_random();
    return check_report();
}
