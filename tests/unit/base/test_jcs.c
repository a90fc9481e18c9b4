/* SPDX-License-Identifier: MIT */
#include "base/data_file.h"
#include "base/failing_alloc.h"
#include "base/jcs.h"
#include "base/json.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_bytes(struct opp_buf *buf, const char *expected, size_t length)
{
    assert_false(buf->failed);
    if (buf->length != length || memcmp(buf->bytes, expected, length) != 0)
        fail_msg("\"%.*s\" is not \"%.*s\"", (int)buf->length, buf->bytes, (int)length, expected);
    opp_buf_free(buf);
}

static void assert_written(const char *json, const char *expected)
{
    struct opp_buf buf = { 0 };
    json_t *value = NULL;

    assert_int_equal(opp_json_parse(json, strlen(json), &value, NULL), OPP_OK);
    opp_jcs_write(&buf, value);
    json_decref(value);
    assert_bytes(&buf, expected, strlen(expected));
}

static void assert_real(double value, const char *expected)
{
    struct opp_buf buf = { 0 };

    opp_jcs_real(&buf, value);
    assert_bytes(&buf, expected, strlen(expected));
}

static void assert_integer(int64_t value, const char *expected)
{
    struct opp_buf buf = { 0 };

    opp_jcs_integer(&buf, value);
    assert_bytes(&buf, expected, strlen(expected));
}

static void every_type_is_written_without_whitespace(void **state)
{
    (void)state;
    assert_written(" [ null , true , false , 1 , 1.5 , \"a\" , [ ] , { } ] ", "[null,true,false,1,1.5,\"a\",[],{}]");
    assert_written("{ \"a\" : { \"b\" : [ 1 , 2 ] } , \"c\" : 3 }", "{\"a\":{\"b\":[1,2]},\"c\":3}");
}

static void keys_are_sorted_at_every_depth(void **state)
{
    (void)state;
    assert_written("{\"b\":1,\"aa\":{\"z\":1,\"y\":2},\"a\":3,\"\":4,\"B\":5}",
                   "{\"\":4,\"B\":5,\"a\":3,\"aa\":{\"y\":2,\"z\":1},\"b\":1}");
}

static void keys_are_ordered_by_utf16_units(void **state)
{
    (void)state;
    /* U+1F600 is the surrogates d83d de00, before U+E000 and U+FFFD; U+D7FF and U+20AC are before both. */
    assert_true(opp_jcs_compare("\xf0\x9f\x98\x80", "\xee\x80\x80") < 0);
    assert_true(opp_jcs_compare("\xef\xbf\xbd", "\xf0\x9f\x98\x80") > 0);
    assert_true(opp_jcs_compare("\xed\x9f\xbf", "\xf0\x9f\x98\x80") < 0);
    assert_true(opp_jcs_compare("\xf0\x9f\x98\x80", "\xe2\x82\xac") > 0);
    assert_true(opp_jcs_compare("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x81") < 0);
    assert_true(opp_jcs_compare("\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80") > 0);
    assert_true(opp_jcs_compare("\xee\x80\x80", "\xef\xbf\xbd") < 0);
    assert_true(opp_jcs_compare("z", "\xc3\xb6") < 0);
    assert_true(opp_jcs_compare("a", "ab") < 0);
    assert_true(opp_jcs_compare("ab", "a") > 0);
    assert_int_equal(opp_jcs_compare("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"), 0);
    assert_int_equal(opp_jcs_compare("", ""), 0);
}

static void a_large_object_is_sorted_too(void **state)
{
    json_t *object = json_object();
    struct opp_buf buf = { 0 }, expected = { 0 };

    (void)state;
    for (int i = 0; i < 500; i++) {
        char key[16];

        snprintf(key, sizeof key, "key%03d", (i * 217 + 91) % 500);
        assert_int_equal(json_object_set_new(object, key, json_integer(1)), 0);
    }
    for (int i = 0; i < 500; i++)
        opp_buf_format(&expected, "%c\"key%03d\":1", i == 0 ? '{' : ',', i);
    opp_buf_char(&expected, '}');
    opp_jcs_write(&buf, object);
    assert_bytes(&buf, expected.bytes, expected.length);
    opp_buf_free(&expected);
    json_decref(object);
}

