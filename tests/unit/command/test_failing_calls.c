/* SPDX-License-Identifier: MIT
 *
 * Whatever fails on a call's way, an allocation or a question to the store, the call is answered, once, and the next
 * one is answered with success.
 */
#include "command/failing.h"
#include "command/gateway_group.h"
#include "core/action.h"
#include "core/decide.h"
#include "core/draft.h"
#include "core/preflight.h"
#include "core/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* What a scenario is about, made anew before each of its calls. */
static struct {
    char key[32], input[1024], id[OPP_ID_MAX];
    unsigned count;
} about;

/* Calls that make what another is about. */
static void make(const struct opp_flow *flow, const char *input, const char *key, struct gateway_answer *answer)
{
    struct gateway_request request = { .flow = flow, .input = input, .key = key };

    if (gateway_run(&kit, &request, answer) != OPP_OK)
        fail_msg("%s: %s", input, opp_code_name(answer->code));
}

static void write_input(const char *notes, const char *more)
{
    write_action(about.input, sizeof about.input, about.key, notes, more);
}

static void listed(void)
{
    snprintf(about.input, sizeof about.input, "{\"limit\":\"1\",\"status\":\"draft\"}");
}

static void plain(void)
{
    write_input("", "");
}

static void executed(void)
{
    write_input("", ",\"execute\":true");
}

static void executed_or_not(void)
{
    write_input("a person in the end", ",\"execute\":true");
}

static void with_a_justification(void)
{
    write_input("", ",\"justification\":\"because\",\"requestId\":\"r\"");
}

static void make_draft(void)
{
    struct gateway_answer answer;

    make(&OPP_FLOW_ACTION, about.input, about.key, &answer);
    snprintf(about.id, sizeof about.id, "%s",
             json_string_value(json_object_get(json_object_get(answer.data, "draft"), "id")));
    gateway_forget(&answer);
}

static void drafted(void)
{
    plain();
    make_draft();
}

static void run_before(void)
{
    executed();
    make_draft();
}

static void asked_to_run(void)
{
    drafted();
    write_input("", ",\"execute\":true,\"justification\":\"because\"");
}

static void asked_for_a_person(void)
{
    write_input("a person in the end", "");
    make_draft();
    write_input("a person in the end", ",\"execute\":true,\"justification\":\"because\"");
}

static void preflighted(void)
{
    struct gateway_answer answer;

    plain();
    make(&OPP_FLOW_PREFLIGHT, about.input, NULL, &answer);
    snprintf(about.input, sizeof about.input,
             "{\"action\":\"transaction.create\",\"execute\":true,\"preflightId\":\"%s\"}",
             json_string_value(json_object_get(answer.data, "preflightId")));
    gateway_forget(&answer);
}

static void for_two(void)
{
    write_input("two people", "");
    make_draft();
    about.input[0] = '\0';
}

static void for_one(void)
{
    drafted();
    snprintf(about.input, sizeof about.input, "{\"note\":\"seen\",\"reason\":\"fine\"}");
}

static void overdue(void)
{
    for_one();
    gateway_sql(&kit, "gateway.db", "UPDATE drafts SET expires_at = 1 WHERE id = '%s'", about.id);
    about.input[0] = '\0';
}

/* A draft whose object somebody else changes. */
static void moved(void)
{
    struct gateway_answer answer;
    const char *id;
    char input[256];

    executed();
    make(&OPP_FLOW_ACTION, about.input, NULL, &answer);
    id = json_string_value(json_object_get(
        json_object_get(json_object_get(json_object_get(answer.data, "execution"), "result"), "transaction"), "id"));
    assert_non_null(id);
    snprintf(input, sizeof input,
             "{\"action\":\"transaction.update\",\"execute\":true,\"payload\":{\"transactionId\":\"%s\","
             "\"title\":\"sooner\"}}",
             id);
    snprintf(about.input, sizeof about.input,
             "{\"action\":\"transaction.update\",\"payload\":{\"transactionId\":\"%s\",\"title\":\"late\"}}", id);
    gateway_forget(&answer);
    make_draft();
    make(&OPP_FLOW_ACTION, input, NULL, &answer);
    gateway_forget(&answer);
    about.input[0] = '\0';
}

static void deleted(void)
{
    snprintf(about.input, sizeof about.input,
             "{\"action\":\"transaction.delete\",\"justification\":\"j\",\"payload\":{\"transactionId\":\"txn_3\"}}");
}

