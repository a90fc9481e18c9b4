/* SPDX-License-Identifier: MIT
 *
 * script/reach.h - Lua text for tests of an environment: what can be reached by name, and whether anything that can be
 * made to speak shows an address.
 * May include: nothing.
 */
#ifndef OPP_TESTS_REACH_H
#define OPP_TESTS_REACH_H

/* Defines reach(), which gives "name type" of all that _ENV leads to, sorted, a line each. */
#define REACH_LIST                                                                                          \
    "local function reach()\n"                                                                              \
    "  local list, seen = {}, {}\n"                                                                         \
    "  local function walk(t, name) for k, v in pairs(t) do\n"                                              \
    "    list[#list + 1] = name .. tostring(k) .. ' ' .. type(v)\n"                                         \
    "    if type(v) == 'table' and not seen[v] then seen[v] = true walk(v, name .. k .. '.') end end end\n" \
    "  walk(_ENV, '') table.sort(list) return table.concat(list, '\\n')\n"                                  \
    "end\n"

/* Defines speak(values), which calls every function that can be reached, and those that they give, with every value and
 * every pair of values, does to them all that the language can, and gives the first text with an address in it and how
 * many texts there were. */
#define REACH_SPEAK                                                                                                \
    "local function speak(values)\n"                                                                               \
    "  local found, texts, calls = nil, 0, {}\n"                                                                   \
    "  local function hear(deep, ...)\n"                                                                           \
    "    for i = 1, select('#', ...) do\n"                                                                         \
    "      local v = select(i, ...)\n"                                                                             \
    "      local s = type(v) == 'string' and v or tostring(v)\n"                                                   \
    "      texts = texts + 1\n"                                                                                    \
    "      if string.find(s, '0x%x%x%x%x') then found = found or s end\n"                                          \
    "      if deep and type(v) == 'function' then hear(false, pcall(v)) hear(false, pcall(v, {}, v)) end\n"        \
    "    end\n"                                                                                                    \
    "  end\n"                                                                                                      \
    "  local function walk(t, seen) for _, v in pairs(t) do\n"                                                     \
    "    if type(v) == 'function' then calls[#calls + 1] = v end\n"                                                \
    "    if type(v) == 'table' and not seen[v] then seen[v] = true walk(v, seen) end end end\n"                    \
    "  walk(_ENV, {})\n"                                                                                           \
    "  local acts = {\n"                                                                                           \
    "    function(a, b) return a .. b end, function(a, b) return a + b end, function(a, b) return a & b end,\n"    \
    "    function(a, b) return a < b end, function(a, b) return a[b] end, function(a, b) a[b] = b return a end,\n" \
    "    function(a, b) return a(b) end, function(a) return #a end, function(a) return -a end,\n"                  \
    "    function(a, b) for _ in a, b do break end end, function(a, b) for _ = a, b do break end end,\n"           \
    "    function(a, b) return a:none(b) end, function(a) error(a) end, function(a) error({ a }) end,\n"           \
    "    function(a) local _ <close> = a end, function(a) return ('%s %10s %q'):format(a, a, a) end,\n"            \
    "    function(a) return ('x'):gsub('x', a) end, function(a) return ('x'):gsub('x', { x = a }) end }\n"         \
    "  for i = 1, #acts do calls[#calls + 1] = acts[i] end\n"                                                      \
    "  for _, f in ipairs(calls) do\n"                                                                             \
    "    hear(true, pcall(f))\n"                                                                                   \
    "    for i = 1, values.n do\n"                                                                                 \
    "      hear(true, pcall(f, values[i]))\n"                                                                      \
    "      for j = 1, values.n do hear(true, pcall(f, values[i], values[j])) end\n"                                \
    "    end\n"                                                                                                    \
    "  end\n"                                                                                                      \
    "  return found, texts\n"                                                                                      \
    "end\n"

#endif
