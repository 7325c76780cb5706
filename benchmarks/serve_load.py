"""Serves exported generators by the program of docs/serving.md and checks every answer under load.

    python benchmarks/serve_load.py                           10,000 requests, 8 clients, 3 swaps
    python benchmarks/serve_load.py --requests=400 --swaps=1

Needs: pip install ".[serve]". The server is a process of its own. Each client sends one request after
the other, half of them by REST, half by gRPC, to the generators and the mixture. A tenth of them are
requests that the server has to refuse. New versions come into the served folder meanwhile. An answer is
right if it is that of a version which was live at some time between the request and the answer. A
request is lost if it has no answer; none is sent twice. Ends with code 1 if one is wrong or lost.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types

import numpy as np

import multigan_cli

PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "serving.md"
LATENT, ROWS, SEEDS, MOST = 16, 32, 4, 64
TOLERANCE = 1e-5
KINDS = ["noise", "sample", "too many", "not finite"]
DEADLINE = 60  # seconds for the server to start, to take a version, to answer


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Server:
    """The program of docs/serving.md in its process, on two free ports."""

    def __init__(self, folder, work):
        (program,) = re.findall(r'```python title="serve_generators.py"\n(.*?)```', PAGE.read_text(),
                                re.DOTALL)
        (work / "serve_generators.py").write_text(program)
        self.log, (self.rest, self.grpc) = work / "server.log", free_ports(2)
        with open(self.log, "w") as log:
            # A session of its own, since Ray starts many processes.
            self.process = subprocess.Popen(
                [sys.executable, "serve_generators.py", str(folder), str(self.rest), str(self.grpc)],
                cwd=work, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, "RAY_TMPDIR": str(work)})  # its logs go with the folder

    def version(self, model):
        """The version of a model that is served, or None."""
        import requests

        with contextlib.suppress(requests.ConnectionError):
            answer = requests.get(f"http://127.0.0.1:{self.rest}/v1/models/{model}", timeout=DEADLINE)
            if answer.ok:
                return int(answer.json()["model_version_status"][0]["version"])
        return None

    def wait_for(self, version, models):
        """Returns when all models have this version."""
        end = time.monotonic() + DEADLINE
        while not all(self.version(model) == version for model in models):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Expected the server to serve version {version} in {DEADLINE} s. "
                                   f"Received: none. Its log: {self.log.read_text()[-3000:]}")
            time.sleep(0.1)

    def megabytes(self):
        """Resident memory of the server's processes."""
        import psutil

        total = 0
        for process in [psutil.Process(self.process.pid),
                        *psutil.Process(self.process.pid).children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total / 1e6

    def stop(self):
        import psutil

        processes = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        try:
            self.process.wait(DEADLINE)
        finally:
            _, alive = psutil.wait_procs(processes, timeout=10)
            for process in [*alive, self.process]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()


class Versions:
    """Exports, what each of them answers, and when each was live.

    Args:
        folder: where they wait.
        served: the folder that the server reads.
        count: how many.
    """

    def __init__(self, folder, served, count):
        import keras
        import tensorflow as tf

        from keras_multigan import networks
        from keras_multigan.export import export_generators

        self.folder, self.served = folder, served
        self.models = ["generator_0", "generator_1", "mixture"]
        self.noise = np.random.default_rng(0).standard_normal((ROWS, LATENT), dtype="float32")
        self.images, self.samples = {}, {}  # by version, by model
        self.live = {}  # version -> [first moment, last moment]
        for version in range(1, count + 1):
            keras.utils.set_random_seed(version)
            generators = [networks.commute_generator(latent_dim=LATENT, filters=4) for _ in range(2)]
            paths = export_generators(types.SimpleNamespace(generators=generators, latent_dim=LATENT),
                                      folder, version, max_batch_size=MOST)
            loaded = dict(zip(self.models, map(tf.saved_model.load, paths), strict=True))
            mixed = loaded["mixture"].signatures["serving_default"](noise=tf.constant(self.noise))
            self.images[version] = {"mixture": mixed["images"].numpy()} | {
                f"generator_{k}": np.asarray(network(self.noise, training=False))
                for k, network in enumerate(generators)}
            self.samples[version] = {(name, seed): each.signatures["sample"](
                batch_size=tf.constant(3), seed=tf.constant(seed))["images"].numpy()
                for name, each in loaded.items() for seed in range(SEEDS)}

    def release(self, version):
        """Puts a version where the server finds it: renamed into place, as an export does."""
        self.live[version] = [time.monotonic(), float("inf")]
        for name in self.models:
            (self.served / name).mkdir(parents=True, exist_ok=True)
            os.rename(self.folder / name / str(version), self.served / name / str(version))

    def check_distinct(self):
        """No answer can be taken for one of another version: each row differs by much."""
        for name in self.models:
            rows = np.stack([images[name] for images in self.images.values()])
            apart = np.abs(rows[:, None] - rows[None]).max(axis=(3, 4, 5)).min(axis=2)
            assert (apart + np.eye(len(rows)) > 100 * TOLERANCE).all(), "versions look alike"

    def answered(self, images, start, end, expected):
        """The version of an answer, or None if it is that of no version which was live.

        Args:
            images: (N, H, W, C).
            start, end: when the request was sent and the answer there.
            expected: function of a version, its answer.
        """
        for version, (first, last) in list(self.live.items()):
            if first <= end and start <= last:
                wanted = expected(version)
                if images.shape == wanted.shape and np.abs(images - wanted).max() <= TOLERANCE:
                    return version
        return None


class Client:
    """Sends requests, one after the other, and judges the answers."""

    def __init__(self, number, server, versions):
        import grpc
        import requests
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        self.numbers, self.versions = np.random.default_rng([1, number]), versions
        self.session, self.url = requests.Session(), f"http://127.0.0.1:{server.rest}/v1/models/"
        self.channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc}")
        self.service = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)

    def ask(self, protocol, model, signature, inputs):
        """The images, or the text with which the request was refused. Other errors are raised."""
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        if protocol == "REST":
            body = {"signature_name": signature,
                    "inputs": {key: np.asarray(value).tolist() for key, value in inputs.items()}}
            answer = self.session.post(f"{self.url}{model}:predict", data=json.dumps(body),
                                       timeout=DEADLINE)
            if answer.status_code == 400:
                return answer.json()["error"]
            answer.raise_for_status()
            return np.array(answer.json()["outputs"], "float32")
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = model, signature
        for key, value in inputs.items():
            kind = "float32" if key == "noise" else "int32"
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value, kind))
        try:
            answer = self.service.Predict(request, timeout=DEADLINE)
            return tf.make_ndarray(answer.outputs["images"])
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                return error.details()
            raise

    def one(self):
        """Sends a request; gives (what it was, "right", "wrong" or "lost", version, seconds)."""
        import grpc
        import requests

        protocol = ("REST", "gRPC")[self.numbers.integers(2)]
        model = self.versions.models[self.numbers.integers(3)]
        kind = self.numbers.choice(KINDS, p=[0.7, 0.2, 0.05, 0.05])
        rows = self.numbers.permutation(ROWS)[: self.numbers.integers(1, 5)]
        seed = int(self.numbers.integers(SEEDS))
        noise = self.versions.noise[rows]
        signature, inputs, expected = {
            "noise": ("serving_default", {"noise": noise},
                      lambda version: self.versions.images[version][model][rows]),
            "sample": ("sample", {"batch_size": 3, "seed": seed},
                       lambda version: self.versions.samples[version][model, seed]),
            "too many": ("sample", {"batch_size": 10**7, "seed": seed}, f"batch of 0 to {MOST} images"),
            "not finite": ("serving_default", {"noise": noise * np.float32("nan")}, "finite noise"),
        }[kind]
        version, start = None, time.monotonic()
        try:
            answer = self.ask(protocol, model, signature, inputs)
        except (grpc.RpcError, requests.RequestException) as error:
            print(f"Lost: {protocol} {model} {kind}: {error}", file=sys.stderr)
            return protocol, kind, "lost", version, time.monotonic() - start
        end = time.monotonic()
        if isinstance(answer, str) or isinstance(expected, str):
            right = isinstance(answer, str) and isinstance(expected, str) and expected in answer
        else:
            version = self.versions.answered(answer, start, end, expected)
            right = version is not None
        if not right:
            print(f"Wrong: {protocol} {model} {kind}: {str(answer)[:300]}", file=sys.stderr)
        return protocol, kind, "right" if right else "wrong", version, end - start


