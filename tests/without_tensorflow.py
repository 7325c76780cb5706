"""A process of its own, on JAX, in which TensorFlow is not there: trains, saves, loads, samples.

    python without_tensorflow.py FOLDER KILL_AFTER_STEPS
"""

import os
import pathlib
import signal
import sys


class NoTensorFlow:
    """Lets imports fail as where a package is not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tensorboard", "tensorflow_datasets", "tensorflow_gan"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NoTensorFlow())

import keras  # noqa: E402 (TensorFlow must be gone before)
import numpy as np  # noqa: E402
import tiny  # noqa: E402

from keras_multigan import callbacks, metrics  # noqa: E402
from keras_multigan.models import ComMutEGAN  # noqa: E402


class Kill(keras.callbacks.Callback):
    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch, logs=None):
        if self.model.steps_trained == self.steps:
            os.kill(os.getpid(), signal.SIGKILL)


folder, kill_after = pathlib.Path(sys.argv[1]), int(sys.argv[2])
keras.utils.set_random_seed(0)
model = ComMutEGAN([tiny.generator(), tiny.generator()], tiny.critic(), tiny.classifier(),
                   latent_dim=tiny.LATENT, tvd_weight="linear:2:0:4", seed=0)
model.compile()
first = callbacks.restore_checkpoint(model, folder)
model.fit(tiny.images(60), batch_size=4, epochs=4, initial_epoch=first, verbose=0,
          callbacks=[callbacks.StopOnNonFinite(), callbacks.Checkpoint(folder), Kill(kill_after)])
np.savez(folder / "state.npz", *tiny.state(model))
model.save(folder / "model.keras")
loaded = keras.saving.load_model(folder / "model.keras")
np.testing.assert_array_equal(loaded.sample(6, seed=0), model.sample(6, seed=0))
assert metrics.class_probabilities([model.sample(6)], model.classifier).shape == (1, 3)
assert "tensorflow" not in sys.modules
print("first epoch:", first)
