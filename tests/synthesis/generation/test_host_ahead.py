"""Copies that the host does not wait for, with devices that stand in for a GPU."""

import copy

import pytest
import torch

from cood.synthesis.generation import host_ahead as module
from cood.synthesis.generation.diffusion import generate
from cood.synthesis.generation.host_ahead import host_ahead, place_without_waiting

META = torch.device("meta")


@pytest.fixture
def sent(monkeypatch):
    """What was sent, by a way that needs no GPU."""
    found = []

    def send(tensor, device):
        found.append((tensor.dtype, device.type))
        return tensor.to(device, copy=True)

    monkeypatch.setattr(module, "send", send)
    return found


def test_only_copies_to_the_device_are_sent_and_as_they_were_asked_for(sent):
    numbers, there = torch.arange(3), torch.zeros(1, dtype=torch.float16, device=META)
    with host_ahead(META):
        copies = [
            numbers.to("meta"),
            numbers.to(META, torch.float64),
            numbers.to(device=META, dtype=torch.float32, non_blocking=False),
            numbers.to(there),
        ]
        stays = [numbers.to(torch.float16), numbers.to("cpu"), numbers.to(numbers), numbers * 2]
        assert there.to(META) is there
    types = [torch.int64, torch.float64, torch.float32, torch.float16]
    assert sent == [(dtype, "meta") for dtype in types]
    assert [made.dtype for made in copies] == types
    assert {made.device for made in copies} == {META}
    assert {made.device.type for made in stays} == {"cpu"}
    numbers.to(META)
    with host_ahead(torch.device("cpu")):
        numbers.to(META)
    assert len(sent) == 4


def test_a_pipeline_makes_the_same_images(study, pipeline, sent, monkeypatch):
    settings = study().generated_set("own")
    given = (pipeline, ["red apple", "teal dog"], [1, 2], settings)
    expected = [coming().tolist() for coming in generate(*given)]
    monkeypatch.setattr(
        "cood.synthesis.generation.diffusion.host_ahead",
        lambda device: module._CopiesAhead(device.type),
    )
    assert [coming().tolist() for coming in generate(*given)] == expected
    assert len(sent) > 3


class Scheduler:
    """Time steps belong on the device, noise levels on the host."""

    def __init__(self):
        self.asked = []

    def set_timesteps(self, steps, device=None, sigmas=None):
        self.asked.append(str(device))
        self.timesteps = torch.arange(steps).to(device)
        self.sigmas = torch.linspace(0, 1, steps)


def test_time_steps_are_computed_on_the_host_and_sent(sent):
    scheduler = Scheduler()
    for _ in range(2):  # twice is once
        place_without_waiting(scheduler)
    scheduler.set_timesteps(4, device=META)
    assert sent == []
    for given in ((5, META), (5,)):
        scheduler.set_timesteps(*given)
    scheduler.set_timesteps(6, device="meta")
    assert scheduler.asked == ["meta", "cpu", "None", "cpu"]
    assert sent == [(torch.int64, "meta")] * 2
    assert scheduler.timesteps.device == META
    assert scheduler.timesteps.shape == (6,)
    assert scheduler.sigmas.tolist() == torch.linspace(0, 1, 6).tolist()


def test_a_real_scheduler_is_as_before(pipeline):
    plain, ahead = (copy.deepcopy(pipeline.scheduler) for _ in range(2))
    place_without_waiting(ahead)
    for _ in range(2):
        for scheduler in (plain, ahead):
            scheduler.set_timesteps(3, device=torch.device("cpu"))
        assert torch.equal(plain.timesteps, ahead.timesteps)
        assert torch.equal(plain.sigmas, ahead.sigmas)
