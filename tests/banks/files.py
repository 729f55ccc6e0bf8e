"""Bank files of tests, a dialect for them, and what is told about them."""

from typing import ClassVar, Literal

import msgspec
import pytest

from gateway.banks.registry import read_banks
from gateway.contract import BankProfile
from gateway.files import Layers, Refused

FOLDER = "adapters/banks"


class Paging(msgspec.Struct, frozen=True):
    style: Literal["page", "token"] = "page"
    size: int | None = None


class Deviations(msgspec.Struct, frozen=True):
    query_dates: Literal["date", "seconds"] = "seconds"
    statuses: tuple[str, ...] = ()
    paging: Paging = Paging()


class Dialect:
    NAME = "uk_openbanking"
    VERSIONS = ("3.1.11", "4.0")
    OPERATIONS: ClassVar = {}
    Deviations = Deviations

    def next_url(self, bank: BankProfile, link: str, document_url: str) -> str:
        raise NotImplementedError


DIALECTS = {"uk_openbanking": Dialect()}

PLAIN = """\
title: Albion
dialect: uk_openbanking
version: "3.1.11"
environment: sandbox
zone: Europe/London
base_urls:
  default: https://api.albion.example/open-banking
"""


def refused(layers: Layers) -> list[str]:
    with pytest.raises(Refused) as caught:
        read_banks(layers, DIALECTS)
    return [str(problem).replace(f"{FOLDER}/", "") for problem in caught.value.problems]
