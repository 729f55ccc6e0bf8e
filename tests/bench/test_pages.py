from tests.bench import pages


def test_a_size_has_pages_of_which_no_two_rows_are_alike():
    rows = [row for number in range(pages.PAGES) for row in pages.page(20, number)["Data"]["Transaction"]]
    assert len(rows) == 20 * pages.PAGES
    for name in ("TransactionId", "BookingDateTime", "ValueDateTime"):
        assert len({row[name] for row in rows}) > 0.999 * len(rows)


def test_a_page_is_the_same_each_time_and_is_written_where_it_is_asked_for(tmp_path):
    pages.write(tmp_path, 1, 2)
    assert sorted(path.parent.name for path in tmp_path.rglob("transactions")) == ["1-00", "1-01"]
    first = (tmp_path / pages.target("1-00").lstrip("/")).read_bytes()
    pages.write(tmp_path, 1, 2)
    assert (tmp_path / pages.target("1-00").lstrip("/")).read_bytes() == first


def test_every_part_that_is_mapped_is_in_the_pages():
    rows = [row for number in range(pages.PAGES) for row in pages.page(20, number)["Data"]["Transaction"]]
    for name in ("CreditorAccount", "DebtorAccount", "CurrencyExchange", "ChargeAmount"):
        assert any(name in row for row in rows)
    assert {row["Status"] for row in rows} == {"Booked", "Pending"}
