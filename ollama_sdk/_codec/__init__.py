"""JSON to models and back."""

from .codec import Codec, codec_of
from .encode import dumps
from .model import Model, document_fields, empty_list, wire_name

__all__ = ["Codec", "Model", "codec_of", "document_fields", "dumps", "empty_list", "wire_name"]
