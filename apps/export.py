"""Exports the generators of a finished run as SavedModels for TensorFlow Serving.

    python apps/export.py --model=runs/commute-quick --output=serving
    python apps/export.py --model=model.keras --output=serving --version=2 --serving_path=/models

Writes <output>/generator_<k>/<version>/, <output>/mixture/<version>/ and <output>/models.config;
see keras_multigan.export for the signatures. Needs KERAS_BACKEND=tensorflow, Keras' default.
"""

import os
import pathlib
import shlex

import artifacts
import common
from absl import flags

from keras_multigan import export


def define_flags():
    flags.DEFINE_string("model", None, "a run folder or a .keras file")
    flags.DEFINE_string("output", None, "the folder that the server reads; may hold other versions")
    flags.DEFINE_integer("version", 1, "a new one in --output; servers take the highest",
                         lower_bound=1)
    flags.DEFINE_string("serving_path", None, "absolute path or URI under which the server sees "
                        "--output (default: its absolute path)")
    flags.DEFINE_bool("mixture", True, "export the mixture of all generators, too")
    flags.mark_flags_as_required(["model", "output"])


def commands(output, paths, serving_path=None):
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


def main(argv):
    names = ("version", "serving_path", "mixture")
    output = pathlib.Path(flags.FLAGS.output).expanduser()
    paths = export.export_generators(
        artifacts.load_multigan(flags.FLAGS.model), output,
        **{name: flags.FLAGS[name].value for name in names},
    )
    print("Written:", *paths, output / "models.config", sep="\n  ")
    print("Serve, or try one of them:",
          *commands(output, paths, flags.FLAGS.serving_path), sep="\n  ")


if __name__ == "__main__":
    define_flags()
    common.run(main)
