/* SPDX-License-Identifier: MIT */
#include "command/config.h"

#include "base/file.h"
#include "command/config_reference.h"
#include "command/config_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX_BYTES 65536

static char file[64];

static int make_file(void **state)
{
    int fd;

    (void)state;
    snprintf(file, sizeof file, "/tmp/opp-config-XXXXXX");
    fd = mkstemp(file);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file);
}

/* flags is JSON, or NULL. */
static enum opp_code load(const char *yaml, const char *flags, struct opp_config *out, struct opp_err *err)
{
    json_t *document = flags != NULL ? json_loads(flags, 0, NULL) : NULL;
    enum opp_code rc;

    assert_int_equal(opp_file_write(file, 0600, yaml, strlen(yaml), NULL), OPP_OK);
    rc = opp_config_load(file, document, out, err);
    json_decref(document);
    return rc;
}

static struct opp_config loaded(const char *yaml, const char *flags)
{
    struct opp_config config = { .workers = 0 };
    struct opp_err err = { 0 };

    if (load(yaml, flags, &config, &err) != OPP_OK)
        fail_msg("%s: %s", err.where, err.message);
    return config;
}

static void assert_refused(const char *yaml, int line, const char *message)
{
    struct opp_config config = { .workers = 0 };
    struct opp_err err = { 0 };
    char where[96];

    snprintf(where, sizeof where, "%s:%d", file, line);
    assert_int_equal(load(yaml, NULL, &config, &err), OPP_E_CONFIG);
    assert_string_equal(err.message, message);
    assert_string_equal(err.where, where);
}

static void assert_flag_refused(const char *yaml, const char *flags, const char *pointer, const char *message)
{
    struct opp_config config = { .workers = 0 };
    struct opp_err err = { 0 };

    assert_int_equal(load(yaml, flags, &config, &err), OPP_E_VALIDATION);
    assert_string_equal(err.message, message);
    assert_string_equal(err.where, pointer);
}

static void without_a_file_there_are_defaults(void **state)
{
    const struct opp_settings settings = OPP_SETTINGS_DEFAULT;
    struct opp_config config = { .workers = 0 };

    (void)state;
    assert_int_equal(opp_config_load(NULL, NULL, &config, NULL), OPP_OK);
    assert_string_equal(config.listen.host, "127.0.0.1");
    assert_int_equal(config.listen.port, 8080);
    assert_string_equal(config.admin_listen.host, "");
    assert_string_equal(config.data_dir, "var");
    assert_string_equal(config.profile, "default");
    assert_null(config.credentials);
    assert_true(config.workers >= 1 && config.workers <= 8);
    assert_int_equal(config.http.body_max_bytes, 262144);
    assert_int_equal(config.log_format, OPP_LOG_JSON);
    assert_int_equal(config.log_level, OPP_LOG_INFO);
    assert_memory_equal(&config.settings, &settings, sizeof settings);
    opp_config_clear(&config);
}

static void a_file_counts_more_than_the_defaults_and_flags_more_than_the_file(void **state)
{
    struct opp_config config = loaded("workers: 3\nlog: {level: debug, format: text}\nlimits: {rate_per_minute: 7}\n",
                                      "{\"workers\": 5, \"log\": {\"format\": \"json\"}}");

    (void)state;
    assert_int_equal(config.workers, 5);
    assert_int_equal(config.log_format, OPP_LOG_JSON);
    assert_int_equal(config.log_level, OPP_LOG_DEBUG);
    assert_int_equal(config.settings.rate_per_minute, 7);
    assert_int_equal(config.settings.pending_drafts_max, 1000);
    opp_config_clear(&config);
}

static void lifetimes_are_seconds_outside_and_milliseconds_inside(void **state)
{
    struct opp_config config = loaded("lifetimes: {draft_lifetime_seconds: 2, window_max_seconds: 3}\n"
                                      "timeouts: {handshake_seconds: 4, idle_seconds: 5, header_seconds: 6,\n"
                                      "  body_seconds: 7, answer_seconds: 8, stream_seconds: 9}\n",
                                      NULL);

    (void)state;
    assert_int_equal(config.settings.draft_lifetime_ms, 2000);
    assert_int_equal(config.settings.window_max_ms, 3000);
    assert_int_equal(config.http.handshake_ms, 4000);
    assert_int_equal(config.http.idle_ms, 5000);
    assert_int_equal(config.http.header_ms, 6000);
    assert_int_equal(config.http.body_ms, 7000);
    assert_int_equal(config.http.answer_ms, 8000);
    assert_int_equal(config.http.stream_ms, 9000);
    opp_config_clear(&config);
}

