"""A model as bytes: the same afterwards, and harmless if the bytes are hostile."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.classify.model import Model
from service.classify.store import ModelFileError, dump, load
from service.classify.train import train
from tests.unit.classify.invented import TOPICS, archive

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def model() -> Model:
    return train(archive(60), TOPICS, terms="terms-1:test")


@pytest.fixture(scope="module")
def stored(model: Model) -> bytes:
    return dump(model)


def rewritten(stored: bytes, **members: bytes) -> bytes:
    """The file with some members replaced or added."""
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content |= {f"{name}.npy": data for name, data in members.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return out.getvalue()


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def texts(stored: bytes, **changes: object) -> bytes:
    with np.load(io.BytesIO(stored)) as arrays:
        content = json.loads(arrays["texts"].tobytes())
    return npy(np.frombuffer(json.dumps({**content, **changes}).encode(), dtype=np.uint8))


def test_loaded_model_is_the_same(model: Model, stored: bytes) -> None:
    again = load(stored)

    assert (again.version, again.topics, again.facts) == (model.version, TOPICS, model.facts)
    for one in archive(20, seed=9):
        found = model.probabilities(one.words, one.seeds)
        assert again.probabilities(one.words, one.seeds) == pytest.approx(found, abs=1e-7)


def test_any_text_may_be_a_word() -> None:
    words = {"\ud800": 1.0, "\x00": 1.0, "ş\n": 2.0}
    examples = [type(one)(words, one.seeds, one.labels) for one in archive(30)]
    odd = train(examples, TOPICS, terms="")

    assert set(load(dump(odd)).vocabulary.keys) == set(words)


@given(st.binary(max_size=400))
def test_garbage_is_one_clear_error(data: bytes) -> None:
    with pytest.raises(ModelFileError):
        load(data)


@given(st.data())
def test_damaged_file_is_the_same_model_or_an_error(stored: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(stored) - 1))
    damaged = stored[:at] + data.draw(st.binary(max_size=3)) + stored[at + 1 :]
    try:
        found = load(damaged)
    except ModelFileError:
        return
    assert found.topics == TOPICS


@pytest.mark.parametrize(
    "members",
    [
        {"bias": npy(np.array([print, 1, 2], dtype=object))},
        {"bias": npy(np.zeros(3, dtype=np.float64))},
        {"bias": npy(np.zeros(4, dtype=np.float32))},
        {"bias": npy(np.full(3, np.nan, dtype=np.float32))},
        {"deviation": npy(np.zeros(3))},
        {"more": npy(np.zeros(3))},
        {"bias": b"\x93NUMPY\x02\x00"},
    ],
)
def test_unexpected_array_is_refused(stored: bytes, members: dict[str, bytes]) -> None:
    with pytest.raises(ModelFileError, match="not a model"):
        load(rewritten(stored, **members))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": 2}, "model format 2, this Tellal reads 1"),
        ({"topics": ["music", "roads"]}, "does not fit"),
        ({"topics": ["music", "roads", "roads"]}, "given twice"),
        ({"topics": ["music", "roads", 3]}, "a text is missing"),
        ({"version": None}, "a text is missing"),
        ({"facts": {}}, "not a model"),
        ({"keys": {}}, "a text is missing"),
    ],
)
def test_unexpected_text_is_refused(stored: bytes, changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ModelFileError, match=reason):
        load(rewritten(stored, texts=texts(stored, **changes)))


def test_deeply_nested_text_is_refused(stored: bytes) -> None:
    nested = npy(np.frombuffer(b"[" * 200_000, dtype=np.uint8))

    with pytest.raises(ModelFileError):
        load(rewritten(stored, texts=nested))


def test_header_that_claims_a_terabyte_takes_no_memory(stored: bytes) -> None:
    huge = npy(np.zeros(3, dtype=np.float32)).replace(b"(3,), }", b"(9999999999999,), }")

    with pytest.raises(ModelFileError, match="bias is not what its header says"):
        load(rewritten(stored, bias=huge))


def test_file_that_unpacks_to_gigabytes_is_refused_unread(stored: bytes) -> None:
    bomb = rewritten(stored, texts=bytes(129 * 2**20))

    assert len(bomb) < 2**20
    with pytest.raises(ModelFileError, match="too big"):
        load(bomb)


def test_worker_that_only_infers_has_neither_scikit_learn_nor_scipy(
    stored: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(stored)
    code = (
        "import pathlib, sys\n"
        "import workers.classify\n"
        "from service.classify.store import load\n"
        "model = load(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "model.probabilities({'konser': 1.0}, {})\n"
        "print(sorted({'sklearn', 'scipy', 'pandas', 'joblib'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, check=True, capture_output=True
    )

    assert done.stdout.decode().strip() == "[]"