static void control_characters_take_their_shortest_escape(void **state)
{
    static const char *const ESCAPES[32] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r",
    };

    (void)state;
    for (int c = 0; c < 256; c++) {
        const char text[] = { '1', '2', '3', '4', (char)c, '6', '7', '8' };
        char expected[24];
        struct opp_buf buf = { 0 };

        if (c == '"' || c == '\\')
            snprintf(expected, sizeof expected, "\"1234\\%c678\"", c);
        else if (c >= 32)
            snprintf(expected, sizeof expected, "\"1234%c678\"", c);
        else if (ESCAPES[c] != NULL)
            snprintf(expected, sizeof expected, "\"1234%s678\"", ESCAPES[c]);
        else
            snprintf(expected, sizeof expected, "\"1234\\u%04x678\"", (unsigned)c);
        opp_jcs_string(&buf, text, sizeof text);
        assert_bytes(&buf, expected, strlen(expected));
    }
}

/* Strings are scanned eight bytes at a time: an escape must be seen at each place of each length. */
static void an_escape_is_found_wherever_it_stands(void **state)
{
    (void)state;
    for (size_t length = 1; length <= 40; length++) {
        for (size_t at = 0; at < length; at++) {
            static const char ESCAPED[] = { '"', '\\', '\n' }, SHOWN[] = { '"', '\\', 'n' };
            char text[40], expected[48];
            struct opp_buf buf = { 0 };

            memset(text, at % 2 == 0 ? '\xff' : '!', length);
            text[at] = ESCAPED[at % 3];
            expected[0] = '"';
            memcpy(expected + 1, text, at);
            expected[at + 1] = '\\';
            expected[at + 2] = SHOWN[at % 3];
            memcpy(expected + at + 3, text + at + 1, length - at - 1);
            expected[length + 2] = '"';
            opp_jcs_string(&buf, text, length);
            assert_bytes(&buf, expected, length + 3);
        }
    }
}

static void a_text_is_plain_when_no_byte_of_it_is_escaped_or_beyond_ascii(void **state)
{
    (void)state;
    assert_true(opp_jcs_is_plain("", 0));
    for (size_t length = 1; length <= 20; length++) {
        for (size_t i = 0; i < length * 256; i++) {
            size_t at = i % length;
            unsigned char c = (unsigned char)(i / length);
            bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
            char text[20];

            memset(text, 'a', length);
            text[at] = (char)c;
            assert_int_equal(opp_jcs_is_plain(text, length), plain);
        }
    }
}

static void an_empty_string_is_two_quotes(void **state)
{
    struct opp_buf buf = { 0 };

    (void)state;
    opp_jcs_string(&buf, "", 0);
    assert_bytes(&buf, "\"\"", 2);
}

/* The samples of RFC 8785 Appendix B and the edges between the forms. */
static void reals_are_written_as_ecmascript_does(void **state)
{
    (void)state;
    assert_real(0.0, "0");
    assert_real(-0.0, "0");
    assert_real(5e-324, "5e-324");
    assert_real(-5e-324, "-5e-324");
    assert_real(DBL_MIN, "2.2250738585072014e-308");
    assert_real(DBL_MAX, "1.7976931348623157e+308");
    assert_real(-DBL_MAX, "-1.7976931348623157e+308");
    assert_real(9007199254740992.0, "9007199254740992");
    assert_real(-9007199254740992.0, "-9007199254740992");
    assert_real(295147905179352830000.0, "295147905179352830000");
    assert_real(9.999999999999997e22, "9.999999999999997e+22");
    assert_real(1e23, "1e+23");
    assert_real(1.0000000000000001e23, "1.0000000000000001e+23");
    assert_real(999999999999999700000.0, "999999999999999700000");
    assert_real(999999999999999900000.0, "999999999999999900000");
    assert_real(1e21, "1e+21");
    assert_real(9.999999999999997e-7, "9.999999999999997e-7");
    assert_real(0.000001, "0.000001");
    assert_real(1e-7, "1e-7");
    assert_real(1.5e-7, "1.5e-7");
    assert_real(333333333.3333332, "333333333.3333332");
    assert_real(333333333.33333325, "333333333.33333325");
    assert_real(333333333.3333333, "333333333.3333333");
    assert_real(-0.0000033333333333333333, "-0.0000033333333333333333");
    assert_real(1424953923781206.2, "1424953923781206.2");
}

