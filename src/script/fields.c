/* SPDX-License-Identifier: MIT */
#include "script/fields.h"

#include "base/buf.h"
#include "script/code.h"
#include "script/kernel.h"

#include <stdlib.h>
#include <string.h>

#define REGISTERS 256
#define NAMES_MAX 256
#define NAME_BYTES 61
#define DEPTH_MAX 200
#define INSTRUCTIONS_MAX 4000 /* of one function; following takes their square */

/* Instructions of Lua 5.4, by number. */
enum {
    MOVE = 0,
    LOADNIL = 8,
    GETUPVAL = 9,
    SETUPVAL = 10,
    GETFIELD = 14,
    SETTABUP = 15,
    SETFIELD = 18,
    NEWTABLE = 19,
    ADDI = 21,
    MMBIN = 46,
    MMBINK = 48,
    UNM = 49,
    LEN = 52,
    CLOSE = 54,
    JMP = 56,
    TEST = 66,
    TESTSET = 67,
    RETURN = 70,
    RETURN1 = 72,
    FORLOOP = 73,
    FORPREP = 74,
    TFORPREP = 75,
    TFORLOOP = 77,
    SETLIST = 78,
    CLOSURE = 79,
    VARARGPREP = 81,
    EXTRAARG = 82
};

/* A register's value: a path from the parameter (0 names: the parameter itself), as numbers of constants. */
struct value {
    bool known;
    unsigned char count;
    unsigned char names[OPP_FIELD_PATH_MAX];
};

struct search {
    struct opp_code_function function;
    struct opp_code_lines lines;
    struct value values[REGISTERS];
    bool captured[REGISTERS]; /* by an inner function, which may assign it */
    char names[NAMES_MAX][NAME_BYTES];
    void (*found)(void *arg, const struct opp_field_path *path, int line);
    void *arg;
};

static int append(lua_State *L, const void *bytes, size_t length, void *buf)
{
    (void)L;
    opp_buf_add(buf, bytes, length);
    return 0;
}

static unsigned kind_of(uint32_t word)
{
    return word & 0x7f;
}

static unsigned a_of(uint32_t word)
{
    return word >> 7 & 0xff;
}

/* The first register that an instruction may write; REGISTERS when it writes none. */
static unsigned first_written(uint32_t word)
{
    unsigned kind = kind_of(word);

    if (kind == SETUPVAL || (kind >= SETTABUP && kind <= SETFIELD) || (kind >= MMBIN && kind <= MMBINK) ||
        (kind >= CLOSE && kind <= TEST) || (kind >= RETURN && kind <= RETURN1) || kind == SETLIST || kind >= VARARGPREP)
        return REGISTERS;
    return a_of(word);
}

/* The last one: of calls, loops and the like all that follow may be written. */
static unsigned last_written(uint32_t word)
{
    unsigned kind = kind_of(word);

    if (kind == LOADNIL)
        return a_of(word) + (word >> 16 & 0xff);
    if (kind < LOADNIL || (kind >= GETUPVAL && kind <= GETFIELD) || kind == NEWTABLE ||
        (kind >= ADDI && kind < MMBIN) || (kind >= UNM && kind <= LEN) || kind == TESTSET || kind == CLOSURE)
        return a_of(word);
    return REGISTERS - 1;
}

static void forget(struct search *search, uint32_t word)
{
    for (unsigned i = first_written(word), last = last_written(word); i <= last && i < REGISTERS; i++)
        search->values[i].known = false;
}

/* Where an instruction jumps to, or itself. */
static size_t target_of(uint32_t word, size_t at)
{
    size_t distance = word >> 15;

    switch (kind_of(word)) {
    case JMP: /* signed, from the next instruction */
        return at + 1 + (size_t)((int64_t)(word >> 7) - 16777215);
    case FORLOOP:
    case TFORLOOP:
        return at + 1 - distance;
    case FORPREP:
        return at + 2 + distance;
    case TFORPREP:
        return at + 1 + distance;
    default:
        return at;
    }
}

/* What is known where jumps arrive is known on every way there: nothing that is written between. */
static void join(struct search *search, size_t at)
{
    for (size_t from = 0; from < search->function.instruction_count; from++) {
        size_t low, high;

        if (target_of(opp_code_instruction(&search->function, from), from) != at || from == at)
            continue;
        low = from < at ? from + 1 : at;
        high = from < at ? at : from + 1;
        for (size_t i = low; i < high; i++)
            forget(search, opp_code_instruction(&search->function, i));
    }
}

