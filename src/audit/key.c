/* SPDX-License-Identifier: MIT */
#include "audit/checkpoint.h"
#include "base/file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX_BYTES 16384

enum opp_code opp_audit_key_load(const char *path, struct opp_sign_key **out, struct opp_err *err)
{
    char *pem = NULL;
    size_t length = 0;
    struct opp_err why = { 0 };
    enum opp_code rc = opp_file_read(path, KEY_MAX_BYTES, &pem, &length, err);

    if (rc != OPP_OK)
        return rc;
    rc = opp_sign_key_read(pem, length, out, &why);
    if (rc != OPP_OK)
        rc = opp_fail(err, rc == OPP_E_VALIDATION ? OPP_E_CONFIG : rc, "%s: %s", path, why.message);
    explicit_bzero(pem, length);
    free(pem);
    return rc;
}

static enum opp_code save(const struct opp_sign_key *key, const char *path, struct opp_err *err)
{
    struct opp_buf pem = { 0 };
    enum opp_code rc = opp_sign_key_write(key, &pem, err);

    if (rc == OPP_OK)
        rc = opp_file_write(path, 0600, pem.bytes, pem.length, err);
    if (pem.bytes != NULL)
        explicit_bzero(pem.bytes, pem.length);
    opp_buf_free(&pem);
    return rc;
}

static enum opp_code make_key(const char *path, struct opp_sign_key **out, struct opp_err *err)
{
    struct opp_sign_key *key = NULL;
    enum opp_code rc = opp_sign_key_make(&key, err);

    if (rc == OPP_OK)
        rc = save(key, path, err);
    if (rc == OPP_OK)
        *out = key;
    else
        opp_sign_key_free(key);
    return rc;
}

enum opp_code opp_audit_key_open(const char *data_dir, bool make, struct opp_sign_key **out, bool *made,
                                 struct opp_err *err)
{
    char path[PATH_MAX];
    struct opp_err why = { 0 };
    enum opp_code rc;

    if (snprintf(path, sizeof path, "%s/" OPP_AUDIT_KEY_FILE, data_dir) >= (int)sizeof path)
        return opp_fail(err, OPP_E_IO, "the path of the data directory is too long");
    rc = opp_audit_key_load(path, out, &why);
    if (made != NULL)
        *made = rc == OPP_E_ABSENT && make;
    if (rc == OPP_E_ABSENT && make)
        return make_key(path, out, err);
    return rc == OPP_OK ? rc : opp_fail(err, rc, "%s", why.message);
}
