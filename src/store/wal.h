/* SPDX-License-Identifier: MIT
 *
 * store/wal.h - whether the write-ahead log that a crash has left is torn at its end, as it may be, or damaged.
 * May include: base.
 */
#ifndef OPP_STORE_WAL_H
#define OPP_STORE_WAL_H

#include "base/error.h"

/* Reads the log beside a database that nobody has open. SQLite takes a log up to its first bad frame and says nothing
 * of the rest. After a crash that is right: what is bad was never synced, so never acknowledged. But with
 * synchronous=FULL, and only then, a commit is synced before the next one's frames are written. So where a bad frame is
 * followed by a commit, and that by more frames, something that was durable is lost; so it is when the header is bad
 * and frames follow. OPP_E_IO: such a log; err names it. What is wrong in the newest commit alone looks like a crash.
 */
enum opp_code opp_wal_check(const char *database, struct opp_err *err);

#endif
