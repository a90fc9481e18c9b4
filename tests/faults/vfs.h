/* SPDX-License-Identifier: MIT
 *
 * faults/vfs.h - SQLite's own file system with faults in it, for every connection of the process.
 * May include: nothing.
 */
#ifndef OPP_TESTS_FAULTS_VFS_H
#define OPP_TESTS_FAULTS_VFS_H

/* Makes it the default, under the plan of the environment (faults/plan.h). Before any connection is opened. */
void fault_vfs_install(void);

#endif
