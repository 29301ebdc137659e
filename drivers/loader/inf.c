/*
 * Reading INF files.
 */
#include "drivers/loader/inf.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/parse.h"
#include "lib/string.h"

#define SECTION_MAX 255
#define TOKEN_MAX   255

struct reader {
    const uint8_t *bytes;
    size_t size, at;
    bool wide;
    uint32_t line;
    char *arena;
    size_t used, room;
    struct inf *inf;
    struct inf_fault *fault;
    const char *section;
};

static int
refuse(struct reader *r, const char *rule)
{
    *r->fault = (struct inf_fault){r->line, rule};
    return -EINVAL;
}

/* The next character, 0 at the end; '\r' is left out. */
static int
next_char(struct reader *r)
{
    int c = 0;

    while (r->at < r->size) {
        if (r->wide) {
            if (r->size - r->at < 2)
                break;
            c = get_le16(r->bytes + r->at);
            r->at += 2;
            c = c >= 0x80 ? '?' : c;
        } else {
            c = r->bytes[r->at++];
        }
        if (c != '\r' && c)
            return c;
    }
    return 0;
}

static void *
take(struct reader *r, size_t n, size_t align)
{
    size_t at = ALIGN_UP(r->used, align);

    if (at > r->room || r->room - at < n)
        return NULL;
    r->used = at + n;
    return r->arena + at;
}

static bool
is_blank(int c)
{
    return c == ' ' || c == '\t';
}

/*
 * One logical line into buffer[size], quoted parts with their quotes, comments and continuations gone, *number its first line.
 * Returns: its length; -1: there is none any more; -EINVAL
 */
static long
logical_line(struct reader *r, char *buffer, size_t size, uint32_t *number)
{
    size_t n = 0;
    bool quoted = false, comment = false, more;
    int c;

    *number = r->line;
    for (c = next_char(r), more = c != 0; c; c = next_char(r)) {
        if (c == '\n') {
            if (quoted)
                return refuse(r, "a quoted text does not end on its line");
            r->line++;
            while (n && is_blank(buffer[n - 1]))
                n--;
            if (!n || buffer[n - 1] != '\\')
                break;
            buffer[--n] = ' ';
            n++;
            comment = false;
            continue;
        }
        if (c == '"')
            quoted = !quoted && !comment;
        if (c == ';' && !quoted)
            comment = true;
        if (comment)
            continue;
        if (n + 1 >= size)
            return refuse(r, "the line is longer than 4095 characters");
        buffer[n++] = (char)c;
    }
    if (quoted)
        return refuse(r, "a quoted text does not end");
    buffer[n] = 0;
    return more ? (long)n : -1;
}

/* Copy a field without its quotes and outer blanks: up to `end`. */
static const char *
field_copy(struct reader *r, const char *p, const char *end)
{
    char *to;
    size_t n = 0;
    bool quoted = false;

    while (p < end && is_blank(*p))
        p++;
    while (end > p && is_blank(end[-1]))
        end--;
    to = take(r, (size_t)(end - p) + 1, 1);
    for (; to && p < end; p++) {
        if (*p != '"') {
            to[n++] = *p;
        } else if (quoted && p + 1 < end && p[1] == '"') {
            to[n++] = '"';
            p++;
        } else {
            quoted = !quoted;
        }
    }
    if (to)
        to[n] = 0;
    return to;
}

/* The end of the field that begins at p: a comma, or (if stop is '=') that, outside of quotes. */
static const char *
field_end(const char *p, char stop)
{
    bool quoted = false;

    for (; *p; p++) {
        if (*p == '"')
            quoted = !quoted;
        if (!quoted && (*p == ',' || *p == stop))
            break;
    }
    return p;
}

static int
split_fields(struct reader *r, const char *p, struct inf_line *l)
{
    uint32_t count = 1;

    for (const char *q = field_end(p, ','); *q; q = field_end(q + 1, ','))
        count++;
    l->field = take(r, count * sizeof(*l->field), sizeof(void *));
    if (!l->field)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const char *end = field_end(p, ',');

        l->field[i] = field_copy(r, p, end);
        if (!l->field[i])
            return -ENOMEM;
        p = end + (*end != 0);
    }
    l->fields = count;
    return 0;
}

static int
section_line(struct reader *r, const char *text)
{
    const char *end = strchr(text, ']');
    const char *rest = end ? end + 1 + strspn(end + 1, " \t") : NULL;

    if (!end || *rest)
        return refuse(r, "no ] ends the section's name, or something follows it");
    if (end == text + 1 || end - text - 1 > SECTION_MAX)
        return refuse(r, "a section's name is empty or longer than 255 characters");
    r->section = field_copy(r, text + 1, end);
    return r->section ? 0 : -ENOMEM;
}

/* Lines are kept at the arena's end, growing down, so they are an array in reverse. */
static int
entry_line(struct reader *r, const char *text, uint32_t number)
{
    struct inf_line l = {.section = r->section, .number = number};
    const char *equal = field_end(text, '=');
    int err;

    if (!r->section)
        return refuse(r, "a line stands before the first section");
    if (*equal == '=') {
        l.key = field_copy(r, text, equal);
        if (!l.key)
            return -ENOMEM;
        text = equal + 1;
    }
    err = split_fields(r, text, &l);
    if (err)
        return err;
    if (r->room - r->used < sizeof(l) + sizeof(void *))
        return -ENOMEM;
    r->room -= sizeof(l);
    r->inf->lines = (struct inf_line *)(void *)(r->arena + r->room);
    r->inf->lines[0] = l;
    r->inf->count++;
    return 0;
}

