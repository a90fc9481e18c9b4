/* SPDX-License-Identifier: MIT */
#include "adapter/upstream_internal.h"

#include "base/net.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_MAX_BYTES 8192
#define ALPHANUMERIC "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static enum opp_code refuse(struct opp_err *err, const char *problem)
{
    return opp_fail_at(err, OPP_E_CONFIG, "/base_url", "%s", problem);
}

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for an upstream");
}

/* Refuses a URL with a part that is not meant to be there. */
static enum opp_code check_absent(CURLU *url, CURLUPart part, const char *problem, struct opp_err *err)
{
    char *text = NULL;
    CURLUcode found = curl_url_get(url, part, &text, 0);

    curl_free(text);
    if (found == CURLUE_OUT_OF_MEMORY)
        return no_memory(err);
    return found == CURLUE_OK ? refuse(err, problem) : OPP_OK;
}

static bool is_in(const struct opp_address *address, const char *block)
{
    struct opp_cidr cidr;

    return opp_cidr_parse(block, &cidr, NULL) == OPP_OK && opp_cidr_holds(&cidr, address);
}

/* host: as curl has normalised it, IPv6 in brackets. localhost is resolved by curl itself, to the loopback address. */
static bool is_loopback(char *host)
{
    struct opp_address address;
    size_t length = strlen(host);

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (length > 2 && host[0] == '[') {
        host[length - 1] = '\0';
        host++;
    }
    return opp_address_parse(host, &address, NULL) == OPP_OK &&
           (is_in(&address, "127.0.0.0/8") || is_in(&address, "::1"));
}

static enum opp_code check_host(const struct opp_upstream_settings *settings, CURLU *url, struct opp_err *err)
{
    char *host = NULL;
    enum opp_code rc = OPP_OK;

    if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return no_memory(err);
    if (!settings->insecure && !is_loopback(host))
        rc = refuse(err, "would send what it is told in the clear to another machine: use https, or set insecure: "
                         "true beside it if the network between is safe");
    curl_free(host);
    return rc;
}

/* curl takes http:/host and http:///host too. */
static bool names_host(const char *text)
{
    const char *host = strstr(text, "://");

    return host != NULL && host[3] != '/';
}

static enum opp_code check_scheme(const struct opp_upstream_settings *settings, CURLU *url, struct opp_err *err)
{
    char *scheme = NULL;
    bool plain, tls;

    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return no_memory(err);
    plain = strcmp(scheme, "http") == 0;
    tls = strcmp(scheme, "https") == 0;
    curl_free(scheme);
    if ((!plain && !tls) || !names_host(settings->base_url))
        return refuse(err, "must begin with https:// or http://");
    return plain ? check_host(settings, url, err) : OPP_OK;
}

static enum opp_code check_url(const struct opp_upstream_settings *settings, CURLU *url, struct opp_err *err)
{
    static const struct {
        CURLUPart part;
        const char *problem;
    } absent[] = {
        { CURLUPART_USER, "must not hold a password: credential says where one is" },
        { CURLUPART_PASSWORD, "must not hold a password: credential says where one is" },
        { CURLUPART_QUERY, "must end with its path" },
        { CURLUPART_FRAGMENT, "must end with its path" },
    };
    CURLUcode taken = curl_url_set(url, CURLUPART_URL, settings->base_url, 0);
    enum opp_code rc = OPP_OK;

    if (taken == CURLUE_OUT_OF_MEMORY)
        return no_memory(err);
    if (taken != CURLUE_OK)
        return refuse(err, "must be a URL, such as https://crm.example.com/api");
    for (size_t i = 0; rc == OPP_OK && i < sizeof absent / sizeof *absent; i++)
        rc = check_absent(url, absent[i].part, absent[i].problem, err);
    return rc == OPP_OK ? check_scheme(settings, url, err) : rc;
}

static enum opp_code copy_base(CURLU *url, char **out, struct opp_err *err)
{
    char *text = NULL, *copy;
    size_t length;

    if (curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK)
        return no_memory(err);
    length = strlen(text);
    while (length > 0 && text[length - 1] == '/')
        length--;
    copy = strndup(text, length);
    curl_free(text);
    if (copy == NULL)
        return no_memory(err);
    *out = copy;
    return OPP_OK;
}

enum opp_code opp_upstream_base(const struct opp_upstream_settings *settings, char **out, struct opp_err *err)
{
    CURLU *url = curl_url();
    enum opp_code rc;

    if (url == NULL)
        return no_memory(err);
    rc = check_url(settings, url, err);
    if (rc == OPP_OK)
        rc = copy_base(url, out, err);
    curl_url_cleanup(url);
    return rc;
}

/* more: what may stand in it besides (RFC 3986, pchar). */
static bool is_encoded(const char *text, const char *more)
{
    for (; *text != '\0'; text++) {
        if (*text == '%') {
            if (!isxdigit((unsigned char)text[1]) || !isxdigit((unsigned char)text[2]))
                return false;
            text += 2;
        } else if (strchr(ALPHANUMERIC "-._~!$&'()*+,;=:@", *text) == NULL && strchr(more, *text) == NULL) {
            return false;
        }
    }
    return true;
}

/* Gives the bytes that stand for a dot at text: 1, 3 or, if there is none, 0. */
static size_t dot(const char *text)
{
    if (*text == '.')
        return 1;
    return strncasecmp(text, "%2e", 3) == 0 ? 3 : 0;
}

/* An upstream may take them out, whatever they are written like, and find itself at another path. */
static bool has_dot_segment(const char *path)
{
    for (; path != NULL && *path == '/'; path = strchr(path, '/')) {
        size_t first = dot(++path), second = first > 0 ? dot(path + first) : 0;
        char after = path[first + second];

        if (first > 0 && (after == '\0' || after == '/'))
            return true;
    }
    return false;
}

enum opp_code opp_upstream_url(const struct opp_upstream *upstream, const char *path, const char *query, char **out,
                               struct opp_err *err)
{
    char *url = NULL;

    if (path == NULL || path[0] != '/' || !is_encoded(path, "/") || has_dot_segment(path))
        return opp_fail(err, OPP_E_VALIDATION, "the path of a request is not well-formed");
    if (query != NULL && !is_encoded(query, "/?"))
        return opp_fail(err, OPP_E_VALIDATION, "the query of a request is not well-formed");
    if (strlen(upstream->base) + strlen(path) + (query != NULL ? strlen(query) : 0) >= URL_MAX_BYTES)
        return opp_fail(err, OPP_E_VALIDATION, "the URL of a request is longer than %d bytes", URL_MAX_BYTES);
    if (asprintf(&url, "%s%s%s%s", upstream->base, path, query != NULL ? "?" : "", query != NULL ? query : "") < 0)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a request");
    *out = url;
    return OPP_OK;
}

bool opp_upstream_is_value(const char *text)
{
    const char *at = text;

    while ((unsigned char)*at >= ' ' && *at != '\x7f')
        at++;
    return *at == '\0' && at > text;
}

bool opp_upstream_is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\0' || strchr(ALPHANUMERIC "!#$%&'*+-.^_`|~", text[i]) == NULL)
            return false;
    return length > 0;
}
