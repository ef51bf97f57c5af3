"""A model as bytes and back: an npz archive with the texts as JSON inside, never pickle.

Whoever can change the file must gain nothing by it: sizes are checked before memory is taken,
only the expected arrays of the expected types are read, and anything odd is one ``ModelFileError``.
"""

import io
import json
import math
import zipfile
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from service.classify.features import Vocabulary
from service.classify.model import Facts, Model

FORMAT = 1  # raise it when an older version of Tellal could not read the file

_MAX_BYTES = 128 * 2**20  # unpacked; 60,000 keys × 24 topics take 6 MB
_ARRAYS = {
    "idf": np.float32,
    "weights": np.float32,
    "bias": np.float32,
    "mean": np.float64,
    "deviation": np.float64,
    "stack": np.float64,
    "texts": np.uint8,
}


class ModelFileError(ValueError):
    """The bytes are no model of this version of Tellal; the message says why."""


def dump(model: Model) -> bytes:
    """Return the model as bytes that ``load`` reads."""
    texts = {
        "format": FORMAT,
        "version": model.version,
        "topics": model.topics,
        "keys": model.vocabulary.keys,
        "facts": asdict(model.facts),
    }
    out = io.BytesIO()
    np.savez_compressed(
        out,
        allow_pickle=False,
        idf=model.vocabulary.idf,
        weights=model.weights,
        bias=model.bias,
        mean=model.mean,
        deviation=model.deviation,
        stack=model.stack,
        texts=np.frombuffer(json.dumps(texts).encode(), dtype=np.uint8),
    )
    return out.getvalue()


def load(data: bytes) -> Model:
    """Return the model that ``dump`` wrote; it gives the very same probabilities.

    Raises:
        ModelFileError: the bytes are damaged, or were never a model.
    """
    try:
        arrays = _read_arrays(data)
        return _model(arrays, json.loads(arrays["texts"].tobytes()))
    except ModelFileError:
        raise
    except Exception as error:  # zip, npy and JSON readers fail on garbage in a dozen ways
        raise ModelFileError(f"not a model: {error}") from error


def _read_arrays(data: bytes) -> dict[str, npt.NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if sorted(member.filename for member in members) != sorted(f"{n}.npy" for n in _ARRAYS):
            raise ModelFileError("not a model: other arrays inside than a model has")
        if sum(member.file_size for member in members) > _MAX_BYTES:
            raise ModelFileError("not a model: too big when unpacked")
        # A member never yields more than the size it states: zipfile stops there.
        return {name: _array(archive.read(f"{name}.npy"), name) for name in _ARRAYS}


def _array(content: bytes, name: str) -> npt.NDArray[Any]:
    """Read one array; ``numpy.load`` would take memory for whatever shape the header claims."""
    stream = io.BytesIO(content)
    if npy.read_magic(stream) != (1, 0):
        raise ModelFileError(f"not a model: {name} is of another npy version")
    shape, is_fortran, dtype = npy.read_array_header_1_0(stream)
    body = content[stream.tell() :]
    if dtype != _ARRAYS[name] or math.prod(shape) * dtype.itemsize != len(body):
        raise ModelFileError(f"not a model: {name} is not what its header says")
    array = np.frombuffer(body, dtype=dtype).reshape(shape, order="F" if is_fortran else "C")
    if not np.isfinite(array).all():
        raise ModelFileError(f"not a model: {name} has values that are no numbers")
    return array


def _model(arrays: dict[str, npt.NDArray[Any]], texts: Any) -> Model:
    if texts["format"] != FORMAT:
        raise ModelFileError(f"model format {texts['format']!r}, this Tellal reads {FORMAT}")
    keys, topics = _strings(texts["keys"]), _strings(texts["topics"])
    expected = {
        "idf": (len(keys),),
        "weights": (len(keys), len(topics)),
        "bias": (len(topics),),
        "mean": (len(topics),),
        "deviation": (len(topics),),
        "stack": (len(topics), 3),
    }
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise ModelFileError(f"not a model: {name} does not fit its topics and words")
    if not (arrays["deviation"] > 0).all():
        raise ModelFileError("not a model: a deviation that is not positive")
    (version,) = _strings([texts["version"]])
    return Model(
        topics=topics,
        vocabulary=Vocabulary(keys, arrays["idf"]),
        weights=arrays["weights"],
        bias=arrays["bias"],
        mean=arrays["mean"],
        deviation=arrays["deviation"],
        stack=arrays["stack"],
        facts=_facts(**texts["facts"]),
        version=version,
    )


def _facts(
    terms: Any, data: Any, articles: Any, positives: dict[Any, Any], negatives: dict[Any, Any]
) -> Facts:
    terms, data = _strings([terms, data])
    return Facts(terms, data, int(articles), _counts(positives), _counts(negatives))


def _counts(given: dict[Any, Any]) -> dict[str, int]:
    return {str(slug): int(count) for slug, count in given.items()}


def _strings(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise ModelFileError("not a model: a text is missing")
    if len(set(given)) != len(given):
        raise ModelFileError("not a model: a text is given twice")
    return tuple(given)
