/* SPDX-License-Identifier: MIT */
#include "base/jcs.h"
#include "base/json.h"
#include "fuzz.h"

/* The canonical bytes must be JSON of the same value, and canonical: written again they are the same. */
static void check_canonical(const json_t *value)
{
    struct opp_buf first = { 0 }, second = { 0 };
    json_t *again = NULL;
    char hex[OPP_HASH_HEX], hex_again[OPP_HASH_HEX];

    opp_jcs_write(&first, value);
    require(!first.failed);
    require(opp_json_read(first.bytes, first.length, &again) == OPP_OK);
    require(opp_json_equal(value, again));
    opp_jcs_write(&second, again);
    require(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
    require(opp_jcs_hash(value, hex, NULL) == OPP_OK && opp_jcs_hash(again, hex_again, NULL) == OPP_OK);
    require(strcmp(hex, hex_again) == 0);
    json_decref(again);
    opp_buf_free(&first);
    opp_buf_free(&second);
}

/* Keys are in the order of RFC 8785, which is one: no key is before itself, nor two each before the other. */
static void check_order(const json_t *object)
{
    void *at = json_object_iter((json_t *)(uintptr_t)object);
    const char *last = NULL;

    for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        const char *key = json_object_iter_key(at);

        require(opp_jcs_compare(key, key) == 0);
        if (last != NULL)
            require((opp_jcs_compare(key, last) < 0) == (opp_jcs_compare(last, key) > 0));
        last = key;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *value = NULL;
    struct opp_err err = { 0 };
    char *text = text_of(data, size);

    if (opp_json_parse(text, size, &value, &err) == OPP_OK) {
        check_canonical(value);
        check_order(value);
    } else {
        require(err.code != OPP_OK && err.message[0] != '\0');
    }
    json_decref(value);
    free(text);
    return 0;
}
