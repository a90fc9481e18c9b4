/* SPDX-License-Identifier: MIT */
#include "base/token.h"
#include "core/browser.h"
#include "fuzz.h"

/* Any one byte of a token that is another makes it none. */
static void check_checksum(const char *kind, const char *token, uint8_t where, uint8_t what)
{
    char other[OPP_TOKEN_MAX];
    size_t length = strlen(token);

    require(length < sizeof other);
    memcpy(other, token, length + 1);
    other[where % length] = (char)what;
    require(opp_token_plausible(kind, other) == (strcmp(token, other) == 0));
}

static void check_shown(const char *text)
{
    char prefix[OPP_TOKEN_PREFIX_MAX], hash[OPP_HASH_HEX];

    opp_token_prefix(text, prefix);
    require(strlen(prefix) < OPP_TOKEN_PREFIX_MAX && strncmp(prefix, text, strlen(prefix)) == 0);
    opp_token_hash(text, hash);
    require(strlen(hash) == OPP_HASH_HEX - 1);
}

/* What a browser shows in the place of a token. */
static void check_cookie(const char *text)
{
    char secret[OPP_BROWSER_SECRET_MAX];

    if (opp_browser_read_cookie(text, secret)) {
        require(strlen(secret) == OPP_BROWSER_SECRET_MAX - 1);
        require(strstr(text, secret) != NULL);
    }
}

/* Two bytes say what is changed in what; the text follows. Random bytes seldom have a right checksum, so a token that
 * is made is tried too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const kinds[] = { OPP_TOKEN_AGENT, OPP_TOKEN_ADMIN };
    char *text, made[OPP_TOKEN_MAX];

    if (size < 2)
        return 0;
    text = text_of(data + 2, size - 2);
    for (size_t i = 0; i < 2; i++) {
        if (opp_token_plausible(kinds[i], text))
            check_checksum(kinds[i], text, data[0], data[1]);
        require(opp_token_make(kinds[i], made, NULL) == OPP_OK && opp_token_plausible(kinds[i], made));
        require(!opp_token_plausible(kinds[1 - i], made));
        check_checksum(kinds[i], made, data[0], data[1]);
    }
    check_shown(text);
    check_cookie(text);
    free(text);
    return 0;
}
