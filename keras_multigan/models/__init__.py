"""One paper a file."""

from keras_multigan.models.commute import ComMutEGAN as ComMutEGAN
