/* SPDX-License-Identifier: MIT
 *
 * policy/sources.h - the files of a profile and of those it extends, read once: what a generation is made of.
 * May include: base, script, policy.
 */
#ifndef OPP_POLICY_SOURCES_H
#define OPP_POLICY_SOURCES_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

#define OPP_POLICY_FILE_MAX_BYTES 65536
#define OPP_POLICY_FILES_MAX 256
#define OPP_POLICY_EXTENDS_MAX 8 /* profiles built on each other */

struct opp_policy_sources;

struct opp_policy_file {
    const char *name; /* "strict/20-deletes.lua", "strict/lib/hours.lua" */
    const char *bytes;
    size_t length;
};

/* Reads the profile.lua, *.lua and lib/ files of a profile, those of the profiles it extends first. Gives them.
 * OPP_E_CONFIG: no such profile, a file that is no text or too large, profiles that extend
 * each other (err->where is the file). OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_policy_sources_read(const char *policies_dir, const char *profile, struct opp_policy_sources **out,
                                      struct opp_err *err);
void opp_policy_sources_free(struct opp_policy_sources *sources);

/* Lent. */
const char *opp_policy_sources_profile(const struct opp_policy_sources *sources);
size_t opp_policy_sources_count(const struct opp_policy_sources *sources);
const struct opp_policy_file *opp_policy_sources_at(const struct opp_policy_sources *sources, size_t index);
const struct opp_policy_file *opp_policy_sources_find(const struct opp_policy_sources *sources, const char *name);
/* SHA-256, lower-case hex, of the JCS bytes of what opp_policy_sources_to_json gives. */
const char *opp_policy_sources_sha256(const struct opp_policy_sources *sources);

/* Gives {profile, files: [{name, text}]}, in load order; NULL when memory is out. And back: OPP_E_VALIDATION: value is
 * no such thing. OPP_E_MEMORY. */
json_t *opp_policy_sources_to_json(const struct opp_policy_sources *sources);
enum opp_code opp_policy_sources_from_json(const json_t *value, struct opp_policy_sources **out, struct opp_err *err);

#endif
