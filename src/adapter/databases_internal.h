/* SPDX-License-Identifier: MIT
 *
 * adapter/databases_internal.h - how a load adds to the set of databases; only one load does at a time.
 * May include: store, base, adapter.
 */
#ifndef OPP_ADAPTER_DATABASES_INTERNAL_H
#define OPP_ADAPTER_DATABASES_INTERNAL_H

#include "adapter/internal.h"

/* Lent. */
const struct opp_databases_settings *opp_databases_settings(const struct opp_databases *databases);

/* A name and a file belong together as long as the set lives: receipts are asked for by the name. OPP_E_CONFIG: one of
 * them is in it with another. */
enum opp_code opp_databases_check(struct opp_databases *databases, const char *name, const char *file,
                                  struct opp_err *err);

/* Gives a database that is not in the set yet, with its writer running. OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_database_open(const struct opp_databases *databases, const char *name, const char *file,
                                struct opp_database **out, struct opp_err *err);
void opp_database_close(struct opp_database *database); /* one that was not added; NULL allowed */
/* Takes it. */
void opp_databases_add(struct opp_databases *databases, struct opp_database *database);

#endif
