/*
 * A doubly linked list whose links live in the structures that are listed.
 *
 *     struct unit { ...; struct list link; };
 *     static struct list units = LIST_INIT(units);
 *     list_add_tail(&units, &u->link);
 *     list_for_each_entry(u, &units, link) ...
 *
 * I1  A list is a ring through its head; an empty head, and a link that is in no list, points to itself.
 *     So list_empty(&u->link) says that u is in no list, and removing it again does nothing.
 * The lock that protects the list is the caller's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "lib/field.h"

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(head)                                                                                      \
    {                                                                                                        \
        &(head), &(head)                                                                                     \
    }
#define list_entry(link, type, member) container_of(link, type, member)

static inline void
list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool
list_empty(const struct list *head)
{
    return head->next == head;
}

/* Put a link that is in no list (its contents do not matter) behind another, or behind the head. */
static inline void
list_add_after(struct list *where, struct list *link)
{
    link->next = where->next;
    link->prev = where;
    where->next->prev = link;
    where->next = link;
}

static inline void
list_add_head(struct list *head, struct list *link)
{
    list_add_after(head, link);
}

static inline void
list_add_tail(struct list *head, struct list *link)
{
    list_add_after(head->prev, link);
}

static inline void
list_del(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* The first link, or NULL. */
static inline struct list *
list_first(const struct list *head)
{
    return list_empty(head) ? NULL : head->next;
}

/* The last link, or NULL. */
static inline struct list *
list_last(const struct list *head)
{
    return list_empty(head) ? NULL : head->prev;
}

/* Take the first link out; NULL if there is none. */
static inline struct list *
list_pop(struct list *head)
{
    struct list *link = list_first(head);

    if (link)
        list_del(link);
    return link;
}

/* Append all of `from` to `head`; `from` is empty afterwards. */
static inline void
list_append(struct list *head, struct list *from)
{
    struct list *first = from->next, *last = from->prev;

    if (list_empty(from))
        return;
    first->prev = head->prev;
    head->prev->next = first;
    last->next = head;
    head->prev = last;
    list_init(from);
}

/* Over links, or over the structures that contain them. The variables are the caller's. In the _safe forms the
 * body may remove the link that it is at. */
#define list_for_each(link, head) for (link = (head)->next; link != (head); link = link->next)
#define list_for_each_safe(link, following, head)                                                            \
    for (link = (head)->next, following = link->next; link != (head);                                        \
         link = following, following = link->next)
#define list_for_each_entry(entry, head, member)                                                             \
    for (entry = list_entry((head)->next, __typeof__(*entry), member); &entry->member != (head);             \
         entry = list_entry(entry->member.next, __typeof__(*entry), member))
#define list_for_each_entry_safe(entry, following, head, member)                                             \
    for (entry = list_entry((head)->next, __typeof__(*entry), member),                                       \
        following = list_entry(entry->member.next, __typeof__(*entry), member);                              \
         &entry->member != (head);                                                                           \
         entry = following, following = list_entry(entry->member.next, __typeof__(*entry), member))
