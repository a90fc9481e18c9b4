/* SPDX-License-Identifier: MIT */
#include "command/config_schema.h"

#include "base/buf.h"
#include "base/json.h"

#define GROUP "'type':'object','additionalProperties':false"
#define TEXT "'type':'string','minLength':1,'maxLength':4000"
#define OPTIONAL "'type':['string','null'],'minLength':1,'maxLength':4000,'default':null"
#define SWITCH "'type':'boolean','default':false"

/* JSON with ' for ": the text is ours, and holds no apostrophe. In parts, as a C string may not be longer. */
static const char GENERAL[] =
    "{" GROUP ",'properties':{"
    "'listen':{" TEXT ",'default':'127.0.0.1:8080',"
    "'description':'HOST:PORT that agents and people talk to; port 0 lets the system choose.'},"
    "'admin_listen':{" OPTIONAL ","
    "'description':'HOST:PORT of a listener of its own for the admin endpoints; null: they share the main one.'},"
    "'tls':{" GROUP ",'description':'TLS of the listener; both files or none.','properties':{"
    "'certificate':{" OPTIONAL ","
    "'description':'A file with the certificate of listen and the chain behind it, PEM; null: no TLS.'},"
    "'key':{" OPTIONAL ",'description':'A file with its key, PEM, without a password.'}}},"
    "'admin_tls':{" GROUP ",'description':'TLS of the admin listener; both files or none.','properties':{"
    "'certificate':{" OPTIONAL ",'description':'The same for admin_listen.'},"
    "'key':{" OPTIONAL ",'description':'A file with its key.'}}},"
    "'insecure':{" SWITCH ","
    "'description':'Allow a listener without TLS on an address that other machines can reach, such as behind "
    "a proxy that ends TLS.'},"
    "'trusted_proxies':{'type':'array','maxItems':64,'items':{'type':'string'},'default':[],"
    "'description':'Addresses and CIDR blocks of proxies whose X-Forwarded-For names the client.'},"
    "'data':{" TEXT ",'default':'var',"
    "'description':'The data directory; one oppd at a time uses it.'},"
    "'policies':{" TEXT ",'default':'policies',"
    "'description':'The directory of policy profiles.'},"
    "'profile':{'type':'string','minLength':1,'maxLength':64,'default':'default',"
    "'description':'The policy profile: a directory below policies.'},"
    "'adapters':{" TEXT ",'default':'adapters',"
    "'description':'The directory of adapters; each is a directory with an init.lua.'},"
    "'workers':{'type':'integer','minimum':0,'maximum':64,'default':0,"
    "'description':'Threads that answer requests; 0: one for each core, at most 8.'},"
    "'demo':{" SWITCH ","
    "'description':'Put a demo app, its key and an owner token into a data directory that is new, and demo "
    "data into new adapter databases.'},"
    "'credentials':{" OPTIONAL ","
    "'description':'A file that the tokens of the demo are written to, as JSON with mode 0600.'},";

static const char GROUPS[] =
    "'log':{" GROUP ",'description':'What is logged, and how.','properties':{"
    "'format':{'enum':['json','text'],'default':'json',"
    "'description':'One JSON object a line, or text for people; both on the standard error stream.'},"
    "'level':{'enum':['debug','info','warn','error'],'default':'info',"
    "'description':'The least important events that are logged.'}"
    "}},"
    "'limits':{" GROUP ",'description':'How much one client may ask for.','properties':{"
    "'body_max_bytes':{'type':'integer','minimum':1024,'maximum':1048576,'default':262144,"
    "'description':'The largest request body.'},"
    "'header_max_bytes':{'type':'integer','minimum':1024,'maximum':65536,'default':16384,"
    "'description':'The largest header block of a request.'},"
    "'connections_max':{'type':'integer','minimum':8,'maximum':1000000,'default':4096,"
    "'description':'Connections to each listener at once; each worker takes its share, and others wait.'},"
    "'connections_per_address_max':{'type':'integer','minimum':1,'maximum':1000000,'default':1024,"
    "'description':'Connections of one client address, or of one IPv6 /64; others are closed. Those of trusted "
    "proxies are not counted.'},"
    "'streams_max':{'type':'integer','minimum':1,'maximum':1000000,'default':2048,"
    "'description':'Streams of events at once to each listener; each worker takes its share, and others end as "
    "soon as they have begun.'},"
    "'rate_per_minute':{'type':'integer','minimum':1,'maximum':10000000,'default':240,"
    "'description':'Requests a minute for each key and address; as many may come at once.'},"
    "'auth_failures_per_minute':{'type':'integer','minimum':1,'maximum':10000000,'default':30,"
    "'description':'Failed authentications a minute for each address; more are refused with 429.'},"
    "'pending_drafts_max':{'type':'integer','minimum':1,'maximum':1000000,'default':1000,"
    "'description':'Drafts of one app that may wait for a decision.'}"
    "}},";

