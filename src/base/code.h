/* SPDX-License-Identifier: MIT
 *
 * base/code.h - every outcome a function or an answer can have: one table for C, the wire and the documents.
 * May include: nothing.
 */
#ifndef OPP_BASE_CODE_H
#define OPP_BASE_CODE_H

/* X(constant, wire name, HTTP status, recovery, message used when the caller has no better one).
 * Status 0: appears only inside data (autoExecuteDeniedCode, failure.code), never as an envelope's code.
 * The wire knows nothing of the last group: what is left of them at the edge is common.internal_error. */
#define OPP_CODES(X)                                                                                                   \
    X(OPP_OK, "common.success", 200, "none", "Done.")                                                                  \
    X(OPP_E_VALIDATION, "common.validation", 400, "fix", "The request is not valid.")                                  \
    X(OPP_E_ROUTE_UNKNOWN, "common.not_found", 404, "fix", "There is no such route.")                                  \
    X(OPP_E_METHOD, "common.method_not_allowed", 405, "fix", "This route does not take this method.")                  \
    X(OPP_E_TOO_LARGE, "common.payload_too_large", 413, "fix", "The body is larger than this gateway accepts.")        \
    X(OPP_E_MEDIA_TYPE, "common.unsupported_media_type", 415, "fix", "The body must be application/json.")             \
    X(OPP_E_BAD_REQUEST, "common.bad_request", 400, "fix", "The HTTP request is malformed.")                           \
    X(OPP_E_LENGTH_REQUIRED, "common.length_required", 411, "fix", "A body needs a Content-Length.")                   \
    X(OPP_E_EXPECTATION, "common.expectation_failed", 417, "fix", "This expectation cannot be met.")                   \
    X(OPP_E_HEADERS_TOO_LARGE, "common.headers_too_large", 431, "fix", "The header block is too large.")               \
    X(OPP_E_NOT_IMPLEMENTED, "common.not_implemented", 501, "fix", "This method is not known.")                        \
    X(OPP_E_HTTP_VERSION, "common.version_not_supported", 505, "fix", "Only HTTP/1.0 and HTTP/1.1 are spoken.")        \
    X(OPP_E_INTERNAL, "common.internal_error", 500, "same", "Something went wrong inside the gateway.")                \
    X(OPP_E_UNAVAILABLE, "common.unavailable", 503, "same", "The gateway cannot record this now.")                     \
    X(OPP_E_TOKEN_INVALID, "agent.token_invalid", 401, "operator", "The token is missing or not valid.")               \
    X(OPP_E_TOKEN_EXPIRED, "agent.token_expired", 401, "operator", "The token has expired.")                           \
    X(OPP_E_FORBIDDEN, "agent.forbidden", 403, "operator", "This is not permitted.")                                   \
    X(OPP_E_SCOPE_DENIED, "agent.scope_denied", 403, "operator", "A required scope is missing.")                       \
    X(OPP_E_POLICY_DENIED, "agent.policy_denied", 403, "none", "Policy does not permit this.")                         \
    X(OPP_E_ACTION_UNKNOWN, "agent.action_unknown", 400, "fix", "There is no such action.")                            \
    X(OPP_E_ACTION_INVALID, "agent.action_invalid", 400, "fix", "The action's payload is not valid.")                  \
    X(OPP_E_NOT_FOUND, "agent.not_found", 404, "fix", "There is no such object.")                                      \
    X(OPP_E_DRAFT_NOT_FOUND, "agent.draft_not_found", 404, "fix", "There is no such draft.")                           \
    X(OPP_E_DRAFT_FINAL, "agent.draft_already_final", 400, "none", "The draft is no longer pending.")                  \
    X(OPP_E_PREFLIGHT_NOT_FOUND, "agent.preflight_not_found", 400, "preflight", "There is no such preflight.")         \
    X(OPP_E_PREFLIGHT_MISMATCH, "agent.preflight_mismatch", 400, "preflight", "The preflight is of another intent.")   \
    X(OPP_E_PRECONDITION, "agent.precondition_failed", 409, "preflight", "The state has changed.")                     \
    X(OPP_E_KEY_MISMATCH, "agent.idempotency_mismatch", 409, "key", "The idempotency key holds another intent.")       \
    X(OPP_E_KEY_BUSY, "agent.idempotency_in_progress", 409, "same", "The first request with this key still runs.")     \
    X(OPP_E_REPLAY, "agent.idempotency_replay", 200, "none", "The recorded outcome, again.")                           \
    X(OPP_E_RATE_LIMITED, "agent.rate_limited", 429, "same", "Too many requests.")                                     \
    X(OPP_E_EXECUTION_FAILED, "agent.execution_failed", 502, "operator", "The action failed; nothing was applied.")    \
    X(OPP_E_EXECUTION_UNKNOWN, "agent.execution_unknown", 504, "poll", "It is not known whether the action happened.") \
    X(OPP_E_STEP_UP_REQUIRED, "agent.step_up_required", 403, "operator", "A second factor is required.")               \
    X(OPP_E_STEP_UP_INVALID, "agent.step_up_invalid", 403, "operator", "The second factor is not valid.")              \
    X(OPP_E_AUTO_DISABLED, "agent.auto_execute_disabled", 0, "poll", "Automatic execution is off.")                    \
    X(OPP_E_AUTO_EXPIRED, "agent.auto_execute_expired", 0, "poll", "The automatic execution window has ended.")        \
    X(OPP_E_AUTO_DENIED, "agent.auto_execute_denied", 0, "poll", "This action needs a person's approval.")             \
    X(OPP_E_AUTO_CLOSED, "agent.auto_execute_window_closed", 0, "poll", "The execution window is closed now.")         \
    X(OPP_E_PREFLIGHT_REQUIRED, "agent.preflight_required", 0, "preflight", "A preflight is required.")                \
    X(OPP_E_IDEMPOTENCY_REQUIRED, "agent.idempotency_required", 0, "fix", "An idempotency key is required.")           \
    X(OPP_E_DRAFT_EXPIRED, "agent.draft_expired", 0, "none", "The draft expired before it was approved.")              \
    X(OPP_E_MEMORY, "common.internal_error", 500, "same", "Out of memory.")                                            \
    X(OPP_E_IO, "common.internal_error", 500, "same", "An input or output operation failed.")                          \
    X(OPP_E_CONFIG, "common.internal_error", 500, "operator", "The configuration is not valid.")                       \
    X(OPP_E_SCRIPT, "common.internal_error", 500, "operator", "A script failed.")                                      \
    X(OPP_E_LIMIT, "common.internal_error", 500, "operator", "A limit was reached.")                                   \
    X(OPP_E_ABSENT, "common.internal_error", 500, "none", "Nothing was found.")                                        \
    X(OPP_E_EXISTS, "common.internal_error", 500, "none", "It exists already.")                                        \
    X(OPP_E_STALE, "common.internal_error", 500, "same", "It was judged under settings that have changed.")

#define OPP_CODE_CONSTANT(constant, name, status, recovery, message) constant,
enum opp_code {
    OPP_CODES(OPP_CODE_CONSTANT) OPP_CODE_COUNT
};
#undef OPP_CODE_CONSTANT

/* How a code is said to a client. Every function lends static text. */
const char *opp_code_name(enum opp_code code);
/* The code of that name; OPP_OK: none is called so, or name is NULL. */
enum opp_code opp_code_find(const char *name);
int opp_code_status(enum opp_code code);
const char *opp_code_recovery(enum opp_code code);
const char *opp_code_message(enum opp_code code);

#endif
