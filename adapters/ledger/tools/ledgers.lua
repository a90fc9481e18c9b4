-- SPDX-License-Identifier: MIT
local columns <const> = "id, name, currency_home, tz, org_id AS organization_id, user_id"

local function read(call)
  local boundary = call.boundary
  local of_org = boundary.org_id and boundary.org_id ~= null
  local params = { owner = of_org and boundary.org_id or boundary.user_id or null }
  local where = (of_org and "org_id" or "user_id") .. " = :owner"
  local allowed = boundary.allowed.ledger
  if allowed and allowed ~= null then
    where = where .. " AND id IN (SELECT value FROM json_each(:ids))"
    params.ids = json.encode(allowed)
  end
  return {
    items = call.sql("ledger"):rows("SELECT " .. columns .. " FROM ledgers WHERE " .. where .. " ORDER BY id", params),
  }
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
