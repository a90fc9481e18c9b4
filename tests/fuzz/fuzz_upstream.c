/* SPDX-License-Identifier: MIT */
#include "adapter/http_target.h"
#include "adapter/upstream_internal.h"
#include "base/json.h"
#include "fuzz.h"

#define LINES_MAX 4096

/* What an upstream answers: lines, as curl hands them over. */
static void read_answer(const char *text, size_t size)
{
    struct opp_upstream_head head = { 0 };
    const char *at = text, *end = text + size;

    for (int i = 0; i < LINES_MAX && at < end; i++) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        size_t length = feed != NULL ? (size_t)(feed - at) + 1 : (size_t)(end - at);

        if (opp_upstream_head_line(&head, at, length) != NULL)
            return;
        require(!(head.length && head.chunked));
        require(!head.complete || (head.status >= 200 && head.status < 600));
        require(memchr(head.etag, '\0', sizeof head.etag) != NULL);
        require(memchr(head.content_type, '\0', sizeof head.content_type) != NULL);
        at += length;
    }
}

static char *host_of(const char *text)
{
    CURLU *url = curl_url();
    char *host = NULL;

    require(url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK);
    require(curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK);
    curl_url_cleanup(url);
    return host;
}

/* Where a request goes is on the upstream's host and below its path, whatever path and query are. */
static void check_url(const char *base, const char *path, const char *query)
{
    struct opp_upstream upstream = { .base = (char *)(uintptr_t)base };
    char *url = NULL, *host, *wanted;

    if (opp_upstream_url(&upstream, path, query, &url, NULL) != OPP_OK)
        return;
    require(strncmp(url, base, strlen(base)) == 0);
    require(strpbrk(url, " \r\n\t") == NULL && strstr(url + strlen(base), "/../") == NULL);
    host = host_of(url);
    wanted = host_of(base);
    require(strcmp(host, wanted) == 0);
    curl_free(host);
    curl_free(wanted);
    free(url);
}

static void read_base(const char *text)
{
    struct opp_upstream_settings settings = { .name = "a", .base_url = text, .insecure = true };
    struct opp_err err = { 0 };
    char *base = NULL;

    if (opp_upstream_base(&settings, &base, &err) != OPP_OK) {
        require(err.code == OPP_E_CONFIG && strcmp(err.where, "/base_url") == 0);
        return;
    }
    require(strncmp(base, "http://", 7) == 0 || strncmp(base, "https://", 8) == 0);
    require(base[strlen(base) - 1] != '/');
    check_url(base, "/a", "b=c");
    free(base);
}

/* The same bytes as a path's segments and a query's values, which the host encodes. */
static void read_target(const char *text, size_t size)
{
    json_t *segments = json_pack("[s, s%]", "orders", text, size), *query = json_pack("{s:s%}", "q", text, size);
    struct opp_buf path = { 0 }, words = { 0 };

    if (segments != NULL && query != NULL && opp_http_path(segments, &path, NULL) == OPP_OK &&
        opp_http_query(query, &words, NULL) == OPP_OK)
        check_url("https://crm.example/api", path.bytes, words.bytes);
    opp_buf_free(&path);
    opp_buf_free(&words);
    json_decref(segments);
    json_decref(query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);

    read_answer(text, size);
    read_base(text);
    read_target(text, size);
    check_url("https://crm.example/api", text, NULL);
    free(text);
    return 0;
}