static int
read_lines(struct reader *r, char *buffer, size_t size)
{
    uint32_t number;
    long n;
    int err = 0;

    while (!err && (n = logical_line(r, buffer, size, &number)) != -1) {
        const char *text = buffer + (n > 0 ? strspn(buffer, " \t") : 0);

        if (n < 0)
            return (int)n;
        if (*text)
            err = *text == '[' ? section_line(r, text) : entry_line(r, text, number);
        if (err == -EINVAL)
            r->fault->line = number;
    }
    return err;
}

/* What [Strings] says of a token, NULL: nothing. */
static const char *
token_value(const struct inf *inf, const char *token, size_t n)
{
    static const char *const sections[] = {"Strings", "Strings.0409"};

    for (unsigned s = 0; s < ARRAY_SIZE(sections); s++)
        for (const struct inf_line *l = NULL; (l = inf_next(inf, sections[s], NULL, l)) != NULL;)
            if (l->key && strlen(l->key) == n && !strncasecmp(l->key, token, n))
                return inf_field(l, 0);
    return NULL;
}

/* Replace the tokens of a text. */
static int
expand(struct reader *r, const char **text, uint32_t line)
{
    char out[INF_FIELD_MAX];
    size_t n = 0;
    char *copy;

    if (!strchr(*text, '%'))
        return 0;
    for (const char *p = *text; *p;) {
        const char *end = *p == '%' ? strchr(p + 1, '%') : NULL, *value = NULL;
        size_t length = 1;

        if (end == p + 1) { /* %% */
            value = "%";
            length = 1;
            p += 2;
        } else if (end) {
            value = token_value(r->inf, p + 1, (size_t)(end - p - 1));
            if (!value && (p[1] < '0' || p[1] > '9' || end - p > TOKEN_MAX)) {
                *r->fault = (struct inf_fault){line, "[Strings] does not have a %token% of the line"};
                return -EINVAL;
            }
            length = value ? strlen(value) : (size_t)(end - p) + 1;
            value = value ? value : p;
            p = end + 1;
        } else {
            value = p++;
        }
        if (n + length >= sizeof(out)) {
            *r->fault = (struct inf_fault){line,
                                           "a field with its tokens replaced is longer than 1023 characters"};
            return -EINVAL;
        }
        memcpy(out + n, value, length);
        n += length;
    }
    out[n] = 0;
    copy = take(r, n + 1, 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, out, n + 1);
    *text = copy;
    return 0;
}

static int
expand_all(struct reader *r)
{
    int err = 0;

    for (uint32_t i = 0; i < r->inf->count && !err; i++) {
        struct inf_line *l = &r->inf->lines[i];

        if (!strncasecmp(l->section, "Strings", 7))
            continue;
        if (l->key)
            err = expand(r, &l->key, l->number);
        for (uint32_t f = 0; f < l->fields && !err; f++)
            err = expand(r, &l->field[f], l->number);
    }
    return err;
}

int
inf_parse(const void *bytes, size_t size, void *arena, size_t room, struct inf *out, struct inf_fault *fault)
{
    static const uint8_t utf16[] = {0xff, 0xfe}, utf8[] = {0xef, 0xbb, 0xbf};
    struct reader r = {.bytes = bytes,
                       .size = size,
                       .line = 1,
                       .arena = arena,
                       .room = ALIGN_DOWN(room, sizeof(void *)),
                       .inf = out,
                       .fault = fault};
    char buffer[4096];
    int err;

    *out = (struct inf){0};
    *fault = (struct inf_fault){0, ""};
    if (size > INF_SIZE_MAX)
        return -E2BIG;
    r.wide = size >= 2 && !memcmp(bytes, utf16, 2);
    r.at = r.wide ? 2 : size >= 3 && !memcmp(bytes, utf8, 3) ? 3 : 0;
    err = read_lines(&r, buffer, sizeof(buffer));
    for (uint32_t i = 0; i < out->count / 2; i++) { /* first line first */
        struct inf_line l = out->lines[i];

        out->lines[i] = out->lines[out->count - 1 - i];
        out->lines[out->count - 1 - i] = l;
    }
    return err ? err : expand_all(&r);
}

const struct inf_line *
inf_next(const struct inf *inf, const char *section, const char *key, const struct inf_line *after)
{
    uint32_t i = after ? (uint32_t)(after - inf->lines) + 1 : 0;

    for (; i < inf->count; i++) {
        const struct inf_line *l = &inf->lines[i];

        if (!strcasecmp(l->section, section) && (!key || (l->key && !strcasecmp(l->key, key))))
            return l;
    }
    return NULL;
}

bool
inf_has_section(const struct inf *inf, const char *section)
{
    return inf_next(inf, section, NULL, NULL) != NULL;
}

const char *
inf_field(const struct inf_line *l, uint32_t n)
{
    return n < l->fields ? l->field[n] : "";
}

int
inf_number(const struct inf_line *l, uint32_t n, uint32_t *value)
{
    const char *text = inf_field(l, n);
    uint64_t v = 0;

    if (*text && (parse_u64(text, NULL, 0, &v) || v > UINT32_MAX))
        return -EINVAL;
    *value = (uint32_t)v;
    return 0;
}
