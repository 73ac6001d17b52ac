"""Encoder and decoder bodies: fully connected, convolutional, or the user's own.

An encoder body is a module (x (B, *shape), c (B, C) or None) -> features (B, F) that says F as
`out_features`; a decoder body is a module z (N, D + C) -> (N, n_params, *shape).
"""

from .conv import ConvDecoder, ConvEncoder
from .custom import CustomDecoder, CustomEncoder
from .default import NETS, build_decoder, build_encoder, default, default_hidden
from .mlp import MLPDecoder, MLPEncoder

__all__ = [
    "NETS",
    "ConvDecoder",
    "ConvEncoder",
    "CustomDecoder",
    "CustomEncoder",
    "MLPDecoder",
    "MLPEncoder",
    "build_decoder",
    "build_encoder",
    "default",
    "default_hidden",
]
