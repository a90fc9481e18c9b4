/* SPDX-License-Identifier: MIT */
#include "command/nearest.h"

#include <string.h>

#define LENGTH_MAX 48

static size_t least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;

    return smaller < c ? smaller : c;
}

/* The optimal string alignment distance of two words of at most LENGTH_MAX bytes. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][LENGTH_MAX + 1];

    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i - 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], rows[(i - 2) % 3][j - 2] + 1, row[j]);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *opp_nearest(const char *word, const char *const *names, size_t count)
{
    const size_t length = strlen(word);
    size_t best = length / 3 > 2 ? length / 3 + 1 : 3; /* one more than what counts as near */
    const char *found = NULL;

    if (length == 0 || length > LENGTH_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const size_t name_length = strlen(names[i]);
        size_t changes;

        if (name_length > LENGTH_MAX)
            continue;
        changes = distance(word, length, names[i], name_length);
        /* Another word altogether is as far away as it is long. */
        if (changes < best && changes < length) {
            best = changes;
            found = names[i];
        }
    }
    return found;
}