static void a_number_is_what_it_says_however_it_is_written(void **state)
{
    struct opp_config config = loaded(
        "workers: 3.0\nlimits: { rate_per_minute: 240.0, auth_failures_per_minute: 1e3, body_max_bytes: 4.096e3 }\n"
        "upstreams: { crm: { base_url: 'https://crm.example', timeout_ms: 2e3 } }\n",
        NULL);

    (void)state;
    assert_int_equal(config.workers, 3);
    assert_int_equal(config.settings.rate_per_minute, 240);
    assert_int_equal(config.settings.auth_failures_per_minute, 1000);
    assert_int_equal(config.http.body_max_bytes, 4096);
    assert_int_equal(config.upstreams[0].timeout_ms, 2000);
    opp_config_clear(&config);
}

static void trusted_proxies_are_blocks(void **state)
{
    struct opp_config config = loaded("trusted_proxies: [10.0.0.0/8, '::1']\n", NULL);
    struct opp_address address;

    (void)state;
    assert_int_equal(config.trusted_proxy_count, 2);
    assert_int_equal(opp_address_parse("10.1.2.3", &address, NULL), OPP_OK);
    assert_true(opp_cidr_holds(&config.trusted_proxies[0], &address));
    assert_false(opp_cidr_holds(&config.trusted_proxies[1], &address));
    opp_config_clear(&config);
}

static void an_unknown_key_is_refused_with_its_line_and_the_name_that_was_meant(void **state)
{
    (void)state;
    assert_refused("# a\nwokers: 1\n", 2, "wokers is no setting; did you mean workers?");
    assert_refused("limits:\n  rate_per_minut: 1\n", 2,
                   "limits.rate_per_minut is no setting; did you mean rate_per_minute?");
    assert_refused("colour: red\n", 1, "colour is no setting; oppd help config lists them");
}

static void a_wrong_value_is_refused_with_its_line_and_what_is_wanted(void **state)
{
    (void)state;
    assert_refused("demo: false\n\nworkers: 65\n", 3, "workers must be at most 64");
    assert_refused("limits:\n  body_max_bytes: 1048577\n", 2, "limits.body_max_bytes must be at most 1048576");
    assert_refused("log:\n  format: xml\n", 2, "log.format must be one of \"json\", \"text\"");
    assert_refused("profile: ../default\n", 1, "profile must be a name of letters, digits, _ and -");
    assert_refused("trusted_proxies:\n  - 10.0.0.0/8\n  - 10.0.0.1/8\n", 3,
                   "trusted_proxies.1 must be an IP address or a CIDR block, such as 10.0.0.0/8");
    assert_refused("listen: here\n", 1,
                   "listen must be HOST:PORT, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080");
}

static void upstreams_have_the_defaults_of_each_and_what_is_said(void **state)
{
    struct opp_config config = loaded("upstreams:\n"
                                      "  crm:\n"
                                      "    base_url: https://crm.example.com/api/\n"
                                      "    credential: {header: Authorization, prefix: 'Bearer ', env: CRM_TOKEN}\n"
                                      "    timeout_ms: 500\n"
                                      "  erp: {base_url: 'http://127.0.0.1:1'}\n",
                                      NULL);
    const struct opp_upstream_settings *crm = &config.upstreams[0], *erp = &config.upstreams[1];

    (void)state;
    assert_int_equal(config.upstream_count, 2);
    assert_string_equal(crm->name, "crm");
    assert_string_equal(crm->base_url, "https://crm.example.com/api/");
    assert_string_equal(crm->credential_header, "Authorization");
    assert_string_equal(crm->credential_prefix, "Bearer ");
    assert_string_equal(crm->credential_env, "CRM_TOKEN");
    assert_int_equal(crm->timeout_ms, 500);
    assert_int_equal(crm->connect_timeout_ms, 3000);
    assert_int_equal(crm->response_max_bytes, 1048576);
    assert_int_equal(crm->connections_max, 16);
    assert_string_equal(erp->name, "erp");
    assert_null(erp->credential_header);
    assert_null(erp->ca_file);
    assert_int_equal(erp->timeout_ms, 10000);
    opp_config_clear(&config);
}

#define CRM "upstreams:\n  crm:\n"
#define CRM_URL CRM "    base_url: https://crm.example.com\n"
#define NO_URL "upstreams.crm.base_url must be a URL, such as https://crm.example.com/api"
#define NO_HEADER "upstreams.crm.credential.header must be a header's name, such as Authorization"

