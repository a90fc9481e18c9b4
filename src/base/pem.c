/* SPDX-License-Identifier: MIT */
#include "base/pem.h"

#include <openssl/err.h>

int opp_pem_no_password(char *text, int size, int writing, void *arg)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

/* Where there was no memory for an error either, there is none; what is wrong in a file always has one. */
bool opp_pem_starved(void)
{
    unsigned long error = ERR_get_error();
    bool starved = error == 0;

    for (; error != 0; error = ERR_get_error())
        starved = starved || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
    return starved;
}
