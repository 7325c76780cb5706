"""Callbacks for long training runs: checkpoints, logs and early stopping."""

from keras_multigan.callbacks.checkpoint import Checkpoint as Checkpoint
from keras_multigan.callbacks.checkpoint import SaveOnSignal as SaveOnSignal
from keras_multigan.callbacks.checkpoint import restore_checkpoint as restore_checkpoint
from keras_multigan.callbacks.checkpoint import restore_progress as restore_progress
from keras_multigan.callbacks.checkpoint import save_checkpoint as save_checkpoint
from keras_multigan.callbacks.evaluate import Evaluate as Evaluate
from keras_multigan.callbacks.records import HistoryLog as HistoryLog
from keras_multigan.callbacks.records import RunProgress as RunProgress
from keras_multigan.callbacks.records import SampleGrid as SampleGrid
from keras_multigan.callbacks.records import read_history as read_history
from keras_multigan.callbacks.stopping import ConvergenceStop as ConvergenceStop
from keras_multigan.callbacks.stopping import NonFiniteLossError as NonFiniteLossError
from keras_multigan.callbacks.stopping import StopOnNonFinite as StopOnNonFinite
from keras_multigan.callbacks.stopping import Terminated as Terminated
from keras_multigan.callbacks.stopping import raise_signal as raise_signal
from keras_multigan.callbacks.stopping import stop_signals as stop_signals
