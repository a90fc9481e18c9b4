/* SPDX-License-Identifier: MIT
 *
 * What is said to an upstream over TLS is said to that one only.
 */
#include "adapter/upstream_fixture.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define DAY_S (24 * 60 * 60)

static struct upstream_fixture f;
static SSL_CTX *server;
static char directory[] = "/tmp/opp-tls-XXXXXX";

/* A certificate that signs itself: its name, a host or an address, and the days of its life from now. */
struct identity {
    const char *file; /* PEM: its key besides */
    const char *alternative;
    int from_days, to_days;
};

static const struct identity RIGHT = { "right.pem", "IP:127.0.0.1", -1, 1 };
static const struct identity STRANGER = { "stranger.pem", "IP:127.0.0.1", -1, 1 };
static const struct identity ANOTHER_HOST = { "another.pem", "DNS:crm.example.com", -1, 1 };
static const struct identity OLD = { "old.pem", "IP:127.0.0.1", -3, -1 };

static const char *path_of(const struct identity *identity)
{
    static char paths[4][64];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", directory, identity->file);
    return path;
}

static void make(const struct identity *identity)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, identity->alternative);
    FILE *file = fopen(path_of(identity), "w");

    assert_true(key != NULL && certificate != NULL && extension != NULL && file != NULL);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), identity->from_days * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(certificate), identity->to_days * DAY_S);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)identity->file, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_add_ext(certificate, extension, -1);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_EXTENSION_free(extension);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static int make_all(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    make(&RIGHT);
    make(&STRANGER);
    make(&ANOTHER_HOST);
    make(&OLD);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    unlink(path_of(&RIGHT));
    unlink(path_of(&STRANGER));
    unlink(path_of(&ANOTHER_HOST));
    unlink(path_of(&OLD));
    return rmdir(directory);
}

static void answer_by_tls(struct fake_upstream *fake, int fd)
{
    SSL *ssl = SSL_new(server);
    char bytes[FAKE_REQUEST_MAX];

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1)
        while (SSL_read(ssl, bytes, sizeof bytes) > 0) {
            atomic_fetch_add(&fake->requests, 1);
            SSL_write(ssl, ANSWER, sizeof ANSWER - 1);
        }
    SSL_free(ssl);
}

static void begin(const struct identity *identity, const struct identity *trusted,
                  void (*serve)(struct fake_upstream *fake, int fd))
{
    server = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate_file(server, path_of(identity), SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(server, path_of(identity), SSL_FILETYPE_PEM), 1);
    upstream_begin(&f, serve, NULL);
    snprintf(f.fake.base_url, sizeof f.fake.base_url, "https://127.0.0.1:%u", f.fake.port);
    f.settings.timeout_ms = 3000;
    f.settings.ca_file = trusted != NULL ? path_of(trusted) : NULL;
}

static enum opp_upstream_outcome ask(const char *method)
{
    struct opp_upstream_request request = upstream_request(&f, method, "/x");

    upstream_send(&f, &request, 1);
    opp_upstream_close(&request);
    return request.outcome;
}

static void end(void)
{
    upstream_end(&f);
    SSL_CTX_free(server);
}

static void assert_not_sent(void)
{
    assert_int_equal(ask("POST"), OPP_UPSTREAM_NOT_SENT);
    end();
    assert_int_equal(atomic_load(&f.fake.requests), 0);
}

static void an_upstream_whose_certificate_fits_is_asked(void **state)
{
    (void)state;
    begin(&RIGHT, &RIGHT, answer_by_tls);
    upstream_open(&f);
    assert_int_equal(ask("GET"), OPP_UPSTREAM_ANSWERED);
    assert_int_equal(ask("GET"), OPP_UPSTREAM_ANSWERED);
    assert_int_equal(atomic_load(&f.fake.connections), 1); /* reads share one */
    assert_int_equal(ask("POST"), OPP_UPSTREAM_ANSWERED);
    assert_int_equal(atomic_load(&f.fake.connections), 2);
    end();
}

static void one_whose_certificate_does_not_fit_is_told_nothing(void **state)
{
    static const struct {
        const struct identity *identity, *trusted;
    } wrong[] = {
        { &STRANGER, &RIGHT }, /* signed by somebody else */
        { &RIGHT, NULL },      /* whom the system does not know */
        { &ANOTHER_HOST, &ANOTHER_HOST },
        { &OLD, &OLD },
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        begin(wrong[i].identity, wrong[i].trusted, answer_by_tls);
        upstream_open(&f);
        assert_not_sent();
    }
}

static void one_that_speaks_only_what_is_too_old_is_told_nothing(void **state)
{
    (void)state;
    begin(&RIGHT, &RIGHT, answer_by_tls);
    SSL_CTX_set_security_level(server, 0);
    SSL_CTX_set_min_proto_version(server, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(server, TLS1_1_VERSION);
    upstream_open(&f);
    assert_not_sent();
    begin(&RIGHT, &RIGHT, answer_by_tls);
    SSL_CTX_set_max_proto_version(server, TLS1_2_VERSION);
    upstream_open(&f);
    assert_int_equal(ask("POST"), OPP_UPSTREAM_ANSWERED);
    end();
}

static void wait_only(struct fake_upstream *fake, int fd)
{
    fake_upstream_wait(fake, fd);
}

static void say_no_tls(struct fake_upstream *fake, int fd)
{
    if (fake_upstream_say(fd, ANSWER))
        fake_upstream_wait(fake, fd);
}

static void one_whose_handshake_does_not_end_is_told_nothing(void **state)
{
    static void (*const serves[])(struct fake_upstream * fake, int fd) = { wait_only, say_no_tls };

    (void)state;
    for (size_t i = 0; i < sizeof serves / sizeof *serves; i++) {
        begin(&RIGHT, &RIGHT, serves[i]);
        f.settings.connect_timeout_ms = 200;
        upstream_open(&f);
        assert_not_sent();
    }
}

static void one_that_asks_for_a_certificate_is_shown_the_configured_one(void **state)
{
    (void)state;
    for (int shown = 0; shown <= 1; shown++) {
        begin(&RIGHT, &RIGHT, answer_by_tls);
        SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_CTX_load_verify_file(server, path_of(&STRANGER));
        if (shown)
            f.settings.client_certificate = f.settings.client_key = path_of(&STRANGER);
        upstream_open(&f);
        if (shown)
            assert_int_equal(ask("POST"), OPP_UPSTREAM_ANSWERED);
        else
            assert_int_not_equal(ask("POST"), OPP_UPSTREAM_ANSWERED);
        end();
        assert_int_equal(atomic_load(&f.fake.requests), shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upstream_whose_certificate_fits_is_asked),
        cmocka_unit_test(one_whose_certificate_does_not_fit_is_told_nothing),
        cmocka_unit_test(one_that_speaks_only_what_is_too_old_is_told_nothing),
        cmocka_unit_test(one_whose_handshake_does_not_end_is_told_nothing),
        cmocka_unit_test(one_that_asks_for_a_certificate_is_shown_the_configured_one),
    };

    return cmocka_run_group_tests_name("upstream tls", tests, make_all, remove_all);
}