static const char TIMES[] =
    "'lifetimes':{" GROUP ",'description':'How long things last.','properties':{"
    "'draft_lifetime_seconds':{'type':'integer','minimum':1,'maximum':31536000,'default':604800,"
    "'description':'How long a draft waits for a decision.'},"
    "'preflight_lifetime_seconds':{'type':'integer','minimum':1,'maximum':86400,'default':600,"
    "'description':'How long a preflight can be referred to.'},"
    "'idempotency_lifetime_seconds':{'type':'integer','minimum':1,'maximum':31536000,'default':86400,"
    "'description':'How long an idempotency key is remembered once its draft is final.'},"
    "'session_idle_seconds':{'type':'integer','minimum':1,'maximum':86400,'default':900,"
    "'description':'When a session of a browser ends that is not used.'},"
    "'session_lifetime_seconds':{'type':'integer','minimum':1,'maximum':604800,'default':28800,"
    "'description':'When a session of a browser ends in any case.'},"
    "'window_default_seconds':{'type':'integer','minimum':1,'maximum':31536000,'default':3600,"
    "'description':'How long an execution window stays open when it is opened without an end.'},"
    "'window_max_seconds':{'type':'integer','minimum':0,'maximum':315360000,'default':0,"
    "'description':'The longest execution window; 0: any.'}"
    "}},"
    "'decision_log':{" GROUP ",'description':'How much of what was decided is kept, in decisions.db.','properties':{"
    "'max_age_days':{'type':'integer','minimum':1,'maximum':3650,'default':7,"
    "'description':'How long a decision stays in the log.'},"
    "'max_rows':{'type':'integer','minimum':1,'maximum':100000000,'default':1000000,"
    "'description':'Decisions in the log; the oldest go first.'}"
    "}},"
    "'timeouts':{" GROUP ",'description':'When the gateway stops waiting.','properties':{"
    "'handshake_seconds':{'type':'integer','minimum':1,'maximum':60,'default':5,"
    "'description':'For the handshake of TLS.'},"
    "'idle_seconds':{'type':'integer','minimum':1,'maximum':3600,'default':30,"
    "'description':'When a connection on which no request has begun is closed.'},"
    "'header_seconds':{'type':'integer','minimum':1,'maximum':300,'default':5,"
    "'description':'For a header block, from its first byte to its last.'},"
    "'body_seconds':{'type':'integer','minimum':1,'maximum':3600,'default':10,"
    "'description':'For a body, from the end of its header block.'},"
    "'answer_seconds':{'type':'integer','minimum':1,'maximum':3600,'default':120,"
    "'description':'For an answer, long-polls included, until its last byte has left.'},"
    "'stream_seconds':{'type':'integer','minimum':1,'maximum':604800,'default':3600,"
    "'description':'How long a stream of events lasts; its client comes back.'},"
    "'unknown_retry_seconds':{'type':'integer','minimum':1,'maximum':86400,'default':30,"
    "'description':'How often an execution whose outcome is not known asks for its receipt again.'}"
    "}},";

static const char AUDIT[] =
    "'audit':{" GROUP ",'description':'How the audit trail is signed.','properties':{"
    "'checkpoint_file':{" OPTIONAL ","
    "'description':'A file that each signed checkpoint is appended to, as a line of JSON; keep it where who can "
    "write the data directory cannot change it.'},"
    "'checkpoint_rows':{'type':'integer','minimum':1,'maximum':1000,'default':1000,"
    "'description':'A checkpoint is signed when so many rows have come since the last one.'},"
    "'checkpoint_seconds':{'type':'integer','minimum':1,'maximum':60,'default':60,"
    "'description':'A checkpoint is signed when a row has waited so long for one.'}"
    "}},";

