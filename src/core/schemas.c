/* SPDX-License-Identifier: MIT */
#include "core/schemas.h"

#include "base/schema.h"

#include <stdlib.h>

struct opp_schemas {
    struct opp_schema *compiled[OPP_SCHEMA_COUNT];
};

#define TEXT(max) "{'type':'string','maxLength':" #max "}"
#define NAME "{'type':'string','minLength':1,'maxLength':200,'pattern':'\\\\S'}"
#define ID "{'type':'string','minLength':1,'maxLength':255,'pattern':'\\\\S'}"
#define IDS "{'type':'array','minItems':1,'maxItems':10000,'items':" ID "}"
#define TIME "{'type':'string','format':'date-time'}"
#define CURSOR "{'type':'string','pattern':'^([a-z]{3}_[0-9a-z]{26}|[0-9]{1,18})$'}"
#define LIMIT "'limit':{'type':'integer','minimum':1,'maximum':500}"
#define PAGE "'cursor':" CURSOR "," LIMIT
#define DRAFT_PAGE "'cursor':{'type':'string','pattern':'^drf_[0-9a-z]{26}$'}," LIMIT
#define NUMBERED_PAGE "'cursor':{'type':'string','pattern':'^[0-9]{1,18}$'}," LIMIT
#define PROFILE "{'type':'string','pattern':'^[a-z0-9_-]{1,64}$'}"
#define HASH "{'type':'string','pattern':'^[0-9a-f]{64}$'}"
#define STATUS "{'enum':['draft','confirmed','canceled','failed']}"
#define OPEN_EXECUTION "{'enum':['pending','unknown']}" /* the others are told by the draft's status */

/* Fields with which other servers of the protocol narrow authority: to ignore them would do more than was asked. */
#define NARROWING \
    "'intentCertificateId':false,'contextRiskSnapshotId':false,'sessionId':false,'capabilityLeaseId':false"

#define SCOPES \
    "{'type':'array','maxItems':60,'uniqueItems':true,'items':{'type':'string','pattern':'^[a-z0-9_.:*-]{1,100}$'}}"

#define POLICY                                                                                                \
    "{'type':'object','additionalProperties':false,'properties':{"                                            \
    "'network':{'type':'object','additionalProperties':false,'properties':{"                                  \
    "'allowed_ips':{'type':'array','minItems':1,'maxItems':1000,'items':{'type':'string','maxLength':64}}}}," \
    "'data':{'type':'object',"                                                                                \
    "'propertyNames':{'pattern':'^(allowed_[a-z][a-z0-9_]*_ids|max_days|allow_sensitive_fields)$'},"          \
    "'properties':{'max_days':{'type':'integer','minimum':1,'maximum':36500},'allow_sensitive_fields':"       \
    "{'type':'boolean'}},'additionalProperties':" IDS "}}}"

#define WINDOW                                                              \
    "'enabled':{'type':'boolean'},'expires_at':{'type':['string','null']}," \
    "'expires_in':{'type':'integer','minimum':1,'maximum':31536000},"       \
    "'allowed_actions':{'type':['array','null'],'maxItems':500,'items':" ID "}"

#define AUTO_EXECUTE                                                                     \
    "{'type':'object','additionalProperties':false,'properties':{"                       \
    "'writes':{'type':'object','additionalProperties':false,'properties':{" WINDOW "}}," \
    "'high_risk':{'type':'object','additionalProperties':false,'properties':{" WINDOW    \
    ",'require_preflight':{'type':'boolean'},'require_idempotency':{'type':'boolean'},"  \
    "'max_export_rows':{'type':'integer','minimum':100,'maximum':5000}}}}}"

/* An end under the other name that this interface has for one would be ignored, and what was given never end. */
#define KEY_END "'expiresAt':" TIME ",'expires_at':false"
#define KEY_FIELDS "'name':" NAME "," KEY_END

