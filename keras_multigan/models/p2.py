"""P2GAN: generators that the data pull and other generators or auxiliary sources push."""

import dataclasses

import keras
import numpy as np
from keras import ops

from keras_multigan import losses
from keras_multigan.checks import check_linear, non_negative, one_of, output_shape, whole_number
from keras_multigan.multigan import MultiGAN
from keras_multigan.training import Phase


@keras.saving.register_keras_serializable("keras_multigan")
class P2GAN(MultiGAN):
    """Generators Q_i close to the data P and far from each other and from auxiliary sources.

    "Learning Generative Adversarial Networks from Multiple Data Sources" (Le et al., 2019). A
    divergence D_f(P || Q) is the best that a discriminator's bound E_P g(S) - E_Q f*(g(S)) reaches,
    see `losses.f_divergence`. One step is an update of all discriminators, each on its bound, then
    one of all generators on

        sum_i [-E g(S(G_i)) + sum_j alpha_ij E f*(g(S_ij(G_i)))].

    S, the pull, scores data against all generators together; S_ij, a push, scores source j, another
    generator or an auxiliary source, against G_i, which works with it: the better S_ij tells them
    apart, the less is left to push. A generator's pushes by others have the sum `push_weight`.
    A joint generator phase is right: in the terms with G_i's samples only G_i has a gradient.

    In the code a force is one score (head) h of a discriminator, from one source to its targets, a set
    of generators. The sum over forces is a sum over h of arrays with a column per head, since a
    loop over n (n - 1) pushes is slow to trace; the formula of each array stands beside it.

    Growth: generator i takes part from epoch i * `growth` on. All optimizers then start anew, as those
    of a new model would, so that the others' past does not scale the newcomer's first steps.

    Args:
        generators: list of n Keras models, noise (N, latent_dim) -> samples, or a model with n outputs
            that share layers (the paper shares all but the first).
        pull_discriminator: Keras model, samples -> (N, scores), one for each pull of
            `forces`; no sigmoid.
            Outputs of one network share all but the last layer, as in the paper.
        push_discriminator: the same for the pushes; None if there is nothing to push.
        latent_dim: length of a noise vector.
        push_weight: the sum alpha of a generator's pushes by other generators.
        push: "all" (by every other generator) or "earlier" (by those that came before it).
        pull: "mixture" or "each": one S for all generators, or one per generator.
        adversarial_loss: the divergence, "js", "kl", "reverse_kl" or "pearson", for pull and push.
        growth: epochs after which the next generator joins; None for all at once.
        auxiliary: array (sources, n) of forces of auxiliary sources on generators, > 0 to pull, < 0 to
            push, 0 for none. `fit` then needs the source of every sample as its label, 0 for the data,
            1, 2, ... for the rows of `auxiliary`; `data.with_auxiliary` makes such a set.
        generator_batch_size: samples that every generator makes for an update; as many as real ones if
            None.
        regularizer_weight: gamma of the regulariser of Roth et al. (2017) of the pulls, gamma / 2
            (E_P (1 - s(S))^2 |grad S|^2 + E_Q s(S)^2 |grad S|^2), s the sigmoid; "js" only.
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other, unknown names, weights out of range.

    Logs: discriminator_loss, generator_loss, score_gap (E S(x) - E S(G) of the pulls by data),
    active_generators.

    Deviations from the paper:

    - It does not say what S sees of the generators. With one S for all, what one generator covers is a
      surplus for the others; `pull="each"` is the literal reading of its section 2.1.
    - It does not say what becomes of the optimizers when a generator joins; here they start anew.
    - "Epochs" of endless 2-D data are left to the user. Generators that do not take part yet make
      their batches all the same. Generators that share layers need batch normalisations of their own
      (`resnet_body` has them): the statistics of one are not those of all.
    - The regulariser is not put on the pushes. A generator's loss does not saturate (-E g(S) in place
      of E f*(g(S)) for the pull).
    """

    log_names = ("score_gap", "active_generators")
    renamed = {"divergence": "adversarial_loss"}
    fixed = (*MultiGAN.fixed, "growth")

    def __init__(self, generators, pull_discriminator, push_discriminator=None, *, latent_dim,
                 push_weight=0.05, push="all", pull="mixture", adversarial_loss="js", growth=None,
                 auxiliary=(), generator_batch_size=None, regularizer_weight=0.0, seed=None, **kwargs):
        super().__init__(generators, latent_dim=latent_dim, seed=seed, **kwargs)
        self.adversarial_loss = one_of(
            adversarial_loss, ("js", "kl", "reverse_kl", "pearson"), "adversarial_loss")
        self.parts = losses.adversarial_loss(adversarial_loss)  # -g(s), f*(g(s)), -g(s) of scores s
        self.push_weight = non_negative(push_weight, "push_weight")
        self.regularizer_weight = non_negative(regularizer_weight, "regularizer_weight")
        if regularizer_weight and adversarial_loss != "js":
            raise ValueError("Expected adversarial_loss='js' with a regularizer_weight, which is made "
                             f"for it. Received: {adversarial_loss!r}. Leave one out.")
        self.pull_discriminator, self.push_discriminator = pull_discriminator, push_discriminator
        self.push, self.pull = push, pull
        self.generator_batch_size = whole_number(
            generator_batch_size, "generator_batch_size", or_none=True)
        self.auxiliary = [[float(force) for force in row] for row in auxiliary]
        self.num_classes = 1 + len(self.auxiliary) if self.auxiliary else None
        n = self.num_generators
        self.growth = growth = whole_number(growth, "growth", or_none=True)
        self.add_schedule("num_active", n if growth is None else lambda e: min(n, 1 + e // growth))
        self._sides = []
        pulls, pushes = forces(n, push, pull, self.auxiliary)
        for side, network, name in ((pulls, pull_discriminator, "pull_discriminator"),
                                    (pushes, push_discriminator, "push_discriminator")):
            count = len(side.weights)
            if count == 0 and network is None:
                continue
            scores = output_shape(network, self.image_shape, name)
            if scores != (count,) or count == 0:
                raise ValueError(
                    f"{name} is expected to give one score for each of its {count} forces. Received: "
                    f"{(None, *scores)}. " + (f"End it with Dense({count})." if count else "Pass None.")
                )
            check_linear(network, name)
            self._sides.append((network, side))

    def phases(self):
        networks = [self.pull_discriminator, self.push_discriminator]
        return [
            Phase("discriminator", self.discriminator_loss, [d for d in networks if d is not None]),
            Phase("generator", self.generator_loss, self.generators),
        ]

    @property
    def mixture_weights(self):
        active = ops.convert_to_numpy(self._active()).astype("float64")
        return None if active.all() else active / active.sum()

    @property
    def averaged_steps(self):
        steps = self.optimizer.iterations
        # Since a generator has joined.
        return steps if self.growth is None else self.optimizer["generator"].iterations - 1

    def default_optimizer(self, phase):
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def begin_epoch(self, epoch):
        before = ops.convert_to_numpy(self._active()).sum()
        super().begin_epoch(epoch)
        if ops.convert_to_numpy(self._active()).sum() > before:
            self.optimizer.restart()

    def discriminator_loss(self, samples, labels):
        fakes, loss = self._fakes(samples), 0.0
        samples = ops.expand_dims(ops.cast(samples, fakes.dtype), 0)
        for network, side in self._sides:
            real_scores, fake_scores = self._scores(network, samples), self._scores(network, fakes)
            real, fake = self.parts.real(real_scores), self.parts.fake(fake_scores)
            if self.regularizer_weight and not side.pushing:
                # gamma / 2 (1 - s(S))^2 |grad S|^2 of reals, gamma / 2 s(S)^2 |grad S|^2 of fakes.
                half = self.regularizer_weight / 2
                real += (half * ops.square(ops.sigmoid(-real_scores))
                         * self._squared_gradients(network, samples))
                fake += (half * ops.square(ops.sigmoid(fake_scores))
                         * self._squared_gradients(network, fakes))
            targets, sources = self._taking_part(side)
            # 1 / |targets of h|: a mixture has equal shares.
            targets = targets / ops.maximum(ops.sum(targets, axis=0), 1.0)
            # E_{x ~ source s} -g(S_h(x)): generators, then data and auxiliary sources.
            of_sources = ops.concatenate([
                ops.mean(self.parts.real(fake_scores), axis=1), self._by_source(real[0], labels),
            ])
            # The bounds: sum_h [E_source -g(S_h) + mean over targets i of E f*(g(S_h(G_i)))].
            loss += ops.sum(sources * of_sources) + ops.sum(targets * ops.mean(fake, axis=1))
            if not side.pushing:
                by_data = sources[self.num_generators]  # 1 if the data are the source of h
                gap = ops.sum(by_data * (self._by_source(real_scores[0], labels)[0]
                                         - ops.sum(targets * ops.mean(fake_scores, axis=1), axis=0)))
        return loss, {"score_gap": gap / ops.sum(by_data),
                      "active_generators": ops.sum(self._active())}

    def generator_loss(self, samples, labels):
        fakes, loss = self._fakes(samples), 0.0
        for network, side in self._sides:
            part = self.parts.fake if side.pushing else self.parts.generator
            # E f*(g(S_h(G_i))) of a push, E -g(S_h(G_i)) of a pull, (n, heads).
            of_fakes = ops.mean(part(self._scores(network, fakes)), axis=1)
            targets, _ = self._taking_part(side)
            # alpha_ij = push_weight / (number of generators j that push i), 0 for all other forces.
            others = ops.sum(targets * side.by_generators, axis=1, keepdims=True)
            pushes = side.by_generators * self.push_weight / ops.maximum(others, 1.0)
            # sum_i sum_{h on i} (force of h, or alpha_ij) E [...].
            loss += ops.sum(targets * (side.weights + pushes) * of_fakes)
        return loss, {}

    def _active(self):
        """1 for a generator that takes part, 0 for others, float32 (n,)."""
        numbers = ops.arange(self.num_generators, dtype="float32")
        return ops.cast(numbers < self.num_active_value, "float32")

    def _taking_part(self, side):
        """The side's targets (n, heads) and sources (n + 1 + auxiliary, heads), 0 for forces of which
        one of the two does not take part yet."""
        active = ops.expand_dims(self._active(), 1)
        others = ops.ones((side.sources.shape[0] - self.num_generators, 1))
        targets = side.targets * active
        sources = side.sources * ops.concatenate([active, others])
        return (targets * ops.sum(sources, axis=0),
                sources * ops.cast(ops.sum(targets, axis=0) > 0, "float32"))

    def _fakes(self, samples):
        batch_size = self.own_batch_size(samples.shape[0])
        return self.draw_each(batch_size)

    def _scores(self, network, samples):
        """float32 scores (k, m, heads) of samples (k, m, ...)."""
        scores = network(ops.reshape(samples, (-1, *self.image_shape)), training=True)
        return ops.reshape(ops.cast(scores, "float32"), (*samples.shape[:2], -1))

    def _squared_gradients(self, network, samples):
        """Squared norms (k, m, heads) of the gradients of the scores of samples (k, m, ...)."""
        flat = ops.reshape(samples, (-1, *self.image_shape))
        gradients = [self.input_gradient(lambda x, h=h: network(x, training=True)[:, h], flat)
                     for h in range(network.output_shape[-1])]
        squares = [ops.sum(ops.square(ops.reshape(ops.cast(g, "float32"), (*samples.shape[:2], -1))),
                           axis=-1) for g in gradients]
        return ops.stack(squares, axis=-1)

    def _by_source(self, values, labels):
        """Means (1 + auxiliary, heads) of values (m, heads) by source."""
        if self.num_classes is None:
            return ops.mean(values, axis=0, keepdims=True)
        belongs = ops.transpose(ops.one_hot(labels, self.num_classes, dtype="float32"))
        counts = self.mean_over_replicas(ops.sum(belongs, axis=1, keepdims=True))
        return ops.matmul(belongs, values) / ops.maximum(counts, 1e-6)


@dataclasses.dataclass(frozen=True)
class Forces:
    """The forces that one discriminator exerts, one per score (head).

    Attributes:
        pushing: whether they push or pull.
        targets: float32 (n, heads), 1 for the generators that a force is exerted on.
        sources: float32 (n + 1 + auxiliary, heads), 1 for its source: a generator, the data, an
            auxiliary source.
        weights: float32 (heads,); 0 for pushes by generators, whose sum is `push_weight`.
        by_generators: float32 (heads,), 1 for those.
    """

    pushing: bool
    targets: np.ndarray
    sources: np.ndarray
    weights: np.ndarray
    by_generators: np.ndarray


def forces(num_generators, push="all", pull="mixture", auxiliary=()):
    """The `Forces` of the pull and of the push discriminator; see `P2GAN` for the arguments. The length
    of `weights` is the number of scores that a discriminator must have.

    Raises:
        ValueError: an unknown name, or forces of another shape or not finite.
    """
    n = num_generators
    if push not in ("all", "earlier") or pull not in ("mixture", "each"):
        raise ValueError("Expected push to be all or earlier, pull to be mixture or each. Received: "
                         f"{push!r} and {pull!r}")
    auxiliary = np.array(auxiliary, "float32") if len(auxiliary) else np.zeros((0, n))
    if auxiliary.ndim != 2 or auxiliary.shape[1] != n or not np.isfinite(auxiliary).all():
        raise ValueError(f"auxiliary is expected to be a finite array (sources, {n}), a force on every "
                         f"generator. Received: {auxiliary.tolist()}")
    eye = np.eye(n)
    pulls = [(np.ones(n), n, 1.0)] if pull == "mixture" else [(eye[i], n, 1.0) for i in range(n)]
    pushes = [(eye[i], j, 0.0) for i in range(n) for j in range(n)
              if (j < i if push == "earlier" else j != i)]
    for (a, i), force in np.ndenumerate(auxiliary):
        if force:
            (pulls if force > 0 else pushes).append((eye[i], n + 1 + a, abs(force)))

    def side(pushing, found):
        targets = np.array([target for target, _, _ in found], "float32").reshape(-1, n).T
        sources = np.zeros((n + 1 + len(auxiliary), len(found)), "float32")
        for head, (_, source, _) in enumerate(found):
            sources[source, head] = 1
        weights = np.array([weight for _, _, weight in found], "float32")
        return Forces(pushing, targets, sources, weights, sources[:n].sum(axis=0))

    return side(False, pulls), side(True, pushes)
