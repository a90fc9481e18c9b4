/* SPDX-License-Identifier: MIT */
#include "adapter/upstream_internal.h"

#include "base/loop.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20" /* of TLS 1.2; those of 1.3 are all fit */
#define VALUE_MAX_BYTES 4096
#define IDLE_MAX_S 60L
#define RESOLVED_MAX_S 60L
#define SAFE_SENDS_MAX 2

/* What a request may be called, whether it may be sent again, and whether its answer has a body. */
static const struct method {
    const char *name;
    bool safe, head;
} METHODS[] = {
    { "GET", true, false },  { "HEAD", true, true },    { "POST", false, false },
    { "PUT", false, false }, { "PATCH", false, false }, { "DELETE", false, false },
};

/* Of every request. curl's own ideas of redirects, proxies, cookies, passwords, compression and newer versions of HTTP
 * would each send or take what nobody here asked for. */
static const struct {
    CURLoption option;
    long value;
} NUMBERS[] = {
    { CURLOPT_NOSIGNAL, 1L },
    { CURLOPT_QUICK_EXIT, 1L }, /* who is cancelled does not wait for the resolver's thread */
    { CURLOPT_FOLLOWLOCATION, 0L },
    { CURLOPT_NETRC, CURL_NETRC_IGNORED },
    { CURLOPT_PATH_AS_IS, 1L },
    { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
    { CURLOPT_HTTP09_ALLOWED, 0L },
    { CURLOPT_HTTP_CONTENT_DECODING, 0L },
    { CURLOPT_SSL_VERIFYPEER, 1L },
    { CURLOPT_SSL_VERIFYHOST, 2L },
    { CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
    { CURLOPT_DNS_CACHE_TIMEOUT, RESOLVED_MAX_S },
    { CURLOPT_MAXAGE_CONN, IDLE_MAX_S },
};

static const struct {
    CURLoption option;
    const char *value;
} TEXTS[] = {
    { CURLOPT_PROXY, "" }, /* none, whatever the environment says */
    { CURLOPT_NOPROXY, "*" },
    { CURLOPT_USERAGENT, "oppd/" OPP_VERSION },
    { CURLOPT_SSL_CIPHER_LIST, CIPHERS },
};

static const struct method *find_method(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof METHODS / sizeof *METHODS; i++)
        if (strcmp(METHODS[i].name, name) == 0)
            return &METHODS[i];
    return NULL;
}

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for a request");
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct opp_upstream_transfer *transfer = arg;

    transfer->broken = opp_upstream_head_line(&transfer->head, line, size * count);
    return transfer->broken == NULL ? size * count : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct opp_upstream_transfer *transfer = arg;
    struct opp_buf *answer = &transfer->request->answer;
    size_t length = size * count;

    if (length > (size_t)transfer->request->upstream->settings.response_max_bytes - answer->length) {
        transfer->broken = "more bytes than response_max_bytes allows";
        return 0;
    }
    opp_buf_add(answer, bytes, length);
    if (answer->failed)
        transfer->broken = "more bytes than there is memory for";
    return answer->failed ? 0 : length;
}

/* A connection that was kept, on which something has come, or its end, since: whatever that is, it is no answer to what
 * leaves now, but curl would take it for one. */
static bool is_spoilt(const struct opp_upstream_transfer *transfer, int port)
{
    long made = 0;

    return curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &made) == CURLE_OK && made == 0 &&
           opp_upstream_kept_is_spoilt(&transfer->client->kept, port);
}

/* Once a connection stands, and before a byte of the request leaves; again, where curl would send it again on another
 * connection because one that was kept had died. */