static const char UPSTREAMS[] =
    "'upstreams':{'type':'object','maxProperties':64,'default':{},"
    "'propertyNames':{'pattern':'^[a-z][a-z0-9_]{0,31}$'},"
    "'description':'Systems that adapters reach over HTTP, by the names that adapters give them.',"
    "'additionalProperties':{" GROUP ",'required':['base_url'],'properties':{"
    "'base_url':{" TEXT ",'description':'Where its API begins, such as https://crm.example.com/api/v2.'},"
    "'insecure':{" SWITCH ",'description':'Allow http:// to another machine.'},"
    "'ca_file':{" OPTIONAL ","
    "'description':'A file with the certificates that may have signed its own, PEM; null: those that the system "
    "trusts.'},"
    "'client_certificate':{" OPTIONAL ",'description':'A file with a certificate to show it, PEM; null: none.'},"
    "'client_key':{" OPTIONAL ",'description':'A file with its key, PEM, without a password.'},"
    "'credential':{" GROUP ",'required':['header'],'description':'What every request says.','properties':{"
    "'header':{" OPTIONAL ",'description':'A header of every request, such as Authorization; null: none.'},"
    "'prefix':{'type':'string','maxLength':200,'default':'',"
    "'description':'What its value begins with, such as Bearer and a space.'},"
    "'file':{" OPTIONAL ",'description':'A file with the rest of the value, on one line.'},"
    "'env':{" OPTIONAL ",'description':'Or a variable of the environment that holds it.'}}},"
    "'timeout_ms':{'type':'integer','minimum':100,'maximum':60000,'default':10000,"
    "'description':'For one request, from waiting for a connection to the last byte of the answer.'},"
    "'connect_timeout_ms':{'type':'integer','minimum':50,'maximum':60000,'default':3000,"
    "'description':'For resolving its name, connecting and the handshake of TLS.'},"
    "'response_max_bytes':{'type':'integer','minimum':1024,'maximum':16777216,'default':1048576,"
    "'description':'The longest answer.'},"
    "'connections_max':{'type':'integer','minimum':1,'maximum':1024,'default':16,"
    "'description':'Connections at once; each worker takes its share, at least one, and other requests wait.'}"
    "}}}"
    "}}";

enum opp_code opp_config_schema(json_t **out, struct opp_err *err)
{
    struct opp_buf text = { 0 };
    enum opp_code rc;

    opp_buf_text(&text, GENERAL);
    opp_buf_text(&text, GROUPS);
    opp_buf_text(&text, TIMES);
    opp_buf_text(&text, AUDIT);
    opp_buf_text(&text, UPSTREAMS);
    rc = opp_buf_check(&text, err);
    for (size_t i = 0; rc == OPP_OK && i < text.length; i++)
        if (text.bytes[i] == '\'')
            text.bytes[i] = '"';
    if (rc == OPP_OK)
        rc = opp_json_parse(text.bytes, text.length, out, err);
    opp_buf_free(&text);
    return rc;
}

/* Recursive: a group's default is made of its members', those aside that have none. */
static json_t *default_of(const json_t *property)
{
    json_t *members = json_object_get(property, "properties"), *member, *group;
    const char *name;

    if (members == NULL)
        return json_deep_copy(json_object_get(property, "default"));
    group = json_object();
    json_object_foreach(members, name, member)
    {
        bool has_none = json_object_get(member, "default") == NULL && json_object_get(member, "properties") == NULL;

        if (!has_none && json_object_set_new(group, name, default_of(member)) != 0) {
            json_decref(group);
            return NULL;
        }
    }
    return group;
}

enum opp_code opp_config_defaults(const json_t *schema, json_t **out, struct opp_err *err)
{
    json_t *defaults = default_of(schema);

    if (defaults == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the configuration");
    *out = defaults;
    return OPP_OK;
}
