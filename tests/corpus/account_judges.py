"""For each expected field of an account and its balances: whether what was read of the account agrees."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, time
from decimal import Decimal
from typing import Any, TypeAlias

from tests.corpus.comparison import SCHEMES, Facts, Record, Tally, date_in, day_of, read_amount, read_decimal, same
from tests.corpus.walk import ReadAccount

AccountJudge: TypeAlias = Callable[[ReadAccount, Any, Facts], bool]
BalanceJudge: TypeAlias = Callable[[Record, Any, Facts], bool]

_KINDS = {
    "CURRENT_ACCOUNT": "current",
    "CURRENT": "current",
    "SAVINGS_ACCOUNT": "savings",
    "CREDIT_CARD": "card",
    "INVESTMENT": "other",
    "CASH_INCOME": "other",
    "CACC": "current",
}
_BALANCES = {
    "CLOSING_BOOKED": "CLBD",
    "EXPECTED": "XPCD",
    "INTERIM_AVAILABLE": "ITAV",
    "INTERIM_BOOKED": "ITBD",
    "OPENING_BOOKED": "OPBD",
    "FORWARD_AVAILABLE": "FWAV",
}
_NAMES_OF_BALANCES = {code: name for name, code in _BALANCES.items()}
_USAGES = {"PRIV": "personal", "ORGA": "business"}


def _of(account: ReadAccount, name: str) -> Any:
    return account.account.record.get(name) if account.account else None


def _identifications(account: ReadAccount, *schemes: str) -> list[str]:
    given = _of(account, "identifications") or ()
    return [one["value"] for one in given if not schemes or one["scheme"] in schemes]


def _is_identified(account: ReadAccount, wanted: str | None, *schemes: str) -> bool:
    found = _identifications(account, *schemes)
    return not found if wanted is None else any(same(one, wanted) for one in found)


def _is_account(account: ReadAccount, wanted: str | None, _: Facts) -> bool:
    """Some banks change their resource id with each consent: there the number is what that project calls the id."""
    bank_id = account.account.bank_id if account.account else None
    return bank_id == wanted or (wanted is not None and _is_identified(account, wanted))


def _has_balance(account: ReadAccount, wanted: str | None, _: Facts) -> bool:
    if wanted is None:
        return not account.balances
    return any(read_amount(balance.record) == Decimal(wanted) for balance in account.balances)


def _balance_at(position: int, agree: BalanceJudge) -> AccountJudge:
    def judge(account: ReadAccount, wanted: Any, facts: Facts) -> bool:
        return position < len(account.balances) and agree(account.balances[position].record, wanted, facts)

    return judge


def _has_name(account: ReadAccount, wanted: str | None, _: Facts) -> bool:
    names = [_of(account, "label"), *(_of(account, "holders") or ())]
    return any(same(name, wanted) for name in names)


ACCOUNT: Mapping[str, tuple[Tally, AccountJudge]] = {
    "accountId": ("values", _is_account),
    "detail.resourceId": ("values", lambda a, v, _: a.account is not None and a.account.bank_id == v),
    "currency": ("values", lambda a, v, _: _of(a, "currency") == v),
    "detail.currency": ("values", lambda a, v, _: _of(a, "currency") == v),
    "type": ("values", lambda a, v, _: _of(a, "type") == _KINDS.get(v)),
    "detail.cashAccountType": ("values", lambda a, v, _: _of(a, "type") == _KINDS.get(v)),
    "detail.status": ("values", lambda a, v, _: _of(a, "status") == v),
    "detail.usage": ("values", lambda a, v, _: _of(a, "usage") == _USAGES.get(v)),
    "identification": ("values", lambda a, v, _: _is_identified(a, v)),
    "maskedIdentification": ("values", lambda a, v, _: _is_identified(a, v, "pan_masked")),
    "detail.accountNumber": ("values", lambda a, v, _: _is_identified(a, v, "iban", "bban", "scan")),
    "scheme": ("values", lambda a, v, _: v in SCHEMES and bool(_identifications(a, SCHEMES[v]))),
    "detail.accountReferences.count": ("values", lambda a, v, _: len(_identifications(a)) == v),
    "detail.accountReferences[].type": (
        "values",
        lambda a, v, _: v in SCHEMES and bool(_identifications(a, SCHEMES[v])),
    ),
    "detail.accountReferences[].value": ("values", lambda a, v, _: _is_identified(a, v)),
    "bic": ("values", lambda a, v, _: same((_of(a, "servicer") or {}).get("bic"), v)),
    "detail.bic": ("values", lambda a, v, _: same((_of(a, "servicer") or {}).get("bic"), v)),
    "transactionsCount": ("values", lambda a, v, _: len(a.transactions) == v),
    "detail.balances.count": ("values", lambda a, v, _: len(a.balances) == v),
    "currentBalance": ("balances", _has_balance),
    "availableBalance": ("balances", _has_balance),
    "name": ("texts", _has_name),
    "holderName": ("texts", _has_name),
    "detail.name": ("texts", _has_name),
    "detail.product": ("texts", _has_name),
}


def _is_moment(balance: Record, wanted: str, facts: Facts) -> bool:
    """Midnight in the bank's zone is a date in disguise, which is no instant of the contract."""
    moment = datetime.fromisoformat(wanted)
    if moment.tzinfo is None or moment.astimezone(facts.zone).time() == time.min:
        return balance.get("as_of") is None
    return balance.get("as_of") is not None and datetime.fromisoformat(balance["as_of"]) == moment


def _is_included(balance: Record, wanted: bool, _: Facts) -> bool:  # noqa: FBT001 - a value of the bank's
    return balance.get("limit_included") is wanted


BALANCE: Mapping[str, BalanceJudge] = {
    "balanceAmount.amount": lambda b, v, _: read_amount(b) == read_decimal(v),
    "balanceAmount.currency": lambda b, v, _: (b.get("amount") or {}).get("currency") == v,
    "balanceType": lambda b, v, _: v in (b.get("type_raw"), _NAMES_OF_BALANCES.get(b.get("type", ""))),
    "referenceDate": lambda b, v, facts: date_in(b, "reference_date", facts) == day_of(v, facts),
    "lastChangeDateTime": _is_moment,
    "creditLimitIncluded": _is_included,
}


def account_judge(field: str) -> tuple[Tally, AccountJudge] | None:
    """The judge of a field of an account, None for a field that none knows."""
    place = re.fullmatch(r"detail\.balances\[(\d+)\]\.(.+)", field)
    if place is not None:
        agree = BALANCE.get(place[2])
        return ("values", _balance_at(int(place[1]), agree)) if agree else None
    return ACCOUNT.get(re.sub(r"\[\d+\]", "[]", field))
