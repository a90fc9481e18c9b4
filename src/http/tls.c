/* SPDX-License-Identifier: MIT */
#include "http/tls.h"

#include "base/pem.h"
#include "base/text.h"
#include "http/connection.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Of TLS 1.2; those of 1.3 are all fit. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

struct opp_tls {
    pthread_mutex_t lock; /* over context, which a reload exchanges */
    SSL_CTX *context;
    char *certificate, *key;
};

/* The protocol that is spoken here, as ALPN writes it (RFC 7301): a client that speaks others only, which a proxy may
 * have led astray, is sent away. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *offered,
                           unsigned offered_length, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, length, ours, sizeof ours - 1, offered, offered_length) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void on_progress(const SSL *ssl, int where, int value)
{
    struct opp_connection *connection = SSL_get_app_data(ssl);

    (void)value;
    if ((where & SSL_CB_HANDSHAKE_DONE) != 0 && connection != NULL)
        opp_connection_secured(connection);
}

/* Nothing is resumed: tickets would be sealed with one key for as long as the process lives. */
static bool configure(SSL_CTX *context)
{
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_info_callback(context, on_progress);
    SSL_CTX_set_default_passwd_cb(context, opp_pem_no_password);
    return SSL_CTX_set_num_tickets(context, 0) == 1 && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, CIPHERS) == 1;
}

/* The first error is what happened; those after it say who noticed. NULL: nothing is known. */
static const char *reason_of_failure(void)
{
    unsigned long first = ERR_peek_error();

    if (ERR_SYSTEM_ERROR(first))
        return strerrordesc_np(ERR_GET_REASON(first));
    if (ERR_GET_REASON(first) == ERR_R_INTERRUPTED_OR_CANCELLED)
        return "it has a password"; /* which opp_pem_no_password did not give */
    return ERR_reason_error_string(first);
}

static enum opp_code blame(const char *file, const char *problem, struct opp_err *err)
{
    const char *reason = reason_of_failure();
    enum opp_code rc = opp_pem_starved() ? OPP_E_MEMORY : OPP_E_CONFIG;

    return opp_fail_at(err, rc, file, "%s%s%s", problem, reason != NULL ? ": " : "", reason != NULL ? reason : "");
}

static enum opp_code use_files(SSL_CTX *context, const struct opp_tls *tls, struct opp_err *err)
{
    if (SSL_CTX_use_certificate_chain_file(context, tls->certificate) != 1)
        return blame(tls->certificate, "no certificate that can be used", err);
    if (SSL_CTX_use_PrivateKey_file(context, tls->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return blame(tls->key, "no key that can be used with the certificate", err);
    return OPP_OK;
}

static enum opp_code make_context(const struct opp_tls *tls, SSL_CTX **out, struct opp_err *err)
{
    SSL_CTX *context;
    enum opp_code rc;

    ERR_clear_error();
    context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || !configure(context))
        rc = opp_fail(err, OPP_E_MEMORY, "no memory for TLS");
    else
        rc = use_files(context, tls, err);
    if (rc == OPP_OK)
        *out = context;
    else
        SSL_CTX_free(context);
    return rc;
}

enum opp_code opp_tls_open(const char *certificate, const char *key, struct opp_tls **out, struct opp_err *err)
{
    struct opp_tls *tls = calloc(1, sizeof *tls);
    bool failed = false;
    enum opp_code rc;

    if (tls == NULL || pthread_mutex_init(&tls->lock, NULL) != 0) {
        free(tls);
        return opp_fail(err, OPP_E_MEMORY, "no memory for TLS");
    }
    tls->certificate = opp_text_copy(certificate, &failed);
    tls->key = opp_text_copy(key, &failed);
    rc = failed ? opp_fail(err, OPP_E_MEMORY, "no memory for TLS") : make_context(tls, &tls->context, err);
    if (rc == OPP_OK)
        *out = tls;
    else
        opp_tls_free(tls);
    return rc;
}

void opp_tls_free(struct opp_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    pthread_mutex_destroy(&tls->lock);
    free(tls->certificate);
    free(tls->key);
    free(tls);
}

enum opp_code opp_tls_reload(struct opp_tls *tls, struct opp_err *err)
{
    SSL_CTX *made = NULL, *old;
    enum opp_code rc = make_context(tls, &made, err);

    if (rc != OPP_OK)
        return rc;
    pthread_mutex_lock(&tls->lock);
    old = tls->context;
    tls->context = made;
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old);
    return OPP_OK;
}

int64_t opp_tls_ends_s(struct opp_tls *tls)
{
    struct tm parts = { 0 };

    pthread_mutex_lock(&tls->lock);
    if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(tls->context)), &parts) != 1)
        parts.tm_year = 70;
    pthread_mutex_unlock(&tls->lock);
    return timegm(&parts);
}

static SSL *new_session(struct opp_tls *tls)
{
    SSL *ssl;

    pthread_mutex_lock(&tls->lock);
    ssl = SSL_new(tls->context);
    pthread_mutex_unlock(&tls->lock);
    return ssl;
}

struct bufferevent *opp_tls_bufferevent(struct opp_tls *tls, struct event_base *base)
{
    SSL *ssl = new_session(tls);
    struct bufferevent *events;

    if (ssl == NULL)
        return NULL;
    /* It takes the session, also on failure. */
    events = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (events != NULL)
        bufferevent_openssl_set_allow_dirty_shutdown(events, 1);
    return events;
}

void opp_tls_attach(struct bufferevent *events, struct opp_connection *connection)
{
    SSL *ssl = bufferevent_openssl_get_ssl(events);

    if (ssl != NULL)
        SSL_set_app_data(ssl, connection);
}

void opp_tls_say_goodbye(struct bufferevent *events)
{
    SSL *ssl = bufferevent_openssl_get_ssl(events);

    if (ssl == NULL || !SSL_is_init_finished(ssl))
        return;
    ERR_clear_error();
    SSL_shutdown(ssl);
    ERR_clear_error();
}
