/* SPDX-License-Identifier: MIT
 *
 * upstream_fixture.h - a fake upstream called "crm", and requests to it that are made one at a time or together.
 */
#ifndef OPP_TEST_UPSTREAM_FIXTURE_H
#define OPP_TEST_UPSTREAM_FIXTURE_H

#include "adapter/fake_upstream.h"
#include "adapter/upstream.h"
#include "base/loop.h"

struct upstream_fixture {
    struct fake_upstream fake;
    struct opp_upstream_settings settings; /* of crm */
    struct opp_upstreams *upstreams;
    struct opp_metrics *metrics;
    struct opp_loop *loop;
    struct opp_upstream_client *client;
    int left; /* requests that have not ended */
};

/* Starts the fake; then settings may be changed, and upstream_open makes the rest. */
void upstream_begin(struct upstream_fixture *f, void (*serve)(struct fake_upstream *fake, int fd), const char *text);
void upstream_open(struct upstream_fixture *f);
/* As it, but where it may fail; what it has made is to be closed all the same. */
enum opp_code upstream_try_open(struct upstream_fixture *f, struct opp_err *err);
/* All but the fake. */
void upstream_close(struct upstream_fixture *f);
void upstream_end(struct upstream_fixture *f);

/* Gives a request that asks crm for nothing yet. */
struct opp_upstream_request upstream_request(struct upstream_fixture *f, const char *method, const char *path);
/* Sends all of them at once, and runs the loop until all have ended. */
void upstream_send(struct upstream_fixture *f, struct opp_upstream_request *requests, int count);
/* Runs the loop until f->left have ended; or waits for one event, a moment at most. */
void upstream_run(struct upstream_fixture *f);
void upstream_step(struct upstream_fixture *f);

#endif
