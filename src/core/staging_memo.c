/* SPDX-License-Identifier: MIT */
#include "core/staging_memo.h"

#include "base/hash.h"
#include "core/generation.h"
#include "core/registry.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 64 /* a power of two; of two reads of one slot the later has it */

struct slot {
    char *key;
    size_t length;
    struct opp_remembered remembered;
};

struct opp_staging_memo {
    struct opp_buf key; /* of the read that was looked for last */
    struct slot slots[SLOTS];
};

enum opp_code opp_staging_memo_new(struct opp_staging_memo **out, struct opp_err *err)
{
    struct opp_staging_memo *memo = calloc(1, sizeof *memo);

    if (memo == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for what is remembered of reads");
    *out = memo;
    return OPP_OK;
}

static void clear(struct slot *slot)
{
    free(slot->key);
    json_decref(slot->remembered.parts);
    opp_policy_decision_clear(&slot->remembered.ruling);
    *slot = (struct slot){ 0 };
}

void opp_staging_memo_free(struct opp_staging_memo *memo)
{
    if (memo == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        clear(&memo->slots[i]);
    opp_buf_free(&memo->key);
    free(memo);
}

static void add_number(struct opp_buf *key, uint64_t number)
{
    opp_buf_add(key, &number, sizeof number);
}

static void add_text(struct opp_buf *key, const char *text)
{
    opp_buf_add(key, text != NULL ? "+" : "-", 1);
    if (text != NULL)
        opp_buf_add(key, text, strlen(text) + 1);
}

/* All that opp_shown_json shows, what the decision's own parts say, and who judges. The app and the tool are those of
 * their registry and their generation, which an address alone does not say. */
static void write_key(struct opp_buf *key, unsigned epoch, const struct opp_told *told)
{
    const struct opp_policy_bundle *bundle = opp_generation_bundle(told->generation);

    opp_buf_reset(key);
    add_number(key, epoch);
    add_number(key, opp_registry_version(told->registry));
    add_number(key, (uint64_t)opp_policy_bundle_generation(bundle));
    add_number(key, (uint64_t)told->shown.phase);
    add_number(key, (uint64_t)(told->shown.now_ms / 1000));
    add_text(key, told->shown.tool->name);
    add_text(key, told->shown.app->id);
    add_text(key, told->shown.key_id);
    add_text(key, told->shown.key_name);
    add_text(key, told->shown.ip);
    opp_buf_add(key, told->parts.bytes, told->parts.length);
}

static struct slot *slot_of(struct opp_staging_memo *memo)
{
    return &memo->slots[opp_hash_place(memo->key.bytes, memo->key.length) % SLOTS];
}

const struct opp_remembered *opp_staging_memo_find(struct opp_staging_memo *memo, unsigned epoch,
                                                   const struct opp_told *told)
{
    const struct slot *slot;

    write_key(&memo->key, epoch, told);
    if (memo->key.failed)
        return NULL;
    slot = slot_of(memo);
    if (slot->length != memo->key.length || memcmp(slot->key, memo->key.bytes, slot->length) != 0)
        return NULL;
    return &slot->remembered;
}

void opp_staging_memo_keep(struct opp_staging_memo *memo, const struct opp_remembered *remembered)
{
    struct slot *slot;

    if (memo->key.failed)
        return;
    slot = slot_of(memo);
    clear(slot);
    slot->key = malloc(memo->key.length);
    if (slot->key == NULL)
        return;
    memcpy(slot->key, memo->key.bytes, memo->key.length);
    slot->length = memo->key.length;
    slot->remembered = *remembered;
    json_incref(remembered->parts);
    json_incref(remembered->ruling.reasons);
    json_incref(remembered->ruling.redact);
    json_incref(remembered->ruling.limits);
}