static void report(struct search *search, const struct value *value, size_t at)
{
    struct opp_field_path path = { .count = value->count };

    for (size_t i = 0; i < value->count; i++)
        path.names[i] = search->names[value->names[i]];
    search->found(search->arg, &path, opp_code_line(&search->function, &search->lines, at));
}

/* The value that an instruction leaves in its register A. */
static struct value follow(struct search *search, uint32_t word, size_t at)
{
    struct value value = search->values[word >> 16 & 0xff];
    unsigned name = word >> 24;

    if (kind_of(word) == MOVE)
        return value;
    if (kind_of(word) != GETFIELD || !value.known || value.count == OPP_FIELD_PATH_MAX ||
        search->names[name][0] == '\0')
        return (struct value){ 0 };
    value.names[value.count++] = (unsigned char)name;
    report(search, &value, at);
    return value;
}

static void look(struct search *search)
{
    search->values[0].known = search->function.parameters > 0 && !search->captured[0];
    for (size_t at = 0; at < search->function.instruction_count; at++) {
        uint32_t word = opp_code_instruction(&search->function, at);
        struct value value;

        join(search, at);
        value = follow(search, word, at);
        forget(search, word);
        if (first_written(word) < REGISTERS && value.known && !search->captured[a_of(word)])
            search->values[a_of(word)] = value;
    }
}

/* Reads past a nested function; direct: of the function that is looked at. */
static bool skip_nested(struct search *search, struct opp_code_reader *reader, bool direct, unsigned depth)
{
    struct opp_code_function *nested = malloc(sizeof *nested);
    struct opp_code_lines lines;
    bool enough = nested != NULL && depth < DEPTH_MAX;

    if (enough) {
        opp_code_function(reader, nested);
        for (size_t i = 0; direct && i < nested->upvalue_count; i++)
            if (nested->upvalues[3 * i] != 0)
                search->captured[nested->upvalues[3 * i + 1]] = true;
        for (size_t i = 0; i < nested->nested_count && !reader->bad && enough; i++)
            enough = skip_nested(search, reader, false, depth + 1);
        opp_code_lines(reader, &lines);
    }
    free(nested);
    return enough;
}

static void copy_names(struct search *search)
{
    for (size_t i = 0; i < NAMES_MAX; i++) {
        const struct opp_code_text *text = &search->function.constants[i];

        if (text->bytes == NULL || text->length >= NAME_BYTES)
            continue;
        memcpy(search->names[i], text->bytes, text->length);
        search->names[i][text->length] = '\0';
    }
}

static enum opp_code search_code(struct search *search, const struct opp_buf *code, struct opp_err *err)
{
    struct opp_code_reader reader = { .at = (const unsigned char *)code->bytes };
    bool enough = true;

    reader.end = reader.at + code->length;
    opp_code_header(&reader);
    opp_code_function(&reader, &search->function);
    for (size_t i = 0; i < search->function.nested_count && !reader.bad && enough; i++)
        enough = skip_nested(search, &reader, true, 0);
    opp_code_lines(&reader, &search->lines);
    if (!enough)
        return opp_fail(err, OPP_E_MEMORY, "no memory to look for fields");
    if (reader.bad || reader.at != reader.end)
        return opp_fail(err, OPP_E_INTERNAL, "the compiled code cannot be read");
    copy_names(search);
    if (search->function.instruction_count <= INSTRUCTIONS_MAX)
        look(search);
    return OPP_OK;
}

enum opp_code opp_script_each_field(struct opp_script *script,
                                    void (*found)(void *arg, const struct opp_field_path *path, int line), void *arg,
                                    struct opp_err *err)
{
    struct search *search = calloc(1, sizeof *search);
    struct opp_buf code = { 0 };
    enum opp_code rc;

    if (search == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory to look for fields");
    search->found = found;
    search->arg = arg;
    lua_dump(script->lua, append, &code, 0);
    rc = opp_buf_check(&code, err);
    if (rc == OPP_OK)
        rc = search_code(search, &code, err);
    opp_buf_free(&code);
    free(search);
    return rc;
}
