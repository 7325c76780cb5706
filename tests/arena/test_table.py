"""An arena's tables: medians and ranges by hand, which differences hold, runs that failed."""

import re

import pytest

from keras_multigan.arena import table

pytestmark = pytest.mark.fast
SETTINGS = {"protocol": "ring", "match": "parameters", "updates": 1200, "batch_size": 64,
            "learning_rate": 1e-3, "num_generators": 8}


def row(method, seed, quality, modes=8, **others):
    return {"method": method, "seed": seed, "error": "", "generators": 1 if method == "gan" else 8,
            "labels": method == "commute", "parameters": 17154, "seconds": 10.0 + seed,
            "peak_memory_mib": 300, "modes": modes, "high_quality": quality, "reverse_kl": 0.1,
            **others}


@pytest.fixture
def written(tmp_path):
    def write(rows):
        table.write(SETTINGS, rows, tmp_path)
        return (tmp_path / "table.md").read_text(), (tmp_path / "report.html").read_text()

    return write


def test_medians_ranges_and_differences(written):
    rows = [row("gan", s, q) for s, q in enumerate((0.90, 0.91, 0.92, 0.93, 0.94))]
    rows += [row("commute", s, 0.95 + s / 100, pairwise_tvd=0.5) for s in range(5)]
    rows += [row("mix", s, q, modes=7) for s, q in enumerate((0.89, 0.92, 0.93, 0.94, 0.90))]
    text, page = written(rows)
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0] for line in lines] == ["| method", "| commute", "| gan", "| mix"]
    costs = "| 17,154 | 12 [10, 14] | 300 | 5 |"
    assert lines[1:3] == [
        f"| commute | 8 | yes | 8 | 0.970 [0.950, 0.990] | 0.1000 | 0.500 {costs}",
        f"| gan | 1 | no | 8 | 0.920 [0.900, 0.940] | 0.1000 | - {costs}"]
    # Two methods are compared with each; 2/252 and that twice stay below .05.
    assert ("High quality: the best mean is commute's; all others are worse. Better than gan: commute "
            "(+0.05, p 0.008). Worse than gan: none.") in text
    assert ("Modes: the best mean is commute's; not told apart from it are gan. Better than gan: none. "
            "Worse than gan: mix (-1, p 0.008).") in text
    assert "Reverse KL: the best mean is commute's; not told apart from it are gan, mix." in text
    assert "parameters of one" in text and "1,200 updates" in text
    assert page.count("<svg") == 2 and page.count('<tr><th scope="row"') == 3
    assert 'data-value="0.97"' in page and not re.search(r'(src|href)="http', page)


def test_arms_are_compared_with_one_generator_of_either_size(written):
    text, _ = written([row(name, s, q + s / 1000) for s in range(5)
                       for name, q in (("one", 0.5), ("one_large", 0.7), ("several", 0.6))])
    assert ("Better than one: one_large (+0.2, p 0.008), several (+0.1, p 0.008). Worse than one: none."
            ) in text
    assert ("Better than one_large: none. Worse than one_large: several (-0.1, p 0.008), one (-0.2, p "
            "0.008).") in text
    assert "than gan" not in text


def test_curves(written):
    points = [{"updates": 10 * k, "seconds": k, "coverage": k / 10, "frechet_distance": 9.0 - k}
              for k in (1, 2)]
    _, page = written([row("gan", s, 0.5, curve=points) for s in range(2)] + [row("mix", 0, 0.5)])
    for name in ("Coverage by updates", "Coverage by seconds", "Frechet distance by updates",
                 "Frechet distance by seconds"):
        assert f"<figcaption>{name}</figcaption>" in page
    assert page.count("<svg") == 6


def test_failed_runs_and_one_seed(written):
    rows = [row("gan", 0, 0.5), row("mix", 0, 0.6),
            {"method": "mm", "seed": 0, "error": "ValueError: <b>what</b>"}]
    text, page = written(rows)
    assert "| mm | - | no | - | - | - | - | - | - | 0 of 1 |" in text
    assert text.index("| mix |") < text.index("| gan |") < text.index("| mm |")
    assert "Which differences hold" not in text  # nothing can be said of one seed
    assert "ValueError: &lt;b&gt;what&lt;/b&gt;" in page
