/* SPDX-License-Identifier: MIT */
#include "adapter/upstream_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

bool opp_upstream_kept_init(struct opp_upstream_kept *kept, size_t max)
{
    kept->fds = calloc(max + 1, sizeof *kept->fds);
    kept->max = max;
    return kept->fds != NULL;
}

void opp_upstream_kept_add(struct opp_upstream_kept *kept, int fd)
{
    for (size_t i = 0; i < kept->count && i < kept->max; i++)
        if (kept->fds[i] == fd)
            return;
    if (kept->max > 0)
        kept->fds[kept->count++ % kept->max] = fd;
}

/* 0: the descriptor is no such socket, or none any more. */
static int local_port(int fd)
{
    struct sockaddr_in6 address = { .sin6_family = AF_UNSPEC };
    socklen_t length = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0 ||
        (address.sin6_family != AF_INET && address.sin6_family != AF_INET6))
        return 0;
    return ntohs(address.sin6_port); /* at the same place in both */
}

static bool has_input(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

bool opp_upstream_kept_is_spoilt(const struct opp_upstream_kept *kept, int port)
{
    bool found = false;

    for (size_t i = 0; i < kept->count && i < kept->max; i++) {
        if (local_port(kept->fds[i]) != port)
            continue;
        if (has_input(kept->fds[i]))
            return true;
        found = true;
    }
    return !found;
}
