"""How phases are run. `tensorflow.py` and `jax.py` alone know the backend."""

from keras_multigan.training.engine import inference as inference
from keras_multigan.training.engine import load_engine as load_engine
from keras_multigan.training.optimizers import OptimizerGroup as OptimizerGroup
from keras_multigan.training.phase import Phase as Phase
from keras_multigan.training.trainer import Trainer as Trainer
