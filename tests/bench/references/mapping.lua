-- The bench's page mapped by hand in Lua, for nginx: cjson in, text out.
--
-- Written for this one bank and to be fast: the hash's key is in a prepared context that is copied, days are numbers
-- from a table, the answer is put together in one buffer from pieces that are constant, and all of it compiles (LuaJIT
-- runs C functions and bytes of strings through its FFI without leaving compiled code). A row that it does not know
-- how to read is an error: the page is then answered with 502.

local ffi = require "ffi"
local cjson = require "cjson"
local buffer = require "string.buffer"

ffi.cdef [[
typedef struct { uint32_t h[8]; uint32_t Nl, Nh; uint32_t data[16]; unsigned int num, md_len; } bench_sha256;
int SHA256_Init(bench_sha256 *context);
int SHA256_Update(bench_sha256 *context, const void *content, size_t length);
int SHA256_Final(unsigned char *digest, bench_sha256 *context);
]]

local crypto = ffi.C -- nginx is linked with libcrypto
local byte, sub, find, floor = string.byte, string.sub, string.find, math.floor
local null = cjson.null

local _M = {}

local STATUSES = {Booked = "booked", BOOK = "booked", Pending = "pending", PDNG = "pending",
  Rejected = "rejected", RJCT = "rejected", INFO = "information", FUTR = "future"}
local DEBITS = {Debit = true, DBIT = true, Credit = false, CRDT = false}
local EXPECTED = {pending = true, future = true, information = true}
local BALANCES = {ClosingAvailable = '"CLAV"', ClosingBooked = '"CLBD"', Expected = '"XPCD"', ForwardAvailable = '"FWAV"',
  InterimAvailable = '"ITAV"', InterimBooked = '"ITBD"', OpeningAvailable = '"OPAV"', OpeningBooked = '"OPBD"'}
local SCHEMES = {["UK.OBIE.IBAN"] = "iban", ["UK.OBIE.SortCodeAccountNumber"] = "scan", ["UK.OBIE.BBAN"] = "bban",
  ["UK.OBIE.PAN"] = "pan_masked"}
local NOTHING = {[""] = true, NOTPROVIDED = true, ["NOT PROVIDED"] = true, ["null"] = true, [null] = true}

-- Bytes that JSON wants escaped (RFC 8259 section 7).
local ESCAPED = ffi.new("uint8_t[256]")
for code = 0, 31 do ESCAPED[code] = 1 end
ESCAPED[34], ESCAPED[92] = 1, 1

