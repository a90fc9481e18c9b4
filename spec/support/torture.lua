-- SPDX-License-Identifier: MIT
-- A gateway one of whose calls of the system fails when asked to: tests/torture/plan.h.
local gateway = require "spec.support.gateway"

local torture = {}
torture.__index = torture

torture.kinds = { "malloc", "open", "write", "fsync", "accept", "connect" }
local number <const> = {}
for i, kind in ipairs(torture.kinds) do number[kind] = i end

-- The file that the process has mapped, in words of 8 bytes: these, then the calls by kind, none first.
local kind_word <const>, left_word <const>, burst_word <const>, hits_word <const>, calls_word <const> = 1, 2, 3, 4, 5

-- Gives a plan by which nothing fails.
function torture.plan()
  local self = setmetatable({ path = os.tmpname() }, torture)
  gateway.write_file(self.path, ("\0"):rep(4096))
  return self
end

function torture.program()
  return (gateway.program():gsub("[^/]*$", "oppd_torture"))
end

-- Starts a gateway under the plan; options as those of gateway.start.
function torture:start(options)
  local all = { program = torture.program(), environment = { self:environment() } }
  for name, value in pairs(options or {}) do all[name] = value end
  all.flags = table.move({ "--workers", "1" }, 1, 2, #(all.flags or {}) + 1, all.flags or {})
  return gateway.start(all)
end

function torture:environment() return "OPP_TORTURE=" .. self.path end

function torture:remove() os.remove(self.path) end

local function read_word(self, index)
  local file <close> = assert(io.open(self.path, "rb"))
  file:seek("set", 8 * (index - 1))
  return (string.unpack("<i8", file:read(8)))
end

local function write_word(self, index, value)
  local file <close> = assert(io.open(self.path, "r+b"))
  file:seek("set", 8 * (index - 1))
  file:write(string.pack("<i8", value))
end

-- The at-th call of this kind from now on fails, and with a burst so many from it on.
function torture:arm(trial)
  write_word(self, left_word, trial.at)
  write_word(self, burst_word, trial.burst or 1)
  write_word(self, kind_word, number[trial.kind])
end

function torture:disarm() write_word(self, kind_word, 0) end

-- How many calls have failed until now.
function torture:hits() return read_word(self, hits_word) end

-- What the plan's processes call while a function runs, by kind.
function torture:calls_of(act)
  local before, made = {}, {}
  for kind, i in pairs(number) do before[kind] = read_word(self, calls_word + i) end
  act()
  for kind, i in pairs(number) do made[kind] = read_word(self, calls_word + i) - before[kind] end
  return made
end

local burst_every <const>, burst_calls <const> = 8, 30

-- Gives so many trials {kind, at, burst} for what has made these calls: each call that is rare, and allocations from
-- the first to the last, one at a time, and a few times many.
function torture.trials(made, count)
  local trials = {}
  local function spread(kind, most)
    local step = math.max(1, made[kind] / most)
    for i = 1, math.min(most, made[kind]) do
      trials[#trials + 1] = { kind = kind, at = math.floor(1 + (i - 1) * step),
        burst = i % burst_every == 0 and burst_calls or 1 }
    end
  end
  for _, kind in ipairs { "open", "write", "fsync", "accept", "connect" } do spread(kind, count // 5) end
  spread("malloc", count - #trials)
  return trials
end

return torture
