from gateway.files.problems import Problem, Refused, near, report, shown


def test_a_problem_names_its_place_as_an_editor_does():
    assert str(Problem("a.yaml", 14, 9, "routes[one]", "is wrong")) == "a.yaml:14:9 routes[one]: is wrong"
    assert str(Problem("a.yaml", 1, 1, "", "the file is empty")) == "a.yaml:1:1 the file is empty"


def test_a_problem_is_one_line_that_no_terminal_obeys():
    told = str(Problem("a\n.yaml", 1, 1, "k\u202ey", "'\x1b[31m\r\nred' is wrong"))
    assert told == r"a\n.yaml:1:1 k\u202ey: '\x1b[31m\r\nred' is wrong"


def test_long_values_are_cut():
    assert shown("x" * 60) == "x" * 60
    assert shown("x" * 61) == "x" * 60 + "…"


def test_problems_are_sorted_by_place_and_told_once():
    late, early, other = Problem("a", 10, 1, "", "x"), Problem("a", 9, 2, "", "y"), Problem("B", 1, 1, "", "z")
    assert report([late, early, late, other]) == (other, early, late)


def test_a_refusal_counts_and_shows_the_first():
    assert str(Refused([Problem("b", 1, 1, "", "y"), Problem("a", 1, 1, "", "x")])) == "2 problems: a:1:1 x"
    assert str(Refused([Problem("a", 1, 1, "", "x")])) == "1 problem: a:1:1 x"


def test_only_a_near_word_is_suggested():
    assert near("curency", ["currency", "amount"]) == " (did you mean 'currency'?)"
    assert near("nothing", ["currency", "amount"]) == ""
    assert near(5, []) == ""
