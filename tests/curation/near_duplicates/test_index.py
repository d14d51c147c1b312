import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from cood.curation.near_duplicates import references
from cood.curation.near_duplicates.index import nearest, survey
from cood.curation.near_duplicates.references import read_vectors
from cood.errors import CoodError


def quiet(text):
    pass


def counted(files, d=16):
    table = survey(files, d)
    assert (table["problem"] == "").all()
    return dict(zip(files, table["vectors"], strict=True))


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def vectors(n, d=16, seed=0):
    """Around some centres, as embeddings of images lie."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).standard_normal((20, d))
    noise = 0.5 * rng.standard_normal((n, d))
    return (centres[rng.integers(20, size=n)] + noise).astype(np.float32)


def write_parquet(path, matrix, column="embedding", **kwargs):
    lists = pa.array(matrix.tolist(), **kwargs)
    pq.write_table(pa.table({"url": [str(k) for k in range(len(matrix))], column: lists}), path)


@pytest.fixture
def files(tmp_path):
    """The same kind of vectors in a file of each kind, and all of them in one matrix."""
    matrix = vectors(900)
    np.save(tmp_path / "a.npy", matrix[:300].astype(np.float16))
    save_file({"images": matrix[300:600], "texts": matrix[:2]}, tmp_path / "b.safetensors")
    write_parquet(tmp_path / "c.parquet", matrix[600:], type=pa.list_(pa.float32()))
    matrix[:300] = matrix[:300].astype(np.float16)
    return [str(tmp_path / name) for name in ("a.npy", "b.safetensors", "c.parquet")], matrix


def test_files_of_each_kind_are_read_in_batches(files, monkeypatch):
    monkeypatch.setattr(references, "BATCH", 128)
    names, matrix = files
    batches = [batch for name in names for batch in read_vectors(name)]
    assert max(map(len, batches)) == 128
    np.testing.assert_allclose(np.concatenate(batches), unit(matrix), atol=1e-6)


def test_lists_of_one_length_and_vectors_that_are_none(tmp_path):
    matrix = np.array([[3, 4], [0, 0], [np.nan, 2], [np.inf, 0]], dtype=np.float64)
    write_parquet(tmp_path / "a.parquet", matrix, type=pa.list_(pa.float64(), 2))
    (batch,) = read_vectors(str(tmp_path / "a.parquet"))
    np.testing.assert_allclose(batch, [[0.6, 0.8], [0, 0], [0, 1], [0, 0]], atol=1e-6)


@pytest.mark.parametrize("small", [10_000, 10])
def test_the_nearest_is_that_of_all_comparisons(files, tmp_path, small):
    names, matrix = files
    queries = 3 * np.concatenate([vectors(40, seed=1), matrix[[5, 450, 899]]])
    found = nearest(counted(names), queries, tmp_path / "kept", quiet, small=small)
    similarity = unit(queries) @ unit(matrix).T
    place = found.file * 300 + found.row
    # What is said of a vector is true of it, by whatever index it was found.
    rows = np.arange(len(queries))
    np.testing.assert_allclose(found.similarity, similarity[rows, place], atol=1e-5)
    right = place == similarity.argmax(axis=1)
    assert right.mean() >= (1 if small > 900 else 0.8)
    np.testing.assert_array_equal(place[-3:], [5, 450, 899])
    np.testing.assert_allclose(found.similarity[-3:], 1, atol=1e-5)


def test_an_index_of_codes_finds_nearly_all(tmp_path):
    matrix, queries = vectors(8_000, d=32), vectors(200, d=32, seed=1)
    np.save(tmp_path / "a.npy", matrix)
    found = nearest(
        counted([str(tmp_path / "a.npy")], 32), queries, tmp_path / "kept", quiet, small=1000
    )
    expected = (unit(queries) @ unit(matrix).T).argmax(axis=1)
    assert (found.row == expected).mean() > 0.9
    index = next((tmp_path / "kept").iterdir())
    assert index.stat().st_size < matrix.nbytes / 2


def test_the_index_is_cached_until_a_file_changes(files, tmp_path):
    names, matrix = files
    said = []
    for _ in range(2):
        nearest(counted(names), matrix[:3], tmp_path / "kept", said.append)
    assert said == ["indexing 900 vectors of 3 files"]
    (index,) = (tmp_path / "kept").iterdir()
    index.write_bytes(index.read_bytes()[:1000])
    nearest(counted(names), matrix[:3], tmp_path / "kept", said.append)
    assert "is damaged and is built again" in said[1]
    np.save(names[0], matrix[:10])
    found = nearest(counted(names), matrix[[5, 300]], tmp_path / "kept", said.append)
    assert said[-1] == "indexing 610 vectors of 3 files"
    assert (found.file.tolist(), found.row.tolist()) == ([0, 1], [5, 0])
    assert len(list((tmp_path / "kept").iterdir())) == 1


def bad_files(folder):
    np.save(folder / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(folder / "cube.npy", np.zeros((2, 2, 2)))
    (folder / "cut.npy").write_bytes(b"\x93NUMPY")
    save_file({"a": np.zeros((2, 2)), "b": np.zeros((2, 2))}, folder / "two.safetensors")
    (folder / "text.safetensors").write_text("this is text")
    pd.DataFrame({"a": [1, 2]}).to_parquet(folder / "numbers.parquet")
    pd.DataFrame({"a": [[1.0], [1.0, 2.0]]}).to_parquet(folder / "ragged.parquet")
    pd.DataFrame({"a": [[1.0], None]}).to_parquet(folder / "null.parquet")
    (folder / "cut.parquet").write_bytes(b"PAR1")
    (folder / "notes.txt").write_text("x")


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("gone.npy", "No such file or directory"),
        ("objects.npy", "Python objects in dtype"),
        ("cube.npy", "no matrix, but of shape [2, 2, 2]"),
        ("cut.npy", ""),
        ("two.safetensors", "no tensor 'images', and 2 matrices of other names"),
        ("text.safetensors", ""),
        ("numbers.parquet", "no column of lists of numbers"),
        ("ragged.parquet", "column a: lists of different lengths"),
        ("null.parquet", "column a: lists of different lengths, or none"),
        ("cut.parquet", ""),
        ("notes.txt", ".txt"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, file, reason):
    bad_files(tmp_path)
    message = r"near_duplicates\.references: .* cannot be read \("
    with pytest.raises(CoodError, match=message) as error:
        list(read_vectors(str(tmp_path / file)))
    assert f"{tmp_path / file} cannot be read" in str(error.value)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_a_survey_of_files_that_can_be_used_and_that_cannot(files, tmp_path):
    names, _ = files
    bad_files(tmp_path)
    np.save(tmp_path / "wide.npy", np.zeros((3, 17)))
    table = survey([*names, str(tmp_path / "wide.npy"), str(tmp_path / "cut.parquet")], 16)
    assert table["vectors"].tolist() == [300, 300, 300, 0, 0]
    assert (table["problem"] == "").tolist() == [True] * 3 + [False] * 2
    assert "vectors of 17 dimensions, and those of the sets have 16" in table["problem"][3]


def test_no_vector_at_all(tmp_path):
    np.save(tmp_path / "empty.npy", np.zeros((0, 8)))
    with pytest.raises(CoodError, match="there is no vector"):
        nearest(counted([str(tmp_path / "empty.npy")], 8), np.ones((2, 8)), tmp_path, quiet)
