"""RSA moduli that a faulty library made, and that can be factored: Infineon's (CVE-2017-15361, "ROCA").

Its primes are powers of 65537 modulo the product of the first primes, and so is their product: the modulus lies in the
subgroup that 65537 generates for every one of them. Of sound moduli fewer than one in a hundred million does.
"""

_GENERATOR = 65537
_PRIMES = tuple(n for n in range(3, 168, 2) if all(n % divisor for divisor in range(3, n, 2)))
_SUBGROUPS = tuple((prime, frozenset(pow(_GENERATOR, power, prime) for power in range(prime - 1))) for prime in _PRIMES)


def is_factorable(modulus: int) -> bool:
    """Whether an RSA modulus has the fingerprint."""
    return all(modulus % prime in subgroup for prime, subgroup in _SUBGROUPS)
