"""JSON to models and back."""

from .codec import Codec, codec_of
from .encode import dumps
from .model import Model, empty_list, wire_name

__all__ = ["Codec", "Model", "codec_of", "dumps", "empty_list", "wire_name"]