/* JSON with ' for ": the texts are ours, and hold no apostrophe. */
static const char *const TEXTS[OPP_SCHEMA_COUNT] = {
    [OPP_SCHEMA_READ] = "{'type':'object','properties':{" NARROWING "}}",
    [OPP_SCHEMA_PREFLIGHT] = "{'type':'object','required':['action','payload'],'properties':{'action':" ID
                             ",'payload':{'type':'object'}," NARROWING "}}",
    [OPP_SCHEMA_ACTION] =
        "{'type':'object','required':['action'],'properties':{'action':" ID ",'payload':{'type':'object'},"
        "'preflightId':" TEXT(
            255) ",'execute':{'type':'boolean'},'forceDraft':{'type':'boolean'},"
                 "'requestId':" TEXT(255) ",'idempotencyKey':" TEXT(300) ",'preflightHash':" TEXT(
                     255) ",'stateWitnessHash':" TEXT(255) ",'justification':" TEXT(4000) "," NARROWING "}}",
    [OPP_SCHEMA_DRAFT_GET] =
        "{'type':'object','properties':{'wait':{'type':'number','minimum':0,'maximum':60}," NARROWING "}}",
    [OPP_SCHEMA_DRAFT_LIST] = "{'type':'object','properties':{'status':" STATUS ",'executionStatus':" OPEN_EXECUTION
                              ",'idempotencyKey':" ID ",'requestId':" ID "," DRAFT_PAGE "," NARROWING "}}",
    [OPP_SCHEMA_DRAFT_CANCEL] = "{'type':'object','properties':{'reason':" TEXT(4000) "," NARROWING "}}",
    [OPP_SCHEMA_LIST] = "{'type':'object','properties':{" PAGE "}}",
    [OPP_SCHEMA_APP_CREATE] =
        "{'type':'object','required':['scope','name'],'properties':{'scope':{'enum':['personal','workspace']},"
        "'name':" NAME ",'description':" TEXT(
            2000) ",'org_id':" ID ",'user_id':" ID ",'service_user_id':" ID ",'scopes':" SCOPES ",'policy':" POLICY
                  ",'auto_execute':" AUTO_EXECUTE ",'key':{'type':'object','properties':{" KEY_FIELDS "}}},"
                  "'if':{'properties':{'scope':{'const':'workspace'}}},'then':{'required':['org_id']}}",
    [OPP_SCHEMA_APP_PATCH] = "{'type':'object','minProperties':1,'properties':{'name':" NAME
                             ",'description':" TEXT(2000) ",'scopes':" SCOPES "}}",
    [OPP_SCHEMA_APP_POLICY] = POLICY,
    [OPP_SCHEMA_AUTO_EXECUTE] = AUTO_EXECUTE,
    [OPP_SCHEMA_KEY_CREATE] = "{'type':'object','properties':{" KEY_FIELDS "}}",
    [OPP_SCHEMA_KEY_ROTATE] =
        "{'type':'object','properties':{'overlapSeconds':{'type':'integer','minimum':0,'maximum':2592000},"
        "'overlap_seconds':false," KEY_END "}}",
    [OPP_SCHEMA_ADMIN_DRAFT_LIST] = "{'type':'object','properties':{'appId':" ID ",'status':" STATUS
                                    ",'executionStatus':" OPEN_EXECUTION "," DRAFT_PAGE "}}",
    [OPP_SCHEMA_APPROVE] =
        "{'type':'object','properties':{'note':" TEXT(4000) ",'reason':" TEXT(4000) ",'seal':" ID "}}",
    [OPP_SCHEMA_REJECT] = "{'type':'object','properties':{'note':" TEXT(4000) ",'reason':" TEXT(4000) "}}",
    [OPP_SCHEMA_RESOLVE] =
        "{'type':'object','required':['outcome','note'],'properties':{'outcome':{'enum':['applied','not_applied']},"
        "'note':{'type':'string','maxLength':4000,'pattern':'\\\\S'}}}",
    [OPP_SCHEMA_AUDIT_LIST] = "{'type':'object','properties':{'appId':" ID ",'action':" ID
                              ",'status':{'enum':['success','denied','failed']}," NUMBERED_PAGE "}}",
    [OPP_SCHEMA_TOKEN_CREATE] = "{'type':'object','required':['user_id','name','roles'],'properties':{'user_id':" ID
                                ",'name':" NAME ",'roles':{'type':'array','minItems':1,'uniqueItems':true,"
                                "'items':{'enum':['viewer','reviewer','operator','owner']}},"
                                "'org_ids':{'type':['array','null'],'minItems':1,'maxItems':1000,'items':" ID
                                "},'expires_at':" TIME ",'expiresAt':false}}",
    [OPP_SCHEMA_POLICY_STAGE] = "{'type':'object','required':['profile'],'properties':{'profile':" PROFILE "}}",
    [OPP_SCHEMA_REPLAY] = "{'type':'object','required':['profile'],'properties':{'profile':" PROFILE ",'since':" TIME
                          ",'limit':{'type':'integer','minimum':1,'maximum':1000000000}}}",
    [OPP_SCHEMA_EVALUATE] =
        "{'type':'object','oneOf':[{'required':['request']},{'required':['request_id']}],'properties':{'profile'"
        ":" PROFILE ",'request':{'type':'object','required':['tool'],'properties':{'tool':{'type':['string','object']},"
        "'phase':{'enum':['read','preflight','action','approve','execute']},'recent':{'type':'integer'}}},"
        "'safeguards':{'type':'array','items':{'enum':['preflight','idempotency','witness']}},"
        "'request_id':" ID ",'phase':{'enum':['read','preflight','action','approve','execute']}}}",
    [OPP_SCHEMA_POLICY_NAMED] = /* a hash under a misspelt name would bind nothing */
    "{'type':'object','additionalProperties':false,'properties':{'sha256':" HASH "}}",
    [OPP_SCHEMA_DECISION_LIST] = "{'type':'object','properties':{'tool':" ID ",'appId':" ID ",'requestId':" ID
                                 ",'phase':{'enum':['read','preflight','action','approve','execute']},"
                                 "'outcome':{'enum':['allow','draft','deny']},'differs':{'type':'boolean'},'from':" TIME
                                 ",'to':" TIME "," PAGE "}}",
    [OPP_SCHEMA_FREEZE] =
        "{'type':'object','required':['scope','mode','reason'],'properties':{'scope':{'enum':['gateway','app','tool']},"
        "'id':" ID ",'mode':{'enum':['drafts_only','off']},"
        "'reason':{'type':'string','minLength':1,'maxLength':500,'pattern':'\\\\S'}},"
        "'if':{'properties':{'scope':{'const':'gateway'}}},'then':{'properties':{'id':false}},"
        "'else':{'required':['id']}}",
};

