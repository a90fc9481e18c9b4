/* SPDX-License-Identifier: MIT */
#include "adapter/sources.h"

#include "adapter/internal.h"
#include "base/jcs.h"
#include "base/json.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for the adapters' files");
}

struct opp_adapter_sources *opp_sources_new(void)
{
    struct opp_adapter_sources *sources = calloc(1, sizeof *sources);

    if (sources != NULL)
        atomic_init(&sources->references, 1);
    return sources;
}

struct opp_adapter_sources *opp_adapter_sources_ref(struct opp_adapter_sources *sources)
{
    if (sources != NULL)
        atomic_fetch_add_explicit(&sources->references, 1, memory_order_relaxed);
    return sources;
}

static void free_files(struct opp_adapter_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->list[i].name);
        free(files->list[i].bytes);
    }
    free(files->list);
    free(files->name);
}

void opp_adapter_sources_unref(struct opp_adapter_sources *sources)
{
    if (sources == NULL || atomic_fetch_sub_explicit(&sources->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < sources->count; i++)
        free_files(&sources->list[i]);
    free(sources->list);
    free(sources);
}

const char *opp_adapter_sources_sha256(const struct opp_adapter_sources *sources)
{
    return sources->sha256;
}

enum opp_code opp_sources_add_adapter(struct opp_adapter_sources *sources, const char *name, struct opp_err *err)
{
    struct opp_adapter_files *grown = realloc(sources->list, (sources->count + 1) * sizeof *grown);

    if (grown == NULL)
        return no_memory(err);
    sources->list = grown;
    grown[sources->count] = (struct opp_adapter_files){ .name = strdup(name) };
    if (grown[sources->count].name == NULL)
        return no_memory(err);
    sources->count++;
    return OPP_OK;
}

/* Text only: bytecode, and what a store of JSON could not keep, is refused. */
static enum opp_code check_file(const struct opp_adapter_sources *sources, const struct opp_source *source,
                                struct opp_err *err)
{
    if (sources->bytes > OPP_ADAPTER_BYTES_MAX)
        return opp_fail_at(err, OPP_E_CONFIG, source->name, "the adapters' files are larger than %d MiB together",
                           (int)(OPP_ADAPTER_BYTES_MAX >> 20));
    if (!opp_utf8_valid(source->bytes, source->length))
        return opp_fail_at(err, OPP_E_CONFIG, source->name, "the file is not UTF-8 text");
    return OPP_OK;
}

enum opp_code opp_sources_add_file(struct opp_adapter_sources *sources, const char *name, char *bytes, size_t length,
                                   struct opp_err *err)
{
    struct opp_adapter_files *files = &sources->list[sources->count - 1];
    struct opp_source *grown = NULL;
    char *copy = strdup(name);

    if (copy != NULL)
        grown = realloc(files->list, (files->count + 1) * sizeof *grown);
    if (grown == NULL) {
        free(copy);
        free(bytes);
        return no_memory(err);
    }
    files->list = grown;
    grown[files->count++] = (struct opp_source){ .name = copy, .bytes = bytes, .length = length };
    sources->bytes += length;
    if (files->count > OPP_ADAPTER_FILES_MAX)
        return opp_fail_at(err, OPP_E_CONFIG, name, "the adapter %s has more than %d files", files->name,
                           OPP_ADAPTER_FILES_MAX);
    return check_file(sources, &grown[files->count - 1], err);
}

const struct opp_source *opp_sources_find(const struct opp_adapter_files *files, const char *name)
{
    for (size_t i = 0; i < files->count; i++)
        if (strcmp(files->list[i].name, name) == 0)
            return &files->list[i];
    return NULL;
}

static json_t *files_to_json(const struct opp_adapter_files *files)
{
    json_t *list = json_array();

    for (size_t i = 0; i < files->count; i++) {
        const struct opp_source *source = &files->list[i];
        json_t *file = json_pack("{s:s, s:s%}", "name", source->name, "text", source->bytes, source->length);

        if (json_array_append_new(list, file) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o}", "name", files->name, "files", list);
}

json_t *opp_adapter_sources_to_json(const struct opp_adapter_sources *sources)
{
    json_t *list = json_array();

    for (size_t i = 0; i < sources->count; i++)
        if (json_array_append_new(list, files_to_json(&sources->list[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

enum opp_code opp_sources_seal(struct opp_adapter_sources *sources, struct opp_err *err)
{
    json_t *value = opp_adapter_sources_to_json(sources);
    enum opp_code rc = value != NULL ? opp_jcs_hash(value, sources->sha256, err) : no_memory(err);

    json_decref(value);
    return rc;
}

static enum opp_code take_file(struct opp_adapter_sources *sources, const json_t *item, struct opp_err *err)
{
    const char *name = opp_json_text(item, "name"), *text = opp_json_text(item, "text");
    size_t length = json_string_length(json_object_get(item, "text"));
    char *bytes;

    if (name == NULL || text == NULL || length > OPP_ADAPTER_FILE_MAX)
        return opp_fail(err, OPP_E_VALIDATION, "a stored file of an adapter is not one");
    bytes = malloc(length + 1);
    if (bytes == NULL)
        return no_memory(err);
    memcpy(bytes, text, length);
    bytes[length] = '\0';
    return opp_sources_add_file(sources, name, bytes, length, err);
}

static enum opp_code take_adapter(struct opp_adapter_sources *sources, const json_t *item, struct opp_err *err)
{
    const char *name = opp_json_text(item, "name");
    const json_t *files = json_object_get(item, "files");
    enum opp_code rc;
    json_t *file;
    size_t i;

    if (name == NULL || !json_is_array(files))
        return opp_fail(err, OPP_E_VALIDATION, "stored adapters are not what they should be");
    rc = opp_sources_add_adapter(sources, name, err);
    json_array_foreach(files, i, file)
    {
        if (rc == OPP_OK)
            rc = take_file(sources, file, err);
    }
    return rc;
}

enum opp_code opp_adapter_sources_from_json(const json_t *value, struct opp_adapter_sources **out, struct opp_err *err)
{
    struct opp_adapter_sources *sources;
    enum opp_code rc = OPP_OK;
    json_t *item;
    size_t i;

    if (!json_is_array(value))
        return opp_fail(err, OPP_E_VALIDATION, "stored adapters are not what they should be");
    sources = opp_sources_new();
    if (sources == NULL)
        return no_memory(err);
    json_array_foreach(value, i, item)
    {
        if (rc == OPP_OK)
            rc = take_adapter(sources, item, err);
    }
    if (rc == OPP_OK)
        rc = opp_sources_seal(sources, err);
    if (rc == OPP_OK)
        *out = sources;
    else
        opp_adapter_sources_unref(sources);
    return rc == OPP_E_CONFIG ? OPP_E_VALIDATION : rc;
}
