/* SPDX-License-Identifier: MIT */
#include "store/archive.h"

#include "base/file.h"
#include "base/reserve.h"
#include "script/starving.h"
#include "store/store_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <unistd.h>

static const char *const FILES[] = { "a.db", NULL };

/* *failed tells whether there are so many. */
static enum opp_code write_without(const struct kit *kit, int nth, json_t **manifest, bool *failed)
{
    char path[KIT_PATH_MAX];
    enum opp_code rc;

    kit_path(kit, "archive.tar", path);
    unlink(path);
    starving_set(nth, false);
    rc = opp_archive_write(path, kit->dir, FILES, 0, manifest, NULL);
    *failed = starving_happened();
    starving_set(0, false);
    return rc;
}

/* What jansson gives may be of the reserve, and is no block for free. */
static void an_archive_is_made_or_not_whichever_allocation_fails(void **state)
{
    struct kit kit;
    char path[KIT_PATH_MAX];
    bool failed = true;

    (void)state;
    kit_make_dir(&kit);
    kit_path(&kit, "a.db", path);
    assert_int_equal(opp_file_write(path, 0600, "abc", 3, NULL), OPP_OK);
    for (int nth = 1; failed; nth++) {
        json_t *manifest = NULL;
        enum opp_code rc = write_without(&kit, nth, &manifest, &failed);

        assert_true(rc == OPP_OK || (failed && rc != OPP_E_EXISTS));
        assert_int_equal(json_array_size(json_object_get(manifest, "files")), rc == OPP_OK ? 1 : 0);
        json_decref(manifest);
    }
    kit_remove_dir(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_archive_is_made_or_not_whichever_allocation_fails),
    };

    opp_reserve_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
