import pytest

from gateway.files.hosts import check_host, is_loopback, is_public, may_be_called, refusal

NEVER = [
    "0.0.0.0",
    "0.0.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "100.100.100.200",
    "192.0.0.192",
    "::",
    "fe80::1%eth0",
    "ff02::1",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
]
INSIDE = [
    "127.0.0.1",
    "127.1.2.3",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "::1",
    "fd00::1",
    "fec0::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]
PUBLIC = [
    "93.184.215.14",
    "172.32.0.1",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", [*NEVER, *INSIDE])
def test_special_addresses_are_not_public(address):
    assert not is_public(address)
    assert not may_be_called(address, "public")


@pytest.mark.parametrize("address", PUBLIC)
def test_others_are(address):
    assert is_public(address)
    assert may_be_called(address, "public")
    assert may_be_called(address, "private")


@pytest.mark.parametrize("address", INSIDE)
def test_own_networks_are_called_where_a_file_says_so(address):
    assert may_be_called(address, "private")
    assert refusal(address, "private") is None


@pytest.mark.parametrize("address", NEVER)
def test_metadata_services_and_addresses_of_nobody_are_never_called(address):
    assert not may_be_called(address, "private")
    assert "never called" in (refusal(address, "private") or "")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_by_its_spelling(host):
    assert is_loopback(host)
    assert "not on the internet" in (refusal(host, "public") or "")
    assert refusal(host, "private") is None


@pytest.mark.parametrize(
    "host", ["api.albion.example", "a", "xn--bnk-0na.example", "192.0.2.1", "2001:db8::1", "1a.b2"]
)
def test_hosts_in_their_one_spelling(host):
    check_host(host)


@pytest.mark.parametrize(
    "host",
    [
        *("2130706433", "0", "127.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.0.0.1.", "1.2.3.4.5", "256.1.1.1"),
        *("bank.0x", "bank.123", "127.0.0.1.1"),
        *("bänk.example", "ｅxample.test", "１２７.0.0.1", "127。0。0。1"),  # noqa: RUF001 - letters that look alike
        *("", ".", "a..b", "-a.example", "a-.example", "a_b", "a b", "a/b", "a@b", "a%2e", "x" * 64, "a." * 127 + "ab"),
        *("fe80::1%eth0", "::g", "[::1]"),
    ],
)
def test_hosts_that_two_readers_read_differently(host):
    with pytest.raises(ValueError, match="its host"):
        check_host(host)