static void an_upstream_that_makes_no_sense_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused(CRM "    timeout_ms: 500\n", 2, "upstreams.crm.base_url is required");
    assert_refused(CRM_URL "    timeout_m: 500\n", 4,
                   "upstreams.crm.timeout_m is no setting; did you mean timeout_ms?");
    assert_refused(CRM_URL "    credential: {header: X, fil: f}\n", 4,
                   "upstreams.crm.credential.fil is no setting; did you mean file?");
    assert_refused(CRM_URL "    credential: {file: x}\n", 4, "upstreams.crm.credential.header is required");
    assert_refused(CRM_URL "    timeout_ms: 99\n", 4, "upstreams.crm.timeout_ms must be at least 100");
    assert_refused("upstreams:\n  Crm: {base_url: 'https://x'}\n", 2, "upstreams.Crm has a name that is not allowed");
    assert_refused(CRM "    base_url: 'crm example'\n", 3, NO_URL);
    assert_refused(CRM "    base_url: ftp://crm.example.com\n", 3,
                   "upstreams.crm.base_url must begin with https:// or http://");
    assert_refused(CRM "    base_url: https:/crm.example.com\n", 3,
                   "upstreams.crm.base_url must begin with https:// or http://");
    assert_refused(CRM "    base_url: https:///crm.example.com\n", 3,
                   "upstreams.crm.base_url must begin with https:// or http://");
    assert_refused(CRM "    base_url: https://me:secret@crm.example.com\n", 3,
                   "upstreams.crm.base_url must not hold a password: credential says where one is");
    assert_refused(CRM "    base_url: https://crm.example.com/?v=1\n", 3,
                   "upstreams.crm.base_url must end with its path");
    assert_refused(CRM_URL "    client_key: key.pem\n", 4,
                   "upstreams.crm.client_key needs a client_certificate besides");
    assert_refused(CRM_URL "    client_certificate: crt.pem\n", 4,
                   "upstreams.crm.client_certificate needs a client_key besides");
    assert_refused(CRM_URL "    credential: {header: 'X Y', env: E}\n", 4, NO_HEADER);
    assert_refused(CRM_URL "    credential: {header: host, env: E}\n", 4, NO_HEADER);
    assert_refused(CRM_URL "    credential: {header: X-Key}\n", 4,
                   "upstreams.crm.credential needs either a file or an env that the secret is in");
    assert_refused(CRM_URL "    credential: {header: X-Key, file: f, env: E}\n", 4,
                   "upstreams.crm.credential needs either a file or an env that the secret is in");
}

static void an_upstream_on_another_machine_is_not_told_anything_in_the_clear(void **state)
{
    static const char *const here[] = { "http://127.0.0.1/", "http://127.9.8.7:80", "http://[::1]:8080/api",
                                        "http://localhost", "http://2130706433/" };
    static const char *const there[] = { "http://10.0.0.1",        "http://crm",           "http://[fd00::1]",
                                         "http://0.0.0.0",         "http://127.0.0.1.nip", "http://localhost.example",
                                         "http://[::ffff:1.2.3.4]" };
    struct opp_config config = { .workers = 0 };
    char yaml[128];

    (void)state;
    for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
        snprintf(yaml, sizeof yaml, CRM "    base_url: '%s'\n", here[i]);
        config = loaded(yaml, NULL);
        opp_config_clear(&config);
    }
    for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
        struct opp_err err = { 0 };

        snprintf(yaml, sizeof yaml, CRM "    base_url: '%s'\n", there[i]);
        assert_int_equal(load(yaml, NULL, &config, &err), OPP_E_CONFIG);
        assert_non_null(strstr(err.message, "insecure: true"));
        snprintf(yaml, sizeof yaml, CRM "    base_url: '%s'\n    insecure: true\n", there[i]);
        config = loaded(yaml, NULL);
        opp_config_clear(&config);
    }
}

static void a_wrong_flag_is_blamed_on_the_flag(void **state)
{
    (void)state;
    assert_flag_refused("workers: 1\n", "{\"workers\": 65}", "/workers", "must be at most 64");
    assert_flag_refused("listen: 127.0.0.1:1\n", "{\"listen\": \"x\"}", "/listen",
                        "must be HOST:PORT, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080");
}

