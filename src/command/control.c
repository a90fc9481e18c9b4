/* SPDX-License-Identifier: MIT */
#include "command/control.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME "control"
#define LINE_MAX_BYTES 8192
#define ASKER_TIMEOUT_S 5
#define STACK_BYTES ((size_t)1024 * 1024)

struct opp_control {
    opp_control_fn fn;
    void *arg;
    struct opp_log *log;
    int dir_fd, fd, wake_fd;
    atomic_bool stopping;
    pthread_t thread;
};

/* The path of a socket is short; one that goes through the directory's descriptor always fits. */
static void make_address(int dir_fd, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/" SOCKET_NAME, dir_fd);
}

/* Reads up to the end of a line, which it replaces by a NUL. */
static bool read_line(int fd, char line[LINE_MAX_BYTES])
{
    size_t length = 0;

    while (length < LINE_MAX_BYTES) {
        ssize_t got = read(fd, line + length, LINE_MAX_BYTES - length);
        char *end;

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        end = memchr(line + length, '\n', (size_t)got);
        length += (size_t)got;
        if (end != NULL) {
            *end = '\0';
            return true;
        }
    }
    return false;
}

/* An asker that has gone is no signal's business. */
static enum opp_code write_line(int fd, const json_t *value, struct opp_err *err)
{
    struct opp_buf line = { 0 };
    char *text = json_dumps(value, JSON_COMPACT);
    enum opp_code rc;

    opp_buf_text(&line, text != NULL ? text : "");
    opp_buf_char(&line, '\n');
    opp_reserve_free(text);
    rc = text != NULL ? opp_buf_check(&line, err) : opp_fail(err, OPP_E_MEMORY, "no memory for a line");
    if (rc == OPP_OK && send(fd, line.bytes, line.length, MSG_NOSIGNAL) != (ssize_t)line.length)
        rc = opp_fail(err, OPP_E_IO, "cannot write to the control socket: %s", strerrordesc_np(errno));
    opp_buf_free(&line);
    return rc;
}

/* The directory is the owner's alone as we make it; an operator may have opened it wider. */
static bool may_ask(int fd)
{
    struct ucred peer = { .uid = (uid_t)-1 };
    socklen_t length = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && (peer.uid == geteuid() || peer.uid == 0);
}

static json_t *answer_to(struct opp_control *control, const char *line)
{
    json_t *request = NULL, *answer = NULL;
    struct opp_err err = { 0 };
    enum opp_code rc = opp_json_parse(line, strlen(line), &request, &err);

    if (rc == OPP_OK)
        rc = control->fn(control->arg, request, &control->stopping, &answer, &err);
    json_decref(request);
    if (rc == OPP_OK)
        return json_pack("{s:b, s:o}", "ok", 1, "data", answer);
    return json_pack("{s:b, s:s}", "ok", 0, "message", err.message[0] != '\0' ? err.message : opp_code_message(rc));
}

static void serve_one(struct opp_control *control, int fd)
{
    static const struct timeval timeout = { .tv_sec = ASKER_TIMEOUT_S };
    char line[LINE_MAX_BYTES];
    json_t *answer;

    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0 || !may_ask(fd) || !read_line(fd, line))
        return;
    answer = answer_to(control, line);
    write_line(fd, answer, NULL);
    json_decref(answer);
}

static void *run(void *arg)
{
    struct opp_control *control = arg;
    struct pollfd watched[] = { { .fd = control->fd, .events = POLLIN }, { .fd = control->wake_fd, .events = POLLIN } };

    while (!atomic_load(&control->stopping)) {
        int fd;

        if (poll(watched, 2, -1) < 0 && errno != EINTR)
            break;
        fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        serve_one(control, fd);
        close(fd);
    }
    return NULL;
}

