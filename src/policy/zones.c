/* SPDX-License-Identifier: MIT */
#include "base/file.h"
#include "policy/zone_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SYSTEM_DIR "/usr/share/zoneinfo"

/* Zones are only ever added in front, so that readers need no lock. */
struct opp_zones {
    _Atomic(struct opp_zone *) first;
    pthread_mutex_t loading; /* held while a zone is looked for once more, read and added */
    size_t count;            /* under loading */
    char dir[];
};

enum opp_code opp_zones_new(const char *dir, struct opp_zones **out, struct opp_err *err)
{
    const char *path = dir != NULL ? dir : SYSTEM_DIR;
    size_t length = strlen(path);
    struct opp_zones *zones = calloc(1, sizeof *zones + length + 1);

    if (zones == NULL || pthread_mutex_init(&zones->loading, NULL) != 0) {
        free(zones);
        return opp_fail(err, OPP_E_MEMORY, "no memory for time zones");
    }
    memcpy(zones->dir, path, length);
    atomic_init(&zones->first, NULL);
    *out = zones;
    return OPP_OK;
}

void opp_zones_free(struct opp_zones *zones)
{
    struct opp_zone *zone, *next;

    if (zones == NULL)
        return;
    for (zone = atomic_load(&zones->first); zone != NULL; zone = next) {
        next = zone->next;
        free(zone);
    }
    pthread_mutex_destroy(&zones->loading);
    free(zones);
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_name_char(char c)
{
    return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';
}

/* Names begin with a capital, which keeps out what else lies in the directory: posix, right, localtime, tables. */
static bool is_name(const char *name)
{
    size_t length = strnlen(name, OPP_ZONE_NAME_MAX);

    if (length == OPP_ZONE_NAME_MAX || !is_upper(*name) || name[length - 1] == '/')
        return false;
    for (const char *at = name; *at != '\0'; at++) {
        if (!is_name_char(*at) && (*at != '/' || at[-1] == '/'))
            return false;
    }
    return true;
}

static const struct opp_zone *find(struct opp_zones *zones, const char *name)
{
    const struct opp_zone *zone = atomic_load_explicit(&zones->first, memory_order_acquire);

    while (zone != NULL && strcmp(zone->name, name) != 0)
        zone = zone->next;
    return zone;
}

/* "Europe" is no zone. */
static bool is_dir(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static enum opp_code read_zone(const char *dir, const char *name, struct opp_zone **out, struct opp_err *err)
{
    struct opp_err why = { 0 };
    char *path = NULL, *bytes = NULL;
    size_t length = 0;
    enum opp_code rc;

    if (asprintf(&path, "%s/%s", dir, name) < 0)
        return opp_fail(err, OPP_E_MEMORY, "no memory for time zone %s", name);
    rc = opp_file_read(path, OPP_ZONE_FILE_MAX, &bytes, &length, &why);
    if (rc == OPP_E_ABSENT || (rc == OPP_E_IO && is_dir(path)))
        rc = opp_fail(err, OPP_E_VALIDATION, "there is no time zone \"%s\"", name);
    else if (rc != OPP_OK)
        opp_fail(err, rc, "%s", why.message);
    else
        rc = opp_zone_parse(name, bytes, length, out, err);
    free(bytes);
    free(path);
    return rc;
}

static enum opp_code make_zone(const char *dir, const char *name, struct opp_zone **out, struct opp_err *err)
{
    if (strcmp(name, "UTC") != 0)
        return read_zone(dir, name, out, err);
    *out = opp_zone_alloc(name, 0);
    return *out != NULL ? OPP_OK : opp_fail(err, OPP_E_MEMORY, "no memory for time zone UTC");
}

/* Under loading. */
static enum opp_code add(struct opp_zones *zones, const char *name, const struct opp_zone **out, struct opp_err *err)
{
    struct opp_zone *zone = NULL;
    enum opp_code rc;

    if (zones->count == OPP_ZONES_MAX)
        return opp_fail(err, OPP_E_LIMIT, "more than %d time zones are in use", OPP_ZONES_MAX);
    rc = make_zone(zones->dir, name, &zone, err);
    if (zone == NULL)
        return rc;
    zone->next = atomic_load(&zones->first);
    atomic_store_explicit(&zones->first, zone, memory_order_release);
    zones->count++;
    *out = zone;
    return OPP_OK;
}

enum opp_code opp_zones_get(struct opp_zones *zones, const char *name, const struct opp_zone **out, struct opp_err *err)
{
    const struct opp_zone *zone;
    enum opp_code rc = OPP_OK;

    if (!is_name(name))
        return opp_fail(err, OPP_E_VALIDATION, "a time zone is named like Europe/Berlin or UTC");
    zone = find(zones, name);
    if (zone == NULL) {
        pthread_mutex_lock(&zones->loading);
        zone = find(zones, name);
        if (zone == NULL)
            rc = add(zones, name, &zone, err);
        pthread_mutex_unlock(&zones->loading);
    }
    if (rc == OPP_OK)
        *out = zone;
    return rc;
}