static void refused_by_the_database(void)
{
    executed();
    failing_effects(OPP_E_EXECUTION_FAILED);
}

static const struct scenario {
    const char *name;
    const struct opp_flow *flow;
    void (*prepare)(void);
    bool person, key;
    enum opp_code ends; /* what it comes to where nothing fails */
} SCENARIOS[] = {
    { "a draft", &OPP_FLOW_ACTION, with_a_justification, false, false, OPP_OK },
    { "a draft with a key", &OPP_FLOW_ACTION, plain, false, true, OPP_OK },
    { "a draft again", &OPP_FLOW_ACTION, drafted, false, true, OPP_OK },
    { "an execution", &OPP_FLOW_ACTION, executed, false, true, OPP_OK },
    { "an execution that fails", &OPP_FLOW_ACTION, refused_by_the_database, false, true, OPP_E_EXECUTION_FAILED },
    { "a draft with facts of a rule", &OPP_FLOW_ACTION, deleted, false, false, OPP_OK },
    { "an execution that becomes a draft", &OPP_FLOW_ACTION, executed_or_not, false, true, OPP_OK },
    { "an execution again", &OPP_FLOW_ACTION, run_before, false, true, OPP_OK },
    { "a draft that is asked to run", &OPP_FLOW_ACTION, asked_to_run, false, true, OPP_OK },
    { "a draft that stays one", &OPP_FLOW_ACTION, asked_for_a_person, false, true, OPP_OK },
    { "a preflight's", &OPP_FLOW_ACTION, preflighted, false, true, OPP_OK },
    { "an approval", &OPP_FLOW_APPROVE, for_one, true, false, OPP_OK },
    { "the first approval of two", &OPP_FLOW_APPROVE, for_two, true, false, OPP_OK },
    { "an approval too late", &OPP_FLOW_APPROVE, overdue, true, true, OPP_E_DRAFT_FINAL },
    { "an approval of what has changed", &OPP_FLOW_APPROVE, moved, true, true, OPP_E_PRECONDITION },
    { "a rejection", &OPP_FLOW_REJECT, for_one, true, true, OPP_OK },
    { "a cancellation", &OPP_FLOW_DRAFT_CANCEL, for_one, false, true, OPP_OK },
    { "a look at a draft", &OPP_FLOW_DRAFT_GET, for_one, false, true, OPP_OK },
    { "a look at a draft too late", &OPP_FLOW_DRAFT_GET, overdue, false, true, OPP_OK },
    { "a list of drafts", &OPP_FLOW_DRAFT_LIST, listed, false, true, OPP_OK },
};

static enum opp_code run_once(const struct scenario *scenario, unsigned n)
{
    struct gateway_request request = { .flow = scenario->flow, .person = scenario->person };
    struct gateway_answer answer;
    enum opp_code rc;

    snprintf(about.key, sizeof about.key, "%u", ++about.count); /* and the title, so that no two are the same */
    scenario->prepare();
    request.id = about.id;
    request.key = scenario->key ? about.key : NULL;
    request.input = about.input[0] != '\0' ? about.input : NULL;
    failing_set(n);
    rc = gateway_run(&kit, &request, &answer);
    failing_pause(true);
    gateway_forget(&answer);
    return rc;
}

static void whatever_fails_a_call_is_answered(void **state)
{
    const struct scenario *scenario = *state;
    unsigned n = 0;
    enum opp_code rc;

    run_once(scenario, 0); /* what is made once and kept, as a prepared statement, would shift what is counted */
    do {
        rc = run_once(scenario, ++n);
    } while (failing_happened());
    failing_set(0);
    failing_effects(OPP_E_INTERNAL);
    if (rc != scenario->ends)
        fail_msg("%s: %s", scenario->name, opp_code_name(rc));
}

#define SCENARIO_COUNT (sizeof SCENARIOS / sizeof *SCENARIOS)

int main(void)
{
    struct CMUnitTest tests[SCENARIO_COUNT];

    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        tests[i] = (struct CMUnitTest){ .name = SCENARIOS[i].name,
                                        .test_func = whatever_fails_a_call_is_answered,
                                        .initial_state = (void *)(uintptr_t)&SCENARIOS[i] };
    return cmocka_run_group_tests(tests, set_up_all_open, tear_down_all);
}
