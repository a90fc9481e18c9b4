-- SPDX-License-Identifier: MIT
-- The commands on the pages do what the pages say.
local crm = require "spec.support.crm"
local gateway = require "spec.support.gateway"
local pages = require "spec.support.pages"

local function list(path, at_least)
  local blocks, commands = pages.blocks(path), {}
  for i, block in ipairs(blocks) do
    if block.kind == "sh" then
      commands[#commands + 1] = i
    end
  end
  assert(#commands >= at_least, path .. ": the commands were not found")
  return blocks, commands
end

-- Each page, the least number of its commands, and whether the gateway has the adapters that the page builds, and the
-- system that they reach.
local subjects = {
  { path = "docs/integrate.md", at_least = 15 },
  { path = "docs/adapters.md", at_least = 6, adapter = true },
  { path = "README.md", at_least = 2 },
}

for _, subject in ipairs(subjects) do
  describe(subject.path, function()
    local blocks, commands = list(subject.path, subject.at_least)
    local files = subject.adapter and gateway.make_dir()
    local g, system, outputs, log

    setup(function()
      if files then
        pages.write_files(blocks, files)
        system = crm.start { adapters = files .. "/adapters" }
      end
      g = system and system.g or gateway.start()
      outputs, log = pages.run(g, blocks)
    end)
    teardown(function()
      if system then
        crm.stop(system)
        os.execute("rm -r '" .. files .. "'")
      else
        gateway.stop(g)
      end
    end)

    for _, i in ipairs(commands) do
      it("is right in line " .. blocks[i].line, function()
        assert.is_string(outputs[i], "the command failed: " .. tostring(log))
        local shown = pages.shown(blocks, i)
        local problem = shown and pages.compare(shown, outputs[i])
        assert.is_nil(problem, ("line %d: %s\n%s"):format(shown and shown.line or 0, tostring(problem), outputs[i]))
      end)
    end
  end)
end

describe("the comparison of pages", function()
  local function differs(shown, printed)
    return pages.compare({ text = shown, line = 1 }, printed)
  end

  it("takes more members than are shown, and any text for an ellipsis", function()
    assert.is_nil(differs('{"a":1,"b":["x"],"c":"drf_…"}', '{"a":1,"b":["x","y"],"c":"drf_1","d":null}'))
  end)

  it("finds another value, a missing member and another beginning", function()
    assert.is_string(differs('{"a":1}', '{"a":2}'))
    assert.is_string(differs('{"a":null}', '{}'))
    assert.is_string(differs('{"a":{"b":1}}', '{"a":null}'))
    assert.is_string(differs('{"a":"drf_…"}', '{"a":"exe_1"}'))
    assert.is_string(differs('{"a":["x","y"]}', '{"a":["x"]}'))
    assert.is_string(differs('{"a":1}', "no JSON"))
  end)
end)
