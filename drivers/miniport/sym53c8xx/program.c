/*
 * The program of the SCRIPTS processor, and the few instructions that each command has of its own.
 */
#include "sym53c8xx.h"

#define TABLE(member) FIELD_OFFSET(struct table, member)

static void
label(struct adapter *a, const struct assembler *s, enum label l)
{
    a->label[l] = here(s);
}

static ULONG
message_at(const struct adapter *a, ULONG n)
{
    return a->physical + FIELD_OFFSET(struct shared, message) + n;
}

/* Commands from the ring; where it is empty, whoever reselects. */
static void
start(struct adapter *a, struct assembler *s)
{
    label(a, s, L_START);
    a->begin = &s->to[s->words + 1];
    jump(s, a->physical, ALWAYS); /* the ring's place; commands change it when they are selected */
    label(a, s, L_IDLE);
    wait_reselect(s, a->label[L_SIGNALLED]);
    jump(s, a->label[L_RESELECTED], ALWAYS);
    label(a, s, L_SIGNALLED);
    look_at(s, CTEST2); /* takes the signal back */
    jump(s, a->label[L_START], ALWAYS);
}

static void
selection(struct adapter *a, struct assembler *s)
{
    label(a, s, L_SELECTED);
    move_from(s, TABLE(message), MESSAGE_OUT);
    label(a, s, L_COMMAND);
    jump(s, a->label[L_DISPATCH], UNLESS(COMMAND));
    move_from(s, TABLE(cdb), COMMAND);
    give_back_control(s);
}

/* What a target asks for that is no data and no command. */
static void
dispatch(struct adapter *a, struct assembler *s, enum label l, enum label status, enum label message)
{
    label(a, s, l);
    jump(s, a->label[status], WHEN(STATUS));
    jump(s, a->label[message], IF(MESSAGE_IN));
    jump(s, a->label[L_MESSAGE_OUT], IF(MESSAGE_OUT));
    interrupt(s, STOP_PHASE, ALWAYS);
}

static void
status(struct adapter *a, struct assembler *s, enum label l, enum stop stop)
{
    label(a, s, l);
    move_from(s, TABLE(status), STATUS);
    move(s, 1, message_at(a, 0), MESSAGE_IN);
    interrupt(s, STOP_MESSAGE, UNLESS_BYTE(SCSIMESS_COMMAND_COMPLETE));
    and_with(s, SCNTL2, SCNTL2_EXPECTED);
    clear(s, ACK);
    wait_disconnect(s);
    interrupt(s, stop, ALWAYS);
}

static void
messages(struct adapter *a, struct assembler *s)
{
    label(a, s, L_MESSAGE_IN);
    move(s, 1, message_at(a, 0), MESSAGE_IN);
    jump(s, a->label[L_SAVED], IF_BYTE(SCSIMESS_SAVE_DATA_POINTER));
    jump(s, a->label[L_DISCONNECT], IF_BYTE(SCSIMESS_DISCONNECT));
    jump(s, a->label[L_SAVED], IF_BYTE(SCSIMESS_NO_OPERATION));
    jump(s, a->label[L_EXTENDED], IF_BYTE(SCSIMESS_EXTENDED_MESSAGE));
    interrupt(s, STOP_MESSAGE, ALWAYS);

    label(a, s, L_MESSAGE_UNSAVED);
    move(s, 1, message_at(a, 0), MESSAGE_IN);
    jump(s, a->label[L_SAVED], IF_BYTE(SCSIMESS_SAVE_DATA_POINTER));
    interrupt(s, STOP_UNSAVED, IF_BYTE(SCSIMESS_DISCONNECT));
    interrupt(s, STOP_MESSAGE, ALWAYS);

    label(a, s, L_SAVED);
    clear(s, ACK);
    jump(s, a->label[L_DISPATCH], ALWAYS);

    label(a, s, L_LEAVE);
    label(a, s, L_DISCONNECT);
    and_with(s, SCNTL2, SCNTL2_EXPECTED);
    clear(s, ACK);
    wait_disconnect(s);
    jump(s, a->label[L_START], ALWAYS);

    label(a, s, L_EXTENDED);
    clear(s, ACK);
    move(s, 1, message_at(a, 1), MESSAGE_IN);
    jump(s, a->label[L_EXTENDED_2], IF_BYTE(2));
    jump(s, a->label[L_EXTENDED_3], IF_BYTE(3));
    interrupt(s, STOP_MESSAGE, ALWAYS);
    label(a, s, L_EXTENDED_2);
    clear(s, ACK);
    move(s, 2, message_at(a, 2), MESSAGE_IN);
    interrupt(s, STOP_EXTENDED, ALWAYS);
    label(a, s, L_EXTENDED_3);
    clear(s, ACK);
    move(s, 3, message_at(a, 2), MESSAGE_IN);
    interrupt(s, STOP_EXTENDED, ALWAYS);

    label(a, s, L_MESSAGE_OUT); /* the target asks for one, and there is nothing to say */
    move(s, 1, a->physical + FIELD_OFFSET(struct shared, no_operation), MESSAGE_OUT);
    jump(s, a->label[L_COMMAND], ALWAYS);

    label(a, s, L_ACCEPT);
    clear(s, ACK);
    jump(s, a->label[L_COMMAND], ALWAYS);
}

/* IDENTIFY, then the tag. */
static void
reselection(struct adapter *a, struct assembler *s)
{
    label(a, s, L_RESELECTED);
    interrupt(s, STOP_UNKNOWN, UNLESS(MESSAGE_IN));
    move(s, 1, message_at(a, 0), MESSAGE_IN);
    clear(s, ACK);
    interrupt(s, STOP_UNTAGGED, UNLESS(MESSAGE_IN));
    move(s, 1, message_at(a, 1), MESSAGE_IN);
    interrupt(s, STOP_UNKNOWN, UNLESS_BYTE(SRB_SIMPLE_TAG_REQUEST));
    clear(s, ACK);
    move(s, 1, message_at(a, 2), MESSAGE_IN);
    clear(s, ACK);
}

