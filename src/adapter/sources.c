/* SPDX-License-Identifier: MIT */
#include "adapter/internal.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SOURCES_MAX 256
#define DEPTH_MAX 8
#define PATH_BYTES 4096

static bool ends_in(const char *name, const char *suffix)
{
    size_t length = strlen(name), wanted = strlen(suffix);

    return length > wanted && strcmp(name + length - wanted, suffix) == 0;
}

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for an adapter's files");
}

static enum opp_code add_source(struct opp_adapter *adapter, const char *path, const char *name, struct opp_err *err)
{
    struct opp_source *grown, *source;

    if (adapter->source_count >= SOURCES_MAX)
        return opp_fail(err, OPP_E_CONFIG, "the adapter %s has more than %d files", adapter->name, SOURCES_MAX);
    grown = realloc(adapter->sources, (adapter->source_count + 1) * sizeof *grown);
    if (grown == NULL)
        return no_memory(err);
    adapter->sources = grown;
    source = &grown[adapter->source_count];
    *source = (struct opp_source){ .name = strdup(name) };
    if (source->name == NULL)
        return no_memory(err);
    adapter->source_count++;
    return opp_file_read(path, OPP_ADAPTER_FILE_MAX, &source->bytes, &source->length, err);
}

static enum opp_code read_below(struct opp_adapter *adapter, const char *below, int depth, struct opp_err *err);

/* name is relative to the adapter's directory. */
static enum opp_code read_entry(struct opp_adapter *adapter, const char *name, int depth, struct opp_err *err)
{
    char path[PATH_BYTES];
    struct stat about;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", adapter->dir, name) >= sizeof path)
        return opp_fail(err, OPP_E_CONFIG, "the adapter %s has too long a path", adapter->name);
    if (stat(path, &about) != 0)
        return opp_fail(err, OPP_E_IO, "cannot look at %s", path);
    if (S_ISDIR(about.st_mode))
        return read_below(adapter, name, depth + 1, err);
    return ends_in(name, ".lua") ? add_source(adapter, path, name, err) : OPP_OK;
}

static enum opp_code read_below(struct opp_adapter *adapter, const char *below, int depth, struct opp_err *err)
{
    char path[PATH_BYTES], name[PATH_BYTES];
    char **names = NULL;
    enum opp_code rc;

    if (depth > DEPTH_MAX)
        return opp_fail(err, OPP_E_CONFIG, "the adapter %s has directories nested too deep", adapter->name);
    if ((size_t)snprintf(path, sizeof path, "%s/%s", adapter->dir, below) >= sizeof path)
        return opp_fail(err, OPP_E_CONFIG, "the adapter %s has too long a path", adapter->name);
    rc = opp_file_list(path, "", &names, err);
    for (size_t i = 0; rc == OPP_OK && names[i] != NULL; i++) {
        if (names[i][0] == '.')
            continue;
        if ((size_t)snprintf(name, sizeof name, "%s%s%s", below, *below != '\0' ? "/" : "", names[i]) >= sizeof name)
            rc = opp_fail(err, OPP_E_CONFIG, "the adapter %s has too long a path", adapter->name);
        else
            rc = read_entry(adapter, name, depth, err);
    }
    opp_names_free(names);
    return rc;
}

enum opp_code opp_sources_read(struct opp_adapter *adapter, struct opp_err *err)
{
    return read_below(adapter, "", 0, err);
}

void opp_sources_free(struct opp_adapter *adapter)
{
    for (size_t i = 0; i < adapter->source_count; i++) {
        free(adapter->sources[i].name);
        free(adapter->sources[i].bytes);
    }
    free(adapter->sources);
    adapter->sources = NULL;
    adapter->source_count = 0;
}

const struct opp_source *opp_sources_find(const struct opp_adapter *adapter, const char *name)
{
    for (size_t i = 0; i < adapter->source_count; i++)
        if (strcmp(adapter->sources[i].name, name) == 0)
            return &adapter->sources[i];
    return NULL;
}
