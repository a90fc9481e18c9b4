/* SPDX-License-Identifier: MIT */
#include "faults/plan.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXIT_BAD_PLAN 88

#define NUMBER_BYTES 8

struct plan {
    enum fault_op op;
    unsigned number; /* 0: no plan */
    enum fault_what what;
    bool all_after;
    char file[64];
};

static struct {
    const char *dir;
    bool normal;
    const char *shared;      /* OPP_FAULT_PLAN in memory, or NULL */
    char seen[NUMBER_BYTES]; /* the number of the plan in force */
    pthread_mutex_t lock;    /* guards plan and seen while they change */
    struct plan plan;
    atomic_uint count;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int find(const char *word, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

static bool parse(const char *text, struct plan *out)
{
    static const char *const ops[] = { "open", "write", "sync", "alloc", "accept", NULL };
    static const char *const whats[] = { "none", "eio", "full", "cut", "tear", "dead", NULL };
    struct plan plan = { .number = 0 };
    char op[16], what[16];
    int found_op, found_what;

    if (sscanf(text, "%15[^:]:%u:%15[a-z]:%63s", op, &plan.number, what, plan.file) < 3)
        return false;
    found_op = find(op, ops);
    found_what = find(what, whats);
    plan.all_after = strcmp(what, "dead") == 0;
    plan.op = (enum fault_op)found_op;
    plan.what = plan.all_after ? FAULT_EIO : (enum fault_what)found_what;
    *out = plan;
    return found_op >= 0 && found_what >= 0;
}

static const char *map_plan(const char *path)
{
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *bytes = fd >= 0 ? mmap(NULL, FAULT_PLAN_BYTES, PROT_READ, MAP_SHARED, fd, 0) : NULL;

    if (fd >= 0)
        close(fd);
    return bytes == MAP_FAILED ? NULL : bytes;
}

void fault_plan_read(void)
{
    const char *text = getenv("OPP_FAULT");

    state.dir = getenv("OPP_FAULT_DIR");
    state.normal = getenv("OPP_FAULT_NORMAL") != NULL;
    state.shared = map_plan(getenv("OPP_FAULT_PLAN"));
    if (text != NULL && *text != '\0' && !parse(text, &state.plan)) {
        fprintf(stderr, "OPP_FAULT is OP:N:WHAT[:FILE]\n");
        _exit(EXIT_BAD_PLAN);
    }
}

/* With the lock held. A plan that is just being written has two numbers. */
static void take_new_plan(void)
{
    char text[FAULT_PLAN_BYTES + 1];

    memcpy(text, state.shared, FAULT_PLAN_BYTES);
    text[FAULT_PLAN_BYTES] = '\0';
    if (memcmp(text, state.seen, NUMBER_BYTES) == 0 ||
        memcmp(text, text + FAULT_PLAN_BYTES - NUMBER_BYTES, NUMBER_BYTES) != 0)
        return;
    memcpy(state.seen, text, NUMBER_BYTES);
    text[FAULT_PLAN_BYTES - NUMBER_BYTES] = '\0';
    if (!parse(text + NUMBER_BYTES, &state.plan))
        state.plan.number = 0;
    atomic_store(&state.count, 0);
}

enum fault_what fault_plan_next(enum fault_op op, const char *name)
{
    struct plan plan;
    unsigned count;

    pthread_mutex_lock(&state.lock);
    if (state.shared != NULL)
        take_new_plan();
    plan = state.plan;
    pthread_mutex_unlock(&state.lock);
    if (plan.number == 0 || op != plan.op || strncmp(name, plan.file, strlen(plan.file)) != 0)
        return FAULT_NONE;
    count = atomic_fetch_add(&state.count, 1) + 1;
    return count == plan.number || (plan.all_after && count > plan.number) ? plan.what : FAULT_NONE;
}

bool fault_plan_switch(const char *name)
{
    char path[PATH_MAX];

    if (state.dir == NULL)
        return false;
    snprintf(path, sizeof path, "%s/%s", state.dir, name);
    return access(path, F_OK) == 0;
}

bool fault_plan_normal(void)
{
    return state.normal;
}

unsigned fault_plan_number(void)
{
    return state.plan.number;
}

void fault_plan_violation(const char *what, const char *which)
{
    char path[PATH_MAX];
    FILE *file;

    if (state.dir == NULL)
        return;
    snprintf(path, sizeof path, "%s/violations", state.dir);
    file = fopen(path, "a");
    if (file == NULL)
        return;
    fprintf(file, "%s: %s\n", what, which);
    fclose(file);
}
