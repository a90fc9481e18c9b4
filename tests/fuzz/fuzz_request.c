/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "base/limit.h"
#include "fuzz.h"
#include "http/framing.h"
#include "http/request.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX 2048
#define HEAD_MAX 2048
#define ANSWERS_MAX ((size_t)1 << 20)
#define ROUNDS_MAX 200 /* of the loop, in which an answer must have come */

/* One server, one thread, one connection at a time. */
struct bench {
    struct opp_loop *loop;
    struct opp_router *router;
    struct opp_clock *clock;
    struct opp_log *log;
    struct opp_http *http;
    struct sockaddr_in address;
    size_t handled;
    struct opp_request *later;
    struct opp_post post;
    char *answers;
    size_t answered; /* bytes */
};

static struct bench bench;

static void refuse_input(struct opp_request *request, enum opp_code code, json_t *issues)
{
    opp_request_refuse(request, code, NULL, issues != NULL ? json_pack("{s:o}", "issues", issues) : NULL);
}

static void echo(struct opp_request *request)
{
    json_t *query = NULL, *issues = NULL;
    enum opp_code rc = opp_request_query(request, &query, &issues, NULL);

    bench.handled++;
    require(opp_request_id(request)[0] != '\0' && opp_request_path(request)[0] == '/');
    if (rc != OPP_OK)
        refuse_input(request, rc, issues);
    else
        opp_request_answer(
            request, json_pack("{s:s, s:s, s:s, s:s?, s:o}", "first", opp_request_param(request, "first"), "second",
                               opp_request_param(request, "second"), "method", opp_request_method(request), "clientId",
                               opp_request_client_id(request), "query", query));
}

static void take_body(struct opp_request *request)
{
    json_t *body = NULL, *issues = NULL;
    enum opp_code rc = opp_request_json(request, &body, &issues, NULL);

    bench.handled++;
    if (rc != OPP_OK)
        refuse_input(request, rc, issues);
    else
        opp_request_answer(request, json_pack("{s:o*}", "body", body));
}

static void answer_later(void *arg)
{
    struct bench *all = arg;
    struct opp_request *request = all->later;

    all->later = NULL;
    opp_request_answer(request, json_object());
}

/* One that waits; who comes meanwhile is told to try again. */
static void later(struct opp_request *request)
{
    bench.handled++;
    if (bench.later != NULL) {
        opp_request_refuse(request, OPP_E_RATE_LIMITED, NULL, NULL);
        return;
    }
    bench.later = request;
    bench.post = (struct opp_post){ .run = answer_later, .arg = &bench };
    opp_loop_post(bench.loop, &bench.post);
}

static const struct opp_route routes[] = {
    { "GET", "/echo/{first}/{second}", 0, echo, NULL },
    { "DELETE", "/echo/{first}/{second}", 0, echo, NULL },
    { "POST", "/json", OPP_ROUTE_BODY, take_body, NULL },
    { "PATCH", "/json", OPP_ROUTE_BODY, take_body, NULL },
    { "GET", "/later", 0, later, NULL },
    { "POST", "/later", OPP_ROUTE_BODY, later, NULL },
};

static enum opp_code admit(void *worker, const struct opp_http_offer *offer, struct opp_limited *limited)
{
    (void)worker;
    (void)limited;
    return offer->authorization != NULL && strcmp(offer->authorization, "Bearer no") == 0 ? OPP_E_TOKEN_INVALID
                                                                                          : OPP_OK;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct opp_http_settings settings = { .host = "127.0.0.1",
                                          .body_max_bytes = BODY_MAX,
                                          .header_max_bytes = HEAD_MAX };
    struct opp_http_context context = { .worker = &bench, .admit = admit };
    uint16_t port = 0;
    int fd = -1;

    (void)argc;
    (void)argv;
    signal(SIGPIPE, SIG_IGN);
    bench.answers = malloc(ANSWERS_MAX + 1);
    require(bench.answers != NULL && opp_router_new(&bench.router, NULL) == OPP_OK);
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        require(opp_router_add(bench.router, &routes[i], NULL) == OPP_OK);
    require(opp_clock_new(&bench.clock, NULL) == OPP_OK && opp_loop_new(&bench.loop, NULL) == OPP_OK);
    require(opp_log_new(STDERR_FILENO, OPP_LOG_JSON, OPP_LOG_ERROR, &bench.log, NULL) == OPP_OK);
    require(opp_http_bind(&settings, &fd, &port, NULL) == OPP_OK);
    context.loop = bench.loop;
    context.router = bench.router;
    context.clock = bench.clock;
    context.log = bench.log;
    require(opp_http_open(&context, &settings, fd, &bench.http, NULL) == OPP_OK);
    bench.address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
    bench.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return 0;
}

