"""benchmarks/step.py under its old name."""

import pathlib
import runpy
import sys

if __name__ == "__main__":
    folder = pathlib.Path(__file__).resolve().parents[1] / "benchmarks"
    sys.path.insert(0, str(folder))
    runpy.run_path(str(folder / "step.py"), run_name="__main__")
