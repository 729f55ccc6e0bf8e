import json
import tracemalloc

import pytest

from adapters.berlin_group import READERS
from gateway.errors import BankNonsense

HEAD = '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.052.001.08">'


def read(entries: str, message: str = "BkToCstmrAcctRpt", head: str = HEAD) -> list[dict]:
    body = f"{head}<{message}><GrpHdr/><Rpt>{entries}</Rpt></{message}></Document>"
    return json.loads(READERS["camt"](body.encode()))["Ntry"]


def test_elements_keep_their_names():
    (entry,) = read(
        '<Ntry><Amt Ccy="EUR"> 12.30 </Amt><Sts><Cd>BOOK</Cd></Sts><BkTxCd/><RvslInd>false</RvslInd>'
        "<BookgDt><Dt>2026-03-01</Dt></BookgDt></Ntry>"
    )
    assert entry == {
        "Amt": {"value": "12.30", "Ccy": "EUR"},
        "Sts": {"Cd": "BOOK"},
        "RvslInd": "false",
        "BookgDt": {"Dt": "2026-03-01"},
    }


@pytest.mark.parametrize(
    "message", ["BkToCstmrAcctRpt", "BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn", "BkToCstmrAcctRptV01"]
)
@pytest.mark.parametrize("head", [HEAD, "<Document>", HEAD.replace("xsd:camt.052.001.08", "xsd:camt.053.001.02")])
def test_any_message_of_any_version_is_read(message, head):
    assert read('<Ntry><Amt Ccy="EUR">1</Amt></Ntry>', message, head) == [{"Amt": {"value": "1", "Ccy": "EUR"}}]


def test_prefixed_names_are_the_same_names():
    entry = b"<c:Ntry><c:Sts>BOOK</c:Sts></c:Ntry>"
    body = b'<c:Document xmlns:c="urn:x"><c:BkToCstmrStmt>' + entry + b"</c:BkToCstmrStmt></c:Document>"
    assert json.loads(READERS["camt"](body)) == {"Ntry": [{"Sts": "BOOK"}]}


def test_entries_of_all_statements_are_one_list():
    body = "".join(f"<Stmt><Ntry><NtryRef>{n}</NtryRef></Ntry></Stmt>" for n in (1, 2))
    body = f"{HEAD}<BkToCstmrStmt>{body}</BkToCstmrStmt></Document>"
    assert json.loads(READERS["camt"](body.encode()))["Ntry"] == [{"NtryRef": "1"}, {"NtryRef": "2"}]


def test_a_message_without_entries_has_none():
    assert read("") == []


def test_the_only_transaction_of_an_entry_stands_beside_it():
    (entry,) = read(
        "<Ntry><NtryDtls><TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs><RmtInf><Ustrd>a</Ustrd><Ustrd>b</Ustrd>"
        "<Strd><CdtrRefInf><Ref>RF1</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )
    assert entry == {
        "TxDtls": {
            "Refs": {"EndToEndId": "E1"},
            "RmtInf": {"Ustrd": ["a", "b"], "Strd": [{"CdtrRefInf": {"Ref": "RF1"}}]},
        }
    }


@pytest.mark.parametrize(
    ("details", "count"),
    [
        ("<NtryDtls><Btch><NbOfTxs>12</NbOfTxs></Btch></NtryDtls>", "12"),
        (
            "<NtryDtls><Btch><NbOfTxs>3</NbOfTxs></Btch><TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs></TxDtls></NtryDtls>",
            "3",
        ),
        ("<NtryDtls><TxDtls><Refs/></TxDtls><TxDtls><Refs/></TxDtls></NtryDtls>", "2"),
        ("<NtryDtls><TxDtls/></NtryDtls><NtryDtls><TxDtls/></NtryDtls>", "2"),
    ],
)
def test_the_parts_of_a_batch_are_counted_and_are_no_transaction_of_it(details, count):
    assert read(f"<Ntry>{details}</Ntry>") == [{"NbOfTxs": count}]


@pytest.mark.parametrize(
    "charges",
    [
        '<Chrgs><Amt Ccy="EUR">1</Amt></Chrgs><Chrgs><Amt Ccy="EUR">2</Amt></Chrgs>',
        '<Chrgs><Ttl>3</Ttl><Rcrd><Amt Ccy="EUR">1</Amt></Rcrd><Rcrd><Amt Ccy="EUR">2</Amt></Rcrd></Chrgs>',
    ],
)
@pytest.mark.parametrize("place", ["{}", "<NtryDtls><TxDtls>{}</TxDtls></NtryDtls>"])
def test_charges_are_a_list_wherever_they_stand(charges, place):
    (entry,) = read(f"<Ntry>{place.format(charges)}</Ntry>")
    assert [charge["Amt"]["value"] for charge in entry["Chrgs"]] == ["1", "2"]


def test_the_encoding_is_the_one_that_the_message_declares():
    head = f'<?xml version="1.0" encoding="ISO-8859-1"?>{HEAD}'
    body = f"{head}<BkToCstmrStmt><Ntry><Nm>Müller</Nm></Ntry></BkToCstmrStmt></Document>"
    assert json.loads(READERS["camt"](body.encode("latin-1")))["Ntry"] == [{"Nm": "Müller"}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Document>",
        b"<html/>",
        HEAD.encode() + b"</Document>",
        b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Document><BkToCstmrStmt>&x;</BkToCstmrStmt></Document>',
        b'<!DOCTYPE d [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><Document><BkToCstmrStmt>&b;</BkToCstmrStmt></Document>',
        b"<Document><BkToCstmrStmt>" + b"<a>" * 300 + b"</a>" * 300 + b"</BkToCstmrStmt></Document>",
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE d><Document><BkToCstmrStmt/></Document>'.encode("utf-16"),
    ],
)
def test_what_is_no_camt_message_is_nonsense(body):
    with pytest.raises(BankNonsense):
        READERS["camt"](body)