static int on_sending(void *arg, char *address, char *own_address, int port, int own_port)
{
    struct opp_upstream_transfer *transfer = arg;
    size_t max = transfer->safe ? SAFE_SENDS_MAX : 1;

    (void)address;
    (void)own_address;
    (void)port;
    transfer->again = is_spoilt(transfer, own_port);
    if (transfer->again)
        return CURL_PREREQFUNC_ABORT;
    if (transfer->sends == max) {
        transfer->broken = "a connection that was closed";
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->sends++;
    return CURL_PREREQFUNC_OK;
}

static enum opp_code add_line(struct opp_upstream_transfer *transfer, const char *line)
{
    struct curl_slist *more = curl_slist_append(transfer->fields, line);

    if (more == NULL)
        return OPP_E_MEMORY;
    transfer->fields = more;
    return OPP_OK;
}

static enum opp_code add_field(struct opp_upstream_transfer *transfer, const char *name, const char *value,
                               struct opp_err *err)
{
    char *line = NULL;
    enum opp_code rc;

    if (value == NULL)
        return OPP_OK;
    if (!opp_upstream_is_value(value) || strlen(value) > VALUE_MAX_BYTES)
        return opp_fail(err, OPP_E_VALIDATION, "the %s of a request is not well-formed", name);
    if (asprintf(&line, "%s: %s", name, value) < 0)
        return no_memory(err);
    rc = add_line(transfer, line);
    free(line);
    return rc == OPP_OK ? OPP_OK : no_memory(err);
}

static enum opp_code add_fields(struct opp_upstream_transfer *transfer, struct opp_err *err)
{
    const struct opp_upstream_request *request = transfer->request;
    enum opp_code rc = add_field(transfer, "Accept", "application/json", err);

    if (rc == OPP_OK && request->body != NULL)
        rc = add_field(transfer, "Content-Type", "application/json", err);
    else if (rc == OPP_OK && add_line(transfer, "Content-Type:") != OPP_OK) /* none: curl would say that it is a form */
        rc = no_memory(err);
    if (rc == OPP_OK)
        rc = add_field(transfer, "Idempotency-Key", request->idempotency_key, err);
    if (rc == OPP_OK)
        rc = add_field(transfer, "If-Match", request->if_match, err);
    if (rc == OPP_OK)
        rc = add_field(transfer, "traceparent", request->traceparent, err);
    if (rc == OPP_OK && add_line(transfer, "Expect:") != OPP_OK) /* no waiting for 100 Continue */
        rc = no_memory(err);
    if (rc == OPP_OK && transfer->files->credential != NULL &&
        add_line(transfer, transfer->files->credential) != OPP_OK)
        rc = no_memory(err);
    return rc;
}

static bool set_common(CURL *easy)
{
    bool set = true;

    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++)
        set = curl_easy_setopt(easy, NUMBERS[i].option, NUMBERS[i].value) == CURLE_OK && set;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        set = curl_easy_setopt(easy, TEXTS[i].option, TEXTS[i].value) == CURLE_OK && set;
    return set;
}

static bool set_blob(CURL *easy, CURLoption option, const struct opp_buf *bytes)
{
    struct curl_blob blob = { .data = bytes->bytes, .len = bytes->length, .flags = CURL_BLOB_NOCOPY };

    return bytes->length == 0 || curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

/* Of its own CA only: the system's directory would count besides the blob. */
static bool set_trust(const struct opp_upstream_transfer *transfer)
{
    const struct opp_upstream_files *files = transfer->files;
    CURL *easy = transfer->easy;
    bool set = set_blob(easy, CURLOPT_CAINFO_BLOB, &files->ca) &&
               set_blob(easy, CURLOPT_SSLCERT_BLOB, &files->certificate) &&
               set_blob(easy, CURLOPT_SSLKEY_BLOB, &files->key);

    if (files->ca.length > 0)
        set = curl_easy_setopt(easy, CURLOPT_CAINFO, NULL) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK && set;
    return set;
}

static bool set_callbacks(struct opp_upstream_transfer *transfer)
{
    CURL *easy = transfer->easy;

    return curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->why) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_sending) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer) == CURLE_OK;
}

static bool set_body(struct opp_upstream_transfer *transfer, const struct method *method)
{
    const struct opp_upstream_request *request = transfer->request;
    CURL *easy = transfer->easy;

    if (method->head)
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    if (request->body == NULL && strcmp(method->name, "POST") != 0 && strcmp(method->name, "PUT") != 0 &&
        strcmp(method->name, "PATCH") != 0)
        return true;
    return curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "") == CURLE_OK;
}

