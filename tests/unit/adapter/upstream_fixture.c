/* SPDX-License-Identifier: MIT */
#include "adapter/upstream_fixture.h"

#include "base/metrics.h"

#include <event2/event.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

void upstream_begin(struct upstream_fixture *f, void (*serve)(struct fake_upstream *fake, int fd), const char *text)
{
    *f = (struct upstream_fixture){ .fake = { .serve = serve, .text = text },
                                    .settings = { .name = "crm",
                                                  .timeout_ms = 5000,
                                                  .connect_timeout_ms = 5000,
                                                  .response_max_bytes = 65536,
                                                  .connections_max = 4 } };
    fake_upstream_start(&f->fake);
    f->settings.base_url = f->fake.base_url;
}

enum opp_code upstream_try_open(struct upstream_fixture *f, struct opp_err *err)
{
    enum opp_code rc = opp_upstream_check(&f->settings, err);

    if (rc == OPP_OK)
        rc = opp_metrics_new(&f->metrics, err);
    if (rc == OPP_OK)
        rc = opp_upstreams_new(&f->settings, 1, f->metrics, &f->upstreams, err);
    if (rc == OPP_OK)
        rc = opp_loop_new(&f->loop, err);
    if (rc == OPP_OK)
        rc = opp_upstream_client_open(f->upstreams, f->loop, opp_meter_new(f->metrics), 1, &f->client, err);
    return rc;
}

void upstream_open(struct upstream_fixture *f)
{
    struct opp_err err = { 0 };

    if (upstream_try_open(f, &err) != OPP_OK)
        fail_msg("%s: %s", err.where, err.message);
}

void upstream_close(struct upstream_fixture *f)
{
    opp_upstream_client_close(f->client);
    opp_loop_free(f->loop);
    opp_upstreams_free(f->upstreams);
    opp_metrics_free(f->metrics);
    f->client = NULL;
    f->loop = NULL;
    f->upstreams = NULL;
    f->metrics = NULL;
}

void upstream_end(struct upstream_fixture *f)
{
    upstream_close(f);
    fake_upstream_stop(&f->fake);
}

static void on_done(void *arg)
{
    struct upstream_fixture *f = arg;

    f->left--;
}

struct opp_upstream_request upstream_request(struct upstream_fixture *f, const char *method, const char *path)
{
    return (struct opp_upstream_request){
        .upstream = opp_upstreams_find(f->upstreams, "crm"), .method = method, .path = path, .done = on_done, .arg = f
    };
}

void upstream_send(struct upstream_fixture *f, struct opp_upstream_request *requests, int count)
{
    f->left = count;
    for (int i = 0; i < count; i++)
        opp_upstream_send(f->client, &requests[i]);
    upstream_run(f);
}

void upstream_run(struct upstream_fixture *f)
{
    while (f->left > 0)
        event_base_loop(opp_loop_base(f->loop), EVLOOP_ONCE);
}

void upstream_step(struct upstream_fixture *f)
{
    event_base_loop(opp_loop_base(f->loop), EVLOOP_NONBLOCK);
    usleep(1000);
}
