/* SPDX-License-Identifier: MIT
 *
 * script/kernel.h - what the files of this folder share about a state; nobody else includes it.
 * May include: base.
 */
#ifndef OPP_SCRIPT_KERNEL_H
#define OPP_SCRIPT_KERNEL_H

#include "script/state.h"

#include <lua.h>

struct opp_view_root;

struct opp_script_position {
    char where[128];      /* file:line */
    char short_where[80]; /* the same as Lua's messages begin with it */
};

struct opp_script {
    lua_State *lua;
    lua_State *running; /* the thread that the hook must reach now */
    struct opp_script_limits limits;

    int64_t instructions_left;
    int64_t pattern_left;
    size_t live;       /* bytes from the allocator, and of viewed rows */
    size_t call_bytes; /* allocated since begin */
    size_t unchecked;  /* work since the clock was looked at: bytes in the allocator, instructions elsewhere */
    int interval;      /* instructions between two hooks */

    int64_t wall_start_ns;
    int64_t wall_next_ns; /* the CPU time cannot be over before */
    int64_t cpu_start_ns; /* -1: not asked yet */

    const char *tripped; /* why, or NULL */
    enum opp_code trip_code;
    struct opp_script_position at;     /* of the trip or of the last error */
    struct opp_script_position syntax; /* of the last mistake in a file that a script had loaded */
    bool starved;                      /* malloc itself failed */
    bool uncapped;                     /* being freed: nothing is refused */

    /* Metatables, compared by address: scripts cannot set one, and the registry keeps them. */
    const void *view_metatable;
    const void *array_metatable;
    uint64_t calls;              /* begun so far */
    struct opp_view_root *roots; /* what views hold, freed with the state at the latest */
};

/* budget.c: the allocator and the hook. */
void *opp_budget_allocate(void *script, void *block, size_t old_bytes, size_t new_bytes);
void opp_budget_begin(struct opp_script *script);
void opp_budget_start_clock(struct opp_script *script);
void opp_budget_install(struct opp_script *script, lua_State *L);
/* Whether so many bytes outside Lua still fit; counts them if so. Drop them by subtracting from live. */
bool opp_budget_hold(struct opp_script *script, size_t bytes);
void opp_budget_trip(struct opp_script *script, enum opp_code code, const char *why);

/* Raises the trip without allocating. May jump, always. */
int lj_budget_raise(lua_State *L);

/* Keeps file:line of the innermost running Lua function. */
void opp_script_note_position(struct opp_script *script, lua_State *L);
/* After a protected call: what its status means, judged by the trip flag first. The error object is on top of L. */
enum opp_code opp_script_judge(struct opp_script *script, lua_State *L, int status, struct opp_err *err);

#endif
