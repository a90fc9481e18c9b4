/* SPDX-License-Identifier: MIT */
#include "core/verdict_text.h"

#include <string.h>

/* Where a value ends: at the comma or brace behind it. */
static const char *end_of(const char *at)
{
    bool quoted = false;

    for (int depth = 0; *at != '\0' && (quoted || depth > 0 || (*at != ',' && *at != '}')); at++) {
        if (quoted && *at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted)
            depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
    }
    return at;
}

static struct opp_verdict_member next_member(const char **at)
{
    struct opp_verdict_member member = { .length = 0 };
    const char *end;

    if (**at == '\0' || (*at)[1] != '"')
        return member;
    member.name = *at + 2; /* behind a brace or a comma, and a quote */
    end = strchr(member.name, '"');
    if (end == NULL || end[1] != ':')
        return member;
    member.length = (size_t)(end - member.name);
    member.value = end + 2;
    *at = end_of(member.value);
    member.value_length = (size_t)(*at - member.value);
    return member;
}

/* What is not there comes behind all that is. */
static int compare_names(const struct opp_verdict_member *a, const struct opp_verdict_member *b)
{
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order;

    if (a->length == 0 || b->length == 0)
        return (a->length == 0) - (b->length == 0);
    order = memcmp(a->name, b->name, shorter);
    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static bool is_same(const struct opp_verdict_member *a, const struct opp_verdict_member *b)
{
    return a->value_length == b->value_length && memcmp(a->value, b->value, a->value_length) == 0;
}

bool opp_verdict_member_is(const struct opp_verdict_member *member, const char *name)
{
    return member->length == strlen(name) && memcmp(member->name, name, member->length) == 0;
}

void opp_verdicts_compare(const char *from, const char *to, struct opp_verdict_difference *out)
{
    struct opp_verdict_member a = next_member(&from), b = next_member(&to);

    out->count = 0;
    while ((a.length != 0 || b.length != 0) && out->count < OPP_VERDICT_MEMBERS) {
        int order = compare_names(&a, &b);

        if (order != 0 || !is_same(&a, &b))
            out->members[out->count++] = order <= 0 ? a : b;
        if (order <= 0)
            a = next_member(&from);
        if (order >= 0)
            b = next_member(&to);
    }
}

void opp_verdict_difference_write(struct opp_buf *out, const struct opp_verdict_difference *difference)
{
    opp_buf_char(out, '[');
    for (size_t i = 0; i < difference->count; i++) {
        opp_buf_text(out, i == 0 ? "\"" : ",\"");
        opp_buf_add(out, difference->members[i].name, difference->members[i].length);
        opp_buf_char(out, '"');
    }
    opp_buf_char(out, ']');
}
