-- SPDX-License-Identifier: MIT
-- docs/staging.md, command by command, where its reader would stand.
local gateway = require "spec.support.gateway"
local lfs = require "lfs"
local pages = require "spec.support.pages"

local path <const> = "docs/staging.md"

describe(path, function()
  local blocks, commands = pages.blocks(path), {}
  for i, block in ipairs(blocks) do
    if block.kind == "sh" then commands[#commands + 1] = i end
  end
  local g, dir, outputs, log

  local function absolute(file)
    return file:sub(1, 1) == "/" and file or lfs.currentdir() .. "/" .. file
  end

  -- The gateway's directories, and oppd on the path.
  local function stand()
    dir = gateway.make_dir()
    pages.write_files(blocks, dir, "policies")
    os.execute(("cp -r policies/default '%s/policies/'"):format(dir))
    g = gateway.start { policies = dir .. "/policies" }
    os.execute(("mkdir '%s/bin' && ln -s '%s' '%s/bin/oppd' && ln -s '%s' '%s/adapters' && ln -s '%s' '%s/var'"):format(
      dir, absolute(gateway.program()), dir, absolute "adapters", dir, g.data, dir))
  end

  setup(function()
    stand()
    local run = { { kind = "sh", text = ("cd '%s'\nexport PATH='%s/bin':\"$PATH\"\n"):format(dir, dir) } }
    table.move(blocks, 1, #blocks, 2, run)
    outputs, log = pages.run(g, run)
  end)
  teardown(function()
    gateway.stop(g)
    os.execute(("rm -r '%s'"):format(dir))
  end)

  -- What a command printed as text; … is any text, and the end of a line does not matter.
  local function same_text(shown, printed)
    local pattern = "^" .. shown:gsub("…", "\0"):gsub("%W", "%%%0"):gsub("%%%z", ".-") .. "$"
    return printed:find(pattern) ~= nil
  end

  it("has its commands", function() assert.is_true(#commands >= 11) end)

  for _, i in ipairs(commands) do
    it("is right in line " .. blocks[i].line, function()
      local printed, shown = outputs[i + 1], blocks[i + 1] -- the first block is ours
      assert(printed, "the command failed: " .. tostring(log))
      if shown and shown.kind == "text" then
        assert.is_true(same_text(shown.text, printed), printed)
      elseif shown and shown.kind == "json" then
        if not printed:find("^{") then printed = "{" .. printed .. "}" end
        assert.is_nil(pages.compare(shown, printed), printed)
      end
    end)
  end
end)
