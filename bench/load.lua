-- SPDX-License-Identifier: MIT
-- wrk script: the same request again and again; the last line of its output is for bench/run.
-- usage: wrk … -s bench/load.lua URL -- METHOD [BODY]

function init(args)
  wrk.method = args[1] or "GET"
  if args[2] then
    wrk.headers["Content-Type"] = "application/json"
    wrk.body = args[2]
  end
end

-- Requests a second, p50 and p99 in milliseconds, and how many were not answered with success.
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("%.1f %.3f %.3f %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
end
