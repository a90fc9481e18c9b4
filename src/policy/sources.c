/* SPDX-License-Identifier: MIT */
#include "policy/sources.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/jcs.h"
#include "base/json.h"
#include "base/utf8.h"
#include "policy/profile.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct opp_policy_sources {
    char *profile;
    struct opp_policy_file *files;
    size_t count;
    char sha256[OPP_HASH_HEX];
};

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for a profile's files");
}

static char *mutable(const char *text)
{
    return (char *)(uintptr_t)text;
}

void opp_policy_sources_free(struct opp_policy_sources *sources)
{
    if (sources == NULL)
        return;
    for (size_t i = 0; i < sources->count; i++) {
        free(mutable(sources->files[i].name));
        free(mutable(sources->files[i].bytes));
    }
    free(sources->files);
    free(sources->profile);
    free(sources);
}

/* NULL: no memory. */
static struct opp_policy_sources *make(const char *profile)
{
    struct opp_policy_sources *sources = calloc(1, sizeof *sources);

    if (sources == NULL || (sources->profile = strdup(profile)) == NULL) {
        free(sources);
        return NULL;
    }
    return sources;
}

/* Takes bytes, and name's copy. Text only: bytecode, and what a store of JSON could not keep, is refused. */
static enum opp_code add(struct opp_policy_sources *sources, const char *name, char *bytes, size_t length,
                         struct opp_err *err)
{
    struct opp_policy_file *grown;
    char *copy = strdup(name);

    grown = copy != NULL ? realloc(sources->files, (sources->count + 1) * sizeof *grown) : NULL;
    if (grown == NULL) {
        free(copy);
        free(bytes);
        return no_memory(err);
    }
    sources->files = grown;
    sources->files[sources->count++] = (struct opp_policy_file){ .name = copy, .bytes = bytes, .length = length };
    if (sources->count > OPP_POLICY_FILES_MAX)
        return opp_fail_at(err, OPP_E_CONFIG, name, "a profile has at most %d files", OPP_POLICY_FILES_MAX);
    if (!opp_utf8_valid(bytes, length))
        return opp_fail_at(err, OPP_E_CONFIG, name, "the file is not UTF-8 text");
    return OPP_OK;
}

static bool is_path(char path[PATH_MAX], const char *a, const char *b)
{
    return snprintf(path, PATH_MAX, "%s/%s", a, b) < PATH_MAX;
}

/* name is below dir. It is what an operator is told, and a file that has gone since it was listed, or leads nowhere, is
 * no directory that is absent. */
static enum opp_code read_file(struct opp_policy_sources *sources, const char *dir, const char *name,
                               struct opp_err *err)
{
    struct opp_err why = { 0 };
    char path[PATH_MAX], *bytes = NULL;
    size_t length = 0;
    enum opp_code rc;

    if (!is_path(path, dir, name))
        return opp_fail(err, OPP_E_CONFIG, "the path of the policies is too long");
    rc = opp_file_read(path, OPP_POLICY_FILE_MAX_BYTES, &bytes, &length, &why);
    if (rc == OPP_OK)
        return add(sources, name, bytes, length, err);
    opp_file_hide_path(&why, path, "it");
    return opp_fail_at(err, rc == OPP_E_ABSENT || rc == OPP_E_LIMIT ? OPP_E_CONFIG : rc, name, "%s", why.message);
}

/* The *.lua files of dir/below; below is "strict" or "strict/lib". OPP_E_ABSENT: there is no such directory. */
static enum opp_code read_directory(struct opp_policy_sources *sources, const char *dir, const char *below,
                                    struct opp_err *err)
{
    char path[PATH_MAX], name[PATH_MAX], **names = NULL;
    struct opp_err why = { 0 };
    enum opp_code rc;

