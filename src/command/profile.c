/* SPDX-License-Identifier: MIT */
#include "command/profile.h"

#include "base/file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_FILE "profile.lua"
#define OWN_FILE_MAX_BYTES 65536

/* A profile that builds on another one has that one's rules. */
static enum opp_code check_own_file(const char *path, struct opp_err *err)
{
    char file[PATH_MAX], *text = NULL;
    size_t length = 0;
    enum opp_code rc;

    if (snprintf(file, sizeof file, "%s/" OWN_FILE, path) >= (int)sizeof file)
        return opp_fail(err, OPP_E_CONFIG, "the path of the policies is too long");
    rc = opp_file_read(file, OWN_FILE_MAX_BYTES, &text, &length, NULL);
    if (rc != OPP_OK)
        return opp_fail_at(err, OPP_E_CONFIG, path, "the policy profile has no " OWN_FILE " that can be read");
    if (strstr(text, "extends") != NULL)
        rc = opp_fail_at(err, OPP_E_CONFIG, path, OWN_FILE " speaks of \"extends\", which this version does not know");
    free(text);
    return rc;
}

static enum opp_code check_files(const char *path, char *const *files, struct opp_err *err)
{
    for (; *files != NULL; files++)
        if (strcmp(*files, OWN_FILE) != 0)
            return opp_fail_at(
                err, OPP_E_CONFIG, path,
                "%.100s has rules, which this version cannot judge by, and it does not start without them", *files);
    return OPP_OK;
}

enum opp_code opp_profile_check(const char *dir, const char *name, struct opp_err *err)
{
    char path[PATH_MAX], **files = NULL;
    enum opp_code rc;

    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return opp_fail(err, OPP_E_CONFIG, "the path of the policies is too long");
    rc = opp_file_list(path, ".lua", &files, NULL);
    if (rc != OPP_OK)
        return opp_fail_at(err, OPP_E_CONFIG, path, "there is no policy profile that can be read");
    rc = check_files(path, files, err);
    if (rc == OPP_OK)
        rc = check_own_file(path, err);
    opp_names_free(files);
    return rc;
}
