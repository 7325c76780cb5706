"""One run of an arena, in a process of its own: `python -m keras_multigan.arena.worker JOB`.

JOB is the JSON of `Job`. The process ends with its standard input, so that it does not outlive the
command that has started it.
"""

import dataclasses
import json
import math
import pathlib
import sys
import threading
import time

from keras_multigan.runs import files, processes

UNIT = 60  # a number of updates is a multiple of it, so that 1 to 6 updates a step fit


@dataclasses.dataclass(frozen=True)
class Job:
    """What a run depends on, and where it leaves what it finds.

    Attributes:
        protocol, method, match, seed: names, and an int.
        updates, batch_size, learning_rate, num_generators: as in `Protocol`.
        output: the arena's folder.
        data_dir: where the data are, or None.
        validation: share of the training images that stands in for the test images.
    """

    protocol: str
    method: str
    match: str
    seed: int
    updates: int
    batch_size: int
    learning_rate: float
    num_generators: int
    output: str
    data_dir: str | None
    validation: float = 0.0

    @property
    def path(self) -> pathlib.Path:
        """Of the run's files, without suffix: .json for the row, .png for the picture."""
        return pathlib.Path(self.output) / "runs" / f"{self.method}-seed{self.seed}"

    @property
    def epochs(self) -> int:
        return epochs_of(self.updates, self.num_generators)


def epochs_of(updates: int, num_generators: int) -> int:
    """Epochs of a run, for schedules, the learning rate and rounds: equally many for each generator, if
    the updates are a multiple of `UNIT` times their number."""
    return math.gcd(updates // UNIT, 5 * num_generators)


def falling_rate(rate: float):
    """A callback: the learning rate of all optimizers falls by epochs from `rate` linearly to 0; of
    generators that are trained one after the other, anew for each."""
    import keras

    class FallingRate(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            length = self.model.epochs_per_round or self.params["epochs"]
            for optimizer in self.model.optimizer.optimizers:
                optimizer.learning_rate = rate * (1 - epoch % length / length)

    return FallingRate()


def curve_of(measure, updates: int):
    """A callback that measures about ten times in a run, at ends of epochs.

    Args:
        measure: function of the model -> dict of name -> float.
        updates: of the discriminators in the whole run.

    Its `points` are dicts: updates and seconds of training so far, with the measures. `seconds` and
    `cpu_seconds` are what the measuring took.
    """
    import keras

    class Curve(keras.callbacks.Callback):
        points, seconds, cpu_seconds = (), 0.0, 0.0

        def on_train_begin(self, logs=None):
            if not self.points:  # AdaGAN and MWU fit once per round
                self.points, self.begun = [], time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            epochs = self.params["epochs"]
            if (epoch + 1) * 10 // epochs == epoch * 10 // epochs:
                return
            start, start_cpu = time.perf_counter(), time.process_time()
            self.points.append({
                "updates": updates * (epoch + 1) // epochs,
                "seconds": round(start - self.begun - self.seconds, 1), **measure(self.model)})
            self.seconds += time.perf_counter() - start
            self.cpu_seconds += time.process_time() - start_cpu

    return Curve()


def build(job: Job, kit):
    """The compiled model of a job, of a `networks.Kit`.

    Raises:
        ValueError: `job.updates` is no multiple of a step's updates.
    """
    import keras

    from keras_multigan.arena import arms

    keras.utils.set_random_seed(job.seed)
    arm, epochs = arms.of(job.method), job.epochs
    model = arm.model(**arm.arguments(kit, epochs), seed=job.seed)
    repeats = discriminator_updates(model)
    if job.updates % repeats:
        raise ValueError(f"The number of updates is expected to be a multiple of {job.method}'s "
                         f"{repeats} in a step. Received: {job.updates}")
    steps = job.updates // repeats // epochs
    model.compile(steps_per_execution=math.gcd(steps, 20))
    return model, epochs, steps


def discriminator_updates(model) -> int:
    """Updates of the discriminators in a step: of the phases that train no generator."""
    generators = {id(v) for g in model.generators for v in g.trainable_variables}
    return max(phase.repeats for phase in model.phases()
               if not generators & {id(v) for v in phase.variables})


def trained_parameters(networks) -> int:
    """Of all together; what they share counts once."""
    found = {id(v): v for network in networks for v in network.trainable_variables}
    return sum(math.prod(v.shape) for v in found.values())


def batch_size(job: Job, model) -> int:
    """Real samples of an update: the protocol's number, times the arm's `batches`, rounded up to a
    multiple of what the model needs."""
    from keras_multigan.arena import arms

    wanted = job.batch_size * arms.of(job.method).batches
    return -(-wanted // model.batch_unit) * model.batch_unit


def run(job: Job) -> dict:
    """Trains and measures; returns the row."""
    import keras

    from keras_multigan import callbacks
    from keras_multigan.arena import arms, protocols
    from keras_multigan.runs.run import sample_each

    protocol = protocols.find(job.protocol)
    found = protocol.load(job.output, job.data_dir, job.validation)
    kit = protocol.kit(num_generators=job.num_generators, num_classes=found.num_classes,
                       match=job.match, classifier=protocols.classifier_of(
                           protocol, found, pathlib.Path(job.output) / "classifier.keras"))
    labelled = uses_labels(arms.of(job.method).arguments(kit, job.epochs))
    model, epochs, steps = build(job, kit)
    size = batch_size(job, model)
    curve = curve_of(protocol.track(found), job.updates) if protocol.track else None
    start, start_cpu = time.perf_counter(), time.process_time()
    model.fit(found.samples, None if model.num_classes is None else found.labels, batch_size=size,
              epochs=epochs, steps_per_epoch=steps, verbose=0,
              callbacks=[falling_rate(job.learning_rate), callbacks.StopOnNonFinite(),
                         *([curve] if curve else [])])
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    if curve:
        seconds, cpu = seconds - curve.seconds, cpu - curve.cpu_seconds
    measured = protocol.measure(model, found)
    protocol.picture(sample_each(model, 300 if len(kit.shape) == 1 else 10), found,
                     job.path.with_suffix(".png"))
    return {
        "generators": model.num_generators, "labels": int(labelled),
        "parameters": trained_parameters(model.generators), "batch_size": size,
        "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1),
        "peak_memory_mib": peak_memory_mib(),
        "backend": keras.backend.backend(), **measured, **({"curve": curve.points} if curve else {})}


def peak_memory_mib() -> int | None:
    """The most memory that this process has had; None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))


def uses_labels(arguments: dict) -> bool:
    """Whether a method's arguments in the arena come from labels."""
    return any(arguments.get(name) is not None for name in ("classifier", "num_classes"))


def prepare(job: Job) -> None:
    """Makes what all runs share: the networks that measure, the classifier."""
    from keras_multigan.arena import protocols

    protocol = protocols.find(job.protocol)
    found = protocol.load(job.output, job.data_dir, job.validation)
    protocols.classifier_of(protocol, found, pathlib.Path(job.output) / "classifier.keras")


def main():
    threading.Thread(target=processes.end_with_input, daemon=True).start()
    job = Job(**json.loads(sys.argv[1]))

    if not job.method:
        return prepare(job)
    row = run(job)
    files.write_json(job.path.with_suffix(".json"), {**dataclasses.asdict(job), **row})


if __name__ == "__main__":
    main()
