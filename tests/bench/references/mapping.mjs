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

// What a row says unless the bank says otherwise: JSONata leaves out members without a value, and evaluates each node of
// an expression at a cost, so constants are merged in.
const DEFAULTS = {
  ROW: {
    id_basis: 'bank', id_stability: 'strong', supersedes: null, booked_on: null, booked_at: null, expected_on: null,
    value_on: null, transacted_on: null, original: null, fx: null, charges: [], counterparty: null, ultimate: null,
    merchant: null, code: null, reversal: null, batch: null, balance_after: null,
  },
  FX: {rate: null, unit_currency: null, quoted_currency: null, date: null},
  PARTY: {name: null, identifications: [], bic: null},
  MERCHANT: {name: null, mcc: null},
  REFERENCES: {end_to_end: null, uetr: null, instruction: null, mandate: null, creditor_id: null, servicer: null},
  REMITTANCE: {unstructured: [], structured: [], additional: null},
  CODE: {domain: null, family: null, subfamily: null, proprietary: null},
};

const EXPRESSION = jsonata(`{
  "transactions": [Data.Transaction.(
    $debit := $DEBITS(CreditDebitIndicator);
    $status := $STATUSES(Status);
    $on := $day(BookingDateTime);
    $other := $debit ? CreditorAccount : DebtorAccount;
    $agent := $debit ? CreditorAgent : DebtorAgent;
    $ultimate := $debit ? UltimateCreditor : UltimateDebtor;
    $role := $debit ? "creditor" : "debtor";
    $merge([$ROW, {
      "id": $id(TransactionId),
      "account_id": $account,
      "status": $status,
      "amount": {"value": $signed(Amount.Amount, $debit), "currency": Amount.Currency},
      "value_on": $day(ValueDateTime),
      "merchant": MerchantDetails.$merge([$MERCHANT, {"name": $text(MerchantName), "mcc": $mcc(MerchantCategoryCode)}]),
      "references": $merge([$REFERENCES, {"servicer": $text(TransactionReference)}]),
      "remittance": $merge([$REMITTANCE, {
        "unstructured": $list($text(TransactionInformation)), "additional": $text(AddressLine)
      }]),
      "code": $merge([$CODE, {
        "family": $text(BankTransactionCode.Code),
        "subfamily": $text(BankTransactionCode.SubCode),
        "proprietary": $text(ProprietaryBankTransactionCode.Code)
      }]),
      "balance_after": Balance.{
        "amount": {"value": $signed(Amount.Amount, $DEBITS(CreditDebitIndicator)), "currency": Amount.Currency},
        "type": $BALANCES(Type)
      },
      "source": $source
    },
    $status = "booked" ? {"booked_on": $on, "booked_at": $instant(BookingDateTime)} : $status = "rejected" ? {} : {
      "expected_on": $on
    },
    $status = "pending" ? {"id_stability": "weak"} : {},
    CurrencyExchange.{
      "original": {"value": $signed(InstructedAmount.Amount, $debit), "currency": InstructedAmount.Currency},
      "fx": $merge([$FX, {
        "rate": $string(ExchangeRate),
        "unit_currency": $exists(UnitCurrency) ? UnitCurrency : SourceCurrency,
        "quoted_currency": TargetCurrency,
        "date": $day(QuotationDate)
      }])
    },
    ChargeAmount.{"charges": [{"amount": {"value": $signed(Amount, false), "currency": Currency}, "kind": null}]},
    $exists($other) or $exists($agent) ? {"counterparty": $merge([$PARTY, {
      "name": $text($other.Name),
      "identifications": $list($identification($other.SchemeName, $other.Identification)),
      "bic": $bic($agent.SchemeName, $agent.Identification),
      "role": $role
    }])} : {},
    $exists($ultimate) ? {"ultimate": $merge([$PARTY, {"name": $ultimate.Name, "role": $role}])} : {}
    ])
  )],
  "incomplete": null,
  "next": $exists(Links.Next) ? Links.Next : null
}`);

const present = work => (first, ...rest) => first === undefined ? undefined : work(first, ...rest) ?? undefined;
const lookup = table => present(key => {
  const found = table[key];
  if (found === undefined) throw new Error('a word that is not known');
  return found;
});
const FUNCTIONS = {
  ...DEFAULTS,
  STATUSES: lookup(STATUSES),
  DEBITS: lookup(DEBITS),
  BALANCES: lookup(BALANCES),
  day: present(day),
  instant: present(written => (day(written), disguised ? null : written)),
  text: present(text),
  list: present(value => [value]),
  mcc: present(category => +category === 0 || text(category) === null ? null : category.padStart(4, '0')),
  signed: present((value, debit) => money({Amount: value}, debit).value),
  identification: (scheme, number) => number === undefined ? undefined : identification(scheme, number),
  bic: (scheme, value) => scheme === 'UK.OBIE.BICFI' ? value : undefined,
};

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
  // One page at a time: pages that are evaluated side by side only keep each other's promises alive.
  let before = Promise.resolve();
  const evaluate = async (body, at) => {
    const account = known(at);
    ids.begin(account);
    const bindings = {...FUNCTIONS, account, source: provenance(), id: last => ids.id(last)};
    return written(await EXPRESSION.evaluate(JSON.parse(body), bindings));
  };
  return (body, at) => {
    const page = before.then(() => evaluate(body, at));
    before = page.catch(() => undefined);
    return page;
  };
}
