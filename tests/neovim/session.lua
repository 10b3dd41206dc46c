-- A person looks at a file of dates in Neovim and forces a token. What docs/language-server.md writes is loaded
-- before. Each thing that is seen is printed as a line of JSON.

local json = vim.json
local function tell(kind, ...)
  io.stdout:write("seen " .. json.encode({ kind, ... }) .. "\n")
end

local function once(what, holds)
  local found
  local done = vim.wait(100000, function()
    found = holds()
    return found
  end, 20)
  return done and found or error("never: " .. what)
end

local function client()
  local all = (vim.lsp.get_clients or vim.lsp.get_active_clients)()
  return all[1]
end

local function ask(method, params)
  local answers = vim.lsp.buf_request_sync(0, method, params, 100000)
  for _, answer in pairs(answers) do
    return answer.result or answer.error
  end
end

local function hints()
  local document = { uri = vim.uri_from_bufnr(0) }
  local range = { start = { line = 0, character = 0 }, ["end"] = { line = 2, character = 0 } }
  return ask("textDocument/inlayHint", { textDocument = document, range = range })
end

local function session()
  vim.cmd("edit dates.src")
  once("a server", function()
    return client() and client().server_capabilities and client().server_capabilities.hoverProvider
  end)
  tell("opened", vim.bo.filetype, client().name, client().offset_encoding)
  once("a diagnostic", function() return #vim.diagnostic.get(0) > 0 end)
  local found = vim.diagnostic.get(0)[1]
  -- Neovim counts bytes: the emoji has two columns in UTF-16, and four bytes.
  tell("diagnostic", found.lnum, found.col, found.end_col, found.code)
  once("what is decoded", function() return #hints() == 2 end)
  for _, hint in ipairs(hints()) do tell("hint", hint.position.line, hint.label) end
  vim.api.nvim_win_set_cursor(0, { 1, 5 })
  local place = vim.lsp.util.make_position_params(0, client().offset_encoding)
  -- A hover does not wait for long for what the model has to say: on a busy machine one looks again.
  tell("hover", place.position.character, once("a hover with what the model has to say", function()
    local told = ask("textDocument/hover", place).contents.value
    return told:find("Attention received", 1, true) and told
  end))
  vim.api.nvim_win_set_cursor(0, { 2, 0 })
  local range = vim.lsp.util.make_range_params(0, client().offset_encoding)
  range.context = { diagnostics = {} }
  for _, action in ipairs(ask("textDocument/codeAction", range)) do
    if vim.startswith(action.title, "Force '1'") then
      tell("forced", ask("workspace/executeCommand", action.command).output)
    end
  end
end

local ended, problem = pcall(session)
tell("ended", ended, tostring(problem))
vim.cmd("qa!")
