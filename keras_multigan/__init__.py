"""Multi-generator GANs for Keras."""

from keras_multigan import callbacks as callbacks
from keras_multigan import data as data
from keras_multigan import distribute as distribute
from keras_multigan import export as export
from keras_multigan import losses as losses
from keras_multigan import metrics as metrics
from keras_multigan import models as models
from keras_multigan import networks as networks
from keras_multigan import schedules as schedules
from keras_multigan._version import __version__ as __version__
from keras_multigan.trained import TrainedGenerators as TrainedGenerators
from keras_multigan.trained import pretrained as pretrained
