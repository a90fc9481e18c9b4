-- SPDX-License-Identifier: MIT
local visible = require "lib.visible"

local columns <const> = "id, name, currency_home, tz, org_id AS organization_id, user_id"

local function read(call)
  local boundary = call.boundary
  local condition = visible.owned(boundary)
  visible.add_allowed(condition, "org_id", "allowed_orgs", boundary.allowed_org_ids)
  visible.add_allowed(condition, "id", "allowed_ledger", boundary.allowed.ledger)
  local query = "SELECT " .. columns .. " FROM ledgers WHERE " .. condition.where .. " ORDER BY id"
  return { items = call.sql("ledger"):rows(query, condition.params) }
end

return {
  name = "ledger.list", kind = "read", risk = "low", scopes = { "ledger.read" },
  description = "List the ledgers that this credential can see.",
  http = { method = "GET", path = "/ledgers" },
  input = { type = "object", properties = {} },
  output = {
    type = "object", required = { "items" },
    properties = {
      items = {
        type = "array",
        items = {
          type = "object", required = { "id", "name", "currency_home", "tz", "organization_id" },
          properties = {
            id = { type = "string" },
            name = { type = "string" },
            currency_home = { type = "string" },
            tz = { type = "string" },
            organization_id = { type = { "string", "null" } },
          },
        },
      },
    },
  },
  rows = { kind = "ledger", id = "id", org_id = "organization_id", user_id = "user_id" },
  read = read,
}
