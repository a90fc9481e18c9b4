/* SPDX-License-Identifier: MIT
 *
 * command/config_check.h - what is wrong with a configuration, said with its file, line and the name that was meant.
 * May include: base, command.
 */
#ifndef OPP_COMMAND_CONFIG_CHECK_H
#define OPP_COMMAND_CONFIG_CHECK_H

#include "base/error.h"
#include "base/yaml.h"

#include <jansson.h>

/* Where settings come from; all lent. */
struct opp_config_source {
    const char *name;            /* of the file */
    const struct opp_yaml *file; /* or NULL */
    const json_t *flags;         /* or NULL */
    struct opp_err *err;
};

/* Checks the flags and the file against the schema. Codes as opp_config_load. */
enum opp_code opp_config_check(const struct opp_config_source *source, const json_t *schema);

/* Refuses what stands at a pointer: a flag's if there is one, else the file's. Gives the code. */
enum opp_code opp_config_blame(const struct opp_config_source *source, const char *pointer, const char *problem);

#endif
