"""One paper a file."""

from keras_multigan.models.commute import ComMutEGAN as ComMutEGAN
from keras_multigan.models.mix import MIXGAN as MIXGAN
from keras_multigan.models.mix import partition_classes as partition_classes
from keras_multigan.models.mix_plus import MixPlusGAN as MixPlusGAN
