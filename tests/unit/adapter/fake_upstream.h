/* SPDX-License-Identifier: MIT
 *
 * fake_upstream.h - an upstream for tests: a port of its own, a thread for each connection that answers as it is told,
 * and a count of what was seen.
 */
#ifndef OPP_TEST_FAKE_UPSTREAM_H
#define OPP_TEST_FAKE_UPSTREAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define FAKE_REQUEST_MAX 4096
#define FAKE_CONNECTIONS_MAX 1024

struct fake_upstream {
    /* Set before the start. serve: answers one connection, which is closed when it comes back. */
    void (*serve)(struct fake_upstream *fake, int fd);
    const char *text; /* serve's own */

    uint16_t port;
    char base_url[64];
    atomic_int connections, requests; /* requests: those whose header block came */
    atomic_int marks, crowded;        /* serve's own */
    int listener, stop;               /* descriptors */
    pthread_t thread, threads[FAKE_CONNECTIONS_MAX];
    pthread_mutex_t lock; /* over the request */
    char request[FAKE_REQUEST_MAX];
};

void fake_upstream_start(struct fake_upstream *fake);
void fake_upstream_stop(struct fake_upstream *fake);

/* Reads a whole request; 0: there was none before the end. */
int fake_upstream_read(struct fake_upstream *fake, int fd);
/* Copies the last request that was read whole. */
void fake_upstream_last(struct fake_upstream *fake, char request[FAKE_REQUEST_MAX]);
/* Sends; 0: the peer has gone. */
int fake_upstream_say(int fd, const char *text);
/* Until the peer has gone, or the test ends. */
void fake_upstream_wait(struct fake_upstream *fake, int fd);
/* Some milliseconds; 0: the test ends. */
int fake_upstream_pause(struct fake_upstream *fake, int ms);

/* Serves: every request on the connection is answered by fake->text. */
void fake_upstream_answer(struct fake_upstream *fake, int fd);

#endif
