/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "script/kernel.h"

#include <stdlib.h>

#define INTERVAL 256
/* One instruction can compare or convert a long string for a tenth of a millisecond, or copy a large stack. */
#define INTERVAL_LONG_STRINGS 16
#define LONG_STRING ((size_t)16 << 10)
#define INTERVAL_LARGE_BLOCKS 64
#define LARGE_BLOCK ((size_t)64 << 10)
#define CHECK_BYTES ((size_t)64 << 10)
#define ALLOCATION_COST 64 /* bytes, so that many small allocations look at the clock too */
#define CHEAP_NS 200000    /* before this the slow clock of CPU time is not even started */

/* The monotonic clock is cheap and never behind the thread's CPU time; only when it says over is the other one asked.
 */
static bool is_over_time(struct opp_script *script)
{
    int64_t limit = script->limits.cpu_ms * 1000000;
    int64_t wall = opp_monotonic_ns();
    int64_t used;

    script->unchecked = 0;
    if (script->cpu_start_ns < 0 && wall - script->wall_start_ns >= CHEAP_NS)
        script->cpu_start_ns = opp_thread_cpu_ns();
    if (wall < script->wall_next_ns)
        return false;
    used = opp_thread_cpu_ns() - script->cpu_start_ns;
    if (used >= limit)
        return true;
    script->wall_next_ns = wall + limit - used;
    return false;
}

static bool check_time(struct opp_script *script)
{
    if (script->tripped == NULL && is_over_time(script))
        opp_budget_trip(script, OPP_E_LIMIT, "the script ran out of CPU time");
    return script->tripped == NULL;
}

void opp_budget_start_clock(struct opp_script *script)
{
    script->wall_start_ns = opp_monotonic_ns();
    script->wall_next_ns = script->wall_start_ns + script->limits.cpu_ms * 1000000;
    script->cpu_start_ns = script->limits.cpu_ms * 1000000 > CHEAP_NS ? -1 : opp_thread_cpu_ns();
    script->unchecked = 0;
}

void opp_budget_trip(struct opp_script *script, enum opp_code code, const char *why)
{
    if (script->tripped != NULL)
        return;
    script->tripped = why;
    script->trip_code = code;
    script->at.where[0] = '\0';
}

/* Refusing makes Lua collect garbage and ask once more: the live cap alone is no trip yet. */
static bool may_grow(struct opp_script *script, size_t more, size_t new_bytes)
{
    const struct opp_script_limits *limits = &script->limits;

    if (script->uncapped)
        return true;
    if (script->tripped != NULL)
        return false;
    script->unchecked += more + ALLOCATION_COST;
    if (script->unchecked >= CHECK_BYTES && !check_time(script))
        return false;
    if (new_bytes > limits->allocation_bytes)
        opp_budget_trip(script, OPP_E_LIMIT, "the script asked for too long a string or too large a table");
    else if (more > limits->call_bytes || script->call_bytes > limits->call_bytes - more)
        opp_budget_trip(script, OPP_E_LIMIT, "the script allocated too much in one call");
    else if (script->live > limits->live_bytes || more > limits->live_bytes - script->live)
        return check_time(script) && false;
    return script->tripped == NULL;
}

/* Looks at the clock more often once a script has something large. */
static void watch_size(struct opp_script *script, size_t bytes, bool string)
{
    int interval = string ? INTERVAL_LONG_STRINGS : INTERVAL_LARGE_BLOCKS;

    if (bytes < (string ? LONG_STRING : LARGE_BLOCK) || script->interval <= interval || script->running == NULL)
        return;
    script->interval = interval;
    opp_budget_install(script, script->running);
}

void *opp_budget_allocate(void *arg, void *block, size_t old_bytes, size_t new_bytes)
{
    struct opp_script *script = arg;
    size_t old = block != NULL ? old_bytes : 0;
    void *fresh;

    if (new_bytes == 0) {
        free(block);
        script->live -= old;
        return NULL;
    }
    if (new_bytes > old && !may_grow(script, new_bytes - old, new_bytes))
        return NULL;
    watch_size(script, new_bytes, block == NULL && old_bytes == LUA_TSTRING); /* Lua says a new object's kind there */
    fresh = realloc(block, new_bytes);
    if (fresh == NULL && new_bytes <= old) {
        fresh = block; /* Lua relies on shrinking */
    } else if (fresh == NULL) {
        script->starved = true;
        return NULL;
    }
    if (new_bytes > old)
        script->call_bytes += new_bytes - old;
    script->live += new_bytes - old;
    return fresh;
}

bool opp_budget_hold(struct opp_script *script, size_t bytes)
{
    const struct opp_script_limits *limits = &script->limits;

    if (script->live > limits->live_bytes || bytes > limits->live_bytes - script->live)
        return false;
    script->live += bytes;
    return true;
}

int lj_budget_raise(lua_State *L)
{
    lua_settop(L, 0);
    lua_pushlightuserdata(L, opp_script_of(L));
    return lua_error(L);
}

static void spend(struct opp_script *script, int64_t instructions)
{
    script->instructions_left -= instructions;
    if (script->instructions_left <= 0)
        opp_budget_trip(script, OPP_E_LIMIT, "the script ran out of instructions");
}

/* pcall catches what this raises, so from the first time on it fires at every instruction. */
static void on_count(lua_State *L, lua_Debug *at)
{
    struct opp_script *script = opp_script_of(L);

    (void)at;
    spend(script, lua_gethookcount(L));
    if (check_time(script))
        return;
    if (script->at.where[0] == '\0')
        opp_script_note_position(script, L);
    script->interval = 1;
    opp_budget_install(script, L);
    lua_pushlightuserdata(L, script);
    lua_error(L);
}

void opp_budget_install(struct opp_script *script, lua_State *L)
{
    lua_sethook(L, on_count, LUA_MASKCOUNT, script->interval);
}

void opp_budget_begin(struct opp_script *script)
{
    const struct opp_script_limits *limits = &script->limits;
    int64_t interval = limits->instructions < INTERVAL ? limits->instructions : INTERVAL;

    script->instructions_left = limits->instructions;
    script->pattern_left = limits->pattern_steps;
    script->call_bytes = 0;
    script->calls++;
    if (script->interval == 0 || script->interval > interval)
        script->interval = interval < 1 ? 1 : (int)interval;
    opp_budget_start_clock(script);
    if (script->lua != NULL)
        opp_budget_install(script, script->lua);
}

void lj_script_charge(lua_State *L, size_t instructions)
{
    struct opp_script *script = opp_script_of(L);

    if (instructions > INT32_MAX)
        instructions = INT32_MAX;
    spend(script, (int64_t)instructions);
    script->unchecked += instructions * (CHECK_BYTES / INTERVAL);
    if (script->unchecked >= CHECK_BYTES)
        check_time(script);
    if (script->tripped == NULL)
        return;
    if (script->at.where[0] == '\0')
        opp_script_note_position(script, L);
    lj_budget_raise(L);
}
