/* SPDX-License-Identifier: MIT
 *
 * oppd on a disk that fails as the environment says (faults/plan.h). No part of the product.
 */
#include "command/command.h"
#include "faults/vfs.h"

#include <sys/stat.h>

int main(int argc, char **argv)
{
    umask(077);
    fault_vfs_install();
    return opp_command_main(argc, argv);
}