static enum opp_code compile(const char *text, struct opp_schema **out, struct opp_err *err)
{
    size_t length = 0;
    char *copy = NULL;
    json_t *document;
    enum opp_code rc = OPP_E_MEMORY;

    for (; text[length] != '\0'; length++)
        ;
    copy = malloc(length + 1);
    for (size_t i = 0; copy != NULL && i <= length; i++)
        copy[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    document = copy != NULL ? json_loads(copy, JSON_REJECT_DUPLICATES, NULL) : NULL;
    rc = document != NULL ? opp_schema_compile(document, out, err)
                          : opp_fail(err, OPP_E_INTERNAL, "a request schema is no JSON");
    json_decref(document);
    free(copy);
    return rc;
}

enum opp_code opp_schemas_new(struct opp_schemas **out, struct opp_err *err)
{
    struct opp_schemas *schemas = calloc(1, sizeof *schemas);
    enum opp_code rc = schemas != NULL ? OPP_OK : opp_fail(err, OPP_E_MEMORY, "no memory for schemas");

    for (int i = 0; rc == OPP_OK && i < OPP_SCHEMA_COUNT; i++)
        rc = compile(TEXTS[i], &schemas->compiled[i], err);
    if (rc == OPP_OK)
        *out = schemas;
    else
        opp_schemas_free(schemas);
    return rc;
}

void opp_schemas_free(struct opp_schemas *schemas)
{
    if (schemas == NULL)
        return;
    for (int i = 0; i < OPP_SCHEMA_COUNT; i++)
        opp_schema_free(schemas->compiled[i]);
    free(schemas);
}

enum opp_code opp_schemas_check(const struct opp_schemas *schemas, enum opp_schema_name name, const json_t *value,
                                json_t **issues, struct opp_err *err)
{
    return opp_schema_validate(schemas->compiled[name], value, issues, err);
}

enum opp_code opp_schemas_coerce(const struct opp_schemas *schemas, enum opp_schema_name name, const json_t *query,
                                 json_t **out, struct opp_err *err)
{
    return opp_schema_coerce(schemas->compiled[name], query, out, err);
}
