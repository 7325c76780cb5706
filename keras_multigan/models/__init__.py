"""The registry of models: one line per method, one file per paper or family of rivals."""

from keras_multigan.models.acgan import ACGAN as ACGAN
from keras_multigan.models.adagan import AdaGAN as AdaGAN
from keras_multigan.models.commute import ComMutEGAN as ComMutEGAN
from keras_multigan.models.d2 import D2GAN as D2GAN
from keras_multigan.models.dmgan import DMGANPL as DMGANPL
from keras_multigan.models.gan import GAN as GAN
from keras_multigan.models.gm import GMGAN as GMGAN
from keras_multigan.models.gman import GMAN as GMAN
from keras_multigan.models.madgan import MADGAN as MADGAN
from keras_multigan.models.mgan import MGAN as MGAN
from keras_multigan.models.mim import MIMGAN as MIMGAN
from keras_multigan.models.mix import MIXGAN as MIXGAN
from keras_multigan.models.mix import partition_classes as partition_classes
from keras_multigan.models.mix_plus import MixPlusGAN as MixPlusGAN
from keras_multigan.models.mm import MMGAN as MMGAN
from keras_multigan.models.mwu import MWUGAN as MWUGAN
from keras_multigan.models.p2 import P2GAN as P2GAN
from keras_multigan.models.veegan import VEEGAN as VEEGAN
