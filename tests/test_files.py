import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from cood.errors import ArtefactError, CoodError
from cood.files import (
    atomic,
    damage,
    files_below,
    locked,
    read_table,
    read_tensors,
    write_table,
    write_tensors,
)

TABLE = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, np.nan]})
TENSORS = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array([1, 2])}


def full(*_):
    raise OSError(28, os.strerror(28))


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "a" / "closed").mkdir(parents=True)
    (tmp_path / "a" / "1.png").touch()
    scan = os.scandir

    def refuse(place):  # not by its mode, which does not hold root back
        if place.name == "closed":
            raise PermissionError(13, "Permission denied")
        return scan(place)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CoodError, match=r"/a/closed cannot be read \(Permission denied\); make it"):
        files_below(tmp_path)


def test_atomic_writes_into_new_folders(tmp_path):
    path = tmp_path / "a" / "b.txt"
    with atomic(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("before", [None, "old"])
def test_atomic_leaves_nothing_behind_on_failure(tmp_path, before):
    path = tmp_path / "b.txt"
    if before:
        path.write_text(before)
    with pytest.raises(ZeroDivisionError), atomic(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise ZeroDivisionError
    assert [file.name for file in tmp_path.iterdir()] == (["b.txt"] if before else [])
    if before:
        assert path.read_text() == before


def test_a_full_disk_is_reported_with_path_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", full)
    path = tmp_path / "table.parquet"
    with pytest.raises(ArtefactError, match="No space left on device; make sure") as caught:
        write_table(TABLE, path)
    assert str(path) in str(caught.value)
    assert "run again" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "a").write_text("")
    with (
        pytest.raises(ArtefactError, match="cannot write"),
        atomic(tmp_path / "a" / "b.txt") as temporary,
    ):
        temporary.write_text("x")


def _written_with_little_room(tmp_path, code):
    """Run code that writes `path`, where files may not grow beyond 20 kB."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    program = (
        "import sys; from pathlib import Path; import numpy as np, pandas as pd\n"
        "from cood.errors import ArtefactError; from cood.files import *\n"
        f"path = Path(sys.argv[1])\ntry:\n    {code}\n"
        "except ArtefactError as error:\n    print(error)\n"
    )
    command = [sys.executable, "-B", "-c", program, str(tmp_path / "big")]
    return subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)


def test_a_table_too_large_for_the_disk_is_reported(tmp_path):
    code = "write_table(pd.DataFrame({'a': np.random.default_rng(0).normal(size=9000)}), path)"
    made = _written_with_little_room(tmp_path, code)
    assert made.stdout.startswith(f"cannot write {tmp_path / 'big'}: ")
    assert "File too large; make sure that its folder is writable and has space" in made.stdout
    assert list(tmp_path.iterdir()) == []


def test_tensors_too_large_for_the_disk_are_reported(tmp_path):
    made = _written_with_little_room(tmp_path, "write_tensors({'a': np.zeros(9000)}, path, {})")
    assert list(tmp_path.iterdir()) == []
    assert made.stdout.startswith(f"cannot write {tmp_path / 'big'}")


def test_a_table_comes_back(tmp_path):
    write_table(TABLE, tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), TABLE)


def test_tensors_come_back_with_their_metadata(tmp_path):
    path = tmp_path / "t.safetensors"
    write_tensors(TENSORS | {"t": TENSORS["x"].T}, path, {"model": "m"})
    tensors, metadata = read_tensors(path)
    assert metadata == {"model": "m"}
    assert tensors.keys() == {"x", "n", "t"}
    np.testing.assert_array_equal(tensors["t"], TENSORS["x"].T)
    assert tensors["x"].dtype == np.float32


def test_a_file_may_hold_a_reason_and_no_tensor(tmp_path):
    write_tensors({}, tmp_path / "t.safetensors", {"missing": "no network"})
    assert read_tensors(tmp_path / "t.safetensors") == ({}, {"missing": "no network"})


READERS = {"t.parquet": read_table, "t.safetensors": read_tensors}


@pytest.fixture(params=READERS)
def artefact(request, tmp_path):
    path = tmp_path / request.param
    if path.suffix == ".parquet":
        write_table(TABLE, path)
    else:
        write_tensors(TENSORS, path, {})
    return path


def test_what_is_intact_is_not_damaged(artefact):
    assert damage(artefact) is None


@pytest.mark.parametrize("kept", [0, 3, 0.5, -1])
def test_truncated_artefacts_are_refused_by_name(artefact, kept):
    whole = artefact.read_bytes()
    artefact.write_bytes(whole[: int(kept * len(whole)) if 0 < kept < 1 else kept])
    assert damage(artefact)
    with pytest.raises(ArtefactError, match=r"is damaged .* delete it and run") as caught:
        READERS[artefact.name](artefact)
    assert str(artefact) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_noise_is_refused(artefact):
    artefact.write_bytes(np.random.default_rng(0).bytes(1000))
    assert damage(artefact)
    with pytest.raises(ArtefactError, match="is damaged"):
        READERS[artefact.name](artefact)


def test_missing_artefacts_are_named(tmp_path):
    for name, read in READERS.items():
        with pytest.raises(ArtefactError, match=f"{name} does not exist; `nox -s reproduce`"):
            read(tmp_path / name)


def test_other_artefacts_must_not_be_empty(tmp_path):
    path = tmp_path / "config.json"
    path.write_text("")
    assert damage(path) == "empty"
    path.write_text("{}")
    assert damage(path) is None


HOLDER = (
    "import sys, time; from pathlib import Path; from cood.files import locked\n"
    "with locked(Path(sys.argv[1]), 'busy'):\n"
    "    print('held', flush=True); time.sleep(60)\n"
)


def test_a_lock_has_one_holder_and_dies_with_it(tmp_path):
    path = tmp_path / "new" / ".lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            with (
                pytest.raises(ArtefactError, match=r"^someone else is at it$"),
                locked(path, "someone else is at it"),
            ):
                pass
        finally:
            holder.send_signal(signal.SIGKILL)
    assert holder.returncode == -signal.SIGKILL
    entered = False
    with locked(path, "busy"):
        entered = True
    assert entered


def test_a_lock_is_free_after_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), locked(tmp_path / ".lock", "busy"):
            raise ZeroDivisionError


def test_a_lock_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(ArtefactError, match="cannot write"), locked(tmp_path / "a" / "b", "busy"):
        pass
