"""Encoder and decoder bodies: fully connected, convolutional, of series, or the user's own.

An encoder body is a module (x (B, *shape), c (B, C) or None) -> features (B, F) that says F as
`out_features`; a decoder body is a module z (N, D + C) -> (N, n_params, *shape).
"""

from .conv import ConvDecoder, ConvEncoder
from .custom import CustomDecoder, CustomEncoder
from .default import NETS, SERIES_NETS, build_decoder, build_encoder, default, default_hidden
from .mlp import MLPDecoder, MLPEncoder
from .recurrent import RecurrentDecoder, RecurrentEncoder
from .temporal import TemporalDecoder, TemporalEncoder

__all__ = [
    "NETS",
    "SERIES_NETS",
    "ConvDecoder",
    "ConvEncoder",
    "CustomDecoder",
    "CustomEncoder",
    "MLPDecoder",
    "MLPEncoder",
    "RecurrentDecoder",
    "RecurrentEncoder",
    "TemporalDecoder",
    "TemporalEncoder",
    "build_decoder",
    "build_encoder",
    "default",
    "default_hidden",
]
