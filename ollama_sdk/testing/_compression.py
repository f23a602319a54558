"""Decompresses request bodies in zstd, the only coding that Ollama reads."""

from __future__ import annotations

import io

__all__ = ["from_zstd"]


def from_zstd(body: bytes, most: int = -1) -> bytes:
    """Decompress a body in zstd; a truncated body yields a truncated result.

    Args:
        body: The compressed body.
        most: The most bytes to return; -1 returns all.

    Raises:
        ValueError: The body is not zstd.
    """
    import zstandard  # imported only for such bodies

    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body), read_across_frames=True) as reader:
            return reader.read(most)
    except zstandard.ZstdError as error:
        raise ValueError(f"not zstd: {error}") from None
