/* SPDX-License-Identifier: MIT
 *
 * faults/memory.h - allocations and connections that fail when the plan says so.
 * May include: nothing.
 */
#ifndef OPP_TESTS_FAULTS_MEMORY_H
#define OPP_TESTS_FAULTS_MEMORY_H

/* Gives the libraries allocators that fail on demand; our own calls are wrapped by the linker (see CMakeLists.txt).
 * After fault_plan_read, before any library is used. */
void fault_memory_install(void);

#endif
