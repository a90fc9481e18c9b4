/* SPDX-License-Identifier: MIT */
#include "command/command.h"

#include <sys/stat.h>

/* What oppd writes holds secrets and what agents asked for: it is for its own user, wherever it lies. */
int main(int argc, char **argv)
{
    umask(077);
    return opp_command_main(argc, argv);
}
