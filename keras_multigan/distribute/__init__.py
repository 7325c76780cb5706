"""Data-parallel training: the context for the value of the flag --strategy."""

from keras_multigan.distribute.strategies import MOST_DEVICES as MOST_DEVICES
from keras_multigan.distribute.strategies import STRATEGIES as STRATEGIES
from keras_multigan.distribute.strategies import check as check
from keras_multigan.distribute.strategies import check_same_on_all_workers as check_same_on_all_workers
from keras_multigan.distribute.strategies import is_chief as is_chief
from keras_multigan.distribute.strategies import part as part
from keras_multigan.distribute.strategies import run_of as run_of
from keras_multigan.distribute.strategies import scope as scope
from keras_multigan.distribute.workers import check_address as check_address
