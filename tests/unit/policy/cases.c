/* SPDX-License-Identifier: MIT */
#include "policy/cases.h"

#include "policy/kit.h"

#include <string.h>

/* Each rule answers what the payload tells it to, so that one bundle can be any set of rules. */
const char cases_text[] = "local function rule(i)\n"
                          "  local function mine(request) return request.payload.rules[i] end\n"
                          "  return {\n"
                          "    name = 'r' .. i, tools = { '*' },\n"
                          "    decide = function(request)\n"
                          "      local m = mine(request)\n"
                          "      if m.say == 'allow' then return allow(m.with) end\n"
                          "      if m.say == 'draft' then return draft(m.reason, m.with) end\n"
                          "      if m.say == 'deny' then return deny(m.reason, m.tag and { tag = m.tag }) end\n"
                          "      if m.say == 'error' then error(m.reason) end\n"
                          "      if m.say == 'nonsense' then return m.reason end\n"
                          "    end,\n"
                          "    window = function(request)\n"
                          "      local w = mine(request).window\n"
                          "      if w then return between { from = w[1], to = w[2] } end\n"
                          "    end,\n"
                          "  }\n"
                          "end\n"
                          "local all = {}\n"
                          "for i = 1, 6 do all[i] = rule(i) end\n"
                          "return all";

/* A small generator of its own, so that a case can be run again by its number. */
static uint64_t seed;

void cases_seed(uint64_t number)
{
    seed = number;
}

unsigned cases_pick(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % below;
}

static json_t *pick_names(const char *const *names, unsigned count)
{
    json_t *list = json_array();

    for (unsigned i = 1 + cases_pick(3); i > 0; i--)
        json_array_append_new(list, json_string(names[cases_pick(count)]));
    return list;
}

static json_t *random_obligations(void)
{
    static const char *const fields[] = { "title", "notes", "amount", "a", "zz" };
    static const char *const safeguards[] = { "preflight", "idempotency", "justification", "witness" };
    json_t *with = json_object();

    if (cases_pick(3) == 0)
        json_object_set_new(with, "approvals", json_integer(1 + cases_pick(4)));
    if (cases_pick(3) == 0)
        json_object_set_new(with, "expires_in", json_integer(1 + cases_pick(5000)));
    if (cases_pick(4) == 0)
        json_object_set_new(with, "max_rows", json_integer(cases_pick(50)));
    if (cases_pick(4) == 0)
        json_object_set_new(with, "max_days", json_integer(1 + cases_pick(50)));
    if (cases_pick(4) == 0)
        json_object_set_new(with, "redact", pick_names(fields, 5));
    if (cases_pick(4) == 0)
        json_object_set_new(with, "require", pick_names(safeguards, 4));
    if (cases_pick(5) == 0)
        json_object_set_new(with, "limit",
                            json_pack("{s:i, s:i}", "count", (int)cases_pick(9), "per", 1 + (int)cases_pick(99)));
    return with;
}

static json_t *random_rule(void)
{
    static const char *const says[] = { "nothing", "allow", "allow", "allow", "draft", "draft", "deny" };
    const char *say = cases_pick(40) == 0 ? (cases_pick(2) == 0 ? "error" : "nonsense") : says[cases_pick(7)];
    json_t *rule = json_pack("{s:s, s:o}", "say", say, "reason", json_sprintf("reason %u", cases_pick(1000)));

    if (strcmp(say, "deny") != 0 && cases_pick(3) != 0)
        json_object_set_new(rule, "with", random_obligations());
    if (strcmp(say, "deny") == 0 && cases_pick(2) == 0)
        json_object_set_new(rule, "tag", json_sprintf("tag%u", cases_pick(9)));
    if (cases_pick(4) == 0)
        json_object_set_new(
            rule, "window",
            json_pack("[I,I]", (json_int_t)KIT_NOW - 5 + cases_pick(8), (json_int_t)KIT_NOW + 5 + cases_pick(8)));
    return rule;
}

json_t *cases_rules(void)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < CASES_RULES; i++)
        json_array_append_new(list, random_rule());
    return list;
}

static json_t *payload_of(const json_t *list)
{
    json_t *all = json_deep_copy(list);

    while (json_array_size(all) < CASES_RULES)
        json_array_append_new(all, json_object());
    return json_pack("{s:o}", "rules", all);
}

void cases_decide(struct opp_policy_engine *engine, const json_t *list, enum opp_phase phase,
                  struct opp_policy_decision *out)
{
    struct opp_policy_request request = { .phase = phase, .tool = "thing.make", .now_s = KIT_NOW };

    request.request = kit_request(phase, NULL);
    json_object_set_new(request.request, "payload", payload_of(list));
    opp_policy_decide(engine, &request, out);
    json_decref(request.request);
    if (opp_policy_engine_stale(engine))
        assert_int_equal(opp_policy_engine_renew(engine, NULL), OPP_OK);
}
