/* SPDX-License-Identifier: MIT */
#include "fuzz.h"
#include "http/framing.h"

#define HEAD_MAX 2048

/* What must not depend on how the bytes were cut. */
struct verdict {
    size_t used, requests;
    enum opp_code code;
    uint64_t bodies;
};

/* A header block that was taken has a path that is read in one way only. */
static void check_head(const struct opp_framing *framing, const char *head)
{
    struct opp_target target;
    char text[HEAD_MAX + 1];

    require(framing->head_bytes <= HEAD_MAX && framing->method < OPP_METHOD_UNKNOWN);
    require(framing->path.start + framing->path.length < framing->head_bytes);
    require(framing->authorization.start + framing->authorization.length < framing->head_bytes);
    memcpy(text, head, framing->head_bytes);
    text[framing->path.start + framing->path.length] = '\0';
    require(opp_target_parse(text + framing->path.start, &target) && target.path_length == framing->path.length);
    require(memchr(text, '\0', framing->path.start + framing->path.length) == NULL);
}

static struct verdict read_all(const char *bytes, size_t size, size_t part)
{
    struct verdict verdict = { .code = OPP_OK };
    enum opp_framing_step step = OPP_FRAMING_MORE;
    struct opp_framing framing;

    opp_framing_init(&framing, HEAD_MAX);
    while (verdict.used < size && step != OPP_FRAMING_BAD) {
        size_t left = size - verdict.used, now = part < left ? part : left;
        int in_body = opp_framing_part(&framing) == OPP_FRAMING_IN_BODY;
        size_t used = opp_framing_read(&framing, bytes + verdict.used, now, &step);

        require(used > 0 && used <= now);
        require(step != OPP_FRAMING_MORE || used == now);
        verdict.used += used;
        if (!in_body && (step == OPP_FRAMING_HEAD || step == OPP_FRAMING_END))
            check_head(&framing, bytes + verdict.used - framing.head_bytes);
        verdict.bodies += step == OPP_FRAMING_HEAD ? framing.body_bytes : 0;
        verdict.requests += step == OPP_FRAMING_END;
    }
    verdict.code = framing.code;
    require((framing.code != OPP_OK) == (step == OPP_FRAMING_BAD));
    return verdict;
}

/* The first byte says how large the parts are that are read the second time. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct verdict whole, cut;

    if (size == 0)
        return 0;
    whole = read_all((const char *)data + 1, size - 1, size);
    cut = read_all((const char *)data + 1, size - 1, (size_t)(data[0] % 64) + 1);
    require(whole.used == cut.used && whole.requests == cut.requests && whole.code == cut.code &&
            whole.bodies == cut.bodies);
    return 0;
}
