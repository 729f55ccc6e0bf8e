"""Ours to the bank's: the account that a call names, among those of its consent.

What a consent's accounts are is learnt from its lists. An id that is not known is sought once in a fresh list; that
list is a call at the bank like any other, and is counted as one.
"""

from collections.abc import Awaitable, Callable

from gateway.errors import NotFound
from gateway.exchange import Consent, ConsentStore, Grant


async def find_grant(
    consents: ConsentStore, consent: Consent, account_id: str, refill: Callable[[], Awaitable[tuple[Grant, ...]]]
) -> Grant:
    """The grant of an account. Raises NotFound where the consent has none, or the bank no name to ask for it by."""
    grant = (await consents.grants(consent)).get(account_id)
    if grant is None:
        learnt = await refill()
        await consents.learn(consent, learnt)
        grant = next((one for one in learnt if one.account_id == account_id), None)
    if grant is None:
        raise NotFound("The consent has no such account.")
    if not grant.resource_id:
        raise NotFound("The bank lists this account, and gives no id to ask for it by.")
    return grant
