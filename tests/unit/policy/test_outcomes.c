/* SPDX-License-Identifier: MIT */
#include "policy/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTCOMES 100000
#define COUNT(list) (sizeof(list) / sizeof *(list))

/* What a function may give, as Lua says it, and what one of it alone comes to. */
enum sense {
    NONSENSE,
    SAYS_ALLOW,
    SAYS_DRAFT,
    SAYS_DENY
};

static const struct {
    const char *lua;
    enum sense sense;
} values[] = {
    { "nil", SAYS_ALLOW }, /* leaves it to the others, and there is none */
    { "allow()", SAYS_ALLOW },
    { "allow{}", SAYS_ALLOW },
    { "allow{ approvals = 2, max_rows = 0, redact = { 'a' } }", SAYS_ALLOW },
    { "draft('d')", SAYS_DRAFT },
    { "draft('d', { expires_in = 60 })", SAYS_DRAFT },
    { "deny('n')", SAYS_DENY },
    { "deny('n', { tag = 't' })", SAYS_DENY },
    { "null", NONSENSE },
    { "true", NONSENSE },
    { "false", NONSENSE },
    { "0", NONSENSE },
    { "1", NONSENSE },
    { "0/0", NONSENSE },
    { "1/0", NONSENSE },
    { "math.mininteger", NONSENSE },
    { "'allow'", NONSENSE },
    { "''", NONSENSE },
    { "'\\0allow'", NONSENSE },
    { "{}", NONSENSE },
    { "array{}", NONSENSE },
    { "{ 'allow' }", NONSENSE },
    { "{ outcome = 'allow' }", NONSENSE },
    { "{ outcome = 0, approvals = 0 }", NONSENSE },
    { "{ allow() }", NONSENSE },
    { "allow", NONSENSE },
    { "function() return allow() end", NONSENSE },
    { "always()", NONSENSE },
    { "never('x')", NONSENSE },
    { "request", NONSENSE },
    { "request.payload", NONSENSE },
    { "request.resources", NONSENSE },
    { "('x'):gmatch('x')", NONSENSE },
    { "allow{ approvals = -1 }", NONSENSE },
    { "allow{ approvals = 1.5 }", NONSENSE },
    { "allow{ approvals = 0/0 }", NONSENSE },
    { "allow{ approvals = '2' }", NONSENSE },
    { "allow{ max_rows = 1/0 }", NONSENSE },
    { "allow{ expires_in = {} }", NONSENSE },
    { "allow{ redact = 'a' }", NONSENSE },
    { "allow{ redact = { 1 } }", NONSENSE },
    { "allow{ nothing_known = 1 }", NONSENSE },
    { "allow(1)", NONSENSE },
    { "allow('reason')", NONSENSE },
    { "allow(nil, 1)", NONSENSE },
    { "allow(allow())", NONSENSE },
    { "draft()", NONSENSE },
    { "draft(1)", NONSENSE },
    { "draft('x', 'y')", NONSENSE },
    { "deny()", NONSENSE },
    { "deny(nil)", NONSENSE },
    { "deny({})", NONSENSE },
    { "deny('x', { tag = 1 })", NONSENSE },
    { "error('e')", NONSENSE },
    { "error(allow())", NONSENSE },
    { "error(nil)", NONSENSE },
    { "error({})", NONSENSE },
    { "error(0/0)", NONSENSE },
    { "none.such.thing", NONSENSE },
    { "request.misspelt", NONSENSE },
    { "nil + 1", NONSENSE },
    { "assert(false)", NONSENSE },
    { "allow() .. ''", NONSENSE },
    { "-allow()", NONSENSE },
    { "allow().outcome", NONSENSE },
};

static uint64_t seed;

static size_t pick(size_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(seed >> 33) % below;
}

/* One rule that gives the values whose numbers the payload lists: each made by a function of its own. */
static char *make_rules(void)
{
    size_t size = 65536, used = 0;
    char *text = malloc(size);

    assert_non_null(text);
    used += (size_t)snprintf(text, size, "local none = {}\nlocal make = {\n");
    for (size_t i = 0; i < COUNT(values); i++)
        used += (size_t)snprintf(text + used, size - used, "function(request) return %s end,\n", values[i].lua);
    used += (size_t)snprintf(text + used, size - used,
                             "}\n"
                             "return { { name = 'r', tools = { '*' }, decide = function(request)\n"
                             "  local p = request.payload.give\n"
                             "  if #p == 0 then return end\n"
                             "  if #p == 1 then return make[p[1]](request) end\n"
                             "  if #p == 2 then return make[p[1]](request), (make[p[2]](request)) end\n"
                             "  return make[p[1]](request), make[p[2]](request), (make[p[3]](request))\n"
                             "end } }\n");
    assert_true(used < size);
    return text;
}

/* More than one value is nonsense whatever they are, and so is a wrong one anywhere. */
static enum sense expected(const size_t *give, size_t count)
{
    if (count == 0)
        return SAYS_ALLOW;
    return count == 1 ? values[give[0]].sense : NONSENSE;
}

static enum sense sense_of(const struct opp_policy_decision *decision)
{
    if (decision->failed) {
        assert_int_equal(decision->outcome, OPP_OUTCOME_DENY);
        return NONSENSE;
    }
    return decision->outcome == OPP_OUTCOME_ALLOW   ? SAYS_ALLOW
           : decision->outcome == OPP_OUTCOME_DRAFT ? SAYS_DRAFT
                                                    : SAYS_DENY;
}

static void try_outcome(struct opp_policy_engine *engine, const size_t *give, size_t count)
{
    struct opp_policy_request request = { .phase = OPP_PHASE_ACTION,
                                          .tool = "thing.make",
                                          .request = kit_request(OPP_PHASE_ACTION, NULL),
                                          .now_s = KIT_NOW };
    struct opp_policy_decision decision;
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer((json_int_t)give[i] + 1));
    json_object_set_new(request.request, "payload", json_pack("{s:o}", "give", list));
    opp_policy_decide(engine, &request, &decision);
    if (sense_of(&decision) != expected(give, count))
        fail_msg("%zu values, the first %s: %s %s", count, count > 0 ? values[give[0]].lua : "",
                 opp_outcome_name(decision.outcome), decision.error.message);
    opp_policy_decision_clear(&decision);
    json_decref(request.request);
    if (opp_policy_engine_stale(engine))
        assert_int_equal(opp_policy_engine_renew(engine, NULL), OPP_OK);
}

static void of_all_that_a_rule_may_give_only_the_contract_allows(void **state)
{
    char *rules = make_rules();
    struct opp_policy_engine *engine = kit_engine(rules);
    size_t give[3];

    (void)state;
    free(rules);
    for (uint64_t i = 0; i < OUTCOMES; i++) {
        size_t count;

        seed = i * UINT64_C(2862933555777941757) + 5;
        count = pick(3) != 0 ? 1 : pick(4);
        for (size_t j = 0; j < count; j++)
            give[j] = pick(COUNT(values));
        try_outcome(engine, give, count);
    }
    opp_policy_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_all_that_a_rule_may_give_only_the_contract_allows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