_ENTITY = f'<!ENTITY a "{"x" * 50_000}">'
_LAUGHS = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 10}">' for n in range(10))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"<!DOCTYPE d [{_LAUGHS}]><BkToCstmrStmt>&e9;</BkToCstmrStmt>", id="a-billion-laughs"),
        pytest.param(f'<!DOCTYPE d [{_LAUGHS}]><BkToCstmrStmt a="&e9;"/>', id="laughs-in-an-attribute"),
        pytest.param(f"<!DOCTYPE d [{_ENTITY}]><BkToCstmrStmt>{'&a;' * 5_000}</BkToCstmrStmt>", id="quadratic"),
        pytest.param(f'<!DOCTYPE d [{_ENTITY}]><BkToCstmrStmt a="{"&a;" * 5_000}"/>', id="quadratic-in-an-attribute"),
        pytest.param('<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd"><BkToCstmrStmt/>', id="a-remote-dtd"),
        pytest.param(
            '<!DOCTYPE d [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]><BkToCstmrStmt/>', id="a-parameter-entity"
        ),
        pytest.param("<!DOCTYPE d><BkToCstmrStmt/>", id="a-document-type-alone"),
    ],
)
def test_what_entities_could_bring_or_grow_into_is_refused(body, monkeypatch):
    def no_network(*_address):
        raise AssertionError("nothing is fetched")

    monkeypatch.setattr("socket.socket.connect", no_network)
    tracemalloc.start()
    with pytest.raises(BankNonsense):
        READERS["camt"](body.encode())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000


def test_entries_inside_entries_are_no_entries_and_are_read_once():
    """Each level would otherwise be read again for every level above it: a message of 1 MB took a minute."""
    inner = "<Nm>x</Nm>" * 20_000
    body = f"{HEAD}<BkToCstmrStmt>{'<Ntry>' * 200}{inner}{'</Ntry>' * 200}</BkToCstmrStmt></Document>"
    assert len(READERS["camt"](body.encode())) < 10_000


def test_messages_inside_messages_are_read_once():
    body = f"{HEAD}{'<BkToCstmrStmt>' * 100}<Ntry><Nm>x</Nm></Ntry>{'</BkToCstmrStmt>' * 100}</Document>"
    assert json.loads(READERS["camt"](body.encode())) == {"Ntry": [{"Nm": "x"}]}


def test_nothing_of_an_unreadable_message_is_told():
    with pytest.raises(BankNonsense) as caught:
        READERS["camt"](b"<Document>DE02120300000000202051</Wrong>")
    assert "DE02" not in repr((caught.value.args, caught.value.members))
    assert caught.value.__cause__ is None
