/* SPDX-License-Identifier: MIT
 *
 * base/data_file.h - reads the files of the public conformance data.
 * May include: nothing.
 */
#ifndef OPP_TESTS_DATA_FILE_H
#define OPP_TESTS_DATA_FILE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define DATA_FILE_MAX (512 * 1024)

/* Gives the bytes of dir/name, exactly as large as the file so that a sanitizer sees a read beyond it; NULL when it
 * cannot be read. */
static inline char *data_file_read(const char *dir, const char *name, size_t *length)
{
    char path[1024], *bytes = malloc(DATA_FILE_MAX), *fitted;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    file = fopen(path, "rb");
    if (file == NULL || bytes == NULL) {
        free(bytes);
        if (file != NULL)
            fclose(file);
        return NULL;
    }
    *length = fread(bytes, 1, DATA_FILE_MAX, file);
    fclose(file);
    fitted = realloc(bytes, *length > 0 ? *length : 1);
    return fitted != NULL ? fitted : bytes;
}

/* Opens a directory of the data; says so and gives NULL when there is none. */
static inline DIR *data_dir_open(const char *dir)
{
    DIR *open = opendir(dir);

    if (open == NULL)
        printf("skipped: no conformance data\n");
    return open;
}

#endif
