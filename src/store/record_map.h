/* SPDX-License-Identifier: MIT
 *
 * store/record_map.h - which member of a record stands in which column; for store/ alone.
 * May include: base, store.
 */
#ifndef OPP_STORE_RECORD_MAP_H
#define OPP_STORE_RECORD_MAP_H

#include "base/error.h"
#include "store/records.h"

#include <sqlite3.h>

enum opp_field_type {
    OPP_FIELD_TEXT,
    OPP_FIELD_INTEGER,
    OPP_FIELD_BOOL,
    OPP_FIELD_JSON
};

struct opp_field {
    const char *column;
    enum opp_field_type type;
    size_t offset;
};

/* The first field is the primary key. */
struct opp_record {
    const char *table;
    const struct opp_field *fields;
    size_t field_count;
    size_t size;
    size_t damaged; /* the offset of the flag that says so; 0: there is none */
};

const struct opp_field *opp_record_field(const struct opp_record *record, const char *column);

/* Binds one member to parameter index (1-based). OPP_E_MEMORY. */
enum opp_code opp_record_bind(const struct opp_field *field, const void *value, sqlite3_stmt *statement, int index,
                              struct opp_err *err);

/* Gives a record from a row that selects all its fields in order. OPP_E_MEMORY, OPP_E_UNAVAILABLE: what is stored is
 * not what was written; err names the row. damaged_too: then it is given nevertheless, flagged, without what cannot be
 * read, where the record has a flag for it. */
enum opp_code opp_record_read(const struct opp_record *record, sqlite3_stmt *statement, bool damaged_too, void **out,
                              struct opp_err *err);

#endif
