/* SPDX-License-Identifier: MIT */
#include "adapter/upstream_internal.h"

#include "base/file.h"
#include "base/pem.h"

#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define CREDENTIAL_MAX_BYTES ((size_t)8 * 1024)
#define PEM_MAX_BYTES ((size_t)1024 * 1024)

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for an upstream");
}

/* What the operator named cannot be used, whatever the reason. */
static enum opp_code blame(const char *file, const char *problem, struct opp_err *err)
{
    return opp_fail_at(err, OPP_E_CONFIG, file, "%s", problem);
}

static enum opp_code read_file(const char *file, size_t max, struct opp_buf *out, struct opp_err *err)
{
    struct opp_err why = { 0 };
    char *bytes = NULL;
    size_t length = 0;
    enum opp_code rc = opp_file_read(file, max, &bytes, &length, &why);

    if (rc == OPP_E_MEMORY)
        return no_memory(err);
    if (rc != OPP_OK)
        return opp_fail_at(err, OPP_E_CONFIG, file, "%s", why.message);
    *out = (struct opp_buf){ .bytes = bytes, .length = length, .capacity = length };
    return OPP_OK;
}

static void forget(char *text)
{
    if (text != NULL)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

static enum opp_code make_field(const struct opp_upstream_settings *settings, const char *secret, const char *origin,
                                char **out, struct opp_err *err)
{
    const char *prefix = settings->credential_prefix != NULL ? settings->credential_prefix : "";
    size_t length = strcspn(secret, "\r\n");
    char *field = NULL;

    if (secret[length + strspn(secret + length, "\r\n")] != '\0' || length == 0 || length > CREDENTIAL_MAX_BYTES)
        return blame(origin, "a credential is one line, and not empty", err);
    if (asprintf(&field, "%s: %s%.*s", settings->credential_header, prefix, (int)length, secret) < 0)
        return no_memory(err);
    if (!opp_upstream_is_value(field)) {
        forget(field);
        return blame(origin, "a credential must not have control bytes", err);
    }
    *out = field;
    return OPP_OK;
}

static enum opp_code read_secret_file(const struct opp_upstream_settings *settings, char **out, struct opp_err *err)
{
    const char *file = settings->credential_file;
    struct opp_buf bytes = { 0 };
    enum opp_code rc = read_file(file, CREDENTIAL_MAX_BYTES, &bytes, err);

    if (rc != OPP_OK || bytes.bytes == NULL)
        return rc;
    if (strlen(bytes.bytes) != bytes.length)
        rc = blame(file, "a credential must not have control bytes", err);
    else
        rc = make_field(settings, bytes.bytes, file, out, err);
    OPENSSL_cleanse(bytes.bytes, bytes.length);
    opp_buf_free(&bytes);
    return rc;
}

static enum opp_code read_credential(const struct opp_upstream_settings *settings, char **out, struct opp_err *err)
{
    const char *value;

    if (settings->credential_header == NULL)
        return OPP_OK;
    if (settings->credential_file != NULL)
        return read_secret_file(settings, out, err);
    value = getenv(settings->credential_env);
    if (value == NULL)
        return blame(settings->credential_env, "a variable of the environment that is not set", err);
    return make_field(settings, value, settings->credential_env, out, err);
}

/* Gives the first certificate in the bytes; NULL: there is none. */
static X509 *certificate_of(const struct opp_buf *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->bytes, (int)pem->length);
    X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, opp_pem_no_password, NULL) : NULL;

    BIO_free(bio);
    return certificate;
}

static EVP_PKEY *key_of(const struct opp_buf *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->bytes, (int)pem->length);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, opp_pem_no_password, NULL) : NULL;

    BIO_free(bio);
    return key;
}

/* What OpenSSL could not use, unless memory was out. */
static enum opp_code refuse_pem(const char *file, const char *problem, struct opp_err *err)
{
    return opp_pem_starved() ? no_memory(err) : blame(file, problem, err);
}

static enum opp_code read_ca(const char *file, struct opp_buf *out, struct opp_err *err)
{
    X509 *certificate;
    enum opp_code rc;

    if (file == NULL)
        return OPP_OK;
    rc = read_file(file, PEM_MAX_BYTES, out, err);
    if (rc != OPP_OK)
        return rc;
    certificate = certificate_of(out);
    if (certificate == NULL)
        return refuse_pem(file, "no certificate that can be used", err);
    X509_free(certificate);
    return OPP_OK;
}

static enum opp_code check_pair(const struct opp_upstream_settings *settings, const struct opp_upstream_files *files,
                                struct opp_err *err)
{
    X509 *certificate = certificate_of(&files->certificate);
    EVP_PKEY *key = key_of(&files->key);
    enum opp_code rc = OPP_OK;

    if (certificate == NULL)
        rc = refuse_pem(settings->client_certificate, "no certificate that can be used", err);
    else if (key == NULL || X509_check_private_key(certificate, key) != 1)
        rc = refuse_pem(settings->client_key, "no key that can be used with the certificate", err);
    EVP_PKEY_free(key);
    X509_free(certificate);
    return rc;
}

static enum opp_code read_pair(const struct opp_upstream_settings *settings, struct opp_upstream_files *files,
                               struct opp_err *err)
{
    enum opp_code rc;

    if (settings->client_certificate == NULL)
        return OPP_OK;
    rc = read_file(settings->client_certificate, PEM_MAX_BYTES, &files->certificate, err);
    if (rc == OPP_OK)
        rc = read_file(settings->client_key, PEM_MAX_BYTES, &files->key, err);
    return rc == OPP_OK ? check_pair(settings, files, err) : rc;
}

enum opp_code opp_upstream_files_read(const struct opp_upstream_settings *settings, struct opp_upstream_files **out,
                                      struct opp_err *err)
{
    struct opp_upstream_files *files = calloc(1, sizeof *files);
    enum opp_code rc;

    if (files == NULL)
        return no_memory(err);
    atomic_init(&files->references, 1);
    rc = read_credential(settings, &files->credential, err);
    if (rc == OPP_OK)
        rc = read_ca(settings->ca_file, &files->ca, err);
    if (rc == OPP_OK)
        rc = read_pair(settings, files, err);
    if (rc == OPP_OK)
        *out = files;
    else
        opp_upstream_files_unref(files);
    return rc;
}

void opp_upstream_files_unref(struct opp_upstream_files *files)
{
    if (files == NULL || atomic_fetch_sub(&files->references, 1) > 1)
        return;
    forget(files->credential);
    if (files->key.bytes != NULL)
        OPENSSL_cleanse(files->key.bytes, files->key.length);
    opp_buf_free(&files->ca);
    opp_buf_free(&files->certificate);
    opp_buf_free(&files->key);
    free(files);
}
