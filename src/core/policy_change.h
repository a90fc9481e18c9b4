/* SPDX-License-Identifier: MIT
 *
 * core/policy_change.h - reload, stage, discard, promote and roll back: each prepares what will be in force and staged,
 * stores it in one transaction, and is in force with the commit. One at a time.
 * May include: policy, adapter, audit, store, base, core.
 */
#ifndef OPP_CORE_POLICY_CHANGE_H
#define OPP_CORE_POLICY_CHANGE_H

#include "base/error.h"
#include "core/load.h"
#include "core/policy_history.h"

#include <jansson.h>
#include <stdint.h>

struct opp_gateway;
struct opp_generation_record;
struct opp_tx;

enum opp_policy_verb {
    OPP_POLICY_RELOAD,  /* the active profile's and the adapters' files are in force */
    OPP_POLICY_STAGE,   /* a profile's files judge beside the one in force, by its adapters */
    OPP_POLICY_DISCARD, /* nothing is staged */
    OPP_POLICY_PROMOTE, /* what is staged is in force; its files must still be the same */
    OPP_POLICY_ROLLBACK /* the stored bytes of an earlier generation are in force; what is staged stays */
};

/* The functions are called in the order in which they stand here; each that fails is followed by _end. */
struct opp_policy_change {
    struct opp_gateway *gateway;
    enum opp_policy_verb verb;
    const char *profile; /* to stage; lent */
    const char *sha256; /* what is to be promoted or rolled back to; lent; NULL: what is staged, or was in force last */
    uint64_t number;    /* among the changes of this process; 0: not begun */
    struct opp_policy_history history;    /* as the change found it, and after opp_policy_change_store as it left it */
    struct opp_generation_record *stored; /* what is promoted or rolled back to */
    struct opp_sources sources;           /* its files */
    struct opp_generation *made;          /* what is in force or staged after it; lent; NULL when discarding */
    struct opp_load_report report;        /* what loading it said; empty until it was loaded */
};

/* OPP_E_UNAVAILABLE: another change is under way. */
enum opp_code opp_policy_change_begin(struct opp_policy_change *change, struct opp_err *err);

/* In a transaction: finds what there is. OPP_E_PRECONDITION: err->where is why: nothing_staged, not_staged,
 * nothing_before, not_stored, in_force. */
enum opp_code opp_policy_change_look(struct opp_policy_change *change, struct opp_tx *tx, struct opp_err *err);

/* Reads files, loads and tests rules. Takes its time: not for a loop's thread. OPP_E_CONFIG: the report says what is
 * wrong. OPP_E_PRECONDITION: where is files_changed, for a staged profile whose files, or the adapters in force, are
 * others now. OPP_E_UNAVAILABLE: calls still use too many old generations. */
enum opp_code opp_policy_change_prepare(struct opp_policy_change *change, struct opp_err *err);

/* In a write transaction: what was prepared is kept and becomes current with the commit. */
enum opp_code opp_policy_change_store(struct opp_policy_change *change, struct opp_tx *tx, struct opp_err *err);

/* Gives {profile, generation, sha256} of what the change is about, for the audit trail. After _prepare. */
json_t *opp_policy_change_details(const struct opp_policy_change *change);

/* Frees what the change holds; one that was not committed is abandoned. */
void opp_policy_change_end(struct opp_policy_change *change);

/* After a commit, on the writer's thread: the change that is under way counts if tx finds it stored. A change of the
 * registry can commit when the one with the policies was undone. What cannot be looked up, nor by a second try, is in
 * force with the next start, which the log says. */
void opp_policies_committed(struct opp_gateway *gateway, struct opp_tx *tx);

/* Tells the staging thread what is staged. At the start, once it is there. */
void opp_policies_tell_staging(struct opp_gateway *gateway);

/* What the audit trail calls it: "policy.reload". */
const char *opp_policy_verb_action(enum opp_policy_verb verb);

/* A reload or discard from a thread that may wait. Audited as done by who. Codes as the functions above. */
enum opp_code opp_policies_change_now(struct opp_gateway *gateway, enum opp_policy_verb verb, const char *who,
                                      struct opp_err *err);

#endif
