"""Relighter: pictures in, relit pictures out, of any size, on any device.

Working size, padding, number format, batching, tiles and the guards against wrong
output live here, and nowhere else, so that what is evaluated and timed is what users
get.
"""

from __future__ import annotations

import copy
import math
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar, overload

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from msrnet_cli import engines, hardware, images
from msrnet_cli.config import SMALLEST_WORK_SIZE, WORK_SIZE
from msrnet_cli.engines import AGREEMENT_DB
from msrnet_cli.errors import DeviceError, PictureError, UsageError, WeightsError
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.layers import mix
from msrnet_cli.lights import read_light
from msrnet_cli.networks import architecture
from msrnet_cli.networks.spec import COLOURS, Inputs
from msrnet_cli.relight import carry, scaling, tiling, transfer
from msrnet_cli.relight.records import Relit
from msrnet_cli.weights.file import load_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from torch import nn

    from msrnet_cli.config import Dtype, Engine, WeightsCard, WorkSize

    ImageT = TypeVar("ImageT", Image.Image, np.ndarray[Any, Any], Tensor)

_PAPERS_LIGHT = "4500_E"
_PROBE_SIZE = 48
_BATCH_MEGAPIXELS = {"cuda": 8.0, "cpu": 0.25, "mps": 2.0}
_MAX_BATCH = 32
# On a CPU a batch takes 0 to 10 % less than its pictures one by one. For large pictures
# that is little beside the rest, and each that is done is kept and counts as progress.
_ALONE_MEGAPIXELS = 2.0
_SLOW = 1.5  # times as long as fp32
_MOST_PAINTED = 1e3  # far above what any training leaves, far below an overflow
_WHOLE_UP_TO = 1.25  # times the working size: reducing such pictures gains little
_TILE_SHARE = 0.8  # of the memory that is free; the rest is for the result


