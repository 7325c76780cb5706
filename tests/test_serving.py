"""A real server of docs/serving.md, by REST and gRPC, while a version of its models changes."""

import importlib.util
import json

import pytest
from conftest import REPOSITORY

pytestmark = [pytest.mark.tensorflow, pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("ray", "tensorflow_serving"))),
    reason='Ray Serve is not installed: pip install ".[serve]"')]


def test_every_answer_is_right_under_load(run_process, tmp_path):
    run_process("--requests=400", "--clients=8", "--swaps=1", f"--output={tmp_path / 'served.json'}",
                door=REPOSITORY / "benchmarks" / "serve_load.py", cwd=tmp_path)
    results = json.loads((tmp_path / "served.json").read_text())
    assert results["right"] == results["requests"] >= 400
    assert results["wrong"] == results["lost"] == 0
    for name in ("by_protocol", "by_kind", "by_version"):
        assert min(results[name].values()) > 0, results
    # One request for 10,000,000 images of 32x32 would take 40,000.
    assert results["megabytes"]["most"] - results["megabytes"]["warm"] < 300
