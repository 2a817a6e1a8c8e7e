"""Pictures reach a device and come back whole, also where many are under way."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from msrnet_cli.relight import device_copy

CPU = torch.device("cpu")
KINDS = (torch.uint8, torch.float32)

devices = pytest.mark.parametrize(
    "device",
    [
        CPU,
        pytest.param(
            torch.device("cuda"),
            marks=[
                pytest.mark.gpu,
                pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
            ],
        ),
    ],
)


def pictures(count, kind, size=(40, 60)):
    values = torch.randint(0, 256, (count, 3, *size), dtype=torch.uint8)
    return list(values if kind == torch.uint8 else values.to(kind) / 255)


@devices
@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_back_is_what_went(device, kind):
    sent = pictures(3, kind)
    with device_copy.lane(device):
        there = device_copy.upload(sent, device)
        stack = device_copy.stacked(sent, device).to(device, non_blocking=True)
        back = device_copy.download(there)
        unstacked = device_copy.download(list(stack))
    for one, placed, other, third in zip(sent, there, back, unstacked, strict=True):
        assert placed.device.type == device.type
        assert (other.device, other.dtype) == (CPU, kind)
        assert torch.equal(one, other)
        assert torch.equal(one, third)


@devices
def test_pictures_too_large_to_pin_come_through_too(device, monkeypatch):
    monkeypatch.setattr(device_copy, "_MOST_PINNED", 100)
    sent = pictures(2, torch.uint8)
    with device_copy.lane(device):
        back = device_copy.download(device_copy.upload(sent, device))
    assert all(map(torch.equal, sent, back))


@devices
def test_each_thread_has_a_lane_of_its_own(device):
    def there_and_back(number):
        sent = [torch.full((3, 300, 200), number, dtype=torch.uint8)] * 4
        with device_copy.lane(device):
            computed = [one * 2 + 1 for one in device_copy.upload(sent, device)]
            return device_copy.download(computed)

    with ThreadPoolExecutor(4) as pool:
        for number, found in enumerate(pool.map(there_and_back, range(100))):
            assert all(bool((one == number * 2 + 1).all()) for one in found)


def test_nothing_is_copied_on_a_device_that_is_main_memory():
    sent = pictures(2, torch.uint8)
    found = device_copy.download(device_copy.upload(sent, CPU))
    assert [one.data_ptr() for one in found] == [one.data_ptr() for one in sent]
    assert device_copy.lanes(CPU) == 1


def test_a_device_with_streams_of_its_own_is_fed_from_two_threads():
    assert device_copy.lanes(torch.device("cuda")) == 2
