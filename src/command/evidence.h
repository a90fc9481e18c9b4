/* SPDX-License-Identifier: MIT
 *
 * command/evidence.h - oppd evidence and oppd evidence verify.
 * May include: command.
 */
#ifndef OPP_COMMAND_EVIDENCE_H
#define OPP_COMMAND_EVIDENCE_H

#include "command/args.h"

extern const struct opp_command OPP_COMMAND_EVIDENCE, OPP_COMMAND_EVIDENCE_VERIFY;

#endif
