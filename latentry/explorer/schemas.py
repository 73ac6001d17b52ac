"""What goes into the API and what comes out of it, as OpenAPI documents it.

D is the number of latent dimensions of the run that is asked. Samples are in the units of the data;
null stands for a missing entry, and for a number that is not finite.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr

MOST_CODES = 256
MOST_ROWS = 20_000
"""The most codes, and the most rows, that one request may name."""
FARTHEST = 1e6
"""The largest coordinate of a code that is decoded: far outside what any prior reaches."""


class Given(BaseModel):
    """A body: what is not known is refused, and so are NaN and infinity."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, populate_by_name=True)


def _like(example: dict[str, Any]) -> ConfigDict:
    """An example of a body, for the description of the API."""
    return ConfigDict(json_schema_extra={"examples": [example]})


def _whole(value: Any) -> Any:
    """A whole number that is written as 3.0, which JSON does not tell from 3, as an int."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
Real = Annotated[float, Field(ge=-1e30, le=1e30, strict=True)]
Coordinate = Annotated[float, Field(ge=-FARTHEST, le=FARTHEST, strict=True)]
Code = Annotated[list[Coordinate], Field(min_length=1, max_length=100_000)]
Text = Annotated[StrictStr, Field(max_length=1000)]
Values = Annotated[list[Real | StrictBool | Text | None], Field(min_length=1, max_length=1_000_000)]
Row = Annotated[int, Field(ge=0, le=2**31, strict=True), WHOLE]
Rows = Annotated[list[Row], Field(min_length=1, max_length=MOST_ROWS)]
Condition = Annotated[
    StrictBool
    | Annotated[StrictInt, Field(ge=-(2**53), le=2**53)]
    | Real
    | Text
    | Annotated[list[Real], Field(min_length=1, max_length=10_000)],
    Field(description="a class of the model, or its real numbers"),
]
Conditioned = Annotated[
    Condition | None,
    Field(
        description="what a conditional model is told; else the row's own, or the most usual one",
    ),
]


class AtRow(Given):
    """The code of a shown row."""

    row: Row


class AtCode(Given):
    """A code itself, D numbers."""

    code: Code


class AtValues(Given):
    """The code of a sample, given as its values one after another."""

    values: Values


Point = AtRow | AtCode | AtValues


class Decode(Given):
    """Codes to decode."""

    codes: Annotated[list[Code], Field(min_length=1, max_length=MOST_CODES)]
    condition: Conditioned = None


class TheseSamples(Given):
    """Samples, each as its values one after another (an image row by row).

    The values of a row of a mixed table are its cells, levels and dates as text.
    """

    samples: Annotated[list[Values], Field(min_length=1, max_length=MOST_CODES)]
    condition: Conditioned = None


class TheseRows(Given):
    """Shown rows."""

    model_config = _like({"rows": [0, 1]})

    rows: Annotated[list[Row], Field(min_length=1, max_length=MOST_CODES)]
    condition: Conditioned = None


Inputs = TheseSamples | TheseRows


class Draw(Given):
    """How to draw new samples."""

    model_config = _like({"n": 4, "temperature": 0.8})

    n: Annotated[int, Field(ge=1, le=MOST_CODES, strict=True), WHOLE] = 16
    condition: Conditioned = None
    temperature: Annotated[float, Field(ge=0, le=2, strict=True)] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, strict=True), WHOLE] = 0


class Walk(Given):
    """A path between two points."""

    model_config = _like({"from": {"row": 0}, "to": {"row": 1}, "path": "spherical"})

    start: Annotated[Point, Field(alias="from")]
    to: Point
    steps: Annotated[int, Field(ge=2, le=64, strict=True), WHOLE] = 10
    path: Literal["straight", "spherical", "geodesic"] = "straight"
    condition: Conditioned = None


class Arithmetic(Given):
    """The mean code of some rows minus that of others, added to a point.

    The point is by default the mean code of the rows in `minus`.
    """

    model_config = _like({"plus": [0, 1], "minus": [2], "strength": 1.5})

    plus: Rows
    minus: Rows
    at: Point | None = None
    strength: Annotated[float, Field(ge=0, le=100, strict=True)] = 1.0
    condition: Conditioned = None


class Export(Given):
    """Rows to write as CSV."""

    model_config = _like({"rows": [0, 1]})

    rows: Rows


class Refusal(BaseModel):
    """Why a request was refused, in a sentence."""

    detail: str


class Image(BaseModel):
    """A sample that is an image."""

    image: Annotated[str, Field(description="a PNG as a data: URL")]


class Vector(BaseModel):
    """A sample that is a vector, in the units of the data."""

    values: list[float | None]


class Cells(Vector):
    """A row of a mixed table: its numbers, and its levels and dates as text."""

    cells: Annotated[list[str | None], Field(description="null where the number says it")]


Sample = Image | Cells | Vector


class Dim(BaseModel):
    """A latent dimension over the shown rows."""

    index: int
    kl: Annotated[float | None, Field(description="nats, mean over the rows; null without a prior")]
    mean: float
    std: float
    low: Annotated[float, Field(description="where a slider begins")]
    high: float
    active: Annotated[bool, Field(description="whether the codes vary in it at all")]


class Told(BaseModel):
    """What a conditional model is told about a sample."""

    kind: Literal["classes", "real"]
    classes: list[bool | int | float | str] | None = None
    width: int | None = None
    usual: Annotated[
        bool | int | float | str | list[float], Field(description="what is meant by none")
    ]


class Run(BaseModel):
    """A run and what can be asked of it."""

    id: str
    name: str
    model: str
    latent: int
    kind: Literal["image", "vector", "series", "table"]
    shape: Annotated[list[int], Field(description="of a sample: (D,), or height, width, channels")]
    columns: list[str] | None
    rows: Annotated[int, Field(description="rows shown; requests name them from 0")]
    label_names: list[str] | None
    condition: Told | None
    has_prior: bool
    dims: Annotated[list[Dim], Field(description="by KL, highest first; by spread without a KL")]


class Map(BaseModel):
    """The rows in a plane of the latent space: code = origin + x basis[0] + y basis[1]."""

    x: list[float]
    y: list[float]
    labels: Annotated[list[int] | None, Field(description="indices into the run's label_names")]
    axes: Annotated[list[str], Field(min_length=2, max_length=2)]
    projection: Literal["pca", "dims"]
    origin: list[float]
    basis: Annotated[list[list[float]], Field(min_length=2, max_length=2)]
    said: Annotated[str, Field(description="what the map shows, in a sentence")]


class Column(BaseModel):
    """One number for each shown row."""

    name: str
    unit: str
    values: list[float | None]
    levels: Annotated[list[str] | None, Field(description="what the numbers count, if levels")]


class ShownRow(BaseModel):
    """A row, its code and its reconstruction."""

    row: int
    label: str | None
    code: list[float]
    sample: Sample
    reconstruction: Sample
    score: Annotated[float | None, Field(description="nats; low is unusual")]
    error: Annotated[float | None, Field(description="mean squared error in the model's scale")]


class Samples(BaseModel):
    """Decoded samples."""

    samples: list[Sample]


class Codes(BaseModel):
    """A code, D numbers, for each sample."""

    codes: list[list[float]]


class Scores(BaseModel):
    """A lower bound on log p(x) for each sample, or log p(x | z) for a model without one."""

    scores: list[float | None]
    unit: str


class Decoded(BaseModel):
    """Codes, and what they decode to."""

    codes: list[list[float]]
    samples: list[Sample]


class Direction(Decoded):
    """A walk along a direction, from -strength to +strength, in 7 even steps."""

    direction: list[float]


class Uploaded(BaseModel):
    """An image of the user's, as the model takes it."""

    code: list[float]
    sample: Sample
    reconstruction: Sample
    score: float | None


class Contribution(BaseModel):
    """What one column adds to the squared error of a row, in the model's scale."""

    column: str
    value: float | None


class Contributions(BaseModel):
    """The columns of largest error, largest first."""

    contributions: list[Contribution]


class Anomaly(BaseModel):
    """An unusual row, and where it is unusual."""

    row: int
    label: str | None
    score: Annotated[float | None, Field(description="what the rows were ranked by")]
    sample: Sample
    where: Image | Contributions
