from tests.bench import inside


def test_python_by_hand_answers_what_the_compiled_mapping_answers(monkeypatch):
    """Raises where a page differs: a mapping that changes must change the references that it is measured against."""
    monkeypatch.setattr(inside, "_SECONDS", 0.001)
    figures = inside.mapping_alone(inside.shared_for_trials(), 20)
    assert figures.keys() == {"mapping-alone/20", "python-hand/20"}
    assert all(figure > 0 for figure in figures.values())
