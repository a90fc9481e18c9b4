/* SPDX-License-Identifier: MIT */
#include "adapter/effect_build.h"
#include "adapter/effect_internal.h"
#include "adapter/marker.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

/* Whether a value holds this text anywhere, as a key too; as deep as what was validated. */
static bool holds(const json_t *value, const char *text)
{
    const char *key;
    json_t *child;
    size_t i;

    if (json_is_string(value))
        return strcmp(json_string_value(value), text) == 0;
    json_array_foreach(value, i, child)
    {
        if (holds(child, text))
            return true;
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, child)
    {
        if (strcmp(key, text) == 0 || holds(child, text))
            return true;
    }
    return false;
}

/* Gives the symbol of the n-th new id. May jump. */
static json_t *lj_new_id_symbol(lua_State *L, const struct opp_adapter_call *run, const char *word)
{
    char *end;
    unsigned long n = strtoul(word + strlen(":new_id_"), &end, 10);
    const char *prefix = n > 0 ? json_string_value(json_array_get(run->new_ids, n - 1)) : NULL;

    if (prefix == NULL || *end != '\0')
        luaL_error(L, "there is no '%s': call.new_id has not been asked for it", word);
    return json_pack("{s:{s:i, s:s}}", "$new_id", "n", (int)n, "prefix", prefix);
}

/* Gives the symbol that a text stands for, NULL: it is only a text. An agent's text is not to become one. May jump. */
static json_t *lj_symbol_of(lua_State *L, const struct opp_adapter_call *run, const char *text)
{
    const struct opp_tool_input *input = &run->call->input;
    json_t *symbol;

    if (input->effect_id != NULL && strcmp(text, input->effect_id) == 0)
        return json_pack("{s:s}", "$host", "effect_id");
    if (text[0] != ':' || !opp_sql_is_host_name(text + 1))
        return NULL;
    if (holds(input->payload, text)) {
        lj_marker_push_invalid(L, "A text of the payload is one that has a meaning of its own here.");
        lua_error(L);
    }
    symbol = strncmp(text, ":new_id_", 8) == 0 ? lj_new_id_symbol(L, run, text) : json_pack("{s:s}", "$host", text + 1);
    if (symbol == NULL)
        luaL_error(L, "no memory for an effect");
    return symbol;
}

static bool is_symbol(const json_t *value)
{
    return json_object_get(value, "$new_id") != NULL || json_object_get(value, "$from") != NULL;
}

void lj_effect_name_words(lua_State *L, const struct opp_adapter_call *run, json_t *container)
{
    json_t *child, *symbol;
    void *iterator;
    size_t i;

    json_array_foreach(container, i, child)
    {
        symbol = json_is_string(child) ? lj_symbol_of(L, run, json_string_value(child)) : NULL;
        if (symbol != NULL)
            json_array_set_new(container, i, symbol);
        else
            lj_effect_name_words(L, run, child);
    }
    if (is_symbol(container))
        return;
    for (iterator = json_object_iter(container); iterator != NULL;
         iterator = json_object_iter_next(container, iterator)) {
        child = json_object_iter_value(iterator);
        symbol = json_is_string(child) ? lj_symbol_of(L, run, json_string_value(child)) : NULL;
        if (symbol != NULL)
            json_object_iter_set_new(container, iterator, symbol);
        else
            lj_effect_name_words(L, run, child);
    }
}