static void everyday_numbers_are_short(void **state)
{
    (void)state;
    assert_real(0.1, "0.1");
    assert_real(0.1 + 0.2, "0.30000000000000004");
    assert_real(12.34, "12.34");
    assert_real(-1234567.89, "-1234567.89");
    assert_real(0.05, "0.05");
    assert_real(100.0, "100");
    assert_real(1e15 + 0.5, "1000000000000000.5");
    assert_real(99999999999999.9, "99999999999999.9");
}

/* Below a power of two doubles lie closer: the nearest decimal of 16 digits is not it, its neighbour is. */
static void a_power_of_two_has_its_shortest_form(void **state)
{
    (void)state;
    assert_real(0x1p-44, "5.684341886080802e-14");
    assert_real(0x1p-1074, "5e-324");
    assert_real(0x1p-1022, "2.2250738585072014e-308");
}

static void what_json_cannot_say_is_null(void **state)
{
    (void)state;
    assert_real((double)INFINITY, "null");
    assert_real(-(double)INFINITY, "null");
    assert_real((double)NAN, "null");
}

static void integers_are_written_as_doubles_are(void **state)
{
    (void)state;
    assert_integer(0, "0");
    assert_integer(-1, "-1");
    assert_integer(1234567890, "1234567890");
    assert_integer(INT64_C(9007199254740992), "9007199254740992");
    assert_integer(INT64_C(-9007199254740992), "-9007199254740992");
    assert_integer(INT64_C(9007199254740993), "9007199254740992");
    assert_integer(INT64_MAX, "9223372036854776000");
    assert_integer(INT64_MIN, "-9223372036854776000");
}

/* Gives count arrays, each inside the next. */
static json_t *arrays_in_arrays(int count)
{
    json_t *value = json_array();

    for (int i = 1; i < count; i++) {
        json_t *outer = json_array();

        assert_int_equal(json_array_append_new(outer, value), 0);
        value = outer;
    }
    return value;
}

static void nesting_beyond_what_parses_is_written_and_a_bottomless_one_fails(void **state)
{
    json_t *deep = arrays_in_arrays(OPP_JSON_DEPTH_MAX + 32), *bottomless = arrays_in_arrays(1500);
    struct opp_buf buf = { 0 };

    (void)state;
    opp_jcs_write(&buf, deep);
    assert_int_equal(opp_buf_check(&buf, NULL), OPP_OK);
    assert_int_equal(buf.length, 2 * (OPP_JSON_DEPTH_MAX + 32));
    opp_jcs_write(&buf, bottomless);
    assert_int_equal(opp_buf_check(&buf, NULL), OPP_E_MEMORY);
    opp_buf_free(&buf);
    json_decref(deep);
    json_decref(bottomless);
}

static void a_hash_is_of_the_canonical_bytes(void **state)
{
    char hex[OPP_HASH_HEX], again[OPP_HASH_HEX];
    json_t *a = json_pack("{s:i,s:f}", "b", 1, "a", 2.0), *b = json_pack("{s:i,s:i}", "a", 2, "b", 1);
    json_t *empty = json_object();

    (void)state;
    assert_int_equal(opp_jcs_hash(empty, hex, NULL), OPP_OK);
    assert_string_equal(hex, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert_int_equal(opp_jcs_hash(a, hex, NULL), OPP_OK);
    assert_int_equal(opp_jcs_hash(b, again, NULL), OPP_OK);
    assert_string_equal(hex, again);
    json_decref(a);
    json_decref(b);
    json_decref(empty);
}

static void every_failed_allocation_is_reported(void **state)
{
    json_t *large = json_object();
    char hex[OPP_HASH_HEX];
    int failures = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        char key[16];

        snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(json_object_set_new(large, key, json_integer(i)), 0);
    }
    for (;;) {
        struct opp_err err = { 0 };
        enum opp_code rc;

        failing_alloc_set(failures + 1);
        rc = opp_jcs_hash(large, hex, &err);
        if (!failing_alloc_happened())
            break;
        failing_alloc_set(0);
        assert_int_equal(rc, OPP_E_MEMORY);
        assert_int_equal(err.code, OPP_E_MEMORY);
        failures++;
    }
    failing_alloc_set(0);
    assert_true(failures >= 3);
    json_decref(large);
}

