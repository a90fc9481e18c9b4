/* SPDX-License-Identifier: MIT */
#include "policy/kit.h"

#include "base/file.h"
#include "script/kit.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTATIONS 10000
#define CHUNK_MAX 16384

/* A compiled chunk, as lua_dump gives it, and room for it to grow. */
struct chunk {
    char bytes[CHUNK_MAX];
    size_t length;
};

static uint64_t seed;

static unsigned pick(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % below;
}

static int add(lua_State *L, const void *bytes, size_t length, void *arg)
{
    struct chunk *chunk = arg;

    (void)L;
    if (chunk->length + length > sizeof chunk->bytes)
        return 1;
    memcpy(chunk->bytes + chunk->length, bytes, length);
    chunk->length += length;
    return 0;
}

/* What an honest file of rules is when it is compiled, with and without what debuggers want. */
static void compile(struct chunk *chunk, bool stripped)
{
    static const char text[] =
        "local limit, names = 1000, { 'a', 'b' }\n"
        "return { { name = 'r', tools = { '*' }, decide = function(request)\n"
        "  for i, n in ipairs(names) do if n == request.tool.name then return deny(n .. i) end end\n"
        "  if request.impact.thing.amount > limit then return draft('large') end\n"
        "  return allow { max_rows = 10 } end } }";
    lua_State *L = luaL_newstate();

    assert_non_null(L);
    chunk->length = 0;
    assert_int_equal(luaL_loadstring(L, text), LUA_OK);
    assert_int_equal(lua_dump(L, add, chunk, stripped), 0);
    lua_close(L);
}

/* One to four bytes flipped, left out or put in, or the end cut off; the signature mostly stays. */
static void mutate(struct chunk *chunk)
{
    for (unsigned n = 1 + pick(4); n > 0 && chunk->length > 8; n--) {
        size_t at = pick(16) == 0 ? 0 : 4 + pick((unsigned)chunk->length - 4);

        switch (pick(8)) {
        case 0:
            memmove(chunk->bytes + at, chunk->bytes + at + 1, chunk->length - at - 1);
            chunk->length--;
            break;
        case 1:
            chunk->length = at + 1;
            break;
        default:
            chunk->bytes[at] = (char)pick(256);
        }
    }
}

/* The ways in. Each must refuse, and the state that was offered the bytes must go on as before. */

static void offer_to_kernel(struct opp_script *script, const struct chunk *chunk)
{
    struct opp_err err = { 0 };

    opp_script_begin(script);
    assert_int_equal(opp_script_load(script, chunk->bytes, chunk->length, "x.lua", &err), OPP_E_SCRIPT);
    if (chunk->bytes[0] == LUA_SIGNATURE[0])
        assert_string_equal(err.message, "this is bytecode; only text is loaded");
    assert_string_equal(kit_eval(script, "return 1 + 1"), "2");
}

static char dir[64];

static void write_file(const char *name, const char *bytes, size_t length)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/p/%s", dir, name);
    file = fopen(path, "wb"); /* not opp_file_write, which waits for the disk */
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static void expect_refused_files(void)
{
    struct opp_policy_report report = { 0 };
    struct opp_err err = { 0 };

    assert_int_equal(kit_check(dir, "p", &kit_tools, &report, &err), OPP_E_CONFIG);
    opp_policy_report_clear(&report);
}

static void offer_as_rules(const struct chunk *chunk)
{
    write_file("10.lua", chunk->bytes, chunk->length);
    expect_refused_files();
    write_text("10.lua", "return {}");
}

static void offer_as_profile(const struct chunk *chunk)
{
    write_file("profile.lua", chunk->bytes, chunk->length);
    expect_refused_files();
    write_text("profile.lua", "return {}");
}

static void offer_as_library(const struct chunk *chunk)
{
    write_file("lib/a.lua", chunk->bytes, chunk->length);
    write_text("10.lua", "require 'lib.a' return {}");
    expect_refused_files();
    write_text("lib/a.lua", "return {}");
    write_text("10.lua", "return {}");
}