static void other_machines_reach_it_only_when_somebody_says_so(void **state)
{
    struct opp_config config = { .workers = 0 };
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(load("listen: 0.0.0.0:80\n", NULL, &config, &err), OPP_E_CONFIG);
    assert_non_null(strstr(err.message, "insecure: true"));
    err = (struct opp_err){ 0 };
    assert_int_equal(load("admin_listen: 10.0.0.1:80\n", NULL, &config, &err), OPP_E_CONFIG);
    err = (struct opp_err){ 0 };
    assert_int_equal(load("", "{\"listen\": \"[::]:80\"}", &config, &err), OPP_E_VALIDATION);
    config = loaded("listen: 0.0.0.0:80\nadmin_listen: 10.0.0.1:80\ninsecure: true\n", NULL);
    assert_string_equal(config.listen.host, "0.0.0.0");
    assert_string_equal(config.admin_listen.host, "10.0.0.1");
    opp_config_clear(&config);
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
    struct opp_config config = { .workers = 0 };
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(opp_config_load("/nonexistent/oppd.yaml", NULL, &config, &err), OPP_E_CONFIG);
    assert_non_null(strstr(err.message, "/nonexistent/oppd.yaml"));
}

static void the_example_says_what_is_true_without_it(void **state)
{
    struct opp_config plain = { .workers = 0 }, example = { .workers = 0 };
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(opp_config_load(NULL, NULL, &plain, NULL), OPP_OK);
    if (opp_config_load(OPP_SOURCE_DIR "/oppd.example.yaml", NULL, &example, &err) != OPP_OK)
        fail_msg("%s: %s", err.where, err.message);
    assert_true(json_equal(plain.document, example.document));
    opp_config_clear(&plain);
    opp_config_clear(&example);
}

static char *read_text(const char *path)
{
    char *text = NULL;
    size_t length = 0;

    assert_int_equal(opp_file_read(path, TEXT_MAX_BYTES, &text, &length, NULL), OPP_OK);
    return text;
}

static void the_example_names_every_setting(void **state)
{
    char *text = read_text(OPP_SOURCE_DIR "/oppd.example.yaml");
    json_t *schema = NULL, *defaults = NULL, *value, *member;
    const char *name, *inner;

    (void)state;
    assert_int_equal(opp_config_schema(&schema, NULL), OPP_OK);
    assert_int_equal(opp_config_defaults(schema, &defaults, NULL), OPP_OK);
    json_object_foreach(defaults, name, value)
    {
        if (strstr(text, name) == NULL)
            fail_msg("%s is not in the example", name);
        json_object_foreach(value, inner, member)
        {
            if (strstr(text, inner) == NULL)
                fail_msg("%s is not in the example", inner);
        }
    }
    json_decref(defaults);
    json_decref(schema);
    free(text);
}

static void the_documented_table_is_the_schema(void **state)
{
    char *text = read_text(OPP_SOURCE_DIR "/docs/configuration.md");
    struct opp_buf table = { 0 };

    (void)state;
    assert_int_equal(opp_config_reference(&table, NULL), OPP_OK);
    opp_buf_char(&table, '\0');
    assert_int_equal(opp_buf_check(&table, NULL), OPP_OK);
    if (strstr(text, table.bytes) == NULL)
        fail_msg("docs/configuration.md should have the output of oppd help config:\n%s", table.bytes);
    opp_buf_free(&table);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_there_are_defaults),
        cmocka_unit_test(a_file_counts_more_than_the_defaults_and_flags_more_than_the_file),
        cmocka_unit_test(lifetimes_are_seconds_outside_and_milliseconds_inside),
        cmocka_unit_test(a_number_is_what_it_says_however_it_is_written),
        cmocka_unit_test(trusted_proxies_are_blocks),
        cmocka_unit_test(an_unknown_key_is_refused_with_its_line_and_the_name_that_was_meant),
        cmocka_unit_test(a_wrong_value_is_refused_with_its_line_and_what_is_wanted),
        cmocka_unit_test(upstreams_have_the_defaults_of_each_and_what_is_said),
        cmocka_unit_test(an_upstream_that_makes_no_sense_is_refused_with_its_line),
        cmocka_unit_test(an_upstream_on_another_machine_is_not_told_anything_in_the_clear),
        cmocka_unit_test(a_wrong_flag_is_blamed_on_the_flag),
        cmocka_unit_test(other_machines_reach_it_only_when_somebody_says_so),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error),
        cmocka_unit_test(the_example_says_what_is_true_without_it),
        cmocka_unit_test(the_example_names_every_setting),
        cmocka_unit_test(the_documented_table_is_the_schema),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