-- Days: the number of each since 1970, the day of each number, and London's summers (from and to, in seconds).
local NUMBERS, DAYS, SUMMERS = {}, {}, {}
local function last_sunday(number) return number - (number + 4) % 7 end
do
  local number = 10957 -- 2000-01-01
  for year = 2000, 2060 do
    local leap = year % 4 == 0
    local lengths = {31, leap and 29 or 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
    local summer = {}
    for month = 1, 12 do
      for day = 1, lengths[month] do
        local name = string.format("%04d-%02d-%02d", year, month, day)
        NUMBERS[name], DAYS[number] = number, name
        if day == lengths[month] then
          if month == 3 then summer[1] = last_sunday(number) * 86400 + 3600 end
          if month == 10 then summer[2] = last_sunday(number) * 86400 + 3600 end
        end
        number = number + 1
      end
    end
    SUMMERS[year] = summer
  end
end

local function two(text, at) return (byte(text, at) - 48) * 10 + byte(text, at + 1) - 48 end

-- The day in London, and whether the text is an instant: midnight as written, or there, is a date in disguise.
local function moment(text)
  local day = sub(text, 1, 10)
  local number = NUMBERS[day]
  if not number then error("a day that is none") end
  if #text == 10 then return day, false end
  local seconds = two(text, 12) * 3600 + two(text, 15) * 60 + two(text, 18)
  if seconds == 0 then return day, false end
  local at = 20
  if byte(text, at) == 46 then
    repeat at = at + 1 until (byte(text, at) or 0) < 48 or byte(text, at) > 57
  end
  local sign = byte(text, at)
  local offset = 0
  if sign == 43 or sign == 45 then
    offset = two(text, at + 1) * 3600 + two(text, at + 4) * 60
    if sign == 45 then offset = -offset end
  elseif sign ~= 90 then
    error("an instant without an offset")
  end
  local instant = number * 86400 + seconds - offset
  local summer = SUMMERS[two(day, 1) * 100 + two(day, 3)]
  if instant >= summer[1] and instant < summer[2] then instant = instant + 3600 end
  local there = floor(instant / 86400)
  return DAYS[there], instant ~= there * 86400
end

local out = buffer.new(65536)

local function put_text(text)
  if type(text) ~= "string" then error("not a text") end
  local bytes = ffi.cast("const uint8_t *", text)
  for at = 0, #text - 1 do
    if ESCAPED[bytes[at]] ~= 0 then
      out:put(cjson.encode(text))
      return
    end
  end
  out:put('"', text, '"')
end

local function put_optional(text)
  if text == nil or NOTHING[text] then out:put("null") else put_text(text) end
end

local function put_day(day)
  if day then out:put('"', day, '"') else out:put("null") end
end

-- A decimal of the contract's form: digits, and a point with digits behind it; whether it is zero.
local function checked(value)
  if type(value) ~= "string" then error("not an amount") end
  local length, zero, point = #value, true, 0
  for at = 1, length do
    local digit = byte(value, at)
    if digit == 46 and point == 0 and at > 1 and at < length then
      point = at
    elseif digit < 48 or digit > 57 then
      error("not an amount")
    elseif digit ~= 48 then
      zero = false
    end
  end
  if length == 0 or (byte(value, 1) == 48 and length > 1 and point ~= 2) then error("not an amount") end
  return zero
end

local CURRENCIES = {GBP = true, EUR = true, USD = true}
local function currency(code)
  if not CURRENCIES[code] then
    if type(code) ~= "string" or not find(code, "^[A-Z][A-Z][A-Z]$") then error("not a currency") end
    CURRENCIES[code] = true
  end
  return code
end

local function put_money(amount, debit)
  local value = amount.Amount
  local zero = checked(value)
  out:put(debit and not zero and '{"value":"-' or '{"value":"', value, '","currency":"', currency(amount.Currency), '"}')
end

local function sound(iban)
  local length, rest = #iban, 0
  if length < 15 or length > 34 then return false end
  for at = 5, length + 4 do
    local sign = byte(iban, at > length and at - length or at)
    if sign >= 48 and sign <= 57 then
      rest = (rest * 10 + sign - 48) % 97
    elseif sign >= 65 and sign <= 90 then
      rest = (rest * 100 + sign - 55) % 97
    else
      return false
    end
  end
  return rest == 1
end

local function put_party(account, agent, role)
  out:put('{"name":')
  put_optional(account and account.Name)
  local number = account and account.Identification
  if number and not NOTHING[number] then
    local scheme = SCHEMES[account.SchemeName] or "other"
    if find(number, "[%s%l]") then number = string.upper((string.gsub(number, "%s", ""))) end
    if scheme == "iban" and not sound(number) then error("an IBAN that is none") end
    out:put(',"identifications":[{"scheme":"', scheme, '","value":')
    put_text(number)
    out:put('}],"bic":')
  else
    out:put(',"identifications":[],"bic":')
  end
  put_optional(agent and agent.SchemeName == "UK.OBIE.BICFI" and agent.Identification or nil)
  out:put(',"role":"', role, '"}')
end

local HEX = ffi.new("char[512]")
ffi.copy(HEX, (string.gsub(string.rep(".", 256), "()%.", function(at) return string.format("%02x", at - 1) end)), 512)
local inner_key, outer_key, page_key, context = ffi.new("bench_sha256"), ffi.new("bench_sha256"), ffi.new("bench_sha256"),
  ffi.new("bench_sha256")
local SIZE = ffi.sizeof("bench_sha256")
local digest, hexadecimal = ffi.new("unsigned char[32]"), ffi.new("char[32]")
local shared

-- The first half of the HMAC-SHA256 (RFC 2104) of what was put into page_key and this.
local function put_id(last)
  ffi.copy(context, page_key, SIZE)
  crypto.SHA256_Update(context, last, #last)
  crypto.SHA256_Final(digest, context)
  ffi.copy(context, outer_key, SIZE)
  crypto.SHA256_Update(context, digest, 32)
  crypto.SHA256_Final(digest, context)
  for at = 0, 15 do
    local from = digest[at] * 2
    hexadecimal[at * 2], hexadecimal[at * 2 + 1] = HEX[from], HEX[from + 1]
  end
  out:putcdata(hexadecimal, 32)
end

-- Reads what the bench told everyone: the key of ids, the bank's name, the mapping's, and whose page is whose.
function _M.prepare(path)
  local file = assert(io.open(path, "rb"))
  shared = cjson.decode(file:read("*a"))
  file:close()
  local inner, outer = ffi.new("unsigned char[64]"), ffi.new("unsigned char[64]")
  for at = 0, 63 do
    local code = tonumber(sub(shared.id_key, at * 2 + 1, at * 2 + 2), 16) or 0
    inner[at], outer[at] = bit.bxor(code, 0x36), bit.bxor(code, 0x5c)
  end
  crypto.SHA256_Init(inner_key)
  crypto.SHA256_Update(inner_key, inner, 64)
  crypto.SHA256_Init(outer_key)
  crypto.SHA256_Update(outer_key, outer, 64)
end

local function put_row(row, account_id, source)
  local id, status, debit = row.TransactionId, STATUSES[row.Status], DEBITS[row.CreditDebitIndicator]
  if type(id) ~= "string" or id == "" then error("no id") end
  if not status then error("a status that is not known") end
  if debit == nil then error("neither debit nor credit") end
  out:put('{"id":"txn_')
  put_id(id)
  out:put('","account_id":"', account_id,
    '","id_basis":"bank","id_stability":"', status == "pending" and "weak" or "strong",
    '","supersedes":null,"status":"', status, '","amount":')
  put_money(row.Amount, debit)
  local written = row.BookingDateTime
  local day, instant = moment(written)
  if status == "booked" then
    out:put(',"booked_on":"', day, instant and '","booked_at":"' or '","booked_at":null', instant and written or "",
      instant and '","expected_on":null' or ',"expected_on":null')
  elseif EXPECTED[status] then
    out:put(',"booked_on":null,"booked_at":null,"expected_on":"', day, '"')
  else
    out:put(',"booked_on":null,"booked_at":null,"expected_on":null')
  end
  out:put(',"value_on":')
  local valued = row.ValueDateTime
  put_day(valued and moment(valued))
  local exchange, charge = row.CurrencyExchange, row.ChargeAmount
  if exchange then
    out:put(',"transacted_on":null,"original":')
    put_money(exchange.InstructedAmount, debit)
    out:put(',"fx":{"rate":"', string.format("%.14g", exchange.ExchangeRate), '","unit_currency":"',
      currency(exchange.UnitCurrency or exchange.SourceCurrency), '","quoted_currency":"',
      currency(exchange.TargetCurrency), '","date":')
    put_day(exchange.QuotationDate and moment(exchange.QuotationDate))
    out:put("}")
  else
    out:put(',"transacted_on":null,"original":null,"fx":null')
  end
  if charge then
    out:put(',"charges":[{"amount":')
    put_money(charge, false)
    out:put(',"kind":null}]')
  else
    out:put(',"charges":[]')
  end
  local other, agent, ultimate, role
  if debit then
    other, agent, ultimate, role = row.CreditorAccount, row.CreditorAgent, row.UltimateCreditor, "creditor"
  else
    other, agent, ultimate, role = row.DebtorAccount, row.DebtorAgent, row.UltimateDebtor, "debtor"
  end
  if other or agent then
    out:put(',"counterparty":')
    put_party(other, agent, role)
  else
    out:put(',"counterparty":null')
  end
  if ultimate then
    out:put(',"ultimate":{"name":')
    put_text(ultimate.Name)
    out:put(',"identifications":[],"bic":null,"role":"', role, '"}')
  else
    out:put(',"ultimate":null')
  end
  local merchant = row.MerchantDetails
  if merchant then
    local category = merchant.MerchantCategoryCode
    out:put(',"merchant":{"name":')
    put_optional(merchant.MerchantName)
    if category == nil or NOTHING[category] or tonumber(category) == 0 then
      out:put(',"mcc":null}')
    else
      if #category ~= 4 then category = string.format("%04d", category) end
      out:put(',"mcc":"', category, '"}')
    end
  else
    out:put(',"merchant":null')
  end
  out:put(',"references":{"end_to_end":null,"uetr":null,"instruction":null,"mandate":null,"creditor_id":null,"servicer":')
  put_optional(row.TransactionReference)
  local text = row.TransactionInformation
  if text == nil or NOTHING[text] then
    out:put('},"remittance":{"unstructured":[],"structured":[],"additional":')
  else
    out:put('},"remittance":{"unstructured":[')
    put_text(text)
    out:put('],"structured":[],"additional":')
  end
  put_optional(row.AddressLine)
  local code, own = row.BankTransactionCode, row.ProprietaryBankTransactionCode
  if code or own then
    out:put('},"code":{"domain":null,"family":')
    put_optional(code and code.Code)
    out:put(',"subfamily":')
    put_optional(code and code.SubCode)
    out:put(',"proprietary":')
    put_optional(own and own.Code)
    out:put("}")
  else
    out:put('},"code":null')
  end
  local balance = row.Balance
  if balance then
    local owed, kind = DEBITS[balance.CreditDebitIndicator], BALANCES[balance.Type]
    if owed == nil or not kind then error("a balance that is not known") end
    out:put(',"reversal":null,"batch":null,"balance_after":{"amount":')
    put_money(balance.Amount, owed)
    out:put(',"type":', kind, "}", source)
  else
    out:put(',"reversal":null,"batch":null,"balance_after":null', source)
  end
end

-- The contract's page for the bank's, as text. Raises an error where a row can not be read.
function _M.page(body, account, fetched_at, raw_ref)
  local document = cjson.decode(body)
  local account_id = shared.accounts[account] or error("an account that is not known")
  local prefix = "transaction\31" .. account_id .. "\31bank\31"
  ffi.copy(page_key, inner_key, SIZE)
  crypto.SHA256_Update(page_key, prefix, #prefix)
  local source = ',"source":{"bank":"' .. shared.bank .. '","mapping":"' .. shared.mapping .. '","fetched_at":"' ..
    fetched_at .. '","raw_ref":"' .. raw_ref .. '"}}'
  out:reset()
  out:put('{"transactions":[')
  local rows = document.Data.Transaction
  for index = 1, #rows do
    if index > 1 then out:put(",") end
    put_row(rows[index], account_id, source)
  end
  out:put('],"incomplete":null,"next":')
  put_optional(document.Links.Next)
  out:put("}")
  return out:get()
end

return _M
