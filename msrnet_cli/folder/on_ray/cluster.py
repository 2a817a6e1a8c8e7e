"""Ray itself: started or joined, its actors, their deaths.

Nobody else imports it, but for an actor that tells on which machine it is.

Nothing is told to anybody: Ray's usage statistics are off before Ray is imported, and
so is its dashboard. Of a cluster that is joined whoever started it has decided.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from msrnet_cli.allowance import usable_cores
from msrnet_cli.errors import UsageError
from msrnet_cli.folder.crew import ActorLostError
from msrnet_cli.folder.on_ray.actor import NOWHERE, RayWorker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from msrnet_cli.folder.crew import Actor, Actors, Call
    from msrnet_cli.folder.on_ray.actor import Order
    from msrnet_cli.folder.options import ClusterOptions

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
}
# For Ray that is started here. Its own processes get 30 s to start: on a busy machine
# they may take longer. Its workers would give way to every other program.
_USUAL = {"RAY_agent_register_timeout_ms": "120000", "RAY_worker_niceness": "0"}
_ATTEMPTS = 3
_PROXIES = ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY")
_ADDRESS = "RAY_ADDRESS"
_REACHING = 10.0  # seconds
_PAUSE = 0.2  # seconds
_NOTICING = 3.0  # seconds in which Ray learns that an actor's machine is gone, too
# Of Ray's own shared memory, near its least: no pixels go there.
_STORE_BYTES = 80 << 20
# What torch and msrnet read from the environment, on every machine the same.
_PASSED_ON = (
    "GOMP_SPINCOUNT",
    "KMP_BLOCKTIME",
    "OMP_WAIT_POLICY",
    "OMP_NUM_THREADS",
    "THP_MEM_ALLOC_ENABLE",
    "HF_HUB_OFFLINE",
)
# HTTP/2, as Ray speaks it: the greeting of a client, with an empty frame of settings,
# and the kind of frame with which every server begins.
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_SETTINGS = 4
_INSTALL = "pip install 'msrnet[ray]', or where pipx is used: pipx inject msrnet ray"


def require_ray() -> None:
    """Refuse to go on where Ray is not installed.

    Raises:
        UsageError: It is not.
    """
    if find_spec("ray") is None:
        raise UsageError("--executor ray: Ray is not installed", _INSTALL)


@contextmanager
def joined(address: str | None) -> Iterator[Cluster]:
    """Join a cluster of Ray; without an address, start Ray on this machine alone.

    Args:
        address: ``host:port`` of the head, or ``auto`` for a cluster that this machine
            belongs to. None is what RAY_ADDRESS names, if it is set.

    Raises:
        UsageError: Ray is not installed or does not start, or no cluster answers there.
    """
    require_ray()
    address = address or os.environ.get(_ADDRESS) or "local"
    if address not in ("local", "auto"):
        _require_answer(address)
    os.environ.update(_QUIET)
    import ray

    _silence()

    try:
        with _muted():
            _initialise(address)
    except (Exception, SystemExit) as error:  # it ends the program where nobody answers
        if os.environ.get("MSRNET_DEBUG"):
            raise
        raise _no_cluster(address, error) from error
    try:
        yield Cluster()
    finally:
        ray.shutdown()


def _initialise(address: str) -> None:
    import ray

    settings: dict[str, Any] = {
        "log_to_driver": False,
        "configure_logging": False,
        "logging_level": logging.CRITICAL,
    }
    if address != "local":
        ray.init(address, **settings)
        return
    settings |= {"num_cpus": usable_cores(), "object_store_memory": _STORE_BYTES}
    os.environ.update(_USUAL | {n: os.environ[n] for n in _USUAL if n in os.environ})
    for attempt in range(_ATTEMPTS):
        try:
            with _no_way_out():
                ray.init(address, include_dashboard=False, **settings)
            return
        except Exception as error:  # Ray has no kind of its own for it
            if "timed out" not in str(error) or attempt + 1 == _ATTEMPTS:
                raise
            ray.shutdown()


class Cluster:
    """A cluster that this process has joined."""

    def __init__(self) -> None:
        import ray

        alive = (node for node in ray.nodes() if node["Alive"])
        self._nodes: list[dict[str, float]] = [node["Resources"] for node in alive]

    @property
    def nodes(self) -> int:
        """How many machines there are."""
        return len(self._nodes)

    def count(self, options: ClusterOptions) -> int:
        """How many actors are to be started: as asked for, else as many as fit.

        Raises:
            UsageError: No machine has what one asks for.
        """
        fitting = sum(_fitting(node, options) for node in self._nodes)
        if not fitting:
            cpus = max((node.get("CPU", 0) for node in self._nodes), default=0)
            gpus = max((node.get("GPU", 0) for node in self._nodes), default=0)
            raise UsageError(
                f"no node of Ray has {options.ray_cpus:g} CPUs and"
                f" {options.ray_gpus:g} GPUs: at most {cpus:g} and {gpus:g}",
                "ask for less with --ray-cpus and --ray-gpus",
            )
        return min(fitting, options.ray_actors or fitting)

    def actors(self, order: Order, options: ClusterOptions) -> Actors:
        """Starts actors for an order."""
        return _RayActors(order, options)


def _fitting(node: dict[str, float], options: ClusterOptions) -> int:
    """How many actors a machine takes."""
    wanted = {"CPU": options.ray_cpus, "GPU": options.ray_gpus}
    each = [int(node.get(kind, 0) / much) for kind, much in wanted.items() if much]
    return min(each, default=1)


class _RayActors:
    """As `Actors`."""

    def __init__(self, order: Order, options: ClusterOptions) -> None:
        import ray

        threads = str(max(1, int(options.ray_cpus)))
        self._environment = {"OMP_NUM_THREADS": threads} | _set_here(_PASSED_ON)
        self._proxies = _set_here(_PROXIES)
        self._order = order
        self._kind: Any = ray.remote(RayWorker).options(
            num_cpus=options.ray_cpus,
            num_gpus=options.ray_gpus,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )

    def start(self) -> Actor:
        return _RayActor(
            self._kind.remote(self._environment, self._proxies), self._order
        )

    def drop(self, actor: Actor) -> None:
        import ray

        assert isinstance(actor, _RayActor)
        with suppress(Exception):  # Ray itself may have gone
            ray.kill(actor.handle)

    def answered(self, actors: Sequence[Actor], seconds: float) -> list[Actor]:
        import ray

        asked = {each.pending: each for each in actors if isinstance(each, _RayActor)}
        ready, _ = ray.wait([*asked], num_returns=1, timeout=seconds)
        more, _ = ray.wait([*asked], num_returns=len(asked), timeout=0)
        answering = [asked[one] for one in dict.fromkeys((*ready, *more))]
        return [actor for actor in answering if actor.has_answered()]


class _RayActor:
    """As `Actor`.

    Attributes:
        handle: Ray's own.
        pending: What will hold the answer to the call; None without a call.
    """

    def __init__(self, handle: Any, order: Order) -> None:  # noqa: ANN401 Ray has no type
        self.handle = handle
        self.pending: Any = None
        self._order = order
        self._machine = handle.machine.remote()
        self._given: Any = None
        self._is_cut_off = False

    @property
    def is_asked(self) -> bool:
        return self.pending is not None

    def ask(self, call: Call, *args: object) -> None:
        given = (self._order,) if call == "load" else args
        self.pending = getattr(self.handle, call).remote(*given)

    def has_answered(self) -> bool:
        """Whether what is pending is an answer, or a death that is certain.

        An actor that cannot be reached is asked for a word until Ray knows its fate: of
        a machine that is lost it learns after a while.
        """
        import ray
        from ray.exceptions import ActorUnavailableError, RayError

        try:
            self._given = ray.get(self.pending)
        except ActorUnavailableError:
            time.sleep(_PAUSE)
            self._is_cut_off = True
            self.pending = self.handle.machine.remote()
            return False
        except RayError as error:  # told of where the answer is taken
            self._given = error
        return True

    def answer(self) -> Any:  # noqa: ANN401 as declared
        from ray.exceptions import RayError, RayTaskError

        given, self._given, self.pending = self._given, None, None
        if isinstance(given, RayTaskError):
            cause = given.cause
            raise RuntimeError(f"{type(cause).__name__}: {cause}") from given
        if isinstance(given, RayError):
            raise ActorLostError(_why(str(given)), self._lost_machine()) from given
        if self._is_cut_off:
            raise ActorLostError("the connection to it was cut for a while")
        return given

    def _lost_machine(self) -> str:
        """The name of the actor's machine if that is gone with it; else ""."""
        import ray
        from ray.exceptions import RayError

        try:
            number, name = ray.get(self._machine, timeout=0)
        except RayError:  # lost before it could tell
            return ""
        deadline = time.monotonic() + _NOTICING
        while any(each["NodeID"] == number and each["Alive"] for each in ray.nodes()):
            if time.monotonic() > deadline:
                return ""
            time.sleep(0.1)
        return name


