/* SPDX-License-Identifier: MIT
 *
 * base/crash.h - named places between durable writes at which a test can end the process as a power cut would.
 * May include: base.
 */
#ifndef OPP_BASE_CRASH_H
#define OPP_BASE_CRASH_H

#define OPP_CRASH_EXIT 86

#ifdef OPP_CRASH_POINTS
/* Leaves at once, with OPP_CRASH_EXIT and without a goodbye to anybody, when the environment's OPP_CRASH_AT is name. */
void opp_crash_point(const char *name);
#else
static inline void opp_crash_point(const char *name)
{
    (void)name;
}
#endif

#endif