/* Two hex digits and a space or newline for each byte; gives how many bytes there are. */
static size_t from_hex(char *hex, size_t length)
{
    size_t count = 0;

    for (size_t i = 0; i + 1 < length; i += 3)
        hex[count++] = (char)strtol((char[]){ hex[i], hex[i + 1], '\0' }, NULL, 16);
    return count;
}

static void check_vector(const char *name)
{
    size_t in_length = 0, out_length = 0, hex_length = 0;
    char *in = data_file_read(OPP_DATA_DIR "/jcs/input", name, &in_length);
    char *out = data_file_read(OPP_DATA_DIR "/jcs/output", name, &out_length);
    char hex_name[300], *hex;
    struct opp_buf buf = { 0 }, again = { 0 };
    json_t *value = NULL;

    snprintf(hex_name, sizeof hex_name, "%.*s.txt", (int)strcspn(name, "."), name);
    hex = data_file_read(OPP_DATA_DIR "/jcs/outhex", hex_name, &hex_length);
    assert_true(in != NULL && out != NULL && hex != NULL);
    assert_int_equal(opp_json_parse(in, in_length, &value, NULL), OPP_OK);
    opp_jcs_write(&buf, value);
    opp_jcs_write(&again, value);
    assert_bytes(&buf, out, out_length);
    assert_bytes(&again, hex, from_hex(hex, hex_length));
    json_decref(value);
    free(in);
    free(out);
    free(hex);
}

static void the_public_canonicalization_vectors_come_out(void **state)
{
    DIR *dir = data_dir_open(OPP_DATA_DIR "/jcs/input");
    struct dirent *entry;
    size_t count = 0;

    (void)state;
    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        check_vector(entry->d_name);
        count++;
    }
    closedir(dir);
    assert_true(count >= 6);
}

static void members_in_order_are_the_canonical_object(void **state)
{
    struct opp_buf written = { 0 }, again = { 0 };
    json_t *list = json_pack("[i, s]", 1, "x"), *value = NULL;

    (void)state;
    opp_buf_char(&written, '{');
    opp_jcs_member_text(&written, "a", "quote \" and {");
    opp_jcs_member_json(&written, "b", list);
    opp_jcs_member(&written, "c");
    opp_buf_text(&written, "{");
    opp_jcs_member_bool(&written, "no", false);
    opp_jcs_member_bool(&written, "yes", true);
    opp_buf_text(&written, "}");
    opp_jcs_member_integer(&written, "d", -42);
    opp_jcs_member_text(&written, "e", NULL);
    opp_jcs_member_json(&written, "f", NULL);
    opp_buf_char(&written, '}');
    assert_int_equal(opp_json_parse(written.bytes, written.length, &value, NULL), OPP_OK);
    opp_jcs_write(&again, value);
    assert_bytes(&written, again.bytes, again.length);
    opp_buf_free(&again);
    json_decref(value);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_written_without_whitespace),
        cmocka_unit_test(keys_are_sorted_at_every_depth),
        cmocka_unit_test(keys_are_ordered_by_utf16_units),
        cmocka_unit_test(a_large_object_is_sorted_too),
        cmocka_unit_test(control_characters_take_their_shortest_escape),
        cmocka_unit_test(an_escape_is_found_wherever_it_stands),
        cmocka_unit_test(a_text_is_plain_when_no_byte_of_it_is_escaped_or_beyond_ascii),
        cmocka_unit_test(an_empty_string_is_two_quotes),
        cmocka_unit_test(reals_are_written_as_ecmascript_does),
        cmocka_unit_test(everyday_numbers_are_short),
        cmocka_unit_test(a_power_of_two_has_its_shortest_form),
        cmocka_unit_test(what_json_cannot_say_is_null),
        cmocka_unit_test(integers_are_written_as_doubles_are),
        cmocka_unit_test(nesting_beyond_what_parses_is_written_and_a_bottomless_one_fails),
        cmocka_unit_test(a_hash_is_of_the_canonical_bytes),
        cmocka_unit_test(members_in_order_are_the_canonical_object),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(the_public_canonicalization_vectors_come_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
