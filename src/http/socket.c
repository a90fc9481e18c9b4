/* SPDX-License-Identifier: MIT */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Gives the length of the address, 0 if host is none. */
static socklen_t read_address(const char *host, uint16_t port, union address *address)
{
    memset(address, 0, sizeof *address);
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        return sizeof address->v4;
    }
    if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        return sizeof address->v6;
    }
    return 0;
}

static int turn_on(int fd, int level, int option)
{
    int one = 1;

    return setsockopt(fd, level, option, &one, sizeof one);
}

/* A socket that is shared from the start may join those of others; one that is shared only once it is bound has seen
 * that nobody else listens there. Accepted sockets inherit TCP_NODELAY. */
static int bind_socket(int fd, const union address *address, socklen_t length, bool again)
{
    if (turn_on(fd, SOL_SOCKET, SO_REUSEADDR) != 0 || turn_on(fd, IPPROTO_TCP, TCP_NODELAY) != 0)
        return -1;
    if (again && turn_on(fd, SOL_SOCKET, SO_REUSEPORT) != 0)
        return -1;
    if (bind(fd, &address->any, length) != 0)
        return -1;
    if (!again && turn_on(fd, SOL_SOCKET, SO_REUSEPORT) != 0)
        return -1;
    return listen(fd, BACKLOG);
}

static enum opp_code open_socket(const char *host, uint16_t port, bool again, int *out, struct opp_err *err)
{
    union address address;
    socklen_t length = read_address(host, port, &address);
    int fd;

    if (length == 0)
        return opp_fail(err, OPP_E_IO, "cannot listen on %s: it is no IP address", host);
    fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind_socket(fd, &address, length, again) != 0) {
        opp_fail(err, OPP_E_IO, "cannot listen on %s port %u: %s", host, port, strerror(errno));
        if (fd >= 0)
            close(fd);
        return OPP_E_IO;
    }
    *out = fd;
    return OPP_OK;
}

static uint16_t port_of(int fd)
{
    union address address = { .any.sa_family = AF_UNSPEC };
    socklen_t length = sizeof address;

    if (getsockname(fd, &address.any, &length) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

enum opp_code opp_http_bind(const struct opp_http_settings *settings, int *fd, uint16_t *port, struct opp_err *err)
{
    enum opp_code rc = open_socket(settings->host, settings->port, false, fd, err);

    if (rc == OPP_OK)
        *port = port_of(*fd);
    return rc;
}

enum opp_code opp_http_bind_again(const struct opp_http_settings *settings, uint16_t port, int *fd, struct opp_err *err)
{
    return open_socket(settings->host, port, true, fd, err);
}
