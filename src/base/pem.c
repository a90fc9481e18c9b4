/* SPDX-License-Identifier: MIT */
#include "base/pem.h"

int opp_pem_no_password(char *text, int size, int writing, void *arg)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}
