"""Relighter: pictures in, relit pictures out, of any size, on any device.

Evaluation and the bench use the same class, so they measure what users get.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from msrnet_cli.lights.wish import Wish
from msrnet_cli.networks import ranges
from msrnet_cli.relight import adapters, lighting, soundness, turns
from msrnet_cli.relight.layers import Layers
from msrnet_cli.relight.lighting import Lighting
from msrnet_cli.relight.once import Once
from msrnet_cli.relight.options import DEFAULTS, NO_LIGHT
from msrnet_cli.relight.pipeline import Pipeline
from msrnet_cli.relight.records import UNNAMED, WeightsName
from msrnet_cli.relight.runner import Runner
from msrnet_cli.relight.suited import suited
from msrnet_cli.weights import find
from msrnet_cli.weights.file import load_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Unpack

    import numpy as np
    from PIL import Image
    from torch import Tensor, nn

    from msrnet_cli.config import WeightsCard
    from msrnet_cli.lights.options import LightKeywords, LightOptions
    from msrnet_cli.relight.options import SessionKeywords, SessionOptions
    from msrnet_cli.relight.records import Relit

    ImageT = TypeVar("ImageT", Image.Image, np.ndarray[Any, Any], Tensor)


class Relighter(Runner):
    """A network on a device, ready to relight.

    Safe to share between threads. Prints nothing.

    Args:
        network: From `msrnet_cli.networks`, any floating type; it is copied.
        card: The card of its weights.
        options: Where and how it runs.
        weights: What names the weights.
        pictures: About how many pictures will be relit, for the engine ``auto``.
        **keywords: Fields of `SessionOptions`, in place of those in `options`.

    Attributes:
        from_light: Light of the pictures that it takes, as ``6500_N``; "" for any.
        to_light: Light of the pictures that it gives, as ``4500_E``, or in words.
        light_recipe: All of the light that decides pixels, for JSON; None for none.

    Raises:
        DeviceError: The device does not exist, cannot compute in this format, does not
            have this engine, or does not have enough memory.
        UsageError: The working size is not valid.
    """

    def __init__(
        self,
        network: nn.Module,
        card: WeightsCard,
        options: SessionOptions = DEFAULTS,
        *,
        weights: WeightsName = UNNAMED,
        pictures: int = 1,
        **keywords: Unpack[SessionKeywords],
    ) -> None:
        super().__init__(
            network, card, options, weights=weights, pictures=pictures, **keywords
        )
        self._for_lights: Once[Relighter] | None = None
        self._put(Lighting())

    def __reduce__(
        self,
    ) -> tuple[Callable[..., Relighter], tuple[Any, ...], dict[str, Any]]:
        """Copies, also in other processes, choose anew: engines cannot be pickled."""
        options = replace(
            self._options, device=str(self.device), work_size=self.work_size
        )
        make = partial(type(self), weights=self.weights, pictures=self._pictures)
        state = {"_lighting": self._lighting, "_for_lights": self._for_lights}
        return make, (self._session.plain, self.card, options), state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Put the light of the original."""
        self.__dict__.update(state)
        self._put(self._lighting)

    @classmethod
    def load(
        cls,
        spec: str | Path | None = None,
        options: SessionOptions = DEFAULTS,
        *,
        light: LightOptions = NO_LIGHT,
        pictures: int = 1,
        **keywords: Unpack[SessionKeywords],
    ) -> Relighter:
        """Load weights and make them ready.

        Args:
            spec: A built-in name, a path, or ``hf://owner/repo[@revision][/file]``;
                None for the built-in default, whose light is the paper's turn, see
                `relight.suited`. Any other light is by weights that paint layers.
            options: Where and how the network runs.
            light: The light to put, see `with_light`.
            pictures: About how many pictures will be relit, where that is known.
            **keywords: Fields of `SessionOptions`, in place of those in `options`:
                ``device``, ``dtype``, ``engine``, ``work_size``,
                ``self_ensemble``, ``offline``.

        Raises:
            WeightsError: The weights are missing or malformed, or their answer to a
                test picture makes no sense.
            DeviceError: The device does not exist, cannot compute in this format, does
                not have this engine, or does not have enough memory.
            UsageError: The working size is not valid; or as for `with_light`.
        """
        options = replace(options, **keywords)
        any_light = find.for_light() if spec is None else None
        if any_light and not light.is_plain:
            spec, any_light = any_light.name, None
        found = load_weights(spec, offline=options.offline)
        card = found.card
        name = WeightsName(find.name_of(spec), found.sha256)
        relighter = cls(found.network(), card, options, weights=name, pictures=pictures)
        painted = ranges.of(card.model).painted(relighter._session.probe.exact[0])
        soundness.require_sense(painted, found.path)
        if any_light:
            load = partial(cls.load, any_light.name, options, pictures=pictures)
            relighter._for_lights = Once(load)
        return relighter.with_light(light)

    def with_light(self, light: LightOptions) -> Relighter:
        """A relighter that puts this light; it shares all that was loaded.

        Args:
            light: As for `msrnet relight`. With nothing asked for, weights make the
                turn that they were made for.

        Raises:
            UsageError: The light is not valid, the picture whose light is wanted cannot
                be read, or these weights paint only their own light.
        """
        home = self._stage() if self._for_lights and not light.is_plain else self
        resolved = lighting.resolved(light, lambda path: home.layers(path).source())
        other = object.__new__(type(self))
        other.__dict__.update(home.__dict__)
        return other._put(resolved)

    @overload
    def relight(
        self, image: ImageT, *, second: object = ..., **light: Unpack[LightKeywords]
    ) -> ImageT: ...
    @overload
    def relight(
        self, image: str | Path, *, second: object = ..., **light: Unpack[LightKeywords]
    ) -> Image.Image: ...
    @overload
    def relight(
        self,
        image: Sequence[ImageT],
        *,
        second: Sequence[Any] | None = None,
        **light: Unpack[LightKeywords],
    ) -> list[ImageT]: ...
    def relight(
        self, image: Any, *, second: Any = None, **light: Unpack[LightKeywords]
    ) -> Any:
        """Relight one picture, or a sequence of them, each of any kind and size.

        - PIL image: any mode a file can have; orientation and colour profile are
          applied, transparency is kept. Comes back upright, RGB (or L where a grey
          picture stays neutral), with A where it had transparency.
        - Path of a picture file: gives a PIL image.
        - NumPy array: H W, H W 3, H W 4 or B H W 3, uint8, uint16, or floats in
          [0, 1], sRGB. Comes back in the same type; H W becomes H W 3.
        - Tensor: 3 H W or B 3 H W, uint8 or floats in [0, 1], sRGB. Comes back in the
          same type on the same device.

        Args:
            image: The picture or pictures.
            second: For weights that see two pictures of a scene: the other, or others.
            **light: Fields of `LightOptions`, such as ``to="W"``: a light for this call
                in place of the relighter's own.

        Raises:
            PictureError: A value outside its range, a shape or mode not supported, a
                file that cannot be read, two that differ in size, or not enough memory.
            UsageError: As for `with_light`; or `second` does not fit the weights.
            TypeError: Not a picture.
        """
        if light:
            lit = self.with_light(lighting.options(light))
            return lit.relight(image, second=second)
        if isinstance(image, list | tuple):
            both = adapters.beside(image, second)
            return [self.relight(one, second=other) for one, other in both]
        opened = adapters.opened(image)
        guides = () if second is None else adapters.opened(second).pictures
        return opened.back(self._pipeline.relight(opened, guides))

    __call__ = relight

    def layers(self, image: ImageT | str | Path) -> Layers:
        """The layers of one picture of any kind, see `relight`.

        Raises:
            UsageError: These weights paint no layers.
            PictureError: As for `relight`; or more than one picture.
            TypeError: Not a picture.
        """
        return self._stage()._pipeline.layers(adapters.opened(image))

    def run(
        self,
        batch: Sequence[Tensor],
        guides: Sequence[Tensor] = (),
        *,
        deep: bool = False,
        masks: Sequence[Tensor | None] = (),
    ) -> Relit:
        """Relight pictures of one size together; the folder job calls this.

        Args:
            batch: Each 3 H W, sRGB, on the CPU: float32 in [0, 1] or uint8; all of one
                size and type.
            guides: For each of them G H W, of its size, uint8 or float32 in [0, 1],
                where the architecture takes a guide; for weights that see two pictures,
                the second.
            deep: Whether more than 8 bits matter. bfloat16 has only 8, so such pictures
                are computed in float32, unless a format was asked for by name.
            masks: For each of them H W, float32 in [0, 1], the share of the change that
                shows; None for all of it.
        """
        return self._pipeline.run(batch, guides, masks, deep=deep)

    def fan(
        self, picture: Tensor, *, deep: bool = False, mask: Tensor | None = None
    ) -> Callable[[str], Tensor]:
        """One picture under light from any of the eight directions, painted once.

        Args:
            picture: As in `run`.
            deep: As in `run`.
            mask: H W, as in `run`.

        Returns:
            Takes one of `lights.DIRECTIONS`, and gives 3 H W of the picture's type.

        Raises:
            UsageError: These weights paint no layers.
            PictureError: The picture cannot be painted.
        """
        return self._stage()._pipeline.fan(
            picture, self._lighting.wish or Wish(), mask, deep=deep
        )

    def _stage(self) -> Relighter:
        """The relighter that paints layers: this one, or that of the weights for it."""
        if self.architecture.paints_layers:
            return self
        if self._for_lights is None:
            raise turns.only_one_light(self.card)
        return self._for_lights()

    def _put(self, light: Lighting) -> Relighter:
        """Make this light that of the relighter, which is nobody's yet."""
        turn = turns.choose(self.card, light.wish)
        self.from_light = "" if light.wish or self._for_lights else self.card.from_light
        self.to_light = light.told or turns.own_light(self.card)
        self.light_recipe = light.recipe
        self.notes = self._session.notes + light.notes
        self.others_work_size = None
        self._lighting = light
        self._pipeline = Pipeline(self._painter, turn, light.finish)
        if self._for_lights and light.wish is None:
            others = self._for_lights()
            self.others_work_size = others.work_size
            self._pipeline = suited(self._pipeline, self.card, others._painter)
            self.light_recipe = (light.recipe or {}) | {"others": others.digest}
        return self