    if (!is_path(path, dir, below))
        return opp_fail(err, OPP_E_CONFIG, "the path of the policies is too long");
    rc = opp_file_list(path, ".lua", &names, &why);
    if (rc != OPP_OK) {
        opp_file_hide_path(&why, path, "it");
        opp_fail_at(err, rc, below, "%s", why.message);
    }
    for (size_t i = 0; rc == OPP_OK && names[i] != NULL; i++) {
        if (names[i][0] == '.')
            continue;
        if (!opp_utf8_valid(names[i], strlen(names[i])))
            rc = opp_fail_at(err, OPP_E_CONFIG, below, "the name of a file is not UTF-8 text");
        else if (!is_path(name, below, names[i]))
            rc = opp_fail(err, OPP_E_CONFIG, "the path of the policies is too long");
        else
            rc = read_file(sources, dir, name, err);
    }
    opp_names_free(names);
    return rc;
}

static bool is_name(const char *profile)
{
    size_t length = strlen(profile);

    return length > 0 && length <= OPP_POLICY_PROFILE_MAX &&
           strspn(profile, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

static enum opp_code read_profile(struct opp_policy_sources *sources, const char *dir, const char *profile,
                                  struct opp_err *err)
{
    char lib[OPP_POLICY_PROFILE_MAX + sizeof "/lib"], own[OPP_POLICY_PROFILE_MAX + sizeof "/profile.lua"];
    struct opp_err why = { 0 };
    enum opp_code rc;

    if (!is_name(profile))
        return opp_fail(err, OPP_E_CONFIG, "a profile's name is lower-case letters, digits, _ and -, at most %d",
                        OPP_POLICY_PROFILE_MAX);
    rc = read_directory(sources, dir, profile, &why);
    if (rc == OPP_E_ABSENT)
        return opp_fail_at(err, OPP_E_CONFIG, profile, "there is no policy profile '%s'", profile);
    snprintf(lib, sizeof lib, "%s/lib", profile);
    snprintf(own, sizeof own, "%s/profile.lua", profile);
    if (rc == OPP_OK && read_directory(sources, dir, lib, &why) == OPP_E_ABSENT)
        why = (struct opp_err){ 0 };
    if (rc == OPP_OK)
        rc = why.code;
    if (rc != OPP_OK)
        return opp_fail_at(err, rc, why.where, "%s", why.message);
    if (opp_policy_sources_find(sources, own) == NULL)
        return opp_fail_at(err, OPP_E_CONFIG, own, "the policy profile has no profile.lua");
    return OPP_OK;
}

static void reverse(struct opp_policy_file *files, size_t count)
{
    for (size_t i = 0; i + 1 < count - i; i++) {
        struct opp_policy_file kept = files[i];

        files[i] = files[count - 1 - i];
        files[count - 1 - i] = kept;
    }
}

/* A profile's files come behind those of the one it extends: starts[i] is where the i-th profile's begin. */
static void order(struct opp_policy_sources *sources, const size_t *starts, size_t profiles)
{
    if (sources->count < 2)
        return;
    for (size_t i = 0; i < profiles; i++)
        reverse(sources->files + starts[i], (i + 1 < profiles ? starts[i + 1] : sources->count) - starts[i]);
    reverse(sources->files, sources->count);
}

static bool was_read(const struct opp_policy_sources *sources, const char *profile)
{
    char own[OPP_POLICY_PROFILE_MAX + sizeof "/profile.lua"];

    snprintf(own, sizeof own, "%s/profile.lua", profile);
    return opp_policy_sources_find(sources, own) != NULL;
}

static enum opp_code read_chain(struct opp_policy_sources *sources, const char *dir, struct opp_err *err)
{
    size_t starts[OPP_POLICY_EXTENDS_MAX], profiles = 0;
    struct opp_policy_profile about = { 0 };
    char name[OPP_POLICY_PROFILE_MAX + 1];
    enum opp_code rc = OPP_OK;

    snprintf(name, sizeof name, "%s", sources->profile);
    if (strlen(sources->profile) >= sizeof name)
        return opp_fail(err, OPP_E_CONFIG, "the profile's name is too long");
    do {
        if (profiles == OPP_POLICY_EXTENDS_MAX || was_read(sources, name))
            return opp_fail_at(err, OPP_E_CONFIG, name, "the profiles extend each other, or too many of them");
        starts[profiles++] = sources->count;
        rc = read_profile(sources, dir, name, err);
        if (rc == OPP_OK)
            rc = opp_policy_profile_read(sources, name, &about, err);
        snprintf(name, sizeof name, "%s", about.extends);
    } while (rc == OPP_OK && name[0] != '\0');
    if (rc == OPP_OK)
        order(sources, starts, profiles);
    return rc;
}

static enum opp_code seal(struct opp_policy_sources *sources, struct opp_err *err)
{
    json_t *value = opp_policy_sources_to_json(sources);
    enum opp_code rc = value != NULL ? opp_jcs_hash(value, sources->sha256, err) : no_memory(err);

    json_decref(value);
    return rc;
}

enum opp_code opp_policy_sources_read(const char *policies_dir, const char *profile, struct opp_policy_sources **out,
                                      struct opp_err *err)
{
    struct opp_policy_sources *sources = make(profile);
    enum opp_code rc;

    if (sources == NULL)
        return no_memory(err);
    rc = read_chain(sources, policies_dir, err);
    if (rc == OPP_OK)
        rc = seal(sources, err);
    if (rc == OPP_OK)
        *out = sources;
    else
        opp_policy_sources_free(sources);
    return rc;
}

const char *opp_policy_sources_profile(const struct opp_policy_sources *sources)
{
    return sources->profile;
}

size_t opp_policy_sources_count(const struct opp_policy_sources *sources)
{
    return sources->count;
}

const struct opp_policy_file *opp_policy_sources_at(const struct opp_policy_sources *sources, size_t index)
{
    return &sources->files[index];
}

const struct opp_policy_file *opp_policy_sources_find(const struct opp_policy_sources *sources, const char *name)
{
    for (size_t i = 0; i < sources->count; i++)
        if (strcmp(sources->files[i].name, name) == 0)
            return &sources->files[i];
    return NULL;
}

const char *opp_policy_sources_sha256(const struct opp_policy_sources *sources)
{
    return sources->sha256;
}

json_t *opp_policy_sources_to_json(const struct opp_policy_sources *sources)
{
    json_t *files = json_array();

    for (size_t i = 0; i < sources->count; i++) {
        const struct opp_policy_file *file = &sources->files[i];
        json_t *item = json_pack("{s:s, s:s%}", "name", file->name, "text", file->bytes, file->length);

        if (json_array_append_new(files, item) != 0) {
            json_decref(files);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o}", "profile", sources->profile, "files", files);
}

static enum opp_code add_item(struct opp_policy_sources *sources, const json_t *item, struct opp_err *err)
{
    const char *name = opp_json_text(item, "name"), *text = opp_json_text(item, "text");
    size_t length = json_string_length(json_object_get(item, "text"));
    char *bytes;

    if (name == NULL || text == NULL || strchr(name, '/') == NULL || length > OPP_POLICY_FILE_MAX_BYTES)
        return opp_fail(err, OPP_E_VALIDATION, "a stored policy file is not one");
    bytes = malloc(length + 1);
    if (bytes == NULL)
        return no_memory(err);
    memcpy(bytes, text, length);
    bytes[length] = '\0';
    return add(sources, name, bytes, length, err);
}

enum opp_code opp_policy_sources_from_json(const json_t *value, struct opp_policy_sources **out, struct opp_err *err)
{
    const char *profile = opp_json_text(value, "profile");
    const json_t *files = json_object_get(value, "files");
    struct opp_policy_sources *sources;
    enum opp_code rc = OPP_OK;
    json_t *item;
    size_t i;

    if (profile == NULL || !json_is_array(files))
        return opp_fail(err, OPP_E_VALIDATION, "stored policies are not what they should be");
    sources = make(profile);
    if (sources == NULL)
        return no_memory(err);
    json_array_foreach(files, i, item)
    {
        if (rc == OPP_OK)
            rc = add_item(sources, item, err);
    }
    if (rc == OPP_OK)
        rc = seal(sources, err);
    if (rc == OPP_OK)
        *out = sources;
    else
        opp_policy_sources_free(sources);
    return rc == OPP_E_CONFIG ? OPP_E_VALIDATION : rc;
}
