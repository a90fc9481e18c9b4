/* SPDX-License-Identifier: MIT
 *
 * core/manifest.h - what a credential can do right now, from bytes that are kept while nothing changes.
 * May include: adapter, base, core.
 */
#ifndef OPP_CORE_MANIFEST_H
#define OPP_CORE_MANIFEST_H

#include "base/error.h"

struct opp_flow;
struct opp_manifest_cache;

extern const struct opp_flow OPP_FLOW_MANIFEST;

/* One worker's kept manifests. OPP_E_MEMORY. */
enum opp_code opp_manifest_cache_new(struct opp_manifest_cache **out, struct opp_err *err);
void opp_manifest_cache_free(struct opp_manifest_cache *cache);

#endif
