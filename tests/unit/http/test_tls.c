/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/file.h"
#include "http/http_client.h"
#include "http/http_server.h"
#include "http/http_tls.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: test\r\n\r\n"
#define HANDSHAKE_MS 400

static struct opp_tls *tls;
static struct tls_files files;

static int start(void **state)
{
    struct opp_http_settings settings = SERVER_SETTINGS;

    settings.handshake_timeout_ms = HANDSHAKE_MS;
    settings.idle_timeout_ms = 5000;
    files = tls_files_make(3600);
    assert_int_equal(opp_tls_open(files.certificate, files.key, &tls, NULL), OPP_OK);
    client_speak_tls(false);
    return server_start_with(state, &settings, &(struct opp_http_context){ .tls = tls });
}

static int stop(void **state)
{
    server_stop(state);
    opp_tls_free(tls);
    tls_files_remove(&files);
    return 0;
}

static void expect_shared(struct client *client)
{
    struct reply reply = client_ask(client, GET("/shared"));

    assert_int_equal(reply.status, 200);
    assert_true(reply_has(&reply, OPP_TLS_HSTS));
    client_free_reply(&reply);
}

/* Whether the server has ended it, before it would for another reason. */
static bool is_closed(struct client *client)
{
    char byte;

    return recv(client->fd, &byte, 1, 0) <= 0;
}

static void both_versions_are_spoken_and_answers_tell_to_come_back_by_them(void **state)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    const struct test_server *server = *state;

    for (int i = 0; i < 2; i++) {
        struct client client = client_connect(server->port);

        assert_true(client_begin_tls(&client, versions[i]));
        assert_int_equal(SSL_version(client.tls), versions[i]);
        expect_shared(&client);
        expect_shared(&client);
        client_close(&client);
    }
}

static void older_versions_are_refused(void **state)
{
    static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION };
    const struct test_server *server = *state;

    for (int i = 0; i < 2; i++) {
        struct client client = client_connect(server->port);

        assert_false(client_begin_tls(&client, versions[i]));
        assert_true(is_closed(&client));
        client_close(&client);
    }
}

static void nothing_can_be_renegotiated_or_resumed(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);

    assert_true(client_begin_tls(&client, TLS1_2_VERSION));
    expect_shared(&client);
    assert_false(SSL_SESSION_has_ticket(SSL_get0_session(client.tls)));
    assert_false(SSL_SESSION_is_resumable(SSL_get0_session(client.tls)));
    assert_int_equal(SSL_renegotiate(client.tls), 1);
    assert_int_not_equal(SSL_do_handshake(client.tls), 1);
    client_close(&client);
}

static void a_client_that_speaks_in_the_clear_is_sent_away(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);
    char log[4096];

    client_send_text(&client, GET("/shared"));
    assert_true(is_closed(&client));
    assert_null(strstr(server_log(*state, log, sizeof log), "request.done"));
    client_close(&client);
}

/* A first flight that never gets whole, a byte at a time, does not put the deadline off. */
static void a_handshake_that_does_not_end_is_ended(void **state)
{
    static const char start_of_hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    const struct test_server *server = *state;
    struct client silent = client_connect(server->port), slow = client_connect(server->port);
    int64_t began_ms = opp_monotonic_ms();
    ssize_t sent = 1;

    for (size_t i = 0; sent > 0 && opp_monotonic_ms() - began_ms < 4000; i++) {
        sent = send(slow.fd, &start_of_hello[i < 10 ? i : 10], 1, MSG_NOSIGNAL);
        usleep(50000);
    }
    assert_true(sent <= 0);
    assert_true(is_closed(&silent));
    assert_true(opp_monotonic_ms() - began_ms >= HANDSHAKE_MS);
    client_close(&silent);
    client_close(&slow);
}

static void who_has_shaken_hands_may_think_for_longer(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);

    assert_true(client_begin_tls(&client, 0));
    usleep((HANDSHAKE_MS + 300) * 1000);
    expect_shared(&client);
    client_close(&client);
}

/* The one who has many hanging still answers others. */
static void many_handshakes_that_hang_do_not_keep_others_out(void **state)
{
    const struct test_server *server = *state;
    struct client hanging[100], client;

    for (int i = 0; i < 100; i++)
        hanging[i] = client_connect(server->port);
    client = client_connect(server->port);
    assert_true(client_begin_tls(&client, 0));
    expect_shared(&client);
    client_close(&client);
    for (int i = 0; i < 100; i++)
        client_close(&hanging[i]);
}

static void a_large_answer_and_one_that_waits_come_whole(void **state)
{
    struct test_server *server = *state;
    struct client client = client_connect(server->port), waiting = client_connect(server->port);
    struct reply reply;

    assert_true(client_begin_tls(&client, 0));
    reply = client_ask(&client, GET("/large"));
    assert_true(reply.length > 300000);
    client_free_reply(&reply);
    client_close(&client);
    assert_true(client_begin_tls(&waiting, 0));
    client_send_text(&waiting, GET("/later"));
    await(&server->held_one);
    client_close(&waiting);
    await(&server->gone);
    opp_request_answer(server->held, json_null());
}

