"""The systems that benchmarks/step.py --game=mix_plus compares on MIX+GAN with dense networks.

n generators and n discriminators of two dense layers (3 layers as the paper counts them), 128 wide, on
vectors of 32 numbers. A step is one update of the generators and five of the discriminators, with
gradient penalties and learned weights of the mixtures. In this library and in the loop in PyTorch every
generator makes a batch of its own for each discriminator. DeepChem's `WGANModel` does less: a batch of
noise serves all generators, and the penalty is on real vectors only, once for each discriminator. It
runs with a conditional input alone, which is a column of zeros here.
"""

import itertools
import time

import numpy as np
import turns

SIZE, WIDTH, UPDATES = 32, 128, 5


def vectors_of(config):
    return np.random.default_rng(0).uniform(-1, 1, (50 * config["batch_size"], SIZE)).astype("float32")


class Ours:
    """This library, through `fit` and `sample`."""

    imports = ("keras", "keras_multigan.models", "keras_multigan.networks")

    def __init__(self, config):
        import keras

        from keras_multigan import models, networks

        keras.config.set_dtype_policy(config["precision"])
        keras.utils.set_random_seed(0)
        n = config["n_generators"]
        self.model = models.MixPlusGAN(
            [networks.mlp(SIZE, SIZE, 3, WIDTH) for _ in range(n)],
            [networks.mlp(SIZE, 1, 3, WIDTH) for _ in range(n)],
            latent_dim=SIZE, discriminator_updates=UPDATES, seed=0)
        self.model.compile(**turns.compile_arguments(config))
        self.vectors, self.batch_size = vectors_of(config), config["batch_size"]

    def steps(self, count):
        return turns.fit_seconds(self.model, count, self.vectors, batch_size=self.batch_size)

    def sample(self, count):
        return self.model.sample(count, generator=0, batch_size=500)


class Torch:
    """The loop over pairs in PyTorch, eager."""

    imports = ("torch",)

    def __init__(self, config):
        import torch

        torch.manual_seed(0)
        self.torch, n = torch, config["n_generators"]
        self.generators = [_mlp(torch, SIZE, SIZE) for _ in range(n)]
        self.discriminators = [_mlp(torch, SIZE, 1) for _ in range(n)]
        self.weights = [torch.zeros(n, requires_grad=True) for _ in range(2)]
        self.optimizers = [
            torch.optim.Adam([*(p for net in nets for p in net.parameters()), weights], lr,
                             betas=(0.5, 0.9))
            for nets, weights, lr in zip((self.generators, self.discriminators), self.weights,
                                         (1e-5, 1e-4), strict=True)]
        self.vectors, self.batch_size = torch.from_numpy(vectors_of(config)), config["batch_size"]

    def steps(self, count):
        times = []
        for _ in range(count):
            start = time.perf_counter()
            self.step()
            times.append(time.perf_counter() - start)
        return times

    def step(self):
        self.update(0, self.generator_loss())
        for _ in range(UPDATES):
            rows = self.torch.randint(len(self.vectors), (self.batch_size,))
            self.update(1, self.discriminator_loss(self.vectors[rows]))

    def update(self, which, loss):
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        loss.backward()
        self.optimizers[which].step()

    def fakes(self, generator):
        return generator(self.torch.randn(self.batch_size, SIZE))

    def generator_loss(self):
        w, v = (weights.softmax(0) for weights in self.weights)
        loss = -w.log().mean()
        for i, generator in enumerate(self.generators):
            for j, discriminator in enumerate(self.discriminators):
                loss = loss - v[j].detach() * w[i] * discriminator(self.fakes(generator)).mean()
        return loss

    def discriminator_loss(self, real):
        torch = self.torch
        w, v = (weights.softmax(0) for weights in self.weights)
        loss = -v.log().mean()
        for j, discriminator in enumerate(self.discriminators):
            real_score = discriminator(real).mean()
            for i, generator in enumerate(self.generators):
                with torch.no_grad():
                    fakes = self.fakes(generator)
                epsilon = torch.rand(len(real), 1)
                between = (epsilon * real + (1 - epsilon) * fakes).requires_grad_()
                gradient, = torch.autograd.grad(discriminator(between).sum(), between,
                                                create_graph=True)
                penalty = ((gradient.square().sum(1) + 1e-12).sqrt() - 1).square().mean()
                loss = loss + v[j] * w[i].detach() * (
                    discriminator(fakes).mean() - real_score + 10 * penalty)
        return loss

    def sample(self, count):
        with self.torch.no_grad():
            return self.generators[0](self.torch.randn(count, SIZE)).numpy()


class DeepChem:
    """DeepChem's `WGANModel`, through `fit_gan`."""

    # DeepChem imports TensorFlow, after which an import of torch._dynamo, as in Adam, crashes.
    imports = ("torch._dynamo", "deepchem.models.torch_models.gan")

    def __init__(self, config):
        import torch
        from deepchem.models.torch_models.gan import WGANModel

        class Joined(torch.nn.Module):
            """A network on its input and the conditional one."""

            def __init__(self, outputs):
                super().__init__()
                self.network = _mlp(torch, SIZE + 1, outputs)

            def forward(self, inputs):
                return self.network(torch.cat(inputs, 1))

        m, n = config["batch_size"], config["n_generators"]

        class Dense(WGANModel):
            def get_noise_input_shape(self):
                return m, SIZE

            def get_data_input_shapes(self):
                return [(m, SIZE)]

            def get_conditional_input_shapes(self):
                return [(m, 1)]

            def create_generator(self):
                return Joined(SIZE)

            def create_discriminator(self):
                return Joined(1)

        torch.manual_seed(0)
        self.model = Dense(n_generators=n, n_discriminators=n, batch_size=m, learning_rate=1e-4)
        batches = vectors_of(config).reshape(-1, m, SIZE)
        self.batches = itertools.cycle(
            {self.model.data_inputs[0]: batch,
             self.model.conditional_inputs[0]: np.zeros((m, 1), "float32")} for batch in batches)

    def steps(self, count):
        times = []
        for _ in range(count):
            start = time.perf_counter()
            # It keeps its count of updates for the generator only within a call.
            self.model.fit_gan(itertools.islice(self.batches, UPDATES),
                               generator_steps=1.001 / UPDATES, checkpoint_interval=0)
            times.append(time.perf_counter() - start)
        return times

    def sample(self, count):
        return self.model.predict_gan_generator(
            noise_input=np.random.normal(size=(count, SIZE)),
            conditional_inputs=[np.zeros((count, 1), "float32")])


CONTENDERS = {"ours": Ours, "torch": Torch, "deepchem": DeepChem}


def _mlp(torch, inputs, outputs):
    nn = torch.nn
    return nn.Sequential(nn.Linear(inputs, WIDTH), nn.LeakyReLU(0.2), nn.Linear(WIDTH, outputs))


if __name__ == "__main__":
    turns.answer(CONTENDERS)
