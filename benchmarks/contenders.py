"""The systems that benchmarks/step.py and benchmarks/quality.py compare on ComMutE-GAN.

All train n generators: `n_critic` critic updates with gradient penalty and one update of the generators
with the TVD term per step, Adam. The others are written as their users would, of plain layers, and use
one real batch for all critic updates of a step, as the example on keras.io does.
"""

import copy
import time

import numpy as np
import turns

LATENT, CLASSES = 128, 10
GP_WEIGHT = 10.0
# What a comparison of speed has no flags for.
DEFAULTS = dict(images=None, classifier=None, tvd_weight=12.2, learning_rate=2e-4, ema=None, seed=0)


def images_of(config):
    """The real images: those of a file, or noise, on which a step takes as long."""
    if config["images"]:
        return np.load(config["images"])
    shape = config["image_size"], config["image_size"], 1
    count = max(6 * config["batch_size"], 1024)
    return np.random.default_rng(0).uniform(-1, 1, (count, *shape)).astype("float32")


def adam(config):
    import keras

    return keras.optimizers.Adam(config["learning_rate"], beta_1=0.5, beta_2=0.9)


class Ours:
    """This library, through `fit` and `sample`."""

    imports = ("keras", "keras_multigan.models", "keras_multigan.networks")

    def __init__(self, config):
        import keras

        from keras_multigan import models, networks

        keras.config.set_dtype_policy(config["precision"])
        keras.utils.set_random_seed(config["seed"])
        wide, shape = config["filters"], (config["image_size"], config["image_size"], 1)
        classifier = (keras.saving.load_model(config["classifier"]) if config["classifier"] else
                      networks.compact_classifier(shape, filters=config["classifier_filters"]))
        self.model = models.ComMutEGAN(
            [networks.commute_generator(LATENT, shape, 4 * wide)
             for _ in range(config["n_generators"])],
            networks.commute_critic(shape, wide), classifier, latent_dim=LATENT,
            tvd_weight=config["tvd_weight"], n_critic=config["n_critic"], gp_weight=GP_WEIGHT,
            ema=config["ema"], seed=config["seed"],
        )
        self.model.compile(critic_optimizer=adam(config), generator_optimizer=adam(config),
                           **turns.compile_arguments(config))
        self.images, self.batch_size = images_of(config), config["batch_size"]
        self.flops = nominal_flops(self.model, self.batch_size)

    def steps(self, count):
        return turns.fit_seconds(self.model, count, self.images, batch_size=self.batch_size)

    def sample(self, count, generator=0):
        return self.model.sample(count, generator=generator, batch_size=500)


class KerasExample:
    """A `keras.Model` with its own train_step and GradientTape, as in the examples of keras.io."""

    imports = ("keras", "tensorflow")

    def __init__(self, config):
        import keras
        import tensorflow as tf

        keras.config.set_dtype_policy(config["precision"])
        keras.utils.set_random_seed(config["seed"])
        wide, size, n = config["filters"], config["image_size"], config["n_generators"]
        classifier = (keras.saving.load_model(config["classifier"]) if config["classifier"]
                      else _plain_classifier(size, config["classifier_filters"]))
        self.model = _keras_example(
            [_plain_generator(size, 4 * wide) for _ in range(n)], _plain_critic(size, wide), classifier,
            config)
        self.model.compile(adam(config), adam(config))
        self.dataset = tf.data.Dataset.from_tensor_slices(images_of(config)).shuffle(1024).batch(
            config["batch_size"], drop_remainder=True).repeat().prefetch(2)

    def steps(self, count):
        return turns.fit_seconds(self.model, count, self.dataset)

    def sample(self, count, generator=0):
        noise = np.random.normal(size=(count, LATENT)).astype("float32")
        return self.model.averages[generator].predict(noise, batch_size=500, verbose=0)


