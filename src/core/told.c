/* SPDX-License-Identifier: MIT */
#include "core/told.h"

#include "base/jcs.h"
#include "base/json.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/intent.h"
#include "core/shape.h"
#include "core/staging.h"

#include <stdlib.h>
#include <string.h>

size_t opp_told_bytes(const struct opp_told *told)
{
    return sizeof *told + (told->ruling != NULL ? sizeof *told->ruling : 0) + told->parts.capacity +
           told->texts.capacity;
}

void opp_told_clear(struct opp_told *told)
{
    opp_generation_unpin(told->generation);
    opp_registry_unpin(told->registry);
    told->generation = NULL;
    told->registry = NULL;
}

void opp_told_free(struct opp_told *told)
{
    if (told == NULL)
        return;
    opp_told_clear(told);
    opp_buf_free(&told->parts);
    opp_buf_free(&told->texts);
    free(told->ruling);
    free(told);
}

static size_t room_for(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

/* Moves a text that the call lends into what is told. */
static char *keep_text(const char **text, char *at)
{
    char *kept = at;

    if (*text == NULL)
        return at;
    at = stpcpy(kept, *text) + 1;
    *text = kept;
    return at;
}

/* Moves the texts that the call lends; gives false when memory is out. */
static bool keep_texts(struct opp_told *told)
{
    struct opp_shown *shown = &told->shown;
    size_t room =
        room_for(shown->key_id) + room_for(shown->key_name) + room_for(shown->ip) + room_for(told->request_id);
    char *at = opp_buf_room(&told->texts, room);

    if (at == NULL)
        return false;
    at = keep_text(&shown->key_id, at);
    at = keep_text(&shown->key_name, at);
    at = keep_text(&shown->ip, at);
    keep_text(&told->request_id, at);
    return true;
}

static struct opp_told *make(struct opp_call *call, const struct opp_telling *telling)
{
    const struct opp_intent *intent = call->state;
    struct opp_told *told = opp_staging_blank(call->worker->gateway->staging);

    if (told == NULL)
        return NULL;
    opp_buf_reset(&told->parts);
    opp_buf_reset(&told->texts);
    *told = (struct opp_told){ .request_id = call->request_id,
                               .app = intent->app,
                               .ruling = told->ruling,
                               .took_ns = telling->took_ns,
                               .sample = 1,
                               .parts = told->parts,
                               .texts = told->texts };
    opp_shown_fill(&told->shown, call, telling->tool, intent->app->record, telling->phase);
    if (!keep_texts(told)) {
        opp_told_free(told);
        return NULL;
    }
    told->registry = opp_registry_repin(call->registry);
    told->generation = opp_generation_repin(call->generation);
    return told;
}

/* Only what the call knew: the rest is found in the app and the tool by who judges. */
static void fill_core(struct opp_told *told, const struct opp_call *call, enum opp_phase phase)
{
    const struct opp_intent *intent = call->state;
    const struct opp_draft *draft = intent->draft;

    told->core = (struct opp_core_part){ .phase = phase, .now_ms = told->shown.now_ms };
    told->core.held = phase != OPP_PHASE_READ && intent->offer.outcome == OPP_OUTCOME_DRAFT;
    if (phase == OPP_PHASE_ACTION)
        told->core.execute = opp_json_true(call->input, "execute");
    if ((phase != OPP_PHASE_APPROVE && phase != OPP_PHASE_EXECUTE) || draft == NULL)
        return;
    told->core.reviewed = call->admin != NULL;
    told->core.approvals_required = draft->approvals_required;
    told->core.approvals_given = opp_approvals_given(draft);
}

/* Most decisions are about tools of which no rule speaks: theirs says nothing, and is large. */
static void keep_ruling(struct opp_told *told, const struct opp_telling *telling)
{
    if (telling->request == NULL && !telling->ruling->failed)
        return;
    if (told->ruling == NULL)
        told->ruling = malloc(sizeof *told->ruling);
    told->ruled = told->ruling != NULL;
    if (!told->ruled) {
        told->parts.failed = true;
        return;
    }
    *told->ruling = *telling->ruling;
    told->ruling->reasons = told->ruling->redact = told->ruling->limits = NULL;
}

static void write_ruling(struct opp_told *told, const struct opp_telling *telling)
{
    struct opp_buf *out = &told->parts;

    keep_ruling(told, telling);
    if (telling->ruling->limits != NULL)
        opp_jcs_member_json(out, "limits", telling->ruling->limits);
    if (telling->ruling->reasons != NULL)
        opp_jcs_member_json(out, "reasons", telling->ruling->reasons);
    if (telling->ruling->redact != NULL)
        opp_jcs_member_json(out, "redact", telling->ruling->redact);
    if (telling->recent->length == 0 || telling->recent->failed)
        return;
    opp_jcs_member(out, "recent");
    opp_buf_char(out, '[');
    opp_buf_add(out, telling->recent->bytes, telling->recent->length - 1);
    opp_buf_char(out, ']');
}

/* What a rule was shown of the intent. */
static void write_request(struct opp_told *told, const json_t *request)
{
    static const char *const names[] = { "draft",   "execute",   "impact",   "justification",
                                         "payload", "resources", "reviewer", "state" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *value = json_object_get(request, names[i]);

        if (value != NULL)
            opp_jcs_member_json(&told->parts, names[i], value);
    }
}

static void write_intent(struct opp_told *told, const struct opp_call *call, const struct opp_telling *telling)
{
    if (telling->request != NULL)
        write_request(told, telling->request);
    else
        opp_shown_write_intent(&told->parts, call, call->state, telling->phase);
}

static void write_parts(struct opp_told *told, const struct opp_call *call, const struct opp_telling *telling)
{
    opp_buf_char(&told->parts, '{');
    write_intent(told, call, telling);
    write_ruling(told, telling);
    opp_buf_add(&told->parts, "}", sizeof "}");
}

/* A read that the rules allow within bounds may be out of them. */
static bool may_be_denied(const struct opp_policy_decision *ruling)
{
    return ruling->outcome == OPP_OUTCOME_DENY || ruling->max_rows == 0 || ruling->max_days > 0;
}

/* While something is staged, all; else what the log keeps: of reads that were allowed, a sample. */
static bool wanted(struct opp_call *call, const struct opp_telling *telling, int64_t *sample)
{
    const struct opp_staging *staging = call->worker->gateway->staging;

    *sample = 1;
    if (staging == NULL)
        return false;
    if (telling->phase != OPP_PHASE_READ || telling->ruling->outcome == OPP_OUTCOME_DENY)
        return true;
    *sample = ++call->worker->reads % OPP_STAGING_SAMPLE == 0 ? OPP_STAGING_SAMPLE : 0;
    return *sample != 0 || may_be_denied(telling->ruling) || opp_staging_active(staging);
}

static void send_held(struct opp_call *call)
{
    struct opp_told *told = call->told;

    call->told = NULL;
    if (told != NULL)
        opp_staging_tell(call->worker->gateway->staging, told);
}

void opp_told_decision(struct opp_call *call, const struct opp_telling *telling)
{
    struct opp_told *told;
    int64_t sample;

    send_held(call);
    if (!wanted(call, telling, &sample))
        return;
    told = make(call, telling);
    if (told != NULL) {
        told->sample = sample;
        fill_core(told, call, telling->phase);
        write_parts(told, call, telling);
    }
    if (told != NULL && telling->phase == OPP_PHASE_ACTION && telling->ruling->outcome != OPP_OUTCOME_DENY)
        call->told = told;
    else
        opp_staging_tell(call->worker->gateway->staging, told);
}

void opp_told_settle(struct opp_call *call, const struct opp_safeguards *have)
{
    if (call->told == NULL)
        return;
    call->told->core.settled = have != NULL;
    call->told->core.claimed = have == NULL;
    if (have != NULL)
        call->told->core.have = *have;
    send_held(call);
}

void opp_told_refused(struct opp_call *call, enum opp_code code)
{
    if (call->told != NULL)
        call->told->core.refused = code;
    send_held(call);
}
