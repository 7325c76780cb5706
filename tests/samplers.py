"""Models in place of trained ones, so that what an arena measures of them is known."""

import numpy as np

from keras_multigan.arena import protocols


def loaded(name, folder, few=2000):
    """A protocol of the arena, and its data without most of the samples."""
    protocol = protocols.PROTOCOLS[name]
    found = protocol.load(folder, None, 0.0)
    return protocol, found._replace(samples=found.samples[:few], labels=found.labels[:few])


class Sampler:
    """A model in place of a trained one: samples of a source, of some of its modes only."""

    mixture_weights = None

    def __init__(self, source, modes=None, num_generators=1):
        self.source, self.modes, self.num_generators = source, modes, num_generators

    def sample(self, num_samples, generator=None, seed=None):
        samples, modes = self.source.sample(20 * num_samples, seed=seed)
        kept = np.ones(len(modes), bool) if self.modes is None else modes < self.modes
        if generator is not None and self.num_generators > 1:  # each has a mode of its own
            kept = modes == generator
        return samples[kept][:num_samples]


class Images:
    """The images of an array, whatever the seed."""

    mixture_weights, num_generators = None, 1

    def __init__(self, images):
        self.images = images

    def sample(self, num_samples, generator=None, seed=None):
        return np.resize(self.images, (num_samples, *self.images.shape[1:]))
