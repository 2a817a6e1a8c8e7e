"""Pictures reach a device and come back whole, also where many are under way."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from msrnet_cli.relight import transfer

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
    with transfer.lane(device):
        there = transfer.upload(sent, device)
        stack = transfer.stacked(sent, device).to(device, non_blocking=True)
        back = transfer.download(there)
        unstacked = transfer.download(list(stack))
    for one, placed, other, third in zip(sent, there, back, unstacked, strict=True):
        assert placed.device.type == device.type
        assert (other.device, other.dtype) == (CPU, kind)
        assert torch.equal(one, other)
        assert torch.equal(one, third)


@devices
def test_pictures_too_large_to_pin_come_through_too(device, monkeypatch):
    monkeypatch.setattr(transfer, "_MOST_PINNED", 100)
    sent = pictures(2, torch.uint8)
    with transfer.lane(device):
        back = transfer.download(transfer.upload(sent, device))
    assert all(map(torch.equal, sent, back))


@devices
def test_each_thread_has_a_lane_of_its_own(device):
    def there_and_back(number):
        sent = [torch.full((3, 300, 200), number, dtype=torch.uint8)] * 4
        with transfer.lane(device):
            computed = [one * 2 + 1 for one in transfer.upload(sent, device)]
            return transfer.download(computed)

    with ThreadPoolExecutor(4) as pool:
        for number, found in enumerate(pool.map(there_and_back, range(100))):
            assert all(bool((one == number * 2 + 1).all()) for one in found)


def test_nothing_is_copied_on_a_device_that_is_main_memory():
    sent = pictures(2, torch.uint8)
    found = transfer.download(transfer.upload(sent, CPU))
    assert [one.data_ptr() for one in found] == [one.data_ptr() for one in sent]
    assert transfer.lanes(CPU) == 1


def test_a_device_with_streams_of_its_own_is_fed_from_two_threads():
    assert transfer.lanes(torch.device("cuda")) == 2
