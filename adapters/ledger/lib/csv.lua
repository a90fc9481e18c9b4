-- SPDX-License-Identifier: MIT
-- CSV lines as SQL expressions: the database writes them, because 5,000 titles through patterns would use up a call.
local csv = {}

-- A text that a spreadsheet would take for a formula gets an apostrophe before it; wide forms count for some.
local function neutral(expression)
  return "CASE WHEN substr(" .. expression .. ", 1, 1) IN ('=', '+', '-', '@', char(9), char(10), char(13),"
    .. " '＝', '＋', '－', '＠') THEN '''' || " .. expression .. " ELSE " .. expression .. " END"
end

-- An expression for a text cell: quoted (RFC 4180) where its content asks for it, and never a formula.
function csv.text(expression)
  local safe = "(" .. neutral(expression) .. ")"
  return "CASE WHEN " .. expression .. " GLOB '*[,\"' || char(13, 10) || ']*' THEN '\"' || replace(" .. safe
    .. ", '\"', '\"\"') || '\"' ELSE " .. safe .. " END"
end

-- An expression for a number's cell: 12.5, never quoted, negative ones too.
function csv.number(expression)
  return "printf('%.15g', " .. expression .. ")"
end

-- Joins the expressions of cells to that of a line.
function csv.line(cells)
  return table.concat(cells, " || ',' || ")
end

return csv
