/* SPDX-License-Identifier: MIT
 *
 * store/lock.h - one program at a time in a data directory.
 * May include: base.
 */
#ifndef OPP_STORE_LOCK_H
#define OPP_STORE_LOCK_H

#include "base/error.h"

/* Makes the directory (mode 0700) if it is not there and takes its exclusive lock; closing *fd, or the end of the
 * process, gives it back. OPP_E_EXISTS: another program holds it. OPP_E_IO. */
enum opp_code opp_lock_dir(const char *dir, int *fd, struct opp_err *err);

#endif
