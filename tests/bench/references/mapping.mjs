// The bench's page mapped in JavaScript, by hand and by JSONata; both are validated against the contract by ajv.
//
// By hand is written for this one bank and to be fast: days are numbers from a table, the hash is Node's one-shot with
// the key's block already in its buffer. JSONata does the same declaratively; what its language lacks (keyed hashes,
// London's days) is given to it as the functions that the other uses. A row that is not understood throws.

import {hash, randomUUID} from 'node:crypto';
import {readFileSync, readdirSync} from 'node:fs';
import Ajv2020 from 'ajv/dist/2020.js';
import jsonata from 'jsonata';

const STATUSES = {
  Booked: 'booked', BOOK: 'booked', Pending: 'pending', PDNG: 'pending', Rejected: 'rejected', RJCT: 'rejected',
  INFO: 'information', FUTR: 'future',
};
const DEBITS = {Debit: true, DBIT: true, Credit: false, CRDT: false};
const BALANCES = {
  ClosingAvailable: 'CLAV', ClosingBooked: 'CLBD', Expected: 'XPCD', ForwardAvailable: 'FWAV', InterimAvailable: 'ITAV',
  InterimBooked: 'ITBD', OpeningAvailable: 'OPAV', OpeningBooked: 'OPBD',
};
const SCHEMES = {
  'UK.OBIE.IBAN': 'iban', 'UK.OBIE.SortCodeAccountNumber': 'scan', 'UK.OBIE.BBAN': 'bban', 'UK.OBIE.PAN': 'pan_masked',
};
const AMOUNT = /^(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;
const ZERO = /^[0.]+$/;

// Days since 1970 by name, names by days, and London's summers by year (in seconds).
const NUMBERS = new Map();
const DAYS = [];
const SUMMERS = [];
for (let number = Date.UTC(2000, 0, 1) / 864e5; number < Date.UTC(2061, 0, 1) / 864e5; number++) {
  const day = new Date(number * 864e5);
  const name = day.toISOString().slice(0, 10);
  NUMBERS.set(name, number);
  DAYS[number] = name;
  // The last Sundays of March and October, at one o'clock of UTC.
  if (day.getUTCDay() === 0 && day.getUTCDate() > 24) {
    const summer = SUMMERS[day.getUTCFullYear()] ??= [];
    if (day.getUTCMonth() === 2) summer[0] = number * 86400 + 3600;
    if (day.getUTCMonth() === 9) summer[1] = number * 86400 + 3600;
  }
}

const two = (text, at) => (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;

let disguised = false; // whether the last moment was a date in disguise: midnight as written, or in London

function day(text) {
  const written = text.slice(0, 10);
  const number = NUMBERS.get(written);
  if (number === undefined) throw new Error('a day that is none');
  disguised = true;
  if (text.length === 10) return written;
  const seconds = two(text, 11) * 3600 + two(text, 14) * 60 + two(text, 17);
  if (seconds === 0) return written;
  let at = 19;
  if (text[at] === '.') do at++; while (text[at] >= '0' && text[at] <= '9');
  let offset = 0;
  if (text[at] === '+' || text[at] === '-') {
    offset = two(text, at + 1) * 3600 + two(text, at + 4) * 60;
    if (text[at] === '-') offset = -offset;
  } else if (text[at] !== 'Z') {
    throw new Error('an instant without an offset');
  }
  let instant = number * 86400 + seconds - offset;
  const summer = SUMMERS[two(written, 0) * 100 + two(written, 2)];
  if (instant >= summer[0] && instant < summer[1]) instant += 3600;
  disguised = instant % 86400 === 0;
  return DAYS[Math.floor(instant / 86400)];
}

const text = value => value === undefined || value === '' || value === 'NOTPROVIDED' || value === 'NOT PROVIDED' ||
  value === 'null' ? null : value;

function money(amount, debit) {
  const value = amount.Amount;
  if (!AMOUNT.test(value)) throw new Error('not an amount');
  return {value: debit && !ZERO.test(value) ? '-' + value : value, currency: amount.Currency};
}

function sound(iban) {
  let rest = 0;
  for (let at = 4; at < iban.length + 4; at++) {
    const sign = iban.charCodeAt(at % iban.length);
    if (sign >= 48 && sign <= 57) rest = (rest * 10 + sign - 48) % 97;
    else if (sign >= 65 && sign <= 90) rest = (rest * 100 + sign - 55) % 97;
    else return false;
  }
  return rest === 1 && iban.length >= 15 && iban.length <= 34;
}

function identification(scheme, number) {
  const value = number.replace(/\s+/g, '').toUpperCase();
  const known = SCHEMES[scheme] ?? 'other';
  if (known === 'iban' && !sound(value)) throw new Error('an IBAN that is none');
  return {scheme: known, value};
}

// Keyed hashes (HMAC-SHA256, RFC 2104): the key's blocks, and what is common to a page, lie ready in the buffers.
class Ids {
  constructor(key) {
    this.inner = Buffer.alloc(1024, 0x36);
    this.outer = Buffer.alloc(96, 0x5c);
    for (let at = 0; at < key.length; at++) {
      this.inner[at] ^= key[at];
      this.outer[at] ^= key[at];
    }
    this.from = 64;
  }

  begin(account) {
    this.from = 64 + this.inner.write(`transaction\x1f${account}\x1fbank\x1f`, 64, 'latin1');
  }

  id(last) {
    if (typeof last !== 'string' || last === '') throw new Error('no id');
    const to = this.from + this.inner.write(last, this.from);
    hash('sha256', this.inner.subarray(0, to), 'buffer').copy(this.outer, 64);
    return 'txn_' + hash('sha256', this.outer, 'hex').slice(0, 32);
  }
}

function row(t, ids, account, source) {
  const status = STATUSES[t.Status], debit = DEBITS[t.CreditDebitIndicator];
  if (status === undefined || debit === undefined) throw new Error('a row that is not known');
  const booked = status === 'booked';
  const on = day(t.BookingDateTime), at = disguised ? null : t.BookingDateTime;
  const exchange = t.CurrencyExchange, charge = t.ChargeAmount, merchant = t.MerchantDetails;
  const other = debit ? t.CreditorAccount : t.DebtorAccount, agent = debit ? t.CreditorAgent : t.DebtorAgent;
  const ultimate = debit ? t.UltimateCreditor : t.UltimateDebtor, role = debit ? 'creditor' : 'debtor';
  const code = t.BankTransactionCode, own = t.ProprietaryBankTransactionCode, balance = t.Balance;
  const information = text(t.TransactionInformation);
  const category = merchant && text(merchant.MerchantCategoryCode);
  return {
    id: ids.id(t.TransactionId),
    account_id: account,
    id_basis: 'bank',
    id_stability: status === 'pending' ? 'weak' : 'strong',
    supersedes: null,
    status,
    amount: money(t.Amount, debit),
    booked_on: booked ? on : null,
    booked_at: booked ? at : null,
    expected_on: booked || status === 'rejected' ? null : on,
    value_on: t.ValueDateTime === undefined ? null : day(t.ValueDateTime),
    transacted_on: null,
    original: exchange ? money(exchange.InstructedAmount, debit) : null,
    fx: exchange ? {
      rate: String(exchange.ExchangeRate),
      unit_currency: exchange.UnitCurrency ?? exchange.SourceCurrency ?? null,
      quoted_currency: exchange.TargetCurrency ?? null,
      date: exchange.QuotationDate === undefined ? null : day(exchange.QuotationDate),
    } : null,
    charges: charge ? [{amount: money(charge, false), kind: null}] : [],
    counterparty: other || agent ? {
      name: text(other?.Name),
      identifications: other?.Identification ? [identification(other.SchemeName, other.Identification)] : [],
      bic: agent?.SchemeName === 'UK.OBIE.BICFI' ? agent.Identification : null,
      role,
    } : null,
    ultimate: ultimate ? {name: ultimate.Name, identifications: [], bic: null, role} : null,
    merchant: merchant ? {
      name: text(merchant.MerchantName),
      mcc: category === null || +category === 0 ? null : category.padStart(4, '0'),
    } : null,
    references: {
      end_to_end: null, uetr: null, instruction: null, mandate: null, creditor_id: null,
      servicer: text(t.TransactionReference),
    },
    remittance: {
      unstructured: information === null ? [] : [information], structured: [], additional: text(t.AddressLine),
    },
    code: code || own ? {
      domain: null, family: text(code?.Code), subfamily: text(code?.SubCode), proprietary: text(own?.Code),
    } : null,
    reversal: null,
    batch: null,
    balance_after: balance ? {
      amount: money(balance.Amount, DEBITS[balance.CreditDebitIndicator]), type: BALANCES[balance.Type],
    } : null,
    source,
  };
}

const EXPRESSION = jsonata(`{
  "transactions": [Data.Transaction.(
    $debit := CreditDebitIndicator in ["Debit", "DBIT"];
    $status := $lookup($STATUSES, Status);
    $booked := $status = "booked";
    $on := $day(BookingDateTime);
    $other := $debit ? CreditorAccount : DebtorAccount;
    $agent := $debit ? CreditorAgent : DebtorAgent;
    $ultimate := $debit ? UltimateCreditor : UltimateDebtor;
    $role := $debit ? "creditor" : "debtor";
    {
      "id": $id(TransactionId),
      "account_id": $account,
      "id_basis": "bank",
      "id_stability": $status = "pending" ? "weak" : "strong",
      "supersedes": null,
      "status": $status,
      "amount": {"value": $signed(Amount.Amount, $debit), "currency": Amount.Currency},
      "booked_on": $booked ? $on : null,
      "booked_at": $booked ? $instant(BookingDateTime) : null,
      "expected_on": $status in ["pending", "future", "information"] ? $on : null,
      "value_on": ValueDateTime ? $day(ValueDateTime) : null,
      "transacted_on": null,
      "original": CurrencyExchange ? {
        "value": $signed(CurrencyExchange.InstructedAmount.Amount, $debit),
        "currency": CurrencyExchange.InstructedAmount.Currency
      } : null,
      "fx": CurrencyExchange ? CurrencyExchange.{
        "rate": $string(ExchangeRate),
        "unit_currency": UnitCurrency ? UnitCurrency : SourceCurrency ? SourceCurrency : null,
        "quoted_currency": TargetCurrency ? TargetCurrency : null,
        "date": QuotationDate ? $day(QuotationDate) : null
      } : null,
      "charges": ChargeAmount
        ? [{"amount": {"value": $signed(ChargeAmount.Amount, false), "currency": ChargeAmount.Currency}, "kind": null}]
        : [],
      "counterparty": $other or $agent ? {
        "name": $text($other.Name),
        "identifications": $other.Identification ? [$identification($other.SchemeName, $other.Identification)] : [],
        "bic": $agent.SchemeName = "UK.OBIE.BICFI" ? $agent.Identification : null,
        "role": $role
      } : null,
      "ultimate": $ultimate ? {"name": $ultimate.Name, "identifications": [], "bic": null, "role": $role} : null,
      "merchant": MerchantDetails ? MerchantDetails.{
        "name": $text(MerchantName),
        "mcc": MerchantCategoryCode and $number(MerchantCategoryCode) > 0 ? $pad(MerchantCategoryCode, -4, "0") : null
      } : null,
      "references": {
        "end_to_end": null, "uetr": null, "instruction": null, "mandate": null, "creditor_id": null,
        "servicer": $text(TransactionReference)
      },
      "remittance": {
        "unstructured": TransactionInformation ? [TransactionInformation] : [],
        "structured": [],
        "additional": $text(AddressLine)
      },
      "code": BankTransactionCode or ProprietaryBankTransactionCode ? {
        "domain": null,
        "family": $text(BankTransactionCode.Code),
        "subfamily": $text(BankTransactionCode.SubCode),
        "proprietary": $text(ProprietaryBankTransactionCode.Code)
      } : null,
      "reversal": null,
      "batch": null,
      "balance_after": Balance ? Balance.{
        "amount": {
          "value": $signed(Amount.Amount, CreditDebitIndicator in ["Debit", "DBIT"]), "currency": Amount.Currency
        },
        "type": $lookup($BALANCES, Type)
      } : null,
      "source": $source
    }
  )],
  "incomplete": null,
  "next": Links.Next ? Links.Next : null
}`);

// Builds `(body, account at the bank) -> page as text`; `async` for JSONata. `contract` is the folder of the schemas.
export function build(mode, sharedFile, contract) {
  const shared = JSON.parse(readFileSync(sharedFile));
  const ids = new Ids(Buffer.from(shared.id_key, 'hex'));
  const ajv = new Ajv2020({strict: false, validateFormats: false});
  for (const name of readdirSync(contract)) {
    if (name.endsWith('.schema.json')) ajv.addSchema(JSON.parse(readFileSync(`${contract}/${name}`)));
  }
  const validate = ajv.compile({$ref: `${shared.page_schema}#/$defs/transactions_page`});
  const written = page => {
    if (!validate(page)) throw new Error(ajv.errorsText(validate.errors));
    return JSON.stringify(page);
  };
  const known = account => shared.accounts[account] ?? (() => { throw new Error('an account that is not known'); })();
  const provenance = () => ({
    bank: shared.bank, mapping: shared.mapping, fetched_at: new Date().toISOString(), raw_ref: randomUUID(),
  });
  if (mode === 'hand') {
    return (body, at) => {
      const account = known(at), source = provenance();
      const document = JSON.parse(body), rows = document.Data.Transaction;
      ids.begin(account);
      const transactions = new Array(rows.length);
      for (let index = 0; index < rows.length; index++) transactions[index] = row(rows[index], ids, account, source);
      return written({transactions, incomplete: null, next: document.Links.Next ?? null});
    };
  }
  const keyed = new Map(); // JSONata waits between rows, so each account has buffers of its own
  const functions = {
    STATUSES,
    BALANCES,
    day,
    instant: written => (day(written), disguised ? null : written),
    text,
    signed: (value, debit) => money({Amount: value}, debit).value,
    identification,
  };
  return async (body, at) => {
    const account = known(at);
    let own = keyed.get(account);
    if (!own) {
      own = new Ids(Buffer.from(shared.id_key, 'hex'));
      own.begin(account);
      keyed.set(account, own);
    }
    const bindings = {...functions, account, source: provenance(), id: last => own.id(last)};
    return written(await EXPRESSION.evaluate(JSON.parse(body), bindings));
  };
}
