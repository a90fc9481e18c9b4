/* SPDX-License-Identifier: MIT
 *
 * core/manifest_compare.h - which tools apps would find otherwise in their manifests under other rules.
 * May include: policy, base, core.
 */
#ifndef OPP_CORE_MANIFEST_COMPARE_H
#define OPP_CORE_MANIFEST_COMPARE_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

struct opp_call;
struct opp_policy_bundle;

struct opp_manifest_comparison {
    json_t *differences;        /* gives: as a report has them, phase discover; each app counts once */
    size_t apps, apps_compared; /* fewer when time was up */
};

/* Compares what the rules in force and the bundle's say now of each active app's tools, as far as the call's person may
 * see the app. Takes no more than about 20 ms. Codes of opp_policy_engine_new. */
enum opp_code opp_manifest_compare(struct opp_call *call, struct opp_policy_bundle *bundle,
                                   struct opp_manifest_comparison *out, struct opp_err *err);

#endif
