/* SPDX-License-Identifier: MIT
 *
 * http/trace.h - the traceparent of a request (W3C Trace Context, version 00): the caller's trace, or a new one.
 * May include: base.
 */
#ifndef OPP_HTTP_TRACE_H
#define OPP_HTTP_TRACE_H

#define OPP_TRACE_MAX 56 /* bytes with the NUL */
#define OPP_TRACE_ID_AT 3
#define OPP_TRACE_ID_LENGTH 32

/* Writes what this request is to those behind it: a span of its own in the trace that the caller named, with the
 * caller's flags; where received is NULL or not valid, in a new trace that is not recorded. */
void opp_trace_make(char out[OPP_TRACE_MAX], const char *received);

#endif
