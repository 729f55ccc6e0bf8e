import pytest

from tests.banks.files import PLAIN, refused

NO_FIELD = "the contract has no field 'transaction.marchant'"
AN_ABSOLUTE_URL = "an absolute URL without a query and without a slash at its end"

# A file named after its mistake: what is laid over PLAIN (or stands alone), and exactly what is told.
MISTAKES = {
    "misspelt-key": (
        PLAIN + "timeout: {connect: 1s}\n",
        ["8:1 timeout: unknown key 'timeout' (did you mean 'timeouts'?)"],
    ),
    "misspelt-inner-key": (
        PLAIN + "limits:\n  concurency: 3\n",
        ["9:3 limits.concurency: unknown key 'concurency' (did you mean 'concurrency'?)"],
    ),
    "nothing-but-a-title": (
        "title: X\n",
        [f"1:1 '{key}' is required" for key in ("base_urls", "dialect", "environment", "version", "zone")],
    ),
    "unknown-dialect": (
        PLAIN.replace("uk_openbanking", "uk_openbankin"),
        ["2:10 dialect: there is no dialect 'uk_openbankin' (did you mean 'uk_openbanking'?)"],
    ),
    "unknown-version": (
        PLAIN.replace("3.1.11", "3.2"),
        ["3:10 version: uk_openbanking is spoken in the versions 3.1.11, 4.0, not 3.2"],
    ),
    "unquoted-version": (PLAIN.replace('"3.1.11"', "4.0"), ["3:10 version: must be text"]),
    "unknown-zone": (
        PLAIN.replace("Europe/London", "Europe/Londn"),
        ["5:7 zone: there is no time zone 'Europe/Londn' (did you mean 'Europe/London'?)"],
    ),
    "a-slash-at-the-end": (
        PLAIN.replace("open-banking\n", "open-banking/\n"),
        [
            f"7:12 base_urls.default: 'https://api.albion.example/open-banking/' is not {AN_ABSOLUTE_URL}",
        ],
    ),
    "plain-http": (
        PLAIN.replace("https:", "http:"),
        ["7:12 base_urls.default: must begin with https:// (http only to this machine)"],
    ),
    "a-user-in-the-url": (
        PLAIN.replace("https://", "https://me:pw@"),
        ["7:12 base_urls.default: not a URL that can be called: it names a user"],
    ),
    "a-private-address": (
        PLAIN.replace("api.albion.example", "169.254.169.254"),
        ["7:12 base_urls.default: is not on the internet: say 'network: private' if that is meant"],
    ),
    "an-address-of-nobody": (
        PLAIN.replace("api.albion.example", "169.254.169.254") + "network: private\n",
        [
            (
                "7:12 base_urls.default: is an address that is never called "
                "(link-local, metadata service, multicast or unspecified)"
            )
        ],
    ),
    "a-port-of-another-service": (
        PLAIN.replace("api.albion.example", "api.albion.example:25"),
        ["7:12 base_urls.default: the port 25 belongs to another service than https"],
    ),
    "no-default-url": (
        PLAIN.replace("  default:", "  accounts:"),
        ["7:3 base_urls: 'default' is required"],
    ),
    "key-without-certificate": (
        PLAIN + "certificates: {key: env:KEY}\n",
        ["8:16 certificates.key: 'key' needs 'certificate' beside it"],
    ),
    "a-key-in-the-file": (
        PLAIN + "certificates: {certificate: env:C, key: abc}\n",
        [
            (
                "8:41 certificates.key: is not a reference of the form file:NAME or env:NAME "
                "(what stands here is not shown, it may be a secret)"
            )
        ],
    ),
    "production-without-certificate": (
        PLAIN.replace("sandbox", "production"),
        ["4:14 environment: a bank in production needs 'certificates' with 'certificate' and 'key'"],
    ),
    "a-header-of-ours": (
        PLAIN + "headers: {Host: x, X-A: a, x-a: b}\n",
        [
            "8:11 headers.Host: 'Host' is the gateway's to set",
            "8:28 headers.x-a: the header 'x-a' stands twice",
        ],
    ),
    "a-header-that-can-not-be-sent": (
        PLAIN + 'headers: {X-A: "é"}\n',
        ["8:16 headers.X-A: 'é' is not a header's value: visible ASCII, quoted where it looks like a number"],
    ),
    "a-field-that-is-none": (
        PLAIN + "capabilities: {never: [transaction.merchant, transaction.marchant]}\n",
        [
            f"8:46 capabilities.never[1]: {NO_FIELD} (did you mean 'transaction.merchant'?)",
        ],
    ),
    "deviations-that-are-none": (
        PLAIN + "deviations:\n  query_date: date\n  statuses: Booked\n  paging: {style: tokn, size: x}\n",
        [
            "9:3 deviations.query_date: unknown key 'query_date' (did you mean 'query_dates'?)",
            "10:13 deviations.statuses: must be a list",
            "11:19 deviations.paging.style: 'tokn' is not one of: page, token (did you mean 'token'?)",
            "11:31 deviations.paging.size: must be a whole number or null",
        ],
    ),
    "a-base-that-is-not-there": (
        PLAIN + "extends: albian\n",
        ["8:10 extends: there is no bank file 'albian' (did you mean 'albion'?)"],
    ),
    "itself": (PLAIN + "extends: itself\n", ["8:10 extends: no layer below has a file 'itself' to extend"]),
    "a-duration-without-a-unit": (
        PLAIN + "timeouts: {connect: 3}\nretry: {base: 3 s}\n",
        ["8:21 timeouts.connect: must be text", "9:15 retry.base: '3 s' is not a duration such as 250ms, 5s or 1m"],
    ),
    "Bad_Name": (
        PLAIN,
        ["1:1 'Bad_Name' is not a bank's name: name the file in small letters, digits and single dashes"],
    ),
    "no-yaml": ("title: [", ["2:1 not YAML: did not find expected node content"]),
    "a-trap": (
        PLAIN + "abstract: no\n",
        [
            "8:11 abstract: 'no': YAML 1.1 reads it as a truth value: quote it, or write true or false",
            "8:11 abstract: must be true or false",
        ],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_place(layers, name):
    text, told = MISTAKES[name]
    assert refused(layers({"albion": PLAIN, name: text})) == [f"{name}.yaml:{line}" for line in told]


def test_every_problem_of_every_file_is_told_at_once(layers):
    told = refused(layers({name: text for name, (text, _) in MISTAKES.items()}))
    assert {line.partition(".yaml:")[0] for line in told} == set(MISTAKES)
    assert told == sorted(told, key=lambda line: (line.partition(":")[0], [int(n) for n in line.split(":")[1:2]]))


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "[::1]", "[::]"),
        *(
            "[::ffff:127.0.0.1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fd00:ec2::254]",
            "localhost",
        ),
    ],
)
def test_a_bank_on_the_internet_is_at_no_address_inside(layers, host):
    told = refused(layers({"albion": PLAIN.replace("api.albion.example", host)}))
    assert told == [
        "albion.yaml:7:12 base_urls.default: is not on the internet: say 'network: private' if that is meant"
    ]


@pytest.mark.parametrize("host", ["2130706433", "0", "0177.0.0.1", "0x7f.1", "127.1", "bänk.example", "a..b"])
def test_a_host_that_two_readers_read_differently_is_no_host(layers, host):
    (told,) = refused(layers({"albion": PLAIN.replace("api.albion.example", host) + "network: private\n"}))
    assert told.startswith("albion.yaml:7:12 base_urls.default: ")
