/* SPDX-License-Identifier: MIT */
#include "http/http_tls.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static X509 *make_certificate(EVP_PKEY *key, int64_t lifetime_s)
{
    X509 *certificate = X509_new();
    X509_NAME *name;

    assert_non_null(certificate);
    name = X509_get_subject_name(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), (long)lifetime_s);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static FILE *make_file(char path[64])
{
    FILE *file;
    int fd;

    snprintf(path, 64, "/tmp/opp-tls-XXXXXX");
    fd = mkstemp(path);
    file = fd >= 0 ? fdopen(fd, "w") : NULL;
    assert_non_null(file);
    return file;
}

struct tls_files tls_files_make(int64_t lifetime_s)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key, lifetime_s);
    struct tls_files files;
    FILE *file = make_file(files.certificate);

    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(file);
    file = make_file(files.key);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return files;
}

void tls_files_remove(const struct tls_files *files)
{
    unlink(files->certificate);
    unlink(files->key);
}