static void turn(void)
{
    event_base_loop(opp_loop_base(bench.loop), EVLOOP_NONBLOCK);
}

/* Connections end by a reset, so that none lingers in the kernel. */
static int dial(void)
{
    struct linger reset = { .l_onoff = 1 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    require(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
    require(connect(fd, (const struct sockaddr *)&bench.address, sizeof bench.address) == 0);
    return fd;
}

/* False when the server has ended the connection. */
static int receive(int fd)
{
    ssize_t got = recv(fd, bench.answers + bench.answered, ANSWERS_MAX - bench.answered, MSG_DONTWAIT);

    bench.answered += got > 0 ? (size_t)got : 0;
    return got > 0 || (got < 0 && bench.answered < ANSWERS_MAX);
}

/* Sends in parts of this size; gives whether the server took all of it. */
static int send_all(int fd, const uint8_t *data, size_t size, size_t part)
{
    while (size > 0) {
        size_t now = part < size ? part : size;
        ssize_t sent = send(fd, data, now, MSG_NOSIGNAL | MSG_DONTWAIT);

        turn();
        if (!receive(fd) || (sent < 0))
            return 0;
        data += sent;
        size -= (size_t)sent;
    }
    return 1;
}

static void drain(int fd)
{
    size_t before = bench.answered;

    for (int quiet = 0; quiet < 3; quiet++) {
        turn();
        if (!receive(fd))
            return;
        if (bench.answered != before)
            quiet = 0;
        before = bench.answered;
    }
}

/* Each answer has a head of ours, no failure, and where it has a body, an envelope. Answers to HEAD have none, so only
 * the first is taken apart, unless it may be one. */
static void check_answers(const uint8_t *data, size_t size)
{
    int status = 0;
    char *end;
    json_t *body;

    bench.answers[bench.answered] = '\0';
    if (bench.answered == 0)
        return;
    require(sscanf(bench.answers, "HTTP/1.%*1[01] %d ", &status) == 1 && status >= 200 && status < 600);
    require(status != 500 && status != 503);
    end = strstr(bench.answers, "\r\n\r\n");
    require(end != NULL || bench.answered == ANSWERS_MAX);
    if (end == NULL || memmem(data, size, "HEAD", 4) != NULL || bench.handled > 1)
        return;
    if (opp_json_parse(end + 4, strlen(end + 4), &body, NULL) == OPP_OK) {
        require(json_is_boolean(json_object_get(body, "ok")) && opp_json_text(body, "code") != NULL);
        json_decref(body);
    }
}

/* What the framing validator alone makes of the bytes: so many requests are there, and no more may be handled. */
static size_t requests_in(const uint8_t *data, size_t size)
{
    enum opp_framing_step step = OPP_FRAMING_MORE;
    struct opp_framing framing;
    size_t used = 0, requests = 0;

    opp_framing_init(&framing, HEAD_MAX);
    while (used < size && step != OPP_FRAMING_BAD) {
        used += opp_framing_read(&framing, (const char *)data + used, size - used, &step);
        requests += step == OPP_FRAMING_END;
    }
    return requests;
}

static void an_honest_request_is_answered(void)
{
    static const char honest[] = "GET /echo/a/b?c=d HTTP/1.1\r\nHost: h\r\n\r\n";
    int fd = dial();

    bench.answered = bench.handled = 0;
    send_all(fd, (const uint8_t *)honest, strlen(honest), sizeof honest);
    for (int i = 0; i < ROUNDS_MAX && bench.answered == 0; i++)
        drain(fd);
    bench.answers[bench.answered] = '\0';
    require(bench.handled == 1 && strncmp(bench.answers, "HTTP/1.1 200 ", 13) == 0);
    close(fd);
    turn();
}

/* The first byte says how large the parts are that the rest is sent in. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned tried;
    size_t part;
    int fd;

    if (size < 2)
        return 0;
    part = data[0] < 128 ? size : (size_t)data[0] - 127;
    bench.answered = bench.handled = 0;
    fd = dial();
    send_all(fd, data + 1, size - 1, part);
    drain(fd);
    check_answers(data + 1, size - 1);
    require(bench.handled <= requests_in(data + 1, size - 1));
    close(fd);
    for (int i = 0; i < ROUNDS_MAX && bench.later != NULL; i++)
        turn();
    turn();
    if (++tried % 64 == 0)
        an_honest_request_is_answered();
    return 0;
}
