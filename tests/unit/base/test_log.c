/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sink {
    int fds[2];
    struct opp_log *log;
    char text[65536];
};

static void open_sink(struct sink *sink, enum opp_log_format format, enum opp_log_level least)
{
    assert_int_equal(pipe2(sink->fds, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(opp_log_new(sink->fds[1], format, least, &sink->log, NULL), OPP_OK);
}

/* What was written by one event. */
static const char *line_of(struct sink *sink)
{
    ssize_t got = read(sink->fds[0], sink->text, sizeof sink->text - 1);

    sink->text[got > 0 ? got : 0] = '\0';
    return sink->text;
}

static void close_sink(struct sink *sink)
{
    opp_log_free(sink->log);
    close(sink->fds[0]);
    close(sink->fds[1]);
}

static json_t *json_line_of(struct sink *sink)
{
    json_error_t error;
    const char *line = line_of(sink);
    json_t *value = json_loads(line, JSON_REJECT_DUPLICATES, &error);

    if (value == NULL)
        fail_msg("%s: %s", error.text, line);
    assert_int_equal(line[strlen(line) - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    return value;
}

static void a_json_line_has_its_keys_in_order(void **state)
{
    struct sink sink;
    const char *line;
    int64_t ms;
    char time[OPP_DATE_MAX] = "";

    (void)state;
    open_sink(&sink, OPP_LOG_JSON, OPP_LOG_DEBUG);
    opp_log_event(sink.log, OPP_LOG_WARN, "request.done", "path", "/v1", "status", "200", NULL);
    line = line_of(&sink);
    assert_memory_equal(line, "{\"time\":\"", 9);
    memcpy(time, line + 9, 24);
    assert_int_equal(opp_date_parse(time, &ms, NULL), OPP_OK);
    assert_string_equal(line + 33,
                        "\",\"level\":\"warn\",\"event\":\"request.done\",\"path\":\"/v1\",\"status\":\"200\"}\n");
    close_sink(&sink);
}

static void a_text_line_is_for_people(void **state)
{
    struct sink sink;

    (void)state;
    open_sink(&sink, OPP_LOG_TEXT, OPP_LOG_DEBUG);
    opp_log_event(sink.log, OPP_LOG_INFO, "listening", "address", "127.0.0.1:8080", NULL);
    assert_string_equal(line_of(&sink) + 24, " info  listening address=127.0.0.1:8080\n");
    opp_log_event(sink.log, OPP_LOG_ERROR, "failed", "why", "no \"such\" file", "empty", "", "eq", "a=b", NULL);
    assert_string_equal(line_of(&sink) + 24, " error failed why=\"no \\\"such\\\" file\" empty=\"\" eq=\"a=b\"\n");
    opp_log_event(sink.log, OPP_LOG_INFO, "x", "forged", "a\n2026-01-01T00:00:00.000Z info  x", NULL);
    assert_string_equal(line_of(&sink) + 24, " info  x forged=\"a\\u000a2026-01-01T00:00:00.000Z info  x\"\n");
    close_sink(&sink);
}

static void lower_levels_and_no_log_write_nothing(void **state)
{
    struct sink sink;

    (void)state;
    open_sink(&sink, OPP_LOG_JSON, OPP_LOG_WARN);
    opp_log_event(sink.log, OPP_LOG_INFO, "quiet", NULL);
    opp_log_event(NULL, OPP_LOG_ERROR, "nowhere", NULL);
    assert_string_equal(line_of(&sink), "");
    opp_log_event(sink.log, OPP_LOG_WARN, "heard", NULL);
    assert_non_null(strstr(line_of(&sink), "heard"));
    close_sink(&sink);
}

static void a_pair_without_a_value_is_left_out(void **state)
{
    struct sink sink;

    (void)state;
    open_sink(&sink, OPP_LOG_TEXT, OPP_LOG_DEBUG);
    opp_log_event(sink.log, OPP_LOG_DEBUG, "x", "a", NULL, "b", "1", NULL);
    assert_string_equal(line_of(&sink) + 24, " debug x b=1\n");
    close_sink(&sink);
}

static void every_string_comes_back_from_json(void **state)
{
    static const char *const values[] = {
        "", "\"\\/", "\x01\x1f\t\r\n\b\f", "\x7f", "\xc2\x85", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xef\xbf\xbf",
    };
    struct sink sink;

    (void)state;
    open_sink(&sink, OPP_LOG_JSON, OPP_LOG_DEBUG);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        json_t *line;

        opp_log_event(sink.log, OPP_LOG_INFO, "x", "v", values[i], NULL);
        line = json_line_of(&sink);
        assert_string_equal(json_string_value(json_object_get(line, "v")), values[i]);
        json_decref(line);
    }
    close_sink(&sink);
}

static void controls_never_reach_a_terminal(void **state)
{
    static const char *const values[] = { "\x1b[31m", "\x7f", "\302\23331m" };
    struct sink sink;

    (void)state;
    open_sink(&sink, OPP_LOG_TEXT, OPP_LOG_DEBUG);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const char *line;

        opp_log_event(sink.log, OPP_LOG_INFO, "x", "v", values[i], NULL);
        line = line_of(&sink);
        assert_null(strstr(line, values[i]));
        assert_non_null(strstr(line, "v=\"\\u00"));
    }
    close_sink(&sink);
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
    static const char *const values[] = {
        "\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xff",
    };
    struct sink sink;

    (void)state;
    open_sink(&sink, OPP_LOG_JSON, OPP_LOG_DEBUG);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        json_t *line;

        opp_log_event(sink.log, OPP_LOG_INFO, "x", "v", values[i], "next", "kept", NULL);
        line = json_line_of(&sink);
        assert_memory_equal(json_string_value(json_object_get(line, "v")), "\xef\xbf\xbd", 3);
        assert_string_equal(json_string_value(json_object_get(line, "next")), "kept");
        json_decref(line);
    }
    close_sink(&sink);
}

/* Around the cut every length is tried, so that it falls on every character of an escape, a name and an end. */
static void a_long_line_is_cut_and_still_json(void **state)
{
    char *value = malloc(6000);
    struct sink sink;

    (void)state;
    assert_non_null(value);
    open_sink(&sink, OPP_LOG_JSON, OPP_LOG_DEBUG);
    for (size_t length = 3950; length < 4100; length++) {
        json_t *line;

        memset(value, 'a', length);
        memcpy(value + length, "\x01\xe2\x82\xac\"b", 7);
        opp_log_event(sink.log, OPP_LOG_INFO, "x", "v", value, "w", "tail", "z", "\xe2\x82\xac", NULL);
        line = json_line_of(&sink);
        assert_true(strlen(sink.text) <= 4096);
        assert_memory_equal(json_string_value(json_object_get(line, "v")), value, 3950);
        json_decref(line);
    }
    assert_true(strlen(sink.text) > 4080);
    free(value);
    close_sink(&sink);
}

static void a_long_text_line_is_cut_and_ended(void **state)
{
    char *value = malloc(6000);
    struct sink sink;

    (void)state;
    assert_non_null(value);
    open_sink(&sink, OPP_LOG_TEXT, OPP_LOG_DEBUG);
    for (size_t length = 3950; length < 4100; length++) {
        memset(value, 'a', length);
        memcpy(value + length, " \x01", 3);
        opp_log_event(sink.log, OPP_LOG_INFO, "x", "v", value, "w", "tail", NULL);
        line_of(&sink);
        assert_true(strlen(sink.text) <= 4096);
        assert_int_equal(sink.text[strlen(sink.text) - 1], '\n');
        assert_memory_equal(sink.text + 36, value, 3950);
    }
    memset(value, 'a', 5999);
    value[5999] = '\0';
    opp_log_event(sink.log, OPP_LOG_INFO, "x", "v", value, "w", "tail", NULL);
    assert_int_equal(strlen(line_of(&sink)), 4095); /* without the brace that only JSON needs */
    assert_memory_equal(sink.text + 36, value, 4000);
    free(value);
    close_sink(&sink);
}

static void *write_many(void *arg)
{
    for (int i = 0; i < 100; i++)
        opp_log_event(arg, OPP_LOG_INFO, "many", "v", "abcdefghijklmnopqrstuvwxyz", NULL);
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    struct sink sink;
    pthread_t threads[3];
    int lines = 0;

    (void)state;
    open_sink(&sink, OPP_LOG_TEXT, OPP_LOG_INFO);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, sink.log), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    line_of(&sink);
    for (char *line = strtok(sink.text, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++)
        assert_string_equal(line + 24, " info  many v=abcdefghijklmnopqrstuvwxyz");
    assert_int_equal(lines, 300);
    close_sink(&sink);
}

static void a_full_pipe_loses_the_line_and_holds_nobody(void **state)
{
    struct sink sink;

    (void)state;
    open_sink(&sink, OPP_LOG_TEXT, OPP_LOG_INFO);
    for (int i = 0; i < 5000; i++)
        opp_log_event(sink.log, OPP_LOG_INFO, "many", "v", "abcdefghijklmnopqrstuvwxyz", NULL);
    assert_true(strlen(line_of(&sink)) > 1000);
    close_sink(&sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_line_has_its_keys_in_order),
        cmocka_unit_test(a_text_line_is_for_people),
        cmocka_unit_test(lower_levels_and_no_log_write_nothing),
        cmocka_unit_test(a_pair_without_a_value_is_left_out),
        cmocka_unit_test(every_string_comes_back_from_json),
        cmocka_unit_test(controls_never_reach_a_terminal),
        cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
        cmocka_unit_test(a_long_line_is_cut_and_still_json),
        cmocka_unit_test(a_long_text_line_is_cut_and_ended),
        cmocka_unit_test(lines_of_threads_do_not_mix),
        cmocka_unit_test(a_full_pipe_loses_the_line_and_holds_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
