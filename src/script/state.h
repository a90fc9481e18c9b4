/* SPDX-License-Identifier: MIT
 *
 * script/state.h - one capped Lua state: what a script may spend, and the only ways to run code in it.
 * May include: base.
 *
 * A state belongs to one thread at a time. Nothing that allocates in Lua may happen outside opp_script_load, _call,
 * _protect and _resume: at the cap it would end the process. Functions named lj_ raise Lua errors and therefore belong
 * inside those.
 */
#ifndef OPP_SCRIPT_STATE_H
#define OPP_SCRIPT_STATE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lua_State;
struct opp_script;

typedef int (*opp_script_fn)(struct lua_State *L);

struct opp_script_limits {
    int64_t instructions;    /* VM instructions from opp_script_begin or opp_script_refill on */
    int64_t cpu_ms;          /* thread CPU time from opp_script_begin or opp_script_refill on */
    size_t live_bytes;       /* what the state holds at any moment */
    size_t allocation_bytes; /* one allocation: the longest string, and the stack and any table's storage */
    size_t call_bytes;       /* sum of what one call allocates */
    int64_t pattern_steps;   /* of all string.find, match, gmatch and gsub in one call */
};

/* What a small pure function needs, ten times over. */
#define OPP_SCRIPT_LIMITS_DEFAULT                                       \
    ((struct opp_script_limits){ .instructions = 100000,                \
                                 .cpu_ms = 10,                          \
                                 .live_bytes = (size_t)8 << 20,         \
                                 .allocation_bytes = (size_t)256 << 10, \
                                 .call_bytes = (size_t)64 << 20,        \
                                 .pattern_steps = 200000 })

/* Gives a state without any library (see script/sandbox.h), its budget begun. OPP_E_MEMORY, OPP_E_LIMIT. */
enum opp_code opp_script_new(const struct opp_script_limits *limits, struct opp_script **out, struct opp_err *err);
void opp_script_free(struct opp_script *script);

/* Starts a call: all budgets are full again, on the thread that asks. A tripped state stays tripped. */
void opp_script_begin(struct opp_script *script);
/* After a host call within a call: instructions and CPU time start anew; bytes and pattern steps go on counting. */
void opp_script_refill(struct opp_script *script);
/* Replaces the limits: those of bytes and CPU time at once, those that are counted down from the next begin on
 * (instructions: or refill). */
void opp_script_set_limits(struct opp_script *script, const struct opp_script_limits *limits);

/* Compiles text and pushes the function, whose globals are the sandbox's. chunk is the name in messages ("file.lua").
 * OPP_E_SCRIPT: no Lua text (err->where is file:line), bytecode included. OPP_E_LIMIT, OPP_E_MEMORY: tripped. */
enum opp_code opp_script_load(struct opp_script *script, const char *bytes, size_t length, const char *chunk,
                              struct opp_err *err);

/* Calls the function below nargs arguments on the stack; pops them, pushes nresults (or LUA_MULTRET) on success only.
 * OPP_E_SCRIPT: it raised an error; err has at most 256 bytes of its text, and where as file:line.
 * OPP_E_LIMIT, OPP_E_MEMORY: the state tripped, now or earlier, whatever the script returned. */
enum opp_code opp_script_call(struct opp_script *script, int nargs, int nresults, struct opp_err *err);

/* Calls fn with arg as light userdata at index 1; its results are left on the stack on success. Codes as
 * opp_script_call. fn holds no C resource of its own while it calls Lua: results leave through arg. */
enum opp_code opp_script_protect(struct opp_script *script, opp_script_fn fn, void *arg, struct opp_err *err);

/* References keep a value alive between calls. _ref pops the top of the main stack and gives its number.
 * _push and _unref allocate nothing and may be used anywhere. */
enum opp_code opp_script_ref(struct opp_script *script, int *ref, struct opp_err *err);
void opp_script_push(struct opp_script *script, int ref);
void opp_script_unref(struct opp_script *script, int ref);

/* Whether a budget was exceeded or memory ran out. Such a state refuses every call and must be freed by its owner. */
bool opp_script_tripped(const struct opp_script *script);
/* Trips the state for a reason of the caller's own; the first reason wins. why must be static text. */
void opp_script_trip(struct opp_script *script, const char *why);

/* Bytes held now, and VM instructions used since the last begin or refill (to within the hook's interval). */
size_t opp_script_live(const struct opp_script *script);
int64_t opp_script_used(const struct opp_script *script);

/* Lends the main Lua thread; and the script of any of its threads. */
struct lua_State *opp_script_lua(struct opp_script *script);
struct opp_script *opp_script_of(struct lua_State *L);

/* For C functions that scripts call and whose work grows with their arguments: counts as so many VM instructions and
 * looks at the clock. May jump. */
void lj_script_charge(struct lua_State *L, size_t instructions);

/* For C functions that load a file for a script: pushes the chunk (chunk is "@<file>"), or raises the mistake in it,
 * which is then reported at its own line and not at the caller's. May jump. */
void lj_script_load(struct lua_State *L, const char *bytes, size_t length, const char *chunk);

#endif
