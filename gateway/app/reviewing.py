"""Brings together the banks, which reject answers, and the store, which keeps them sealed."""

from gateway.banks.signing import Keep, Rejected, kept_nowhere
from gateway.contract import Clock
from gateway.secrets import Sealer
from gateway.settings import Settings
from gateway.store.reviews import Review, Reviews


def open_reviews(settings: Settings) -> Reviews | None:
    """The folder that the settings name, None where they name none. Raises SecretUnreadable."""
    named = settings.reviews
    if named is None:
        return None
    sealer = Sealer([settings.secrets.key(reference) for reference in named.keys])
    return Reviews(named.folder, sealer, named.most, named.size)


def keeping(reviews: Reviews | None, clock: Clock) -> Keep:
    """What banks do with the answers that they reject."""
    if reviews is None:
        return kept_nowhere

    async def keep(rejected: Rejected) -> str | None:
        review = Review(
            kept_at=clock(),
            bank=rejected.bank,
            operation=rejected.operation,
            reason=rejected.reason,
            method=rejected.method,
            url=rejected.url,
            status=rejected.status,
            headers=tuple(
                (name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in rejected.headers
            ),
            body=rejected.body,
        )
        return await reviews.keep(review)

    return keep
