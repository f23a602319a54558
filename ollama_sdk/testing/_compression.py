"""Decompresses request bodies in zstd, the one coding that Ollama reads."""

from __future__ import annotations

import io

__all__ = ["from_zstd"]


def from_zstd(body: bytes, most: int = -1) -> bytes:
    """Return what a body in zstd expands to; of a body that was cut off, what there is.

    Args:
        body: The compressed body.
        most: Where to stop, in bytes; -1 reads all.

    Raises:
        ValueError: The body is not zstd.
    """
    import zstandard  # imported only for such bodies

    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body), read_across_frames=True) as reader:
            return reader.read(most)
    except zstandard.ZstdError as error:
        raise ValueError(f"not zstd: {error}") from None
