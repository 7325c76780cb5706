"""multigan export: the generators of a finished run as SavedModels."""

import os
import pathlib
import shlex

from keras_multigan.cli.command import Command
from keras_multigan.export import MAX_BATCH_SIZE, export_generators
from keras_multigan.runs import artifacts, files
from keras_multigan.runs.options import Option

OPTIONS = {
    "model": Option(help="a run folder, a .keras file or a trained set that ships", kind=str),
    "output": Option(help="the folder that the server reads; may hold other versions", kind=str),
    "version": Option(1, "a new one in --output; servers take the highest", least=1,
                      most=2**63 - 1),
    "serving_path": Option(help="absolute path or URI under which the server sees --output (default: "
                           "its absolute path)", kind=str),
    "mixture": Option(True, "export the mixture of all generators, too"),
    "max_batch_size": Option(MAX_BATCH_SIZE, "most images that a served model makes for one request",
                             least=1, most=2**31 - 1),
}


def commands(output, paths: list[str], serving_path: str | None = None) -> list[str]:
    """Shell lines that serve and try what was exported.

    Args:
        output: the folder.
        paths: the SavedModels in it.
        serving_path: as in `export.export_generators`.
    """
    output = os.path.abspath(output)
    seen = (serving_path or output).rstrip("/")
    config = shlex.quote(f"--model_config_file={seen}/models.config")
    lines = []
    if seen == output or "://" in seen:
        lines.append(f"tensorflow_model_server --rest_api_port=8501 {config}")
    if "://" not in seen:
        volume = shlex.quote(f"{output}:{seen}:ro")
        lines.append(f"docker run --rm -p 8501:8501 -v {volume} tensorflow/serving {config}")
    lines.append(
        f"saved_model_cli run --dir {shlex.quote(paths[0])} --tag_set serve --signature_def sample "
        "--input_exprs 'batch_size=4;seed=0' --outdir ."
    )
    return lines


def run(model, output, serving_path=None, **given):
    if serving_path is not None and not serving_path.isprintable():
        raise ValueError("--serving_path is expected to be a path on one line. Received: "
                         f"{serving_path!r}. Correct it.")
    output = pathlib.Path(os.path.expanduser(output))
    files.check_writable(output / "models.config")
    paths = export_generators(artifacts.load_multigan(model), output, serving_path=serving_path,
                              **given)
    print("Written:", *paths, output / "models.config", sep="\n  ")
    print("Serve, or try one of them:", *commands(output, paths, serving_path), sep="\n  ")


COMMAND = Command(
    "export",
    """export the generators of a finished run as SavedModels for TensorFlow Serving

    multigan export --model=runs/commute-quick --output=serving
    multigan export --model=model.keras --output=serving --version=2 --serving_path=/models

Writes <output>/generator_<k>/<version>/, <output>/mixture/<version>/ and <output>/models.config;
see keras_multigan.export for the signatures. Needs KERAS_BACKEND=tensorflow, Keras' default.""",
    OPTIONS, run, required=("model", "output"))
