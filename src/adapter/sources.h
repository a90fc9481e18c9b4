/* SPDX-License-Identifier: MIT
 *
 * adapter/sources.h - the files of all adapters, read once: what a generation is made of.
 * May include: base, adapter.
 */
#ifndef OPP_ADAPTER_SOURCES_H
#define OPP_ADAPTER_SOURCES_H

#include "base/error.h"

#include <jansson.h>

struct opp_adapter_sources;

/* Gives the *.lua and *.sql files, hidden ones aside, of every directory in dir that has an init.lua, with one
 * reference. OPP_E_CONFIG: there is no such directory, or a file is no text, or too much; err->where is the file.
 * OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_adapter_sources_read(const char *dir, struct opp_adapter_sources **out, struct opp_err *err);

/* From any thread; NULL allowed. */
struct opp_adapter_sources *opp_adapter_sources_ref(struct opp_adapter_sources *sources);
void opp_adapter_sources_unref(struct opp_adapter_sources *sources);

/* Lends SHA-256, lower-case hex, of the JCS bytes of what opp_adapter_sources_to_json gives. */
const char *opp_adapter_sources_sha256(const struct opp_adapter_sources *sources);

/* Gives [{name, files: [{name, text}]}]; NULL when memory is out. And back: OPP_E_VALIDATION: value is no such thing.
 * OPP_E_MEMORY. */
json_t *opp_adapter_sources_to_json(const struct opp_adapter_sources *sources);
enum opp_code opp_adapter_sources_from_json(const json_t *value, struct opp_adapter_sources **out, struct opp_err *err);

#endif