def _why(text: str) -> str:
    """What Ray tells of a death, in short."""
    if "No module named 'msrnet" in text:
        return "msrnet is not installed there"
    for known, words in _DEATHS.items():
        if known in text:
            return words
    return next(iter(text.splitlines()), "the process is gone")


_DEATHS = {
    "OOM": "its machine had no memory left",
    "node has died": "its machine is gone",
    "node died": "its machine is gone",
    "worker process has died": "the process was killed, or crashed",
}


def _silence() -> None:
    """Keep Ray's own words off the terminal, and out of what programs read."""
    for name in ("ray", "ray._private.worker"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    with suppress(ImportError, AttributeError):
        # Errors of Ray would come on standard output, whatever `log_to_driver` says.
        from ray._private import worker

        worker._worker_logs_enabled = False


@contextmanager
def _muted() -> Iterator[None]:
    """Send standard error nowhere: Ray's compiled part writes there as it starts."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _no_way_out() -> Iterator[None]:
    """Keep processes that are started meanwhile from asking which cloud they are in.

    Ray asks the metadata services of three clouds over HTTP, also where its usage
    statistics are off. A proxy on this machine, where nobody listens, stops that.
    """
    before = _set_here(_PROXIES)
    for name in before:
        os.environ.pop(name, None)  # Windows has one name for both cases
    os.environ["http_proxy"] = NOWHERE
    try:
        yield
    finally:
        del os.environ["http_proxy"]
        os.environ.update(before)


def _set_here(names: Iterable[str]) -> dict[str, str]:
    """Those of some variables that are set in this process."""
    return {name: os.environ[name] for name in names if name in os.environ}


def _require_answer(address: str) -> None:
    """Refuse an address where nobody answers as Ray would: Ray tries for minutes."""
    host, colon, port = address.rpartition(":")
    if "://" in address or not colon or not port.isdecimal():
        raise UsageError(
            f"--ray-address {address} is not a host and a port",
            "write it as 10.0.0.5:6379; or auto, on a machine of the cluster",
        )
    try:
        where = (host.strip("[]"), int(port))
        with socket.create_connection(where, _REACHING) as link:
            link.settimeout(_REACHING)
            link.sendall(_GREETING)
            head = link.recv(4)
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, error) from error
    if len(head) < 4 or head[3] != _SETTINGS:
        raise _no_cluster(address, "what answers there is not Ray")


def _no_cluster(address: str, why: object) -> UsageError:
    line = next(iter(str(why).strip().splitlines()), type(why).__name__)
    if address == "local":
        return UsageError(f"Ray does not start: {line}", "look at /tmp/ray")
    if isinstance(why, SystemExit):
        line = "the head of the cluster does not answer"
    cause = why.__cause__ if isinstance(why, BaseException) else None
    if "authentication token" in f"{why} {cause}".lower():
        return UsageError(
            f"the cluster of Ray at {address} asks for a token",
            "set RAY_AUTH_MODE=token: Ray looks for it in ~/.ray/auth_token",
        )
    return UsageError(
        f"no cluster of Ray at {address}: {line}",
        "start one with: ray start --head; this machine must belong to it",
    )
