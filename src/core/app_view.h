/* SPDX-License-Identifier: MIT
 *
 * core/app_view.h - what tools and rules are shown of the app that calls, made once for each registry and not per call.
 * May include: base, core.
 */
#ifndef OPP_CORE_APP_VIEW_H
#define OPP_CORE_APP_VIEW_H

#include "base/error.h"
#include "base/hash.h"

#include <jansson.h>

struct opp_app_entry;
struct opp_registry;

/* Never changed once made; who keeps a part of it takes a reference. */
struct opp_app_view {
    json_t *actor;                            /* {user_id} */
    json_t *app;                              /* {id, name, scope, org_id, scopes, policy} */
    json_t *limits;                           /* {max_days} or {} */
    json_t *boundary;                         /* opp_boundary_view */
    unsigned char redact_key[OPP_HASH_BYTES]; /* opp_redact_app_key */
};

/* The views that one thread has made: references are counted, so no other may see them. */
struct opp_app_views;

/* gateway_key: lent for good. */
enum opp_code opp_app_views_new(const unsigned char gateway_key[OPP_HASH_BYTES], struct opp_app_views **out,
                                struct opp_err *err);
void opp_app_views_free(struct opp_app_views *views); /* NULL allowed */
/* Lends the view of an app of this registry until the next call. NULL: no memory. */
const struct opp_app_view *opp_app_views_get(struct opp_app_views *views, const struct opp_registry *registry,
                                             const struct opp_app_entry *app);

#endif
