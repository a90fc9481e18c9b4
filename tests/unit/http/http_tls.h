/* SPDX-License-Identifier: MIT
 *
 * http/http_tls.h - certificates that tests make for themselves.
 * May include: http.
 */
#ifndef OPP_TESTS_HTTP_TLS_H
#define OPP_TESTS_HTTP_TLS_H

#include "http/tls.h"

#include <stdint.h>

struct tls_files {
    char certificate[64], key[64];
};

/* Writes a new key and a certificate of its own for it, which ends in so many seconds. */
struct tls_files tls_files_make(int64_t lifetime_s);
void tls_files_remove(const struct tls_files *files);

#endif
