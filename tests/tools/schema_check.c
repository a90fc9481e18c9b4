/* SPDX-License-Identifier: MIT
 *
 * tests/tools/schema_check.c - the gateway's own JSON Schema validator for the specs, which ask it line by line.
 * The first line is {"$defs": {NAME: schema…}}; each other one {"schema": NAME, "value": …}. Every line is answered by
 * {"issues": […]}, empty where nothing is wrong; {"fatal": "…"} ends the conversation.
 */
#include "base/json.h"
#include "base/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What has been compiled so far: {name: index} and the schemas. */
struct checker {
    json_t *definitions;
    json_t *indices;
    struct opp_schema **compiled;
    size_t count;
};

static int say(json_t *answer)
{
    int failed = answer == NULL || json_dumpf(answer, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF;

    json_decref(answer);
    return failed || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int say_fatal(const char *message, const char *where)
{
    say(json_pack("{s:o}", "fatal", json_sprintf("%s %s", message, where)));
    return EXIT_FAILURE;
}

static enum opp_code compile(struct checker *checker, const char *name, struct opp_schema **out, struct opp_err *err)
{
    json_t *root = json_pack("{s:o, s:O}", "$ref", json_sprintf("#/$defs/%s", name), "$defs", checker->definitions);
    struct opp_schema **grown = realloc(checker->compiled, (checker->count + 1) * sizeof(struct opp_schema *));
    enum opp_code rc = OPP_E_MEMORY;

    if (grown != NULL)
        checker->compiled = grown;
    if (root != NULL && grown != NULL)
        rc = opp_schema_compile(root, out, err);
    if (rc == OPP_OK) {
        checker->compiled[checker->count] = *out;
        json_object_set_new(checker->indices, name, json_integer((json_int_t)checker->count++));
    }
    json_decref(root);
    return rc;
}

static enum opp_code find(struct checker *checker, const char *name, struct opp_schema **out, struct opp_err *err)
{
    const json_t *index = json_object_get(checker->indices, name);

    if (index == NULL)
        return compile(checker, name, out, err);
    *out = checker->compiled[json_integer_value(index)];
    return OPP_OK;
}

static int answer(struct checker *checker, const json_t *question)
{
    const char *name = json_string_value(json_object_get(question, "schema"));
    struct opp_schema *schema = NULL;
    struct opp_err err = { 0 };
    json_t *issues = NULL;
    enum opp_code rc;

    if (name == NULL)
        return say_fatal("a line without a schema", "");
    rc = find(checker, name, &schema, &err);
    if (rc != OPP_OK)
        return say_fatal(err.message, err.where);
    rc = opp_schema_validate(schema, json_object_get(question, "value"), &issues, &err);
    if (rc != OPP_OK && issues == NULL)
        return say_fatal(err.message, name);
    return say(json_pack("{s:o}", "issues", issues != NULL ? issues : json_array()));
}

static int answer_line(struct checker *checker, const char *line, size_t length)
{
    json_t *question = NULL;
    int rc;

    if (opp_json_read(line, length, &question) != OPP_OK)
        return say_fatal("a line that is not JSON", "");
    if (checker->definitions == NULL) {
        checker->definitions = json_incref(json_object_get(question, "$defs"));
        rc = checker->definitions != NULL ? say(json_pack("{s:[]}", "issues")) : say_fatal("no $defs", "");
    } else {
        rc = answer(checker, question);
    }
    json_decref(question);
    return rc;
}

int main(void)
{
    struct checker checker = { .indices = json_object() };
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int rc = checker.indices != NULL ? EXIT_SUCCESS : EXIT_FAILURE;

    while (rc == EXIT_SUCCESS && (length = getline(&line, &room, stdin)) > 0)
        rc = answer_line(&checker, line, (size_t)length);
    for (size_t i = 0; i < checker.count; i++)
        opp_schema_free(checker.compiled[i]);
    free(checker.compiled);
    free(line);
    json_decref(checker.indices);
    json_decref(checker.definitions);
    return rc;
}
