import itertools

from hypothesis import given
from hypothesis import strategies as st

from gateway.routes.template import Template, parse
from gateway.routes.tree import Tree

SEGMENTS = st.sampled_from(["a", "b", "{x}", "{y}"])
TEMPLATES = st.builds(
    lambda segments, tail: "/" + "/".join([*(s.replace("{", f"{{p{n}") for n, s in enumerate(segments)), *tail]),
    st.lists(SEGMENTS, min_size=1, max_size=4),
    st.sampled_from([[], ["{rest*}"]]),
)
PATHS = [
    "/" + "/".join(parts) for length in range(1, 6) for parts in itertools.product(["a", "b", "c", ""], repeat=length)
]


def matches(template: Template, path: str) -> bool:
    """The rule of templates, read off without a tree."""
    parts = path.split("/")[1:]
    if template.tail is not None:
        if len(parts) <= len(template.steps):
            return False
        parts = parts[: len(template.steps)]
    return len(parts) == len(template.steps) and all(
        part != "" if step is None else part == step for part, step in zip(parts, template.steps, strict=True)
    )


@given(st.lists(TEMPLATES, max_size=8))
def test_a_tree_finds_the_one_template_that_matches_and_refuses_overlaps(texts):
    tree: Tree[str] = Tree()
    kept: list[Template] = []
    for text in texts:
        template = parse(text)
        together = [one.text for one in kept if any(matches(one, path) and matches(template, path) for path in PATHS)]
        other = tree.overlapping(template)
        assert (other in together) if together else (other is None)
        if other is None:
            tree.add(template, text)
            kept.append(template)
    for path in PATHS:
        expected = [one.text for one in kept if matches(one, path)]
        assert len(expected) <= 1
        assert tree.find(path.split("/")) == (expected[0] if expected else None)
