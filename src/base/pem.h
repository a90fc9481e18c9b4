/* SPDX-License-Identifier: MIT
 *
 * base/pem.h - what everything that reads keys in PEM does alike.
 * May include: base.
 */
#ifndef OPP_BASE_PEM_H
#define OPP_BASE_PEM_H

#include <stdbool.h>

/* For OpenSSL, where it takes a pem_password_cb: gives no password, so that a key that has one is refused. Nobody is
 * asked, because who could answer is not at the terminal. */
int opp_pem_no_password(char *text, int size, int writing, void *arg);

/* After OpenSSL failed on this thread: whether memory was out, and not what was read is wrong. Forgets what it knows.
 */
bool opp_pem_starved(void);

#endif
