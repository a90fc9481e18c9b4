/* SPDX-License-Identifier: MIT
 *
 * http/shared.h - bodies that many answers send from the same memory.
 * May include: http/request.h.
 */
#ifndef OPP_HTTP_SHARED_H
#define OPP_HTTP_SHARED_H

#include "http/request.h"

#include <stdatomic.h>

struct opp_shared {
    atomic_size_t references;
    size_t length;
    char bytes[];
};

#endif
