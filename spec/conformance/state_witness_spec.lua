-- SPDX-License-Identifier: MIT
local expect = require "spec.conformance.expect"
local json = require "spec.support.json"
local kit = require "spec.conformance.kit"
local sha256 = require "spec.support.sha256"

local zeros <const> = ("0"):rep(64)

describe("#state-witness", function()
  local t

  setup(function() t = kit.start(function(reason) pending(reason) end) end)
  teardown(function() kit.finish(t) end)

  local function moved(response)
    return expect.refused(response, 409, "agent.precondition_failed")
  end

  -- A change of something that the kit made, and the id of that.
  local function change(fields)
    local id = t:make()
    local action = t:action("change", id, fields)
    return action, id
  end

  -- Moves the state on which every change of id depends.
  local function drift(id)
    t:execute(t:open(), t:action("change", id))
  end

  it("is shown with its hash by a preflight", function()
    local action, id = change()
    local flight = kit.preflight(t:agent(), action)
    assert.is_table(flight.stateWitness)
    assert.equal(sha256(json.encode(flight.stateWitness)), expect.hash(flight.stateWitnessHash))
    drift(id)
    assert.not_equal(flight.stateWitnessHash, kit.preflight(t:agent(), action).stateWitnessHash)
  end)

  it("that is right lets the action pass", function()
    local action = change { idempotencyKey = t:word() }
    action.stateWitnessHash = kit.preflight(t:open(), action).stateWitnessHash
    t:execute(t:open(), action)
    assert.equal(1, t:effects(t:open(), action))
  end)

  it("that is stale is refused, as a draft and at once", function()
    local action, id = change()
    action.stateWitnessHash = kit.preflight(t:open(), action).stateWitnessHash
    drift(id)
    moved(t:open():post("/actions", action))
    moved(t:open():post("/actions", kit.merge({ execute = true }, action)))
    assert.equal(0, t:effects(t:open(), action))
  end)

  it("that is made up is refused", function()
    local action = change { stateWitnessHash = zeros, execute = true }
    moved(t:open():post("/actions", action))
    assert.equal(0, t:effects(t:open(), action))
  end)

  it("of a preflight stops an execution after the state moved", function()
    local action, id = change { execute = true }
    action.preflightId = kit.preflight(t:open(), action).preflightId
    drift(id)
    moved(t:open():post("/actions", action))
    assert.equal(0, t:effects(t:open(), action))
  end)

  it("lets an approval through while the state is the same", function()
    local action = change()
    assert.equal("confirmed", expect.ok(t:decide(kit.draft(t:agent(), action))).draftStatus)
    assert.equal(1, t:effects(t:agent(), action))
  end)

  it("stops an approval after the state moved: 409, no effect, a failed draft that stays so", function()
    local action, id = change()
    local draft = kit.draft(t:agent(), action)
    assert.equal(kit.preflight(t:agent(), action).stateWitnessHash, draft.preflight_state_witness_hash)
    drift(id)
    moved(t:decide(draft))
    assert.equal(0, t:effects(t:agent(), action))
    assert.equal("failed", expect.ok(t:agent():get("/drafts/" .. draft.id)).draft.status)
    expect.refused(t:decide(draft), 400, "agent.draft_already_final")
    assert.equal(0, t:effects(t:agent(), action))
  end)

  it("lets one of two drafts about the same state through", function()
    local action, id = change()
    local other = t:action("change", id)
    local first, second = kit.draft(t:agent(), action), kit.draft(t:agent(), other)
    expect.ok(t:decide(second))
    moved(t:decide(first))
    assert.same({ 0, 1 }, { t:effects(t:agent(), action), t:effects(t:agent(), other) })
  end)

  it("is refused for an action that depends on no state", function()
    local action = t:create()
    if kit.preflight(t:open(), action).stateWitnessHash ~= json.null then
      t.skip("the fixture's create depends on a state")
    end
    local response = t:open():post("/actions", kit.merge({ stateWitnessHash = zeros, execute = true }, action))
    -- Some servers find out when the action would run, not when it is submitted.
    if response.status == 200 and response.body.data.status == "draft" then
      response = t:decide(response.body.data.draft)
    end
    moved(response)
    assert.equal(0, t:effects(t:open(), action))
  end)
end)