/* A tag leads to its command's code, or to STOP_UNKNOWN: by its upper four bits, then by all. */
static void
tags(struct adapter *a, struct assembler *s)
{
    label(a, s, L_TAGS);
    for (ULONG high = 0; high < TAGS / 16; high++)
        jump(s, a->label[L_TAGS] + 8 * (TAGS / 16 + 1 + 16 * high), IF_MASKED(high << 4, 0x0f));
    interrupt(s, STOP_UNKNOWN, ALWAYS);
    for (ULONG tag = 0; tag < TAGS; tag++) {
        a->tag[tag] = &s->to[s->words + 1];
        jump(s, a->label[L_TAGS] + 8 * (TAGS / 16), IF_BYTE(tag));
    }
}

static void
data(struct adapter *a, struct assembler *s, enum label l, enum phase phase)
{
    label(a, s, l);
    for (ULONG i = 0; i < PIECES; i++)
        move_from(s, (ULONG)TABLE(data) + i * (ULONG)sizeof(struct entry), phase);
    jump(s, a->label[phase == DATA_IN ? L_BUCKET_IN : L_BUCKET_OUT], WHEN(phase));
    jump(s, a->label[L_DISPATCH_DONE], ALWAYS);
}

/* Until the target has had enough. */
static void
bucket(struct adapter *a, struct assembler *s, enum label l, enum phase phase)
{
    label(a, s, l);
    move(s, BUCKET, a->physical + FIELD_OFFSET(struct shared, bucket), phase);
    jump(s, a->label[l], WHEN(phase));
    interrupt(s, STOP_OVERRUN, ALWAYS);
}

static void
assemble(struct adapter *a)
{
    struct assembler s = {a->shared->program, 0, a->physical + FIELD_OFFSET(struct shared, program)};

    start(a, &s);
    selection(a, &s);
    dispatch(a, &s, L_DISPATCH, L_STATUS, L_MESSAGE_IN);
    dispatch(a, &s, L_DISPATCH_DONE, L_STATUS_DONE, L_MESSAGE_IN);
    dispatch(a, &s, L_UNSAVED, L_STATUS_DONE, L_MESSAGE_UNSAVED);
    status(a, &s, L_STATUS, STOP_DONE_WITHOUT);
    status(a, &s, L_STATUS_DONE, STOP_DONE);
    messages(a, &s);
    reselection(a, &s);
    tags(a, &s);
    data(a, &s, L_DATA_IN, DATA_IN);
    data(a, &s, L_DATA_OUT, DATA_OUT);
    bucket(a, &s, L_BUCKET_IN, DATA_IN);
    bucket(a, &s, L_BUCKET_OUT, DATA_OUT);
}

static void
ring_make(struct adapter *a)
{
    for (ULONG n = 0; n < RING; n++) {
        struct place *p = &a->shared->ring[n];
        struct assembler s = {p->jump, 0, a->physical + n * (ULONG)sizeof(*p)};

        p->address = s.physical;
        jump(&s, a->label[L_IDLE], ALWAYS);
    }
}

static void
set_dsa(struct assembler *s, ULONG table)
{
    for (ULONG i = 0; i < 4; i++)
        load(s, DSA + i, (UCHAR)(table >> 8 * i));
}

static void
command_code(struct adapter *a, struct command *c)
{
    struct assembler s = {c->code, 0, c->physical};
    ULONG table = c->physical + FIELD_OFFSET(struct command, table), phases;

    set_dsa(&s, table);
    select_from(&s, TABLE(target), a->label[L_RESELECTED]); /* lost: it begins again later */
    copy_word(&s, 0, a->label[L_START] + 4);
    call(&s, a->label[L_SELECTED]);
    phases = here(&s);
    jump(&s, 0, WHEN(DATA_IN));
    jump(&s, 0, IF(DATA_OUT));
    jump(&s, a->label[L_DISPATCH], ALWAYS);
    set_dsa(&s, table);
    jump(&s, phases, ALWAYS);
}

/* A command without data, or with all of it moved, has no piece: more goes into the bucket. */
void
command_data_at(struct adapter *a, struct command *c, ULONG piece)
{
    c->next = piece;
    c->code[CODE_IN + 1] = piece < PIECES ? a->label[L_DATA_IN] + 8 * piece : a->label[L_BUCKET_IN];
    c->code[CODE_OUT + 1] = piece < PIECES ? a->label[L_DATA_OUT] + 8 * piece : a->label[L_BUCKET_OUT];
}

/* All commands are idle, and have what is the same whatever they are for. */
static void
commands_make(struct adapter *a)
{
    a->out = a->idle = NULL;
    for (ULONG n = COMMANDS; n-- > 0;) {
        struct command *c = &a->shared->command[n];

        c->srb = NULL;
        c->physical = a->physical + (ULONG)((PUCHAR)c - (PUCHAR)a->shared);
        c->table.message.address = c->physical + FIELD_OFFSET(struct command, message);
        c->table.cdb.address = c->physical + FIELD_OFFSET(struct command, cdb);
        c->table.status = (struct entry){1, c->physical + FIELD_OFFSET(struct command, status)};
        command_code(a, c);
        c->after = a->idle;
        a->idle = c;
    }
}

void
program_make(struct adapter *a)
{
    a->shared->no_operation = SCSIMESS_NO_OPERATION;
    assemble(a);
    assemble(a); /* now with all labels */
    ring_make(a);
    a->fill = 0;
    commands_make(a);
}
