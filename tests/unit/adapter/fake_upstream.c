/* SPDX-License-Identifier: MIT */
#include "adapter/fake_upstream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Waits until fd can be read or has ended; false: the test ends, or time is up. */
static bool is_readable(const struct fake_upstream *fake, int fd, int timeout_ms)
{
    struct pollfd polled[] = { { .fd = fake->stop, .events = POLLIN }, { .fd = fd, .events = POLLIN } };

    return poll(polled, 2, timeout_ms) > 0 && polled[0].revents == 0 && polled[1].revents != 0;
}

static size_t body_length(const char *head)
{
    const char *field = strcasestr(head, "\r\nContent-Length:");

    return field != NULL ? strtoul(field + 17, NULL, 10) : 0;
}

int fake_upstream_read(struct fake_upstream *fake, int fd)
{
    char text[FAKE_REQUEST_MAX];
    size_t length = 0, wanted = 0;

    while (length < sizeof text - 1 && is_readable(fake, fd, -1)) {
        ssize_t count = recv(fd, text + length, sizeof text - 1 - length, 0);
        const char *end;

        if (count <= 0)
            break;
        length += (size_t)count;
        text[length] = '\0';
        end = strstr(text, "\r\n\r\n");
        if (end != NULL && wanted == 0) {
            wanted = (size_t)(end + 4 - text) + body_length(text);
            atomic_fetch_add(&fake->requests, 1);
        }
        if (wanted > 0 && length >= wanted) {
            pthread_mutex_lock(&fake->lock);
            memcpy(fake->request, text, length + 1);
            pthread_mutex_unlock(&fake->lock);
            return 1;
        }
    }
    return 0;
}

void fake_upstream_last(struct fake_upstream *fake, char request[FAKE_REQUEST_MAX])
{
    pthread_mutex_lock(&fake->lock);
    memcpy(request, fake->request, FAKE_REQUEST_MAX);
    pthread_mutex_unlock(&fake->lock);
}

int fake_upstream_say(int fd, const char *text)
{
    size_t length = strlen(text);

    return send(fd, text, length, MSG_NOSIGNAL) == (ssize_t)length;
}

void fake_upstream_wait(struct fake_upstream *fake, int fd)
{
    char bytes[512];

    while (is_readable(fake, fd, -1) && recv(fd, bytes, sizeof bytes, 0) > 0)
        ;
}

int fake_upstream_pause(struct fake_upstream *fake, int ms)
{
    struct pollfd polled = { .fd = fake->stop, .events = POLLIN };

    return poll(&polled, 1, ms) == 0;
}

void fake_upstream_answer(struct fake_upstream *fake, int fd)
{
    while (fake_upstream_read(fake, fd) && fake_upstream_say(fd, fake->text))
        ;
}

struct connection {
    struct fake_upstream *fake;
    int fd;
};

static void *run_connection(void *arg)
{
    struct connection connection = *(struct connection *)arg;

    free(arg);
    connection.fake->serve(connection.fake, connection.fd);
    close(connection.fd);
    return NULL;
}

static void *run(void *arg)
{
    struct fake_upstream *fake = arg;

    while (is_readable(fake, fake->listener, -1)) {
        struct connection *connection = malloc(sizeof *connection);
        int index = atomic_load(&fake->connections);

        if (connection == NULL || index == FAKE_CONNECTIONS_MAX)
            abort();
        connection->fake = fake;
        connection->fd = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC);
        atomic_fetch_add(&fake->connections, 1);
        if (connection->fd < 0 || pthread_create(&fake->threads[index], NULL, run_connection, connection) != 0)
            abort();
    }
    return NULL;
}

void fake_upstream_start(struct fake_upstream *fake)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;

    signal(SIGPIPE, SIG_IGN); /* TLS writes without asking for no signal */
    pthread_mutex_init(&fake->lock, NULL);
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fake->stop = eventfd(0, EFD_CLOEXEC);
    if (fake->listener < 0 || fake->stop < 0 || bind(fake->listener, (struct sockaddr *)&address, length) != 0 ||
        listen(fake->listener, 64) != 0 || getsockname(fake->listener, (struct sockaddr *)&address, &length) != 0 ||
        pthread_create(&fake->thread, NULL, run, fake) != 0)
        abort();
    fake->port = ntohs(address.sin_port);
    snprintf(fake->base_url, sizeof fake->base_url, "http://127.0.0.1:%u/api", fake->port);
}

void fake_upstream_stop(struct fake_upstream *fake)
{
    static const uint64_t one = 1;

    if (write(fake->stop, &one, sizeof one) != sizeof one)
        abort();
    pthread_join(fake->thread, NULL);
    for (int i = 0; i < atomic_load(&fake->connections); i++)
        pthread_join(fake->threads[i], NULL);
    pthread_mutex_destroy(&fake->lock);
    close(fake->listener);
    close(fake->stop);
}
