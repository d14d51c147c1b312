import numpy as np
import pytest
from PIL import Image

from cood.curation.verification.batches import batches_by_length, fill_batches
from cood.curation.verification.verifier import inputs_of, load_verifier
from cood.settings import Verification
from cood.settings.study_file import load_study


@pytest.mark.parametrize("seed", range(20))
def test_batches_hold_every_row_once_and_fit(seed):
    rng = np.random.default_rng(seed)
    n, room = int(rng.integers(1, 80)), int(rng.integers(20, 300))
    shared, own = rng.choice([-1, 16, 64, 256], n), rng.integers(5, 40, n)
    batches = fill_batches(shared, own, room)
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))
    for batch in batches:
        assert len(set(shared[batch])) == 1
        if len(batch) > 1:
            assert shared[batch[0]] > 0
            assert len(batch) * (shared[batch[0]] + own[batch].max()) <= room
    firsts = [shared[batch[0]] for batch in batches]
    assert firsts == sorted(firsts, reverse=True)  # the longest first
    again = fill_batches(shared, own, room)
    assert [batch.tolist() for batch in again] == [batch.tolist() for batch in batches]


def test_equal_rows_fill_the_room():
    batches = fill_batches(np.full(100, 30), np.full(100, 10), 400)
    assert [len(batch) for batch in batches] == [10] * 10
    assert np.concatenate(batches).tolist() == list(range(100))


def test_lengths_are_those_of_what_the_model_reads(verifier_folder, built, tmp_path, monkeypatch):
    monkeypatch.chdir(built)
    settings = Verification(model=f"local-dir:{verifier_folder}", sets=["ao"])
    verifier = load_verifier(load_study("tiny"), settings)
    files = [tmp_path / f"{k}.png" for k in range(4)]
    for file in files[:3]:
        Image.new("RGB", (40, 60)).save(file)
    (tmp_path / "3.png").write_bytes(b"no image")
    asked = [["show a red apple", "a hat", "no", "yes"], ["is the apple red", "or", "is", "no"]]
    length = inputs_of(verifier, [Image.new("RGB", (40, 60))], [""])["input_ids"].shape[1]
    room = 2 * (length + 3)
    batches = batches_by_length(verifier, files, asked, room)
    assert [batch.tolist() for batch in batches] == [[0], [1, 2], [3]]
