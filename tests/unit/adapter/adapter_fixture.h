/* SPDX-License-Identifier: MIT
 *
 * adapter/adapter_fixture.h - adapters in a directory of a test's own, and calls of their tools.
 * May include: adapter, base.
 */
#ifndef OPP_TEST_ADAPTER_FIXTURE_H
#define OPP_TEST_ADAPTER_FIXTURE_H

#include "adapter/adapter.h"
#include "adapter/databases.h"
#include "adapter/effect.h"
#include "adapter/sources.h"
#include "base/loop.h"

#include <jansson.h>

struct fixture {
    char dir[64], adapters_dir[512], data_dir[128];
    struct opp_databases *databases;
    struct opp_adapters *adapters;
    struct opp_loop *loop;
    struct opp_adapter_session *session;
    struct opp_err err;
    bool behind; /* for opp_adapters_connect */
    int done;    /* completions seen */
};

/* Makes the directories, with an adapter "a" that has a database and no tools yet. */
void fixture_begin(struct fixture *f);
void fixture_end(struct fixture *f);
/* For cmocka, whose state is the fixture: the two around each test. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
#define fixture_test(test, f) cmocka_unit_test_prestate_setup_teardown(test, fixture_set_up, fixture_tear_down, f)
/* Writes a file below the adapters' directory. */
void fixture_write(struct fixture *f, const char *name, const char *text);
/* Writes a/init.lua around these tools: `tools` is the inside of the Lua table. Things are in the table things. */
void fixture_tools(struct fixture *f, const char *tools);
/* Opens what was written, with demo data. */
enum opp_code fixture_open(struct fixture *f);
/* Opens and expects it to go well. */
void fixture_must_open(struct fixture *f);
/* Writes these tools as fixture_tools() does, opens and expects it to go well. */
void fixture_open_with(struct fixture *f, const char *tools);
void fixture_close(struct fixture *f);
/* Loads what was written once more, on the databases that are open. */
enum opp_code fixture_load(struct fixture *f, struct opp_adapters **out, json_t *issues);

/* A call that is set up; payload is JSON text. */
struct opp_tool_call fixture_call(struct fixture *f, const char *tool, const char *payload);
void fixture_call_free(struct opp_tool_call *call);

/* Loads and inspects; gives call->rc. */
enum opp_code fixture_inspect(struct opp_tool_call *call);
/* Loads, inspects, applies under effect_id; gives the outcome and *result. */
enum opp_code fixture_apply(struct fixture *f, struct opp_tool_call *call, const char *effect_id, json_t **result);
enum opp_code fixture_apply_effect(struct fixture *f, const struct opp_effect *effect, const char *effect_id,
                                   json_t **result);
/* Asks for a receipt in this database as it is now (NULL: none); gives the code and *result. */
enum opp_code fixture_receipt(struct fixture *f, const char *database, const char *effect_id, json_t **result);
/* Loads, reads and gives the answer's text; NULL when it failed. */
char *fixture_read(struct opp_tool_call *call, const struct opp_read_options *options);
/* As all of fixture_call, fixture_read and the free, with nothing redacted; fails unless the answer is this. */
void fixture_reads(struct fixture *f, const char *tool, const char *payload, const char *answer);

/* Whether the canonical text of value is this. */
void assert_json(const json_t *value, const char *text);

#endif
