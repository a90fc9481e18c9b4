/* SPDX-License-Identifier: MIT */
#include "store/store_kit.h"

#include "store/db.h"
#include "store/record_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void kit_make_dir(struct kit *kit)
{
    *kit = (struct kit){ .dir = "/tmp/opp-test-XXXXXX" };
    assert_non_null(mkdtemp(kit->dir));
}

void kit_path(const struct kit *kit, const char *name, char path[KIT_PATH_MAX])
{
    assert_true(snprintf(path, KIT_PATH_MAX, "%s/%s", kit->dir, name) < KIT_PATH_MAX);
}

void kit_remove_dir(const struct kit *kit)
{
    DIR *dir = opendir(kit->dir);
    char path[KIT_PATH_MAX + 256];
    struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", kit->dir, entry->d_name);
        unlink(path);
    }
    closedir(dir);
    assert_int_equal(rmdir(kit->dir), 0);
}

void kit_on_unknown(const char *name, const char *message)
{
    fprintf(stderr, "the outcome of a commit to %s is not known: %s\n", name, message);
    abort();
}

void kit_open(struct kit *kit)
{
    struct opp_err err = { 0 };
    struct opp_store_settings settings = {
        .dir = kit->dir, .queue_max_bytes = 8 << 20, .lazy_max_bytes = 4 << 20, .on_unknown = kit_on_unknown
    };

    assert_int_equal(opp_clock_new(&kit->clock, &err), OPP_OK);
    settings.clock = kit->clock;
    if (opp_store_open(&settings, &kit->store, NULL, &err) != OPP_OK)
        fail_msg("%s", err.message);
}

void kit_close(struct kit *kit)
{
    opp_store_close(kit->store);
    opp_clock_free(kit->clock);
    kit->store = NULL;
    kit->clock = NULL;
}

int kit_set_up(void **state)
{
    kit_make_dir(*state);
    kit_open(*state);
    return 0;
}

int kit_tear_down(void **state)
{
    kit_close(*state);
    kit_remove_dir(*state);
    return 0;
}

void kit_run(const struct kit *kit, opp_tx_fn fn)
{
    struct opp_err err = { 0 };

    if (opp_store_now(kit->store, fn, NULL, &err) != OPP_OK)
        fail_msg("%s", err.message);
}

struct opp_db *kit_open_db(const struct kit *kit, const char *name)
{
    struct opp_err err = { 0 };
    struct opp_db *db = NULL;
    char path[KIT_PATH_MAX];

    kit_path(kit, name, path);
    if (opp_db_open(path, OPP_DB_WRITER, &db, &err) != OPP_OK)
        fail_msg("%s", err.message);
    return db;
}

void kit_sql(const struct kit *kit, const char *name, const char *sql)
{
    struct opp_db *db = kit_open_db(kit, name);
    struct opp_err err = { 0 };

    if (opp_db_run(db, sql, &err) != OPP_OK)
        fail_msg("%s: %s", sql, err.message);
    opp_db_close(db);
}

static void fill_member(const struct opp_field *field, char *value, int n)
{
    void *at = value + field->offset;
    char text[64];

    snprintf(text, sizeof text, "%s", field->column);
    switch (field->type) {
    case OPP_FIELD_TEXT:
        *(char **)at = strdup(text);
        break;
    case OPP_FIELD_INTEGER:
        *(int64_t *)at = INT64_C(1700000000000) + n;
        break;
    case OPP_FIELD_BOOL:
        *(bool *)at = true;
        break;
    case OPP_FIELD_JSON:
        *(json_t **)at = json_pack("{s:i, s:[s, n]}", "n", n, "list", "\xc3\xa4");
        break;
    }
}

void *kit_filled(const struct opp_record *record)
{
    char *value = calloc(1, record->size);

    assert_non_null(value);
    for (size_t i = 0; i < record->field_count; i++)
        fill_member(&record->fields[i], value, (int)i);
    return value;
}
