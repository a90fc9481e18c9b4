/* SPDX-License-Identifier: MIT
 *
 * command/demo.h - the app, key and owner that a new data directory gets with --demo, and how people learn of them.
 * May include: audit, core, store, base, command.
 */
#ifndef OPP_COMMAND_DEMO_H
#define OPP_COMMAND_DEMO_H

#include "base/clock.h"
#include "base/error.h"
#include "command/grant.h"
#include "store/store.h"

#include <stdbool.h>

struct opp_demo {
    bool made; /* false: the data directory was not new, and the rest is empty */
    struct opp_grant agent, owner;
};

/* Makes them, in one transaction, unless there has ever been an app or an admin token: a first start that failed after
 * the database was made does not count. Before the loops run. Codes as opp_store_now. */
enum opp_code opp_demo_make(struct opp_store *store, const struct opp_clock *clock, struct opp_demo *out,
                            struct opp_err *err);

/* Writes {base_url, agent_token, admin_token, app_id, key_id} to a file of mode 0600. OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_demo_save(const struct opp_demo *demo, const char *base_url, const char *path, struct opp_err *err);

/* What the lines for a shell name; all lent. */
struct opp_demo_place {
    const char *base_url, *admin_url; /* where agents and people reach the gateway */
    const char *policies_dir, *data_dir;
};

/* Prints the tokens, if they are new, a line for a shell to try the gateway with, and one that reloads the policies. */
void opp_demo_print(const struct opp_demo *demo, const struct opp_demo_place *place);

#endif