/* What was stored is JSON text, so only bytes that are UTF-8 and have no NUL come this way. */
static void offer_as_stored(const struct chunk *chunk, const char *name)
{
    char text[CHUNK_MAX];
    size_t length = 0;
    json_t *value;
    struct opp_policy_sources *sources = NULL;
    struct opp_policy_bundle *bundle = NULL;

    for (size_t i = 0; i < chunk->length; i++)
        if (chunk->bytes[i] > 0)
            text[length++] = chunk->bytes[i];
    value = json_pack("{s:s, s:[{s:s, s:s}, {s:s, s:s}, {s:s, s:s%}]}", "profile", "p", "files", "name",
                      "p/profile.lua", "text", "return {}", "name", "p/20.lua", "text",
                      "pcall(require, 'lib.a') return {}", "name", name, "text", text, length);
    assert_int_equal(opp_policy_sources_from_json(value, &sources, NULL), OPP_OK);
    json_decref(value);
    if (opp_policy_bundle_new(sources, &kit_tools, &bundle, NULL, NULL) == OPP_OK)
        assert_string_equal(name, "p/lib/a.lua"); /* a rule may try what it requires; it gets nothing from this */
    opp_policy_bundle_unref(bundle);
}

static void offer(struct opp_script *script, const struct chunk *chunk, unsigned way)
{
    switch (way % 6) {
    case 0:
        offer_as_rules(chunk);
        break;
    case 1:
        offer_as_profile(chunk);
        break;
    case 2:
        offer_as_library(chunk);
        break;
    case 3:
        offer_as_stored(chunk, "p/10.lua");
        break;
    case 4:
        offer_as_stored(chunk, "p/lib/a.lua");
        break;
    default:
        offer_to_kernel(script, chunk);
    }
}

static int make_place(void **state)
{
    char path[128];

    (void)state;
    strcpy(dir, "/tmp/opp-bytecode-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/p/lib", dir);
    assert_int_equal(opp_file_make_dir(path, 0700, NULL), OPP_OK);
    write_text("profile.lua", "return {}");
    write_text("10.lua", "return {}");
    write_text("lib/a.lua", "return {}");
    return 0;
}

static int remove_place(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static void compiled_chunks_are_refused_on_every_way_in(void **state)
{
    struct opp_script *script = kit_script();
    struct chunk chunk;

    (void)state;
    for (unsigned way = 0; way < 12; way++) {
        compile(&chunk, way >= 6);
        offer(script, &chunk, way);
    }
    opp_script_free(script);
}

static void ten_thousand_mutated_chunks_are_refused_and_harm_nothing(void **state)
{
    struct opp_script *script = kit_script();
    struct chunk whole[2], chunk;

    (void)state;
    compile(&whole[0], false);
    compile(&whole[1], true);
    for (unsigned i = 0; i < MUTATIONS; i++) {
        seed = i * UINT64_C(2862933555777941757) + 13;
        chunk = whole[pick(2)];
        mutate(&chunk);
        offer(script, &chunk, i);
    }
    opp_script_free(script);
}

/* Nothing that a script has makes a function of text or bytes. */
static void a_script_has_no_way_of_its_own_to_load(void **state)
{
    static const char *const names[] = {
        "load", "loadstring", "loadfile", "dofile", "package", "debug", "string.dump"
    };
    struct opp_policy_engine *engine;
    struct opp_policy_decision decision = { 0 };

    (void)state;
    engine = kit_engine("return { { name = 'r', tools = { '*' }, decide = function()\n"
                        "  local ok = pcall(require, '\\27Lua') or pcall(require, 'lib.a')\n"
                        "  return ok and deny('loaded') or draft('nothing') end } }");
    kit_decide(engine, NULL, &decision);
    assert_string_equal(decision.reason, "nothing");
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[128];

        snprintf(text, sizeof text, "return { { name = 'r', tools = { '*' }, decide = %s or load } }", names[i]);
        assert_non_null(strstr(kit_refusal(text), "p/10.lua:1: "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiled_chunks_are_refused_on_every_way_in),
        cmocka_unit_test(ten_thousand_mutated_chunks_are_refused_and_harm_nothing),
        cmocka_unit_test(a_script_has_no_way_of_its_own_to_load),
    };

    return cmocka_run_group_tests(tests, make_place, remove_place);
}
