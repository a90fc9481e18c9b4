-- SPDX-License-Identifier: MIT
-- The settings are yours to change; 30-hours.lua reads them.
return {
  description = "Two people for high risk, office hours, limits, witnesses, drafts that expire in an hour.",
  extends = "default",
  settings = {
    hours = { days = "mon-fri", from = "09:00", to = "17:00", tz = "UTC" },
  },
}