static bool listen_in(struct opp_control *control, const char *data_dir)
{
    struct sockaddr_un address;

    control->dir_fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    control->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (control->dir_fd < 0 || control->fd < 0 || control->wake_fd < 0)
        return false;
    unlinkat(control->dir_fd, SOCKET_NAME, 0); /* of one that was killed: the lock is ours */
    make_address(control->dir_fd, &address);
    return bind(control->fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(control->fd, 8) == 0;
}

static bool start_thread(struct opp_control *control)
{
    pthread_attr_t attributes;
    int failed;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    failed = pthread_create(&control->thread, &attributes, run, control);
    pthread_attr_destroy(&attributes);
    return failed == 0;
}

static void close_all(struct opp_control *control)
{
    if (control->fd >= 0)
        close(control->fd);
    if (control->wake_fd >= 0)
        close(control->wake_fd);
    if (control->dir_fd >= 0)
        close(control->dir_fd);
    free(control);
}

enum opp_code opp_control_start(const char *data_dir, struct opp_log *log, opp_control_fn fn, void *arg,
                                struct opp_control **out, struct opp_err *err)
{
    struct opp_control *control = calloc(1, sizeof *control);

    if (control == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the control socket");
    *control = (struct opp_control){ .fn = fn, .arg = arg, .log = log, .dir_fd = -1, .fd = -1, .wake_fd = -1 };
    if (listen_in(control, data_dir) && start_thread(control)) {
        *out = control;
        return OPP_OK;
    }
    opp_log_event(log, OPP_LOG_WARN, "control.unavailable", "message", strerrordesc_np(errno), NULL);
    close_all(control);
    return OPP_OK;
}

void opp_control_stop(struct opp_control *control)
{
    static const uint64_t one = 1;

    if (control == NULL)
        return;
    atomic_store(&control->stopping, true);
    opp_file_append(control->wake_fd, &one, sizeof one, NULL);
    pthread_join(control->thread, NULL);
    unlinkat(control->dir_fd, SOCKET_NAME, 0);
    close_all(control);
}

static int connect_to(int dir_fd)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), number;
    struct sockaddr_un address;

    make_address(dir_fd, &address);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    number = errno;
    close(fd);
    errno = number;
    return -1;
}

/* Gives a connection. OPP_E_ABSENT: there is no such directory, or nobody listens in it. */
static enum opp_code reach(const char *data_dir, int *out, struct opp_err *err)
{
    int dir_fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, number;

    fd = dir_fd >= 0 ? connect_to(dir_fd) : -1;
    number = errno;
    if (dir_fd >= 0)
        close(dir_fd);
    if (fd < 0)
        return opp_fail(err, number == ENOENT || number == ECONNREFUSED ? OPP_E_ABSENT : OPP_E_IO,
                        "cannot reach a gateway on %s: %s", data_dir, strerrordesc_np(number));
    *out = fd;
    return OPP_OK;
}

static enum opp_code read_answer(const char *line, json_t **out, struct opp_err *err)
{
    json_t *answer = NULL;
    enum opp_code rc = opp_json_parse(line, strlen(line), &answer, err);
    const char *message;

    if (rc != OPP_OK)
        return rc;
    message = opp_json_text(answer, "message");
    if (opp_json_true(answer, "ok"))
        *out = json_incref(json_object_get(answer, "data"));
    else
        rc = opp_fail(err, OPP_E_UNAVAILABLE, "%s", message != NULL ? message : "the gateway refuses");
    json_decref(answer);
    return rc;
}

enum opp_code opp_control_path(const char *path, char *out, size_t size, struct opp_err *err)
{
    char here[PATH_MAX] = "";

    if (path[0] != '/' && getcwd(here, sizeof here) == NULL)
        return opp_fail(err, OPP_E_IO, "cannot tell the working directory: %s", strerrordesc_np(errno));
    if (snprintf(out, size, "%s%s%s", here, here[0] != '\0' ? "/" : "", path) >= (int)size)
        return opp_fail(err, OPP_E_IO, "the path %.100s... is too long", path);
    return OPP_OK;
}

enum opp_code opp_control_ask(const char *data_dir, const json_t *request, json_t **answer, struct opp_err *err)
{
    char line[LINE_MAX_BYTES];
    enum opp_code rc;
    int fd = -1;

    rc = reach(data_dir, &fd, err);
    if (rc != OPP_OK)
        return rc;
    rc = write_line(fd, request, err);
    if (rc == OPP_OK && !read_line(fd, line))
        rc = opp_fail(err, OPP_E_IO,
                      "the gateway of %s ended before it answered: the file is there as a whole, or not at all",
                      data_dir);
    if (rc == OPP_OK)
        rc = read_answer(line, answer, err);
    close(fd);
    return rc;
}
