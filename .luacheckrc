-- The two sandboxes are described in docs/: policies decide, adapters do. Specs run in plain Lua 5.4 under busted.
max_line_length = 120
max_cyclomatic_complexity = 15

local shared = {
    "assert", "error", "ipairs", "next", "pairs", "pcall", "select", "tonumber", "tostring", "type",
    "math", "string", "table", "require", "null", "glob", "ip_in",
    "allow", "draft", "deny", "always", "never", "daily", "weekly", "between", "within", "now_in",
}
local adapter = { "sql", "http", "value", "array", "refuse", "json", "base64", "url", "date", "log", "from" }
for _, name in ipairs(shared) do
    adapter[#adapter + 1] = name
end

stds.opp_policy = { read_globals = shared }
stds.opp_adapter = { read_globals = adapter }

std = "lua54"
files["policies"] = { std = "opp_policy" }
files["adapters"] = { std = "opp_adapter" }
files["spec"] = { std = "lua54+busted" }
files["spec/fixtures/upstreams"] = { std = "opp_adapter" }

-- A rule or a tool takes what its phase is given; not every one needs all of it.
files["policies"].unused_args = false
files["adapters"].unused_args = false

-- wrk calls these.
files["bench"] = { globals = { "wrk", "init", "done" } }
