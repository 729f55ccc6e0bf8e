import math

from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.signatures.factorable import is_factorable

FIRST_PRIMES = [n for n in range(2, 702) if all(n % divisor for divisor in range(2, n))]


def test_a_modulus_of_the_faulty_form_is_found():
    product = math.prod(FIRST_PRIMES)
    one, other = (k * product + pow(65537, a, product) for k, a in ((12345, 678), (54321, 876)))
    assert is_factorable(one * other)


def test_sound_moduli_are_not():
    for _ in range(5):
        assert not is_factorable(rsa.generate_private_key(65537, 1024).public_key().public_numbers().n)
