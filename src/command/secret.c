/* SPDX-License-Identifier: MIT */
#include "command/secret.h"

#include "store/records.h"
#include "store/tx.h"

#include <stdlib.h>
#include <string.h>

#define NAME "hmac_secret"

static enum opp_code make(struct opp_tx *tx, struct opp_setting **out, struct opp_err *err)
{
    unsigned char bytes[OPP_HASH_BYTES];
    char hex[OPP_HASH_HEX];
    struct opp_setting *setting;
    enum opp_code rc = opp_random(bytes, sizeof bytes, err);

    if (rc != OPP_OK)
        return rc;
    opp_hex(bytes, sizeof bytes, hex);
    setting = calloc(1, sizeof *setting);
    if (setting != NULL) {
        setting->id = strdup(NAME);
        setting->value = strdup(hex);
    }
    if (setting == NULL || setting->id == NULL || setting->value == NULL)
        rc = opp_fail(err, OPP_E_MEMORY, "no memory for a key");
    else
        rc = opp_tx_insert(tx, &OPP_SETTING, setting, err);
    if (rc == OPP_OK)
        *out = setting;
    else
        opp_record_free(&OPP_SETTING, setting);
    return rc;
}

static enum opp_code load(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_setting *setting = NULL;
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_SETTING, "id", NAME, &found, NULL);

    setting = found;
    if (rc == OPP_E_ABSENT)
        rc = make(tx, &setting, err);
    else if (rc != OPP_OK)
        return opp_fail(err, rc, "the gateway's key cannot be read");
    /* The digest of the text is as secret as the text, and as long as the key. */
    if (rc == OPP_OK)
        opp_hash(setting->value, strlen(setting->value), arg);
    opp_record_free(&OPP_SETTING, setting);
    return rc;
}

enum opp_code opp_secret_load(struct opp_store *store, unsigned char key[OPP_HASH_BYTES], struct opp_err *err)
{
    return opp_store_now(store, load, key, err);
}
