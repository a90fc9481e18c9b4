/* SPDX-License-Identifier: MIT
 *
 * command/config_reference.h - the list of all settings, for a terminal and for docs/configuration.md.
 * May include: base.
 */
#ifndef OPP_COMMAND_CONFIG_REFERENCE_H
#define OPP_COMMAND_CONFIG_REFERENCE_H

#include "base/buf.h"
#include "base/error.h"

/* Appends a Markdown table: name, what it may be, default, meaning. OPP_E_MEMORY. */
enum opp_code opp_config_reference(struct opp_buf *out, struct opp_err *err);

#endif