class Torch:
    """The loop in PyTorch, eager; with `compiled`, torch.compile on generators and classifier (it does
    not differentiate twice, as the critic's penalty must)."""

    imports = ("torch",)

    def __init__(self, config, compiled=False):
        import torch

        if config["precision"] != "float32":
            raise ValueError(f"The PyTorch loop is in float32 only. Received: {config['precision']}")
        torch.manual_seed(config["seed"])
        self.torch, self.n, self.config = torch, config["n_generators"], config
        wide, size = config["filters"], config["image_size"]
        self.generators = [_torch_generator(torch, size, 4 * wide) for _ in range(self.n)]
        self.critic = _torch_critic(torch, size, wide)
        self.classifier = _torch_classifier(torch, config["classifier_filters"])
        if config["classifier"]:
            _copy_weights(torch, self.classifier, np.load(config["classifier_weights"]))
        self.classifier.eval().requires_grad_(False)
        adam = dict(lr=config["learning_rate"], betas=(0.5, 0.9))
        self.critic_adam = torch.optim.Adam(self.critic.parameters(), **adam)
        self.generator_adam = torch.optim.Adam(
            [p for g in self.generators for p in g.parameters()], **adam)
        self.plain_generators, self.averages, self.steps_done = self.generators, None, 0
        if config["ema"] is not None:
            self.averages = [copy.deepcopy(g) for g in self.generators]
        if compiled:
            self.generators = [torch.compile(g) for g in self.generators]
            self.classifier = torch.compile(self.classifier)
        self.images = torch.from_numpy(images_of(config).transpose(0, 3, 1, 2).copy())
        self.batch_size = config["batch_size"]

    def steps(self, count):
        times = []
        for _ in range(count):
            start = time.perf_counter()
            self.step(self.images[self.torch.randint(len(self.images), (self.batch_size,))])
            times.append(time.perf_counter() - start)
        return times

    def fakes(self):
        each = self.batch_size // self.n
        return self.torch.cat([g(self.torch.randn(each, LATENT)) for g in self.generators])

    def step(self, real):
        torch = self.torch
        for _ in range(self.config["n_critic"]):
            with torch.no_grad():
                fakes = self.fakes()
            epsilon = torch.rand(len(real), 1, 1, 1)
            between = (epsilon * real + (1 - epsilon) * fakes).requires_grad_()
            gradient, = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
            penalty = ((gradient.flatten(1).square().sum(1) + 1e-12).sqrt() - 1).square().mean()
            loss = self.critic(fakes).mean() - self.critic(real).mean() + GP_WEIGHT * penalty
            self.critic_adam.zero_grad()
            loss.backward()
            self.critic_adam.step()
        self.critic.requires_grad_(False)
        fakes = self.fakes()
        means = self.classifier(fakes).softmax(1).reshape(self.n, -1, CLASSES).mean(1)
        distances = (means[:, None] - means[None]).abs().sum(2) / 2
        loss = (-self.n * self.critic(fakes).mean()
                + self.config["tvd_weight"] * (1 - distances.sum() / max(self.n * (self.n - 1), 1)))
        self.generator_adam.zero_grad()
        loss.backward()
        self.generator_adam.step()
        self.critic.requires_grad_(True)
        if self.averages is not None:
            decay = min(self.config["ema"], (1 + self.steps_done) / (10 + self.steps_done))
            with torch.no_grad():
                for average, generator in zip(self.averages, self.plain_generators, strict=True):
                    for a, w in zip(average.parameters(), generator.parameters(), strict=True):
                        a.lerp_(w, 1 - decay)
                    for a, w in zip(average.buffers(), generator.buffers(), strict=True):
                        a.copy_(w)
        self.steps_done += 1

    def sample(self, count, generator=0):
        generator = (self.averages or self.plain_generators)[generator].eval()
        with self.torch.no_grad():
            images = [generator(self.torch.randn(min(500, count - start), LATENT))
                      for start in range(0, count, 500)]
        generator.train()
        return self.torch.cat(images).permute(0, 2, 3, 1).numpy()


CONTENDERS = {"ours": Ours, "keras": KerasExample, "torch": Torch,
              "torch_compile": lambda config: Torch(config, compiled=True)}


