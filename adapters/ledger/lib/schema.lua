-- SPDX-License-Identifier: MIT
-- The JSON Schemas that several tools share.
local schema = {}

schema.id = { type = "string", minLength = 1, maxLength = 128 }
schema.day_or_time = {
  type = "string", minLength = 1, maxLength = 64,
  description = "YYYY-MM-DD, or an RFC 3339 time with its offset.",
}
schema.kind = { type = "string", enum = { "income", "expense", "transfer", "adjustment" } }
schema.title = { type = "string", minLength = 1, maxLength = 500 }
schema.amount = {
  type = { "number", "string" }, maxLength = 32, pattern = "^-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?$",
  description = "In the currency of currency_home; a number, or one written as a string.",
}
schema.currency = { type = "string", pattern = "^[A-Za-z]{3}$", description = "An ISO 4217 code." }
schema.notes = { type = { "string", "null" }, maxLength = 5000 }

schema.transaction = {
  type = "object",
  required = {
    "id", "ledger_id", "kind", "title", "amount_home", "currency_home", "date", "notes", "created_at", "updated_at",
  },
  properties = {
    id = { type = "string" },
    ledger_id = { type = "string" },
    kind = { type = "string" },
    title = { type = "string" },
    amount_home = { type = "number" },
    currency_home = { type = "string" },
    date = { type = "string", format = "date-time" },
    notes = { type = { "string", "null" } },
    created_at = { type = "string", format = "date-time" },
    updated_at = { type = "string", format = "date-time" },
  },
}

schema.transaction_result = {
  type = "object", required = { "transaction" }, properties = { transaction = schema.transaction },
}

schema.deleted_result = {
  type = "object", required = { "deleted" },
  properties = {
    deleted = {
      type = "object", required = { "id", "deleted" },
      properties = { id = { type = "string" }, deleted = { type = "boolean" }, hard = { type = "boolean" } },
    },
  },
}

-- What a rule may read of a tool that changes an existing transaction.
schema.change_facts = {
  type = "object",
  properties = {
    resources = { type = "array", items = { type = "object" } },
    impact = {
      type = "object",
      properties = {
        summary = { type = "string" },
        transaction = {
          type = "object",
          properties = {
            id = { type = "string" },
            ledger_id = { type = "string" },
            title = { type = "string" },
            amount_home = { type = "number" },
            currency_home = { type = "string" },
            date = { type = "string" },
            is_deleted = { type = "boolean" },
          },
        },
        changes = { type = "object" },
      },
    },
    state = {
      type = "object",
      properties = {
        kind = { const = "resource_version" },
        resource = { const = "transaction" },
        id = { type = "string" },
        ledger_id = { type = "string" },
        updated_at = { type = "string" },
        is_deleted = { type = "boolean" },
        amount_home = { type = "number" },
        currency_home = { type = "string" },
        date = { type = "string" },
      },
    },
  },
}

return schema