class Relighter:
    """A network on a device, ready to relight.

    Safe to share between threads. Prints nothing.

    Args:
        network: From `msrnet_cli.networks`, any floating type; it is copied.
        card: What its weights say about themselves; the value range is used.
        device: As for `hardware.choose_device`.
        dtype: ``auto`` is bfloat16 where the hardware computes it natively, on a CPU a
            short trial finds it to be faster, and the output agrees with float32 to
            `AGREEMENT_DB`; else float32.
        work_size: Longer side of what the network sees. Larger pictures are reduced to
            it, and the change of light is carried to their full size. ``full`` runs
            the network on everything but very thin pictures, see `working_size`; None
            does what the weights ask for.
        digest: Names the weights in journals.
        engine: How the network is run; ``auto`` weighs the start of an engine against
            what is to be done.
        pictures: About how many there will be to relight, for ``auto``.

    Attributes:
        engine: The engine that was chosen.
        notes: What ``auto`` would have taken, and why it did not.

    Raises:
        DeviceError: The device does not exist, cannot compute in this format, or has
            no such engine.
        UsageError: The working size is none.
    """

    def __init__(
        self,
        network: nn.Module,
        card: WeightsCard,
        *,
        device: str = "auto",
        dtype: Dtype = "auto",
        work_size: WorkSize | None = None,
        digest: str = "",
        engine: Engine = "auto",
        pictures: int = 1,
    ) -> None:
        self.card = card
        self.digest = digest
        self.work_size = _checked(work_size) or card.work_size or WORK_SIZE
        self.device = hardware.choose_device(device)
        self.architecture = architecture(card.model.arch)
        with torch.inference_mode(False):  # what is kept must serve outside of it
            self._plain = copy.deepcopy(network).eval().requires_grad_(False)
        self._asked: dict[str, Any] = {
            "dtype": dtype,
            "engine": engine,
            "pictures": pictures,
        }
        self._free_to_choose = dtype == "auto"
        self._lock = threading.Lock()
        # On CUDA one batch is computed at a time, in all memory that is free.
        self._turn = threading.RLock() if self.device.type == "cuda" else nullcontext()
        self._wanted: Tensor | None = None
        if self.architecture.paints_layers:
            self._wanted = mix.of_light(read_light(card.to_light or _PAPERS_LIGHT))
        probe = _probe(self.architecture.multiple, self.architecture.guide)
        probe = Inputs(probe.image - card.model.offset, probe.guide)
        probe = probe.map(lambda given: given.to(self.device))
        self._probe = engines.Probe(lambda: self._plain_in(torch.float32), probe)
        self.dtype, ready, refused = self._choose(dtype, engine)
        self.engine, self._network = ready.engine, ready.network
        self.notes = tuple(
            filter(None, (refused, ready.note, self._slowness(dtype), _wait(engine)))
        )
        self._exact = ready.network if self.dtype == torch.float32 else None

    def __getstate__(self) -> dict[str, Any]:
        """What a copy in another process is made from: engines do not travel."""
        return {
            "network": self._plain,
            "card": self.card,
            "device": str(self.device),
            "work_size": self.work_size,
            "digest": self.digest,
            **self._asked,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @classmethod
    def load(
        cls,
        spec: str | Path | None = None,
        *,
        device: str = "auto",
        dtype: Dtype = "auto",
        work_size: WorkSize | None = None,
        offline: bool = False,
        engine: Engine = "auto",
        pictures: int = 1,
    ) -> Relighter:
        """Load weights and make them ready.

        Args:
            spec: A built-in name, a path, or ``hf://owner/repo[@revision][/file]``;
                None for the built-in default.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
            dtype: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
            work_size: Longer side of what the network sees, or ``full``; None does
                what the weights ask for.
            offline: Never use the network.
            engine: ``auto``, ``eager``, ``fused`` (CPU), ``graph`` or ``tuned``
                (CUDA), or ``compiled``.
            pictures: About how many there will be to relight, where that is known.

        Raises:
            WeightsError: The weights are missing or malformed, or what they paint makes
                no sense.
            DeviceError: The device does not exist, or has no such engine.
        """
        found = load_weights(spec, offline=offline)
        relighter = cls(
            found.network(),
            found.card,
            device=device,
            dtype=dtype,
            work_size=work_size,
            digest=found.sha256,
            engine=engine,
            pictures=pictures,
        )
        relighter._require_sense(found.path)
        return relighter

    @overload
    def relight(self, image: ImageT) -> ImageT: ...
    @overload
    def relight(self, image: Sequence[ImageT]) -> list[ImageT]: ...
    def relight(self, image: Any) -> Any:
        """Relight one picture, or a sequence of them, each of any kind and size.

        - PIL image: any mode a file can have; orientation and colour profile are
          applied, transparency is kept. Comes back upright, RGB (or L where a grey
          picture stays neutral), with A where it had transparency.
        - NumPy array: H W, H W 3, H W 4 or B H W 3, uint8, uint16, or floats in
          [0, 1], sRGB. Comes back in the same type; H W becomes H W 3.
        - Tensor: 3 H W or B 3 H W, uint8 or floats in [0, 1], sRGB. Comes back in the
          same type on the same device.

        Raises:
            PictureError: A value outside its range, a shape or mode not supported, or
                not enough memory.
            TypeError: Not a picture.
        """
        if isinstance(image, list | tuple):
            return [self.relight(one) for one in image]
        if isinstance(image, Image.Image):
            picture = images.from_pil(image)
            (relit,) = self._all([picture.pixels], deep=picture.encoding.depth > 8)
            return images.to_pil(picture, relit)
        if isinstance(image, Tensor):
            return self._relight_tensor(image)
        if hasattr(image, "__array_interface__"):
            return self._relight_array(image)
        raise TypeError(f"cannot relight a {type(image).__name__}")

    def run(
        self,
        batch: Sequence[Tensor],
        guides: Sequence[Tensor] = (),
        *,
        deep: bool = False,
    ) -> Relit:
        """Relight pictures of one size together; the folder job's way in.

        Args:
            batch: Each 3 H W, sRGB, on the CPU: float32 in [0, 1] or uint8; all of one
                size and type.
            guides: For each of them G H W, float32, where the architecture takes a
                guide.
            deep: More than 8 bits matter. bfloat16 has no more than that, so these are
                computed in float32, unless a format was asked for by name.
        """
        notes: list[str] = []
        try:
            with transfer.lane(self.device):
                outputs = self._outputs(batch, guides, notes, deep=deep)
        except (RuntimeError, MemoryError) as error:
            if not hardware.is_out_of_memory(error):
                raise
            outputs = [carry.no_room(one) for one in batch]
        return Relit(tuple(outputs), tuple(dict.fromkeys(notes)))

    def _outputs(
        self,
        batch: Sequence[Tensor],
        guides: Sequence[Tensor],
        notes: list[str],
        *,
        deep: bool,
    ) -> list[Tensor | PictureError]:
        """As `run`, but memory may run out."""
        network = self._suited(notes, deep=deep)
        height, width = batch[0].shape[-2:]
        size = self.working_size(width, height)
        reduced = [] if size is None else carry.reduced(batch, size, self.device)
        if size is not None:
            guides = [scaling.reduce(one, *size) for one in guides]
            if self.work_size == "full":
                notes.append(f"so thin that the network saw it at {size[0]}x{size[1]}")
        seen = [one.seen for one in reduced] or batch
        together = Inputs(
            transfer.stacked(seen, self.device),
            torch.stack(list(guides)) if guides else None,
        )
        with self._turn:
            outputs = self._attempt(network, together, notes)
        if size is None:
            return _returned([_in_type(o, batch[0].dtype) for o in outputs])
        return _returned(
            [
                relit if isinstance(relit, PictureError) else one.carry(relit)
                for one, relit in zip(reduced, outputs, strict=True)
            ]
        )

    def working_size(self, width: int, height: int) -> tuple[int, int] | None:
        """Width and height at which the network sees a picture; None for its own.

        A thin picture, whose shorter side the network would have to fill up to many
        times its own, is seen smaller, also with a working size of ``full``: see
        `tiling.longest_side`.
        """
        side = max(width, height)
        longest = tiling.longest_side(height, width, self.architecture.multiple)
        if self.work_size != "full" and side > _WHOLE_UP_TO * self.work_size:
            longest = min(longest, self.work_size)
        if side <= longest:
            return None
        return scaling.reduced_size(width, height, longest)

    @property
    def network(self) -> nn.Module:
        """The network as it runs here: B 3 H W to the same, float32 on the device.

        For computing only: most engines give no gradients.
        """
        return self._network

    def paint(self, pictures: Tensor) -> Tensor:
        """All that the network paints, at the size that the pictures have.

        Args:
            pictures: B 3 H W in [0, 1].

        Returns:
            B C H W in [0, 1] on the CPU, as the architecture orders its outputs.
        """
        return self._run_network(self._network, Inputs(pictures)).clamp_(0, 1).cpu()

    @property
    def lanes(self) -> int:
        """From how many threads `run` is worth calling at a time."""
        return transfer.lanes(self.device)

    def batch_size(self, width: int, height: int) -> int:
        """How many pictures of a size are worth running together on this device."""
        if self.device.type == "cpu" and width * height > _ALONE_MEGAPIXELS * 1e6:
            return 1
        width, height = self.working_size(width, height) or (width, height)
        budget = _BATCH_MEGAPIXELS[self.device.type] * 1e6
        pixels = _filled(width, height, self.architecture.multiple)
        return max(1, min(_MAX_BATCH, int(budget // pixels)))

    def _all(self, pictures: Sequence[Tensor], *, deep: bool) -> list[Tensor]:
        """Relight 3 H W pictures of one size; raises where one fails."""
        outputs: list[Tensor] = []
        height, width = pictures[0].shape[-2:]
        count = self.batch_size(width, height)
        for start in range(0, len(pictures), count):
            relit = self.run(pictures[start : start + count], deep=deep)
            outputs += relit.pictures()
        return outputs

    def _relight_tensor(self, image: Tensor) -> Tensor:
        batch = image[None] if image.ndim == 3 else image
        if batch.ndim != 4 or batch.shape[1] != 3 or 0 in batch.shape:
            shape = list(image.shape)
            raise PictureError(f"a tensor of shape {shape}", "give 3 H W or B 3 H W")
        deep = batch.dtype in (torch.float32, torch.float64)
        relit = torch.stack(self._all(list(_checked_pixels(batch)), deep=deep))
        relit = relit.to(image.device, image.dtype)
        return relit[0] if image.ndim == 3 else relit

    def _relight_array(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        import numpy as np

        if array.ndim == 4 and len(array):
            return np.stack([self._relight_array(one) for one in array])
        if array.ndim == 2:
            array = np.stack([array] * 3, -1)
        if array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
            raise PictureError(
                f"an array of shape {array.shape}", "give H W, H W 3 or 4, or B H W 3"
            )
        # A copy in this machine's byte order: torch takes no other, and may write.
        native = array.dtype.newbyteorder("=")
        colours = array[..., :3].transpose(2, 0, 1).astype(native, order="C")
        if native == np.uint16:
            deep = torch.from_numpy(colours.astype(np.float32)) / 65535
            (relit,) = self._all([deep], deep=True)
            levels = (relit * 65535).round()
        else:
            levels = self._relight_tensor(torch.from_numpy(colours))
        out = levels.permute(1, 2, 0).contiguous().numpy()
        return np.concatenate((out, array[..., 3:]), 2).astype(array.dtype)

    def _suited(self, notes: list[str], *, deep: bool) -> nn.Module:
        """The network in a number format that holds what the picture has."""
        if not deep or self.dtype == torch.float32:
            return self._network
        if self._free_to_choose:
            return self._in_float32()
        name = hardware.dtype_name(self.dtype)
        notes.append(f"computed in {name}: only about 8 bits of its depth count")
        return self._network

    def _attempt(
        self, network: nn.Module, inputs: Inputs, notes: list[str]
    ) -> list[Tensor | PictureError]:
        """Run a batch; where memory runs out, its halves, one by one, in tiles."""
        try:
            self._require_memory(network, inputs.image)
            return self._guarded(network, inputs, notes)
        except (RuntimeError, MemoryError) as error:
            if not hardware.is_out_of_memory(error):
                raise
        if self.device.type == "cuda":
            for one in filter(None, (self._exact, self._network)):
                engines.release(one)
            torch.cuda.empty_cache()
        count = len(inputs.image)
        if count > 1:
            notes.append(f"memory ran out: batch of {count} split")
            halves = (slice(None, count // 2), slice(count // 2, None))
            first, second = map(inputs.part, halves)
            outputs = self._attempt(network, first, notes)
            return outputs + self._attempt(network, second, notes)
        return self._in_tiles(network, inputs, notes)

    def _in_tiles(
        self, network: nn.Module, inputs: Inputs, notes: list[str]
    ) -> list[Tensor | PictureError]:
        """Run one picture in the largest tiles that fit."""
        multiple, halo = self.architecture.multiple, self.architecture.reach
        image = inputs.image
        height, width = (side + -side % multiple for side in image.shape[-2:])
        free = hardware.free_bytes(self.device) or 0
        pixels = int(_TILE_SHARE * free / self._bytes_per_pixel(network))
        core = None
        if halo is not None:  # else a tile would see less than the whole does
            core = tiling.largest_core(height, width, halo, pixels, multiple)
        if halo is None or core is None:
            return [self._too_large(network, image, pixels)]
        try:
            outputs = self._guarded(network, inputs, notes, core)
        except (RuntimeError, MemoryError) as error:
            if not hardware.is_out_of_memory(error):
                raise
            return [self._too_large(network, image, pixels // 2)]
        count = len(list(tiling.cut(height, width, core, halo)))
        notes.append(f"memory is short: run in {count} tiles, with the same result")
        return outputs

    def _guarded(
        self,
        network: nn.Module,
        inputs: Inputs,
        notes: list[str],
        core: int | None = None,
    ) -> list[Tensor | PictureError]:
        relit = self._forward(network, inputs, core)
        outputs: list[Tensor | PictureError] = list(relit)
        for index, is_sound in enumerate(_are_sound(relit, inputs.image)):
            if is_sound:
                continue
            one = inputs.part(slice(index, index + 1))
            if network is not self._in_float32():
                notes.append("an unsound output was computed again in fp32")
                relit = self._forward(self._in_float32(), one, core)
                (outputs[index],) = relit
                (is_sound,) = _are_sound(relit, one.image)
            if not is_sound:
                outputs[index] = PictureError(
                    "the network's output is not finite or is one flat colour",
                    "check the weights: msrnet weights verify",
                )
        # The network's values are limited only here, after they were checked.
        return [o.clamp_(0, 1) if isinstance(o, Tensor) else o for o in outputs]

    def _forward(
        self, network: nn.Module, inputs: Inputs, core: int | None = None
    ) -> Tensor:
        """Relit pictures: B 3 H W, float32 in about [0, 1].

        Args:
            network: In any number format.
            inputs: In main memory, or reduced on the device.
            core: Side of the tiles to run it in; None for the whole.

        Returns:
            On the device; of tiles, in main memory.
        """
        if core is None:
            return self._relit(self._run_network(network, inputs))
        height, width = inputs.image.shape[-2:]
        padded = inputs.map(lambda x: self._padded(unit(x)))
        count, _, rows, columns = padded.image.shape
        output = torch.empty(count, COLOURS, rows, columns)
        for tile in tiling.cut(rows, columns, core, self.architecture.reach or 0):
            part = padded.part(..., *tile.window)
            relit = self._relit(self._run_network(network, part))
            output[..., *tile.target] = relit[..., *tile.inner]
        return output[..., :height, :width]

    def _run_network(self, network: nn.Module, inputs: Inputs) -> Tensor:
        """What the network paints: B C H W in about [0, 1]; pictures may be uint8."""
        height, width = inputs.image.shape[-2:]
        offset = self.card.model.offset
        # no_grad, not inference_mode: callers may go on computing with the result.
        with torch.no_grad():
            placed = inputs.map(lambda x: unit(x.to(self.device, non_blocking=True)))
            seen = Inputs(placed.image - offset, placed.guide).map(self._padded)
            return network(*seen.tensors)[..., :height, :width] + offset

    def _relit(self, painted: Tensor) -> Tensor:
        """Pictures, B 3 H W, out of what was painted; not finite where that is not."""
        if self._wanted is None:
            return painted
        sound = painted.isfinite().flatten(1).all(1)
        layers = mix.of_outputs(painted.clamp(0, 1))
        relit = torch.stack([mix.painted(one, self._wanted) for one in layers])
        return relit.where(sound[:, None, None, None], torch.nan)

    def _padded(self, x: Tensor) -> Tensor:
        return pad_to_multiple(x, self.architecture.multiple)

    def _slowness(self, asked: Dtype) -> str:
        """A note where the number format that was asked for is slow here; "" else."""
        if self.device.type != "cpu" or asked == "auto" or self.dtype == torch.float32:
            return ""
        times = hardware.times_as_long(self.dtype)
        if times < _SLOW:
            return ""
        return (
            f"{asked} takes about {times:.0f} times as long as fp32 on this CPU:"
            " --dtype auto takes the faster"
        )

    def _require_sense(self, path: Path) -> None:
        """Refuse weights whose answer to a test picture no training could have meant.

        Weights that have hardly been trained, or start as the identity, pass: what they
        paint lies within a few times the range of pictures.

        Raises:
            WeightsError: It is not finite, far outside of that range, or flat.
        """
        painted = self._probe.exact[0] + self.card.model.offset
        most = painted.abs().max().item()
        if not most <= _MOST_PAINTED:  # nor where it is nan
            what = f"paints values up to {most:.0e}, for pictures from 0 to 1"
        elif _is_flat(self._relit(painted.to(self.device)).clamp(0, 1)).all():
            what = "paints one flat colour"
        else:
            return
        raise WeightsError(
            f"weights {path}: on a test picture their network {what}",
            "these values are damaged, or their training failed: use other weights, or"
            " fetch or export the file again",
        )

    def _plain_in(self, dtype: torch.dtype) -> nn.Module:
        """The plain network on the device and in a number format; a copy if need be."""
        first = next(self._plain.parameters())
        if (first.device, first.dtype) == (self.device, dtype):
            return self._plain
        return copy.deepcopy(self._plain).to(self.device, dtype)

    def _made(self, dtype: torch.dtype, engine: Engine) -> engines.Ready:
        side = WORK_SIZE if self.work_size == "full" else self.work_size
        with torch.inference_mode(False), torch.no_grad():
            return engines.make(
                self._plain_in(dtype),
                engine,
                self._probe,
                self._asked["pictures"] * side**2,
            )

    def _in_float32(self) -> nn.Module:
        """The network in float32, made when it is first needed."""
        with self._turn, self._lock:
            if self._exact is None:
                # Compiling is for the number format of most pictures.
                asked = self._asked["engine"]
                engine: Engine = "auto" if asked == "compiled" else asked
                self._exact = self._made(torch.float32, engine).network
                transfer.settle(self.device)
            return self._exact

    def _choose(
        self, dtype: Dtype, engine: Engine
    ) -> tuple[torch.dtype, engines.Ready, str]:
        """The number format, the network in it, and why it is not a faster one."""
        wanted = (
            hardware.preferred_dtype(self.device)
            if dtype == "auto"
            else hardware.DTYPES[dtype]
        )
        name = hardware.dtype_name(wanted)
        if wanted == torch.float32:
            return wanted, self._made(wanted, engine), ""
        try:
            ready = self._made(wanted, engine)
            agreement = ready.agreement
            if agreement is None:
                agreement = self._probe.agreement(ready.network)
        except RuntimeError as error:
            raise DeviceError(
                f"{self.device} cannot compute in {name} ({error})", "use --dtype fp32"
            ) from error
        if dtype == "auto" and not agreement >= AGREEMENT_DB:
            refused = f"fp32, for {name}: {engines.disagreement(agreement)}"
            return torch.float32, self._made(torch.float32, engine), refused
        return wanted, ready, ""

    def _require_memory(self, network: nn.Module, batch: Tensor) -> None:
        if not hardware.has_room(self._needed(network, batch), self.device):
            # Raised before trying: where memory is overcommitted, trying would have
            # the operating system kill the whole run.
            raise MemoryError

    def _needed(self, network: nn.Module, batch: Tensor) -> int:
        height, width = batch.shape[-2:]
        pixels = len(batch) * _filled(width, height, self.architecture.multiple)
        return int(pixels * self._bytes_per_pixel(network))

    def _bytes_per_pixel(self, network: nn.Module) -> float:
        dtype = self.dtype if network is self._network else torch.float32
        name = hardware.dtype_name(dtype)
        return self.architecture.memory(name, self.card.model.channels)

    def _too_large(
        self, network: nn.Module, image: Tensor, pixels: int
    ) -> PictureError:
        """Say what a picture needs, and which working size so many pixels allow."""
        height, width = image.shape[-2:]
        free = hardware.free_bytes(self.device)
        have = "" if free is None else f", {free / 1e9:.1f} GB are free"
        needed = self._needed(network, image) / 1e9
        longest = max(height, width)
        scale = (pixels / (height * width)) ** 0.5
        # Close to its own size a picture would run whole all the same.
        fits = int(longest * min(scale, 0.99 / _WHOLE_UP_TO))
        fits -= fits % self.architecture.multiple
        size = f"--work-size {fits} fits" if fits else "close other programs"
        return PictureError(
            f"{width}x{height} needs about {needed:.1f} GB of memory{have}",
            f"{size}, or use another device",
        )


def _checked(work_size: WorkSize | None) -> WorkSize | None:
    if work_size is None or work_size == "full":
        return work_size
    if type(work_size) is not int or work_size < SMALLEST_WORK_SIZE:
        raise UsageError(
            f"working size {work_size!r}",
            f"give full, or pixels from {SMALLEST_WORK_SIZE} on",
        )
    return work_size


def _wait(engine: Engine) -> str:
    """A note where an engine that was asked for makes people wait; "" else."""
    if engine != "compiled":
        return ""
    return "engine compiled: each new size of pictures is compiled first, for a minute"


def _filled(width: int, height: int, multiple: int) -> int:
    """The pixels of a picture with both sides filled up to multiples."""
    return (width + -width % multiple) * (height + -height % multiple)


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Enlarge B C H W to the right and below until both sides are multiples.

    By reflection; where a side is too short for that, the rest by replication. A size
    that already fits is returned as it is.
    """
    for axis in (-1, -2):
        size = image.shape[axis]
        missing = -size % multiple
        reflected = min(missing, size - 1)
        for amount, mode in (
            (reflected, "reflect"),
            (missing - reflected, "replicate"),
        ):
            if amount:
                sides = (0, amount, 0, 0) if axis == -1 else (0, 0, 0, amount)
                image = F.pad(image, sides, mode=mode)
    return image


def _are_sound(relit: Tensor, batch: Tensor) -> list[bool]:
    """Of each picture: finite, and not one flat colour where the source is none.

    Asked once for all of them, since an answer has to wait for the device.
    """
    finite = relit.isfinite().flatten(1).all(1)
    may_be_flat = _is_flat(batch).to(relit.device, non_blocking=relit.is_cuda)
    return (finite & (may_be_flat | ~_is_flat(relit.clamp(0, 1)))).tolist()


def _is_flat(batch: Tensor) -> Tensor:
    """Whether each picture of B 3 H W has one value in each colour."""
    return (batch.amax((-1, -2)) == batch.amin((-1, -2))).all(1)


def _probe(multiple: int, guide: int) -> Inputs:
    """A fixed test picture: smooth colours, an edge, and fine texture; B 3 H W.

    Args:
        multiple: Of which its sides are to be.
        guide: Channels of the guide that it is to have.
    """
    side = math.ceil(_PROBE_SIZE / multiple) * multiple
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(COLOURS, 12, 12, generator=generator)
    smooth = F.interpolate(noise[None], size=side, mode="bicubic")
    smooth[..., side // 2 :] *= 0.2
    smooth[..., ::2, ::2] += 0.05
    more = torch.rand(1, guide, side, side, generator=generator) if guide else None
    return Inputs(smooth.clamp(0, 1), more)


def _checked_pixels(values: Tensor) -> Tensor:
    """Uint8, or floats in [0, 1], to uint8 or float32 on the CPU."""
    if values.dtype == torch.uint8:
        return values.cpu()
    if not values.is_floating_point():
        raise PictureError(f"pixels of type {values.dtype}", "give uint8 or floats")
    values = values.detach().cpu().float()
    if not bool(((values >= 0) & (values <= 1)).all()):
        raise PictureError("values outside [0, 1]", "scale and clamp them first")
    return values


def _in_type(
    output: Tensor | PictureError, dtype: torch.dtype
) -> Tensor | PictureError:
    """What the network made of a picture, in the type that came in."""
    if isinstance(output, Tensor) and dtype == torch.uint8:
        return quantise(output, 8)
    return output


def _returned(outputs: Sequence[Tensor | PictureError]) -> list[Tensor | PictureError]:
    """Results, in main memory."""
    relit = iter(transfer.download([o for o in outputs if isinstance(o, Tensor)]))
    return [next(relit) if isinstance(o, Tensor) else o for o in outputs]