def load(requests=10_000, clients=8, swaps=3, output=None):
    """Runs the server under load; the arguments are the flags.

    Returns:
        dict of counts, and of times and memory. "megabytes" are resident, and summed over the server's
        processes: "warm" after the first 20 requests of each client.
    """
    from keras_multigan.runs import files

    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        versions = Versions(work / "exports", work / "served", swaps + 1)
        versions.check_distinct()
        versions.release(1)
        server = Server(work / "served", work)
        try:
            server.wait_for(1, versions.models)
            results = _measure(server, versions, requests, clients, swaps)
        finally:
            server.stop()
    results["versions"] = files.versions()
    if output is not None:
        files.write_json(output, results)
    return results


def _measure(server, versions, requests, clients, swaps):
    done, memory, over, begun = [], [], threading.Event(), time.monotonic()
    end = begun + DEADLINE + requests / 2

    def client(number):
        sender = Client(number, server, versions)
        while not over.is_set():
            done.append(sender.one())

    def until(count):
        """Returns when so many requests are done; raises what a client raised."""
        while len(done) < count:
            if time.monotonic() > end:
                raise RuntimeError(f"Expected {requests} answers in {end - begun:.0f} s. Received: "
                                   f"{len(done)}. The server's log: {server.log.read_text()[-3000:]}")
            concurrent.futures.wait(running, timeout=0.1)
            for each in running:
                if each.done():
                    each.result()
            memory.append(server.megabytes())

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        try:
            running = [pool.submit(client, number) for number in range(clients)]
            until(20 * clients)  # traces, fills pools of memory
            memory[:] = [server.megabytes()]
            share = requests // (swaps + 1)
            for swap in range(swaps):
                until((swap + 1) * share)
                versions.release(swap + 2)
                server.wait_for(swap + 2, versions.models)
                versions.live[swap + 1][1] = time.monotonic()
            # The last version also gets its share.
            until(max(requests, len(done) + share))
        finally:
            over.set()
    seconds = time.monotonic() - begun
    memory.append(server.megabytes())

    def count(place, value):
        return sum(row[place] == value for row in done)

    times = np.array([row[4] for row in done])
    return {
        "requests": len(done), "clients": clients, "swaps": swaps,
        **{name: count(2, name) for name in ("right", "wrong", "lost")},
        "by_protocol": {name: count(0, name) for name in ("REST", "gRPC")},
        "by_kind": {name: count(1, name) for name in KINDS},
        "by_version": {version: count(3, version) for version in versions.live},
        "seconds": seconds, "requests_per_second": len(done) / seconds,
        "milliseconds": dict(zip(("median", "p99", "longest"),
                                 (1000 * np.quantile(times, [0.5, 0.99, 1])).tolist(), strict=True)),
        "megabytes": {"warm": memory[0], "most": max(memory), "after": memory[-1]},
    }


def main(arguments):
    """The program."""
    multigan_cli.set_environment()  # before the package is imported
    from keras_multigan.cli.command import Command
    from keras_multigan.runs.options import Option

    def run(output=None, **given):
        results = load(output=output, **given)
        print(json.dumps(results, indent=2))
        if results["right"] != results["requests"]:
            sys.exit(1)

    Command("serve_load", __doc__, {
        "requests": Option(10_000, "in all; more if the last version comes late", least=1),
        "clients": Option(8, "that send at a time", least=1),
        "swaps": Option(3, "new versions meanwhile", least=0),
        "output": Option(help="a .json for the results", kind=str),
    }, run)(arguments)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the server is stopped, too
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    main(sys.argv[1:])
