/* SPDX-License-Identifier: MIT
 *
 * store/migrations.h - the gateway's own schema, as numbered scripts.
 * May include: nothing.
 */
#ifndef OPP_STORE_MIGRATIONS_H
#define OPP_STORE_MIGRATIONS_H

#include <stddef.h>

extern const char *const OPP_MIGRATIONS[];
extern const size_t OPP_MIGRATION_COUNT;

#endif