def _plain_generator(size, filters):
    from keras import Input, Sequential, layers

    blocks = []
    for wide in (filters // 2, filters // 4):
        blocks += [layers.UpSampling2D(2), layers.Conv2D(wide, 3, padding="same", use_bias=False),
                   layers.BatchNormalization(), layers.LeakyReLU(0.2)]
    return Sequential([
        Input((LATENT,)), layers.Dense((size // 8) ** 2 * filters, use_bias=False),
        layers.BatchNormalization(), layers.LeakyReLU(0.2),
        layers.Reshape((size // 8, size // 8, filters)), *blocks,
        layers.Dropout(0.3), layers.UpSampling2D(2),
        layers.Conv2D(1, 3, padding="same", use_bias=False), layers.BatchNormalization(),
        layers.Activation("tanh", dtype="float32"),
    ])


def _plain_critic(size, filters):
    from keras import Input, Sequential, layers

    blocks = []
    for block in range(4):
        blocks.append(layers.Conv2D(filters * 2**block, 5, strides=2, padding="same"))
        if block in (1, 2):
            blocks.append(layers.LayerNormalization())
        blocks += [layers.LeakyReLU(0.2), layers.Dropout(0.3)]
    return Sequential([Input((size, size, 1)), *blocks, layers.Flatten(),
                       layers.Dense(1, dtype="float32")])


def _plain_classifier(size, filters):
    from keras import Input, Sequential, layers

    blocks = []
    for block, strides in enumerate((2, 1, 2, 1, 2)):
        blocks += [layers.Conv2D(filters * 2 ** (block // 2), 3, strides, "same", use_bias=False),
                   layers.BatchNormalization(), layers.ReLU()]
    return Sequential([Input((size, size, 1)), *blocks, layers.GlobalAveragePooling2D(),
                       layers.Dense(CLASSES, dtype="float32")])


def _keras_example(generators, critic, classifier, config):
    import keras
    import tensorflow as tf

    class WGANGP(keras.Model):
        def __init__(self):
            super().__init__()
            self.generators, self.critic, self.classifier = generators, critic, classifier
            self.classifier.trainable = False
            self.averages, self.decay = generators, config["ema"]
            if self.decay is not None:
                self.averages = [keras.models.clone_model(g) for g in generators]
                for average, generator in zip(self.averages, generators, strict=True):
                    average.set_weights(generator.get_weights())
                    average.trainable = False

        def compile(self, critic_optimizer, generator_optimizer):
            super().compile()
            self.critic_optimizer = critic_optimizer
            self.generator_optimizer = generator_optimizer

        def fakes(self, batch_size):
            noise = [tf.random.normal([batch_size // len(self.generators), LATENT])
                     for _ in self.generators]
            return tf.concat([g(z, training=True)
                              for g, z in zip(self.generators, noise, strict=True)], 0)

        def gradient_penalty(self, real, fakes):
            epsilon = tf.random.uniform([tf.shape(real)[0], 1, 1, 1])
            between = epsilon * real + (1 - epsilon) * fakes
            with tf.GradientTape() as tape:
                tape.watch(between)
                scores = self.critic(between, training=True)
            gradients = tape.gradient(scores, between)
            norms = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]) + 1e-12)
            return tf.reduce_mean(tf.square(norms - 1.0))

        def train_step(self, real):
            batch_size = real.shape[0]
            for _ in range(config["n_critic"]):
                with tf.GradientTape() as tape:
                    fakes = self.fakes(batch_size)
                    scores = self.critic(fakes, training=True), self.critic(real, training=True)
                    critic_loss = tf.reduce_mean(scores[0]) - tf.reduce_mean(scores[1])
                    critic_loss += GP_WEIGHT * self.gradient_penalty(real, fakes)
                weights = self.critic.trainable_variables
                self.critic_optimizer.apply_gradients(
                    zip(tape.gradient(critic_loss, weights), weights, strict=True))
            n = len(self.generators)
            with tf.GradientTape() as tape:
                fakes = self.fakes(batch_size)
                loss = -n * tf.reduce_mean(self.critic(fakes, training=True))
                probabilities = tf.nn.softmax(self.classifier(fakes, training=False))
                means = tf.reduce_mean(tf.reshape(probabilities, [n, -1, CLASSES]), axis=1)
                distances = tf.reduce_sum(tf.abs(means[:, None] - means[None]), axis=-1) / 2
                loss += config["tvd_weight"] * (1 - tf.reduce_sum(distances) / max(n * (n - 1), 1))
            weights = [w for g in self.generators for w in g.trainable_variables]
            self.generator_optimizer.apply_gradients(
                zip(tape.gradient(loss, weights), weights, strict=True))
            if self.decay is not None:
                self.average()
            return {"critic_loss": critic_loss, "generator_loss": loss}

        def average(self):
            # As this library's: the initial weights are soon forgotten.
            step = tf.cast(self.generator_optimizer.iterations - 1, "float32")
            decay = tf.minimum(self.decay, (1 + step) / (10 + step))
            for average, generator in zip(self.averages, self.generators, strict=True):
                trained = {id(w) for w in generator.trainable_weights}
                for a, w in zip(average.weights, generator.weights, strict=True):
                    if a.dtype == "float32":  # not the states of dropout
                        a.assign(decay * a + (1 - decay) * w if id(w) in trained else w)

    return WGANGP()


def _torch_generator(torch, size, filters):
    nn, blocks, side = torch.nn, [], size // 8
    for wide in (filters, filters // 2):
        blocks += [nn.Upsample(scale_factor=2), nn.Conv2d(wide, wide // 2, 3, padding=1, bias=False),
                   nn.BatchNorm2d(wide // 2), nn.LeakyReLU(0.2)]
    return nn.Sequential(
        nn.Linear(LATENT, side**2 * filters, bias=False), nn.BatchNorm1d(side**2 * filters),
        nn.LeakyReLU(0.2), nn.Unflatten(1, (filters, side, side)), *blocks, nn.Dropout(0.3),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(filters // 4, 1, 3, padding=1, bias=False), nn.BatchNorm2d(1), nn.Tanh(),
    )


def _torch_critic(torch, size, filters):
    nn, blocks = torch.nn, []

    class ChannelNorm(nn.LayerNorm):
        def forward(self, x):
            return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    for block in range(4):
        wide = filters * 2**block
        blocks.append(nn.Conv2d(1 if block == 0 else wide // 2, wide, 5, stride=2, padding=2))
        if block in (1, 2):
            blocks.append(ChannelNorm(wide))
        blocks += [nn.LeakyReLU(0.2), nn.Dropout(0.3)]
    side = -(-size // 16)
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(8 * filters * side**2, 1))


def _torch_classifier(torch, filters):
    nn, blocks, before = torch.nn, [], 1
    for block, stride in enumerate((2, 1, 2, 1, 2)):
        wide = filters * 2 ** (block // 2)
        # Keras pads at the end only, if there are strides; the weights may come from there.
        blocks += [nn.ZeroPad2d((2 - stride, 1, 2 - stride, 1)),
                   nn.Conv2d(before, wide, 3, stride, bias=False), nn.BatchNorm2d(wide, eps=1e-3),
                   nn.ReLU()]
        before = wide
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, CLASSES))


def _copy_weights(torch, classifier, weights):
    """The weights of `networks.compact_classifier`, in its order, into `_torch_classifier`."""
    values = [torch.from_numpy(weights[f"arr_{k}"]) for k in range(len(weights.files))]
    with torch.no_grad():
        for layer in classifier:
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.copy_(values.pop(0).permute(3, 2, 0, 1))
            elif isinstance(layer, torch.nn.BatchNorm2d):
                for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                    tensor.copy_(values.pop(0))
            elif isinstance(layer, torch.nn.Linear):
                layer.weight.copy_(values.pop(0).T)
                layer.bias.copy_(values.pop(0))


def nominal_flops(model, batch_size):
    """Floating-point operations of a step's convolutions and dense layers as the paper writes them:
    a forward pass 1, its derivatives by inputs and by weights 1 each."""
    def forward(network):
        total = 0
        for layer in network.layers:
            if hasattr(layer, "kernel"):
                pixels = np.prod(layer.output.shape[1:-1])
                total += 2 * pixels * np.prod(layer.kernel.shape)
        return float(total)

    generator, critic = forward(model.generators[0]), forward(model.critic)
    classifier = forward(model.classifier) if model.num_generators > 1 else 0.0
    # Critic: real and fake images, 3 each; penalty: score and gradient 2, differentiated 4.
    return batch_size * (model.n_critic * (12 * critic + generator)
                         + 3 * generator + 2 * critic + 2 * classifier)


if __name__ == "__main__":
    turns.answer(CONTENDERS)
