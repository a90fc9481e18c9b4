/* SPDX-License-Identifier: MIT
 *
 * adapter/facts_schema.h - the JSON Schemas that an adapter's init.lua and its tools must satisfy; functions are true.
 * May include: nothing.
 */
#ifndef OPP_ADAPTER_FACTS_SCHEMA_H
#define OPP_ADAPTER_FACTS_SCHEMA_H

static const char opp_facts_tool_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"name\",\"kind\",\"scopes\",\"description\"],"
    "\"properties\":{"
    "\"name\":{\"type\":\"string\",\"pattern\":\"^[a-z][a-z0-9_.]{0,99}$\"},"
    "\"kind\":{\"enum\":[\"read\",\"action\"]},"
    "\"risk\":{\"enum\":[\"low\",\"medium\",\"high\"]},"
    "\"scopes\":{\"type\":\"array\",\"minItems\":1,\"uniqueItems\":true,\"items\":{\"type\":\"string\",\"minLength\":1}"
    "},"
    "\"description\":{\"type\":\"string\",\"minLength\":1},"
    "\"input\":{\"type\":\"object\"},\"output\":{\"type\":\"object\"},\"facts\":{\"type\":\"object\"},"
    "\"aliases\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\",\"minLength\":1}},"
    "\"sensitive\":{\"type\":\"object\"},"
    "\"witness\":{\"type\":\"array\",\"minItems\":1,\"uniqueItems\":true,\"items\":{\"type\":\"string\"}},"
    "\"rate_limit\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"bucket\",\"per_minute\"],"
    "\"properties\":{\"bucket\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9_.-]{1,64}$\"},"
    "\"per_minute\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000000}}},"
    "\"confirm\":{\"type\":\"boolean\"},\"export\":{\"type\":\"boolean\"},"
    "\"http\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"method\",\"path\"],"
    "\"properties\":{\"method\":{\"const\":\"GET\"},"
    "\"path\":{\"type\":\"string\",\"maxLength\":200,\"pattern\":\"^(/[A-Za-z0-9_-]+)+$\"}}},"
    "\"rows\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"kind\",\"id\"],"
    "\"properties\":{\"kind\":{\"type\":\"string\",\"minLength\":1},\"id\":{\"type\":\"string\",\"minLength\":1},"
    "\"org_id\":{\"type\":\"string\",\"minLength\":1},\"user_id\":{\"type\":\"string\",\"minLength\":1},"
    "\"parents\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\",\"minLength\":1}}}},"
    "\"range\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"from\",\"to\"],"
    "\"properties\":{\"from\":{\"type\":\"string\"},\"to\":{\"type\":\"string\"}}},"
    "\"load\":{\"const\":true},\"resources\":{\"const\":true},\"check\":{\"const\":true},\"impact\":{\"const\":true},"
    "\"state\":{\"const\":true},\"execute\":{\"const\":true},\"read\":{\"const\":true}}}";

static const char opp_facts_adapter_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\",\"description\",\"tools\"],"
    "\"properties\":{\"name\":{\"type\":\"string\"},\"description\":{\"type\":\"string\"},"
    "\"tools\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":1000,\"items\":{\"type\":\"object\"}},"
    "\"databases\":{\"type\":\"object\",\"maxProperties\":16,"
    "\"propertyNames\":{\"pattern\":\"^[a-z][a-z0-9_]{0,63}$\"},"
    "\"additionalProperties\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"file\",\"migrations\"],\"properties\":{"
    "\"file\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$\"},"
    "\"migrations\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":1000,\"items\":{\"$ref\":\"#/$defs/sql\"}},"
    "\"demo\":{\"$ref\":\"#/$defs/sql\"}}}},"
    "\"upstreams\":{\"type\":\"object\",\"maxProperties\":16,"
    "\"propertyNames\":{\"pattern\":\"^[A-Za-z0-9_]{1,64}$\"},"
    "\"additionalProperties\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"properties\":{\"etag\":{\"enum\":[\"strong\",\"none\"]}}}}},"
    "\"$defs\":{\"sql\":{\"type\":\"string\",\"maxLength\":200,"
    "\"pattern\":\"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$\"}}}";

#endif
