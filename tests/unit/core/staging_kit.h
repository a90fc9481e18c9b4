/* SPDX-License-Identifier: MIT
 *
 * core/staging_kit.h - a gateway as far as the staging thread asks it, and what workers would tell it.
 * May include: adapter, policy, store, base, core.
 */
#ifndef OPP_TESTS_STAGING_KIT_H
#define OPP_TESTS_STAGING_KIT_H

#include "adapter/tool.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/registry.h"
#include "core/staging_internal.h"
#include "policy/kit.h"
#include "store/store_kit.h"

#define NOW_MS (KIT_NOW * 1000)

/* With two apps. */
struct stage {
    struct kit kit;
    struct opp_gateway gateway;
    struct opp_staging *staging;
    const struct opp_registry *registry;
    struct opp_generation *active;
    struct opp_tool tool;
};

extern struct stage stage; /* of the test that runs */

#define PARTS                                                                                                          \
    "{\"payload\":{\"title\":\"secret words\",\"amount\":5},\"resources\":[],\"impact\":{\"title\":\"secret words\"}," \
    "\"state\":{},\"justification\":null,\"execute\":true}"

/* Gives a generation of these rules without an adapter. */
struct opp_generation *stage_numbered(const char *rules, int64_t number, size_t workers);
void stage_open(void);
int stage_set_up(void **state);
int stage_tear_down(void **state);
/* Gives what a worker tells of a decision in which no rule spoke; parts is JSON. */
struct opp_told *stage_told(enum opp_phase phase, const char *app_id, const char *parts);
void stage_tell(enum opp_phase phase, const char *app_id);
void stage_rules(const char *rules);
/* Reads the log into a list as stage_read_log gives it. */
enum opp_code stage_read_all(struct opp_tx *tx, void *arg, struct opp_err *err);
/* Gives what is in the log, oldest first, at most 64; ended by NULL. */
void stage_read_log(struct opp_decision *list[65]);
void stage_free_log(struct opp_decision *list[65]);
json_t *stage_report(void);
int64_t stage_number(const json_t *shown, const char *name);

#endif
