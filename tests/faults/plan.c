/* SPDX-License-Identifier: MIT */
#include "faults/plan.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_BAD_PLAN 88

static struct {
    enum fault_op op;
    unsigned number;
    enum fault_what what;
    bool all_after;
    char file[64];
    const char *dir;
    bool normal;
    atomic_uint count;
} plan;

static int find(const char *word, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    fprintf(stderr, "OPP_FAULT: what is \"%s\"?\n", word);
    _exit(EXIT_BAD_PLAN);
}

void fault_plan_read(void)
{
    static const char *const ops[] = { "open", "write", "sync", NULL };
    static const char *const whats[] = { "none", "eio", "full", "cut", "tear", "dead", NULL };
    const char *text = getenv("OPP_FAULT");
    char op[16], what[16];

    plan.dir = getenv("OPP_FAULT_DIR");
    plan.normal = getenv("OPP_FAULT_NORMAL") != NULL;
    if (text == NULL || *text == '\0')
        return;
    if (sscanf(text, "%15[^:]:%u:%15[^:]:%63s", op, &plan.number, what, plan.file) < 3) {
        fprintf(stderr, "OPP_FAULT is OP:N:WHAT[:FILE]\n");
        _exit(EXIT_BAD_PLAN);
    }
    plan.op = (enum fault_op)find(op, ops);
    plan.what = (enum fault_what)find(what, whats);
    if (strcmp(what, "dead") == 0) {
        plan.what = FAULT_EIO;
        plan.all_after = true;
    }
}

enum fault_what fault_plan_next(enum fault_op op, const char *name)
{
    unsigned count;

    if (plan.number == 0 || op != plan.op || strncmp(name, plan.file, strlen(plan.file)) != 0)
        return FAULT_NONE;
    count = atomic_fetch_add(&plan.count, 1) + 1;
    return count == plan.number || (plan.all_after && count > plan.number) ? plan.what : FAULT_NONE;
}

bool fault_plan_switch(const char *name)
{
    char path[PATH_MAX];

    if (plan.dir == NULL)
        return false;
    snprintf(path, sizeof path, "%s/%s", plan.dir, name);
    return access(path, F_OK) == 0;
}

bool fault_plan_normal(void)
{
    return plan.normal;
}

unsigned fault_plan_number(void)
{
    return plan.number;
}

void fault_plan_violation(const char *what, const char *which)
{
    char path[PATH_MAX];
    FILE *file;

    if (plan.dir == NULL)
        return;
    snprintf(path, sizeof path, "%s/violations", plan.dir);
    file = fopen(path, "a");
    if (file == NULL)
        return;
    fprintf(file, "%s: %s\n", what, which);
    fclose(file);
}