/* What changes something goes over a connection of its own: one that was kept may be closed by the other side while the
 * request leaves, and then nobody knows whether it was seen. */
static bool set_request(struct opp_upstream_transfer *transfer, const struct method *method)
{
    const struct opp_upstream *upstream = transfer->request->upstream;
    CURL *easy = transfer->easy;

    return set_body(transfer, method) &&
           (method->head || curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method->name) == CURLE_OK) &&
           curl_easy_setopt(easy, CURLOPT_URL, transfer->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, upstream->tls ? "https" : "http") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->fields) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, method->safe ? 0L : 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)upstream->settings.connect_timeout_ms) == CURLE_OK;
}

enum opp_code opp_upstream_transfer_prepare(struct opp_upstream_transfer *transfer, struct opp_err *err)
{
    struct opp_upstream_request *request = transfer->request;
    const struct method *method = find_method(request->method);
    enum opp_code rc;

    if (method == NULL || (method->safe && request->body != NULL))
        return opp_fail(err, OPP_E_VALIDATION, "the method of a request is not known, or takes no body");
    transfer->safe = method->safe;
    transfer->files = opp_upstream_files_pin(request->upstream);
    rc = opp_upstream_url(request->upstream, request->path, request->query, &transfer->url, err);
    if (rc == OPP_OK)
        rc = add_fields(transfer, err);
    if (rc != OPP_OK)
        return rc;
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL || !set_common(transfer->easy) || !set_trust(transfer) || !set_callbacks(transfer) ||
        !set_request(transfer, method))
        return no_memory(err);
    return OPP_OK;
}

static void fail(struct opp_upstream_transfer *transfer, enum opp_code code, const char *why)
{
    struct opp_upstream_request *request = transfer->request;

    request->outcome = transfer->sends > 0 ? OPP_UPSTREAM_UNKNOWN : OPP_UPSTREAM_NOT_SENT;
    opp_fail(&request->err, code, "the upstream %s: %s", request->upstream->settings.name, why);
    opp_buf_free(&request->answer);
}

static void answer(struct opp_upstream_transfer *transfer)
{
    struct opp_upstream_request *request = transfer->request;
    struct opp_upstream_head *head = &transfer->head;
    curl_off_t seconds = 0;
    bool failed = false;

    if (head->types == 1)
        request->content_type = opp_text_copy(head->content_type, &failed);
    if (head->etags == 1)
        request->etag = opp_text_copy(head->etag, &failed);
    if (failed) {
        fail(transfer, OPP_E_MEMORY, "no memory for its answer");
        return;
    }
    if (curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0)
        request->retry_after_s = seconds;
    request->outcome = OPP_UPSTREAM_ANSWERED;
    request->status = head->status;
}

void opp_upstream_transfer_conclude(struct opp_upstream_transfer *transfer, CURLcode result)
{
    if (transfer->broken != NULL)
        fail(transfer, OPP_E_IO, transfer->broken);
    else if (result == CURLE_OUT_OF_MEMORY) /* curl's word for both */
        fail(transfer, OPP_E_MEMORY, "no memory for its answer, or a line of it is too long");
    else if (result != CURLE_OK)
        fail(transfer, OPP_E_IO, transfer->why[0] != '\0' ? transfer->why : curl_easy_strerror(result));
    else if (!transfer->head.complete)
        fail(transfer, OPP_E_IO, "no whole answer came");
    else
        answer(transfer);
}

void opp_upstream_transfer_free(struct opp_upstream_transfer *transfer)
{
    opp_timer_cancel(transfer->deadline);
    if (transfer->easy != NULL && transfer->state == OPP_TRANSFER_RUNNING)
        curl_multi_remove_handle(transfer->client->multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->fields);
    opp_upstream_files_unref(transfer->files);
    free(transfer->url);
    free(transfer);
}
