-- SPDX-License-Identifier: MIT
-- The fenced blocks of a page, and the commands among them, run as a reader would.
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"

local pages = {}

-- Gives {kind, text, line} of each fenced block, in order.
function pages.blocks(path)
  local blocks, open, number = {}, nil, 0
  for line in (assert(gateway.read_file(path), path) .. "\n"):gmatch("([^\n]*)\n") do
    number = number + 1
    local kind = line:match("^```(%a*)$")
    if kind and open then
      blocks[#blocks + 1] = open
      open = nil
    elseif kind then
      open = { kind = kind, text = "", line = number }
    elseif open then
      open.text = open.text .. line .. "\n"
    end
  end
  assert(not open, path .. ": a block is not closed")
  return blocks
end

-- Writes the blocks that begin with a comment of their path, "-- adapters/…" (or another folder), below a directory.
function pages.write_files(blocks, dir, folder)
  local count = 0
  for _, block in ipairs(blocks) do
    local path = block.text:match("^%-%- ([%w_./-]+)\n")
    if path and path:find("^" .. (folder or "adapters") .. "/") then
      assert(os.execute(("mkdir -p '%s/%s'"):format(dir, path:match("^(.*)/"))))
      gateway.write_file(dir .. "/" .. path, block.text)
      count = count + 1
    end
  end
  assert(count > 0, "no files were found")
end

-- What a reader has exported.
local function environment(g)
  return ("export BASE=%s OPP_AGENT_TOKEN=%s OPP_ADMIN_TOKEN=%s\n"):format(g.base_url, g.agent.token, g.admin.token)
end

-- Runs the sh blocks in one shell that stops at the first failure; gives what each printed.
function pages.run(g, blocks)
  local script = { "set -eu -o pipefail\n", environment(g) }
  for i, block in ipairs(blocks) do
    if block.kind == "sh" then
      script[#script + 1] = ("{\n%s} >'%s/block-%d'\necho done >'%s/done-%d'\n"):format(block.text, g.dir, i, g.dir, i)
    end
  end
  gateway.write_file(g.dir .. "/script", table.concat(script))
  os.execute(("timeout 120 bash '%s/script' >'%s/script.log' 2>&1 </dev/null"):format(g.dir, g.dir))
  local outputs = {}
  for i in ipairs(blocks) do
    local finished = gateway.read_file(("%s/done-%d"):format(g.dir, i))
    outputs[i] = finished and gateway.read_file(("%s/block-%d"):format(g.dir, i))
  end
  return outputs, gateway.read_file(g.dir .. "/script.log")
end

local differs

local function members_differ(shown, real, where)
  for key, member in pairs(shown) do
    local problem = differs(member, real[key], where .. "/" .. tostring(key))
    if problem then
      return problem
    end
  end
end

-- Gives nil, or where the real value is not what the page shows: it may have more members, and … is any text.
function differs(shown, real, where)
  if type(shown) == "table" and shown ~= json.null and type(real) == "table" then
    return members_differ(shown, real, where)
  elseif type(shown) == "string" and type(real) == "string" and shown:find("…", 1, true) then
    local pattern = "^" .. shown:gsub("…", "\0"):gsub("%W", "%%%0"):gsub("%%%z", ".*") .. "$"
    return not real:find(pattern) and ("%s: %q is not %q"):format(where, real, shown) or nil
  elseif shown ~= real then
    return ("%s: %s is not %s"):format(where, json.encode(real == nil and json.null or real), json.encode(shown))
  end
end

-- The block that shows what the sh block at index printed; nil where none follows.
function pages.shown(blocks, index)
  local following = blocks[index + 1]
  return following and following.kind == "json" and following or nil
end

-- Gives nil, or what is wrong with the text that a command printed.
function pages.compare(shown, printed)
  local expected, problem = json.decode(shown.text)
  assert(expected, ("line %d: not JSON: %s"):format(shown.line, tostring(problem)))
  local real = json.decode(printed)
  return not real and "not JSON: " .. printed or differs(expected, real, "")
end

return pages
