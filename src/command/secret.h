/* SPDX-License-Identifier: MIT
 *
 * command/secret.h - the gateway's own key for what may be compared but not guessed, made at the first start.
 * May include: store, base.
 */
#ifndef OPP_COMMAND_SECRET_H
#define OPP_COMMAND_SECRET_H

#include "base/error.h"
#include "base/hash.h"
#include "store/store.h"

/* Writes the key that the store keeps, which it makes if there is none. Before the loops run. Codes as opp_store_now;
 * OPP_E_INTERNAL: no randomness. */
enum opp_code opp_secret_load(struct opp_store *store, unsigned char key[OPP_HASH_BYTES], struct opp_err *err);

#endif