/* The key of a certificate's owner, as text that tells two apart. */
static void read_serial(struct client *client, char text[80])
{
    X509 *certificate = SSL_get1_peer_certificate(client->tls);
    const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(certificate);

    for (int i = 0; i < 32; i++)
        snprintf(text + i * 2, 3, "%02x", ASN1_STRING_get0_data(key)[i + 1]);
    X509_free(certificate);
}

static void copy_file(const char *from, const char *to)
{
    char *text = NULL;
    size_t length = 0;

    assert_int_equal(opp_file_read(from, 65536, &text, &length, NULL), OPP_OK);
    assert_int_equal(opp_file_write(to, 0600, text, length, NULL), OPP_OK);
    free(text);
}

static void use_files(const struct tls_files *new)
{
    copy_file(new->certificate, files.certificate);
    copy_file(new->key, files.key);
}

static void serial_now(const struct test_server *server, char text[80])
{
    struct client client = client_connect(server->port);

    assert_true(client_begin_tls(&client, 0));
    read_serial(&client, text);
    client_close(&client);
}

static void a_new_certificate_is_used_by_who_comes_after_it(void **state)
{
    const struct test_server *server = *state;
    struct tls_files new = tls_files_make(7200);
    struct client open = client_connect(server->port);
    char old[80], now[80];

    assert_true(client_begin_tls(&open, 0));
    read_serial(&open, old);
    assert_in_range(opp_tls_ends_s(tls), time(NULL) + 3500, time(NULL) + 3600);
    use_files(&new);
    assert_int_equal(opp_tls_reload(tls, NULL), OPP_OK);
    assert_in_range(opp_tls_ends_s(tls), time(NULL) + 7100, time(NULL) + 7200);
    serial_now(server, now);
    assert_string_not_equal(old, now);
    expect_shared(&open);
    client_close(&open);
    tls_files_remove(&new);
}

static void a_certificate_that_cannot_be_used_changes_nothing(void **state)
{
    const struct test_server *server = *state;
    struct tls_files other = tls_files_make(7200);
    struct opp_err err = { 0 };
    char before[80], after[80];

    serial_now(server, before);
    copy_file(other.key, files.key);
    assert_int_equal(opp_tls_reload(tls, &err), OPP_E_CONFIG);
    assert_string_equal(err.where, files.key);
    err = (struct opp_err){ 0 };
    assert_int_equal(opp_file_write(files.certificate, 0600, "none\n", 5, NULL), OPP_OK);
    assert_int_equal(opp_tls_reload(tls, &err), OPP_E_CONFIG);
    assert_string_equal(err.where, files.certificate);
    unlink(files.certificate);
    assert_int_equal(opp_tls_reload(tls, NULL), OPP_E_CONFIG);
    serial_now(server, after);
    assert_string_equal(before, after);
    tls_files_remove(&other);
}

/* Writes a key that has a password. */
static void write_locked_key(const char *path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    const unsigned char password[] = "secret";
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), password, 6, NULL, NULL), 1);
    fclose(file);
    EVP_PKEY_free(key);
}

static void why_a_file_cannot_be_used_is_said(void **state)
{
    struct tls_files wrong = tls_files_make(3600);
    struct opp_tls *opened = NULL;
    struct opp_err err = { 0 };

    (void)state;
    write_locked_key(wrong.key);
    assert_int_equal(opp_tls_open(wrong.certificate, wrong.key, &opened, &err), OPP_E_CONFIG);
    assert_string_equal(err.where, wrong.key);
    assert_string_equal(err.message, "no key that can be used with the certificate: it has a password");
    unlink(wrong.key);
    err = (struct opp_err){ 0 };
    assert_int_equal(opp_tls_open(wrong.certificate, wrong.key, &opened, &err), OPP_E_CONFIG);
    assert_string_equal(err.message, "no key that can be used with the certificate: No such file or directory");
    assert_null(opened);
    tls_files_remove(&wrong);
}

static void who_speaks_another_protocol_only_is_sent_away(void **state)
{
    static const struct {
        const char *offered;
        unsigned length;
        bool taken;
    } cases[] = { { "\x02h2", 3, false }, { "\x02h2\x08http/1.1", 12, true } };
    const struct test_server *server = *state;

    for (int i = 0; i < 2; i++) {
        struct client client = client_connect(server->port);
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());

        client.tls = SSL_new(context);
        SSL_CTX_free(context);
        SSL_set_alpn_protos(client.tls, (const unsigned char *)cases[i].offered, cases[i].length);
        SSL_set_fd(client.tls, client.fd);
        assert_int_equal(SSL_connect(client.tls) == 1, cases[i].taken);
        client_close(&client);
    }
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(both_versions_are_spoken_and_answers_tell_to_come_back_by_them),
        SERVED(older_versions_are_refused),
        SERVED(nothing_can_be_renegotiated_or_resumed),
        SERVED(a_client_that_speaks_in_the_clear_is_sent_away),
        SERVED(a_handshake_that_does_not_end_is_ended),
        SERVED(who_has_shaken_hands_may_think_for_longer),
        SERVED(many_handshakes_that_hang_do_not_keep_others_out),
        SERVED(a_large_answer_and_one_that_waits_come_whole),
        SERVED(a_new_certificate_is_used_by_who_comes_after_it),
        SERVED(a_certificate_that_cannot_be_used_changes_nothing),
        cmocka_unit_test(why_a_file_cannot_be_used_is_said),
        SERVED(who_speaks_another_protocol_only_is_sent_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
