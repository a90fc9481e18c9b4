/* SPDX-License-Identifier: MIT */
#include "base/yaml.h"
#include "command/config.h"
#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define POINTER_MAX 512

/* Every value has a line, and it is one of the text's. */
static void check_lines(const struct opp_yaml *yaml, const json_t *value, char *pointer, int lines)
{
    size_t length = strlen(pointer), i;
    const char *key;
    json_t *item;
    int line = opp_yaml_line(yaml, pointer);

    require(line >= 1 && line <= lines);
    if (length > POINTER_MAX - 32)
        return;
    json_object_foreach((json_t *)(uintptr_t)value, key, item)
    {
        if (strpbrk(key, "~/") != NULL || strlen(key) > 20)
            continue;
        snprintf(pointer + length, POINTER_MAX - length, "/%s", key);
        check_lines(yaml, item, pointer, lines);
    }
    json_array_foreach(value, i, item)
    {
        snprintf(pointer + length, POINTER_MAX - length, "/%zu", i);
        check_lines(yaml, item, pointer, lines);
    }
    pointer[length] = '\0';
}

static void read_yaml(const char *text, size_t size)
{
    struct opp_yaml *yaml = NULL;
    struct opp_err err = { 0 };
    char pointer[POINTER_MAX] = "";
    int lines = 2;

    if (opp_yaml_parse("f", text, size, &yaml, &err) != OPP_OK) {
        require(err.code == OPP_E_CONFIG && strncmp(err.where, "f", 1) == 0);
        return;
    }
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n' || text[i] == '\r';
    check_lines(yaml, opp_yaml_value(yaml), pointer, lines + (int)size);
    opp_yaml_free(yaml);
}

static void read_config(const uint8_t *data, size_t size)
{
    struct opp_config config;
    struct opp_err err = { 0 };
    char path[64];
    int fd = memfd_create("config", MFD_CLOEXEC);
    enum opp_code rc;

    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    rc = opp_config_load(path, NULL, &config, &err);
    require(rc == OPP_OK || (rc == OPP_E_CONFIG && err.message[0] != '\0'));
    if (rc == OPP_OK) {
        require(config.workers >= 1 && config.listen.host[0] != '\0');
        opp_config_clear(&config);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);

    read_yaml(text, size);
    read_config(data, size);
    free(text);
    return 0;
}
