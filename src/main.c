/* SPDX-License-Identifier: MIT */
#include "command/command.h"

int main(int argc, char **argv)
{
    return opp_command_main(argc, argv);
}
