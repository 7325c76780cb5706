"""Layers, and functions that build the papers' networks.

Other Keras models of the same input and output shapes can be used instead.
"""

from keras_multigan.networks.augment import DiffAugment as DiffAugment
from keras_multigan.networks.augment import augmented as augmented
from keras_multigan.networks.biggan import biggan_discriminator as biggan_discriminator
from keras_multigan.networks.biggan import biggan_generator as biggan_generator
from keras_multigan.networks.commute import commute_classifier as commute_classifier
from keras_multigan.networks.commute import commute_critic as commute_critic
from keras_multigan.networks.commute import commute_deep_generator as commute_deep_generator
from keras_multigan.networks.commute import commute_generator as commute_generator
from keras_multigan.networks.commute import commute_residual_generator as commute_residual_generator
from keras_multigan.networks.commute import compact_classifier as compact_classifier
from keras_multigan.networks.dcgan import dcgan_body as dcgan_body
from keras_multigan.networks.dcgan import dcgan_discriminator as dcgan_discriminator
from keras_multigan.networks.dcgan import dcgan_generator as dcgan_generator
from keras_multigan.networks.dcgan import dcgan_generators as dcgan_generators
from keras_multigan.networks.dcgan import dcgan_map as dcgan_map
from keras_multigan.networks.dcgan import dcgan_trunk as dcgan_trunk
from keras_multigan.networks.embedding import embedding_classifier as embedding_classifier
from keras_multigan.networks.kit import ConvKit as ConvKit
from keras_multigan.networks.kit import DenseKit as DenseKit
from keras_multigan.networks.kit import Kit as Kit
from keras_multigan.networks.latents import ClassLatent as ClassLatent
from keras_multigan.networks.latents import GaussianMixtureLatent as GaussianMixtureLatent
from keras_multigan.networks.latents import component_generators as component_generators
from keras_multigan.networks.layers import ClassFromNoise as ClassFromNoise
from keras_multigan.networks.layers import Conv2D as Conv2D
from keras_multigan.networks.layers import Dropout as Dropout
from keras_multigan.networks.layers import LayerNormalization as LayerNormalization
from keras_multigan.networks.layers import MixtureWeights as MixtureWeights
from keras_multigan.networks.layers import Orthonormal as Orthonormal
from keras_multigan.networks.layers import SpectralNormalization as SpectralNormalization
from keras_multigan.networks.layers import UpSamplingConv2D as UpSamplingConv2D
from keras_multigan.networks.layers import WeightNormalization as WeightNormalization
from keras_multigan.networks.mlp import mlp as mlp
from keras_multigan.networks.mlp import mlp_discriminator as mlp_discriminator
from keras_multigan.networks.mlp import mlp_generator as mlp_generator
from keras_multigan.networks.p2 import p2_discriminators as p2_discriminators
from keras_multigan.networks.p2 import p2_generators as p2_generators
from keras_multigan.networks.p2 import p2_mlp_body as p2_mlp_body
from keras_multigan.networks.p2 import p2_mlp_trunk as p2_mlp_trunk
from keras_multigan.networks.resnet import resnet_body as resnet_body
from keras_multigan.networks.resnet import resnet_map as resnet_map
from keras_multigan.networks.resnet import resnet_trunk as resnet_trunk
