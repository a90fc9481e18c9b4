/* SPDX-License-Identifier: MIT
 *
 * command/config_upstreams.h - the part of the configuration that names the systems adapters reach over HTTP.
 * May include: base, command.
 */
#ifndef OPP_COMMAND_CONFIG_UPSTREAMS_H
#define OPP_COMMAND_CONFIG_UPSTREAMS_H

#include "command/config.h"
#include "command/config_check.h"

/* Puts the defaults under each upstream of a document. OPP_E_MEMORY. */
enum opp_code opp_config_fill_upstreams(const json_t *schema, json_t *document, struct opp_err *err);

/* Makes config->upstreams of the document. Codes as opp_config_load. */
enum opp_code opp_config_read_upstreams(const struct opp_config_source *source, struct opp_config *config);

#endif
