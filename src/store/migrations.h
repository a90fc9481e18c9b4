/* SPDX-License-Identifier: MIT
 *
 * store/migrations.h - the schemas of the gateway's own databases, as numbered scripts.
 * May include: nothing.
 */
#ifndef OPP_STORE_MIGRATIONS_H
#define OPP_STORE_MIGRATIONS_H

#include <stddef.h>

extern const char *const OPP_MIGRATIONS[];
extern const size_t OPP_MIGRATION_COUNT;
/* Of decisions.db. */
extern const char *const OPP_DECISIONS_MIGRATIONS[];
extern const size_t OPP_DECISIONS_MIGRATION_COUNT;

#endif
