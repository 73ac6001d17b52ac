from __future__ import annotations

import gzip
import io
import json
import struct
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentry.data import Schema, arrays, infer_columns, load, readers, tables
from latentry.data.cells import Frame
from latentry.data.idx import read_idx
from latentry.errors import LatentryError

rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (6, 5, 4), dtype=np.uint8)
IDX_TYPES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def idx_bytes(x, kind="u1"):
    head = bytes([0, 0, IDX_TYPES[kind], x.ndim]) + struct.pack(f">{x.ndim}I", *x.shape)
    return head + x.astype(kind).tobytes()


def save_image(path, pixels):
    image = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.fromarray(pixels).save(path)


def test_npy(tmp_path):
    np.save(tmp_path / "x.npy", GREY)
    found = load(tmp_path / "x.npy")
    np.testing.assert_array_equal(found.x, GREY)
    assert not isinstance(found.x, np.memmap)
    assert found.source == {"data": str(tmp_path / "x.npy")}
    np.testing.assert_array_equal(load(**json.loads(json.dumps(found.source))).x, GREY)


def test_large_npy_is_memory_mapped(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "MAP_BYTES", 10)
    np.save(tmp_path / "x.npy", GREY)
    assert isinstance(load(tmp_path / "x.npy").x, np.memmap)


@pytest.mark.parametrize("key", ["x", "X", "data", "images", "arr_0", "only"])
def test_npz(tmp_path, key):
    np.savez(tmp_path / "x.npz", **{key: GREY})
    found = load(tmp_path / "x.npz")
    np.testing.assert_array_equal(found.x, GREY)
    assert found.labels is None


def test_labels_in_npz(tmp_path):
    np.savez(tmp_path / "x.npz", X=GREY, y=np.arange(6)[:, None])
    np.testing.assert_array_equal(load(tmp_path / "x.npz").labels, np.arange(6))


@given(st.sampled_from(list(IDX_TYPES)), st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_idx_survives_the_round_trip(tmp_path_factory, kind, shape):
    x = rng.integers(-100, 100, shape).astype(kind)
    path = tmp_path_factory.mktemp("idx") / "x-idx"
    for content in (idx_bytes(x, kind), gzip.compress(idx_bytes(x, kind))):
        path.write_bytes(content)
        back = read_idx(path)
        assert back.dtype.isnative
        np.testing.assert_array_equal(back, x)


def test_labels_beside_idx_images(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(GREY))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(6)))
    found = load(tmp_path / "train-images-idx3-ubyte")
    np.testing.assert_array_equal(found.labels, np.arange(6))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_with_a_header(tmp_path, separator):
    rows = ["age,town,height", "3,Ulm,1.5", "4,Bonn,?", "", "5, Ulm,1.7"]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(r.replace(",", separator) for r in rows), encoding="utf-8-sig")
    found = load(path, label="town")
    assert found.columns == ("age", "height")
    np.testing.assert_array_equal(found.x, [[3, 1.5], [4, np.nan], [5, 1.7]])
    assert found.labels is not None
    assert found.labels.tolist() == ["Ulm", "Bonn", "Ulm"]
    assert found.source == {"data": str(path), "label": "town"}
    taken = load(path, take=["town", "age"], label="age")
    assert taken.columns == ("height",)
    assert taken.taken["town"].tolist() == ["Ulm", "Bonn", "Ulm"]
    assert taken.labels is not None
    assert taken.labels.tolist() == [3, 4, 5]
    assert load(path, drop=["town"]).columns == ("age", "height")


def test_csv_without_a_header(tmp_path):
    (tmp_path / "t.csv").write_text("1,2\n3,4\n")
    found = load(tmp_path / "t.csv")
    assert found.columns == ("0", "1")
    np.testing.assert_array_equal(found.x, [[1, 2], [3, 4]])


def test_csv_of_pixels(tmp_path):
    (tmp_path / "t.csv").write_text("\n".join(",".join(map(str, r)) for r in GREY.reshape(6, 20)))
    found = load(tmp_path / "t.csv", shape=(5, 4))
    np.testing.assert_array_equal(found.x, GREY)
    assert found.columns is None
    assert Schema.infer(found.x).values == "levels"
    assert load(**found.source).x.shape == (6, 5, 4)


def test_parquet(tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"a": [1.0, 2.0], "kind": ["x", "y"], "b": [True, False]})
    frame.to_parquet(tmp_path / "t.parquet")
    found = load(tmp_path / "t.parquet", label="kind")
    assert found.columns == ("a", "b")
    np.testing.assert_array_equal(found.x, [[1, 1], [2, 0]])
    assert found.labels is not None
    assert found.labels.tolist() == ["x", "y"]


def test_a_folder_of_images(tmp_path):
    for i, pixels in enumerate(GREY):
        save_image(tmp_path / "cat" / f"{i}.png", pixels)
    found = load(tmp_path)
    np.testing.assert_array_equal(found.x, GREY)
    assert found.labels is not None
    assert found.labels.tolist() == ["cat"] * 6
    save_image(tmp_path / "dog" / "deep" / "a.png", np.repeat(GREY[0][..., None], 3, -1))
    (tmp_path / "dog" / "notes.txt").write_text("not an image")
    colour = load(tmp_path)
    assert colour.x.shape == (7, 5, 4, 3)
    assert colour.labels is not None
    assert colour.labels.tolist() == ["cat"] * 6 + ["dog"]
    save_image(tmp_path / "a.png", GREY[0])
    assert load(tmp_path).labels is None


def test_missing_and_empty_files_are_told(tmp_path):
    (tmp_path / "faces.npy").touch()
    with pytest.raises(LatentryError) as caught:
        load(tmp_path / "faces.npy")
    assert str(caught.value) == f"{tmp_path / 'faces.npy'} is empty; give a file that holds data."
    with pytest.raises(LatentryError) as caught:
        load(tmp_path / "face.npy")
    assert str(caught.value) == (
        f"There is no file or folder '{tmp_path / 'face.npy'}'; check the path."
        f" Did you mean 'faces.npy'?"
    )
    (tmp_path / "none").mkdir()
    with pytest.raises(LatentryError, match=r"none holds no images; they are files ending in .png"):
        load(tmp_path / "none")


def test_unknown_names_are_told():
    with pytest.raises(LatentryError) as caught:
        load("fashion-mnst")
    assert str(caught.value) == (
        "There is no data set, file or folder named 'fashion-mnst'. Did you mean 'fashion-mnist'?"
        " See `latentry data` for the names."
    )
    with pytest.raises(LatentryError) as caught:
        load("mnist:tets")
    assert str(caught.value) == (
        "The data set 'mnist' has no split 'tets'; it has train, test. Did you mean 'test'?"
    )


TABLE = "age,town\n3,Ulm\n4,Bonn\n"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "a,b\n1,2\n3\n5,6\n",
            {},
            "{path}, line 3 has 1 cells where the first line has 2; give every row as many.",
        ),
        (
            "a,b\n1,2\n\n3,4,5\n",
            {},
            "{path}, line 4 has 3 cells where the first line has 2; give every row as many.",
        ),
        (
            "a,b\n1,2\n\n3,oops\n5,6\n7,8\n",
            {},
            "{path}, line 4: column 'b' holds 'oops' where a number belongs; mend that cell, or "
            "leave the column out with --drop b.",
        ),
        (
            TABLE,
            {"label": "twon"},
            "{path} has no column 'twon'; it has age, town. Did you mean 'town'?",
        ),
        (
            TABLE,
            {"drop": ["age", "town"]},
            "{path} has no columns left for the model; take out or drop fewer.",
        ),
        ("\n\n", {}, "{path} is empty; give a table with at least 2 rows."),
    ],
)
def test_unusable_tables_are_told(tmp_path, text, options, message):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(LatentryError) as caught:
        load(path, **options)
    assert str(caught.value) == message.format(path=path)


def test_a_table_that_is_no_text_is_told(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00a,b\n1,2\n")
    with pytest.raises(LatentryError, match="is not a text table in UTF-8"):
        load(tmp_path / "t.csv")


def test_damaged_files_are_told(tmp_path):
    np.save(tmp_path / "whole.npy", GREY)
    np.savez(tmp_path / "whole.npz", x=GREY)
    damaged = {
        "a.npy": (tmp_path / "whole.npy").read_bytes()[:-5],
        "b.npy": b"what is this",
        "c.npz": (tmp_path / "whole.npz").read_bytes()[:-30],
        "e-idx3-ubyte": idx_bytes(GREY)[:-1],
        "f-idx3-ubyte.gz": gzip.compress(idx_bytes(GREY))[:-20],
        "g.idx": b"\x01\x02\x03\x04",
        "h.parquet": b"PAR1 and then nothing",
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LatentryError, match=name):
            load(tmp_path / name)


def test_python_objects_are_not_unpickled(tmp_path):
    objects = np.array([{"a": 1}, 2], dtype=object)
    np.save(tmp_path / "o.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "o.npz", x=objects)
    for name in ("o.npy", "o.npz"):
        with pytest.raises(LatentryError) as caught:
            load(tmp_path / name)
        assert str(caught.value) == (
            f"{tmp_path / name} holds Python objects, not numbers; save it as an array of a "
            f"numeric type."
        )


def test_broken_and_mixed_images_are_told(tmp_path):
    save_image(tmp_path / "a.png", GREY[0])
    save_image(tmp_path / "b.png", GREY[0].T.copy())
    with pytest.raises(LatentryError) as caught:
        load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'b.png'} is 5 x 4 pixels, but a.png is 4 x 5; bring all images to one size."
    )
    whole = (tmp_path / "a.png").read_bytes()
    for content in (whole[:-25], b"no image", whole[:50] + b"\0\0" + whole[52:]):
        (tmp_path / "b.png").write_bytes(content)
        with pytest.raises(LatentryError) as caught:
            load(tmp_path)
        assert str(caught.value) == (
            f"{tmp_path / 'b.png'} is broken or no image; mend it or take it out of the folder."
        )
    save_image(tmp_path / "b.png", np.zeros((5, 4), np.uint16))
    with pytest.raises(LatentryError, match=r"b\.png has more than 8 bits per pixel"):
        load(tmp_path)


def test_labels_of_the_wrong_length_are_told(tmp_path):
    np.savez(tmp_path / "x.npz", x=GREY, y=np.arange(5))
    with pytest.raises(LatentryError) as caught:
        load(tmp_path / "x.npz")
    assert str(caught.value) == (
        f"{tmp_path / 'x.npz'} has 5 labels for 6 samples; give one for each."
    )


def test_other_mistakes_are_told(tmp_path):
    np.savez(tmp_path / "two.npz", first=GREY, second=GREY)
    with pytest.raises(LatentryError, match=r"two.npz holds first, second, so it is not clear"):
        load(tmp_path / "two.npz")
    (tmp_path / "x.docx").write_text("x")
    with pytest.raises(LatentryError, match=r"x.docx is of a type that cannot be read \(.docx\)"):
        load(tmp_path / "x.docx")
    save_image(tmp_path / "a.png", GREY[0])
    with pytest.raises(LatentryError, match="is a single image; give the folder"):
        load(tmp_path / "a.png")
    np.save(tmp_path / "x.npy", GREY)
    with pytest.raises(LatentryError, match="has no named columns, so 'y' cannot be picked"):
        load(tmp_path / "x.npy", label="y")
    with pytest.raises(LatentryError, match=r"The shape \(3, 3\) holds 9 values"):
        load(tmp_path / "x.npy", shape=(3, 3))


MIXED = "age,town,when\n31,Ulm,2020-01-01\n?,Bonn,2020-02-03\n44,Ulm,2020-02-05\n"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_with_text_is_a_mixed_one(tmp_path, kind):
    path = tmp_path / f"t.{kind}"
    frame = pd.read_csv(io.StringIO(MIXED), na_values="?")
    path.write_text(MIXED) if kind == "csv" else frame.to_parquet(path)
    found = load(path, label="town")
    assert found.columns == ("age", "when") and found.labels is not None
    assert found.labels.tolist() == ["Ulm", "Bonn", "Ulm"]
    found = load(path, schema={"age": "real"})
    assert found.schema is not None
    assert {c.name: c.kind for c in found.schema.table} == {
        "age": "real",
        "town": "binary",
        "when": "datetime",
    }
    assert found.x.dtype == np.float32 and np.isnan(found.x[1, 0])
    pd.testing.assert_frame_equal(found.frame(), frame)
    again = load(**found.source)
    assert again.schema == found.schema
    one = load(path, drop=["when"], schema={"age": "real"})
    np.testing.assert_array_equal(load(path, drop=["when"], schema=one.schema).x, found.x[:, :2])


def many_kinds(n):
    """Columns of all kinds with gaps in them, some of which fill whole row groups."""
    some = np.random.default_rng(1)
    texts = np.array([f"t{i:03d}" for i in range(90)], dtype=object)[some.integers(0, 90, n)]
    texts[20:50] = None
    days = np.datetime64("2020-01-01") + some.integers(0, 900, n)
    frame = pd.DataFrame(
        {
            "name": [f"row {i:04d}" for i in range(n)],
            "length": some.lognormal(0, 2, n),
            "visits": pd.array(some.poisson(40, n), dtype="Int64"),
            "yes": some.random(n) < 0.3,
            "town": texts,
            "size": pd.Categorical(some.choice(["S", "M", "L"], n), ["S", "M", "L"], ordered=True),
            "when": days.astype("datetime64[s]"),
            "written": pd.Series(days).dt.strftime("%d.%m.%Y"),
        }
    )
    frame.loc[7:60, "visits"] = pd.NA
    frame.loc[[3, 99], ["length", "when", "size", "written"]] = None
    return frame


def test_a_parquet_file_is_packed_some_rows_at_a_time(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    many_kinds(400).to_parquet(path, row_group_size=33)
    frame = pd.read_parquet(path)
    whole = Schema.of_table(frame)
    monkeypatch.setattr(tables, "ROWS", 25)
    held = []
    monkeypatch.setattr(tables, "Frame", lambda x: held.append(len(x)) or Frame(x))
    found = load(path)
    assert found.schema == whole and max(held) <= 25 and sum(held) == 400
    np.testing.assert_array_equal(found.x, whole.pack(frame).numpy())
    again = load(path, take=["town"], schema=dict.fromkeys(["visits"], "real"))
    told = Schema.of_table(frame.drop(columns="town"), {"visits": "real"})
    assert again.schema == told and pd.isna(again.taken["town"][20])
    np.testing.assert_array_equal(again.x, told.pack(frame.drop(columns="town")).numpy())
    frame.loc[300, "length"] = np.inf
    frame.loc[[1, 350], "town"] = "nowhere"
    frame.drop(columns="length").to_parquet(path, row_group_size=33)
    with pytest.warns(UserWarning, match=r"count as missing: 2 in 'town'\."):
        load(path, schema=Schema.of_columns([c for c in whole.table if c.name != "length"]))
    frame[["length", "yes"]].to_parquet(path, row_group_size=33)
    with pytest.raises(LatentryError, match=r"infinite value \(inf\) in row 300, column 'length'"):
        load(
            path, schema=Schema.of_columns([c for c in whole.table if c.name in ("length", "yes")])
        )


def test_packed_rows_that_would_fill_the_memory_stand_in_a_file(tmp_path, monkeypatch):
    frame, path = many_kinds(120), tmp_path / "t.parquet"
    frame.to_parquet(path)
    usual = load(path)
    monkeypatch.setattr(arrays, "IN_MEMORY", 100)
    found = load(path)
    assert isinstance(found.x, np.memmap) and found.schema == usual.schema
    np.testing.assert_array_equal(found.x, usual.x)
    monkeypatch.setattr(arrays.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1e3))
    with pytest.raises(LatentryError, match=r"120 rows of 7 numbers take .* GB free; set TMPDIR"):
        load(path)


def test_a_schema_is_for_tables_alone(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 2)))
    for data in (tmp_path / "x.npy", "digits"):
        with pytest.raises(LatentryError, match="no columns a schema could be of"):
            load(data, schema={"age": "count"})
    known = load("iris", schema={"sepal length (cm)": "positive"})
    assert known.schema is not None and known.schema.table[0].kind == "positive"


def test_digits_with_zeros_before_them_are_text(tmp_path):
    rows = "".join(f"{5650 + i:05d},{i % 3},{i / 4}\n" for i in range(40))
    path = tmp_path / "codes.csv"
    path.write_text("zip,n,x\n" + rows)
    frame = tables.read_frame(path)
    assert list(frame["zip"][:2]) == ["05650", "05651"]
    assert frame["n"].dtype == np.int64 and frame["x"].dtype == np.float64
    data = load(path)
    assert [column.kind for column in data.schema.table] == ["identifier", "ordinal", "real"]
    few = tmp_path / "few.csv"
    few.write_text("zip,n,x\n" + rows[:100].replace("0565", "10565").rpartition("\n")[0])
    numbers = infer_columns(tables.read_frame(few), {"zip": "count"})[0]
    assert numbers.encode(Frame(frame).cells(0))[0][0] == 5650 - numbers.origin
    path.write_text(("000,012,255\n" * 5) + "001,013,254\n")
    assert load(path).x.tolist()[-1] == [1, 13, 254]  # where all are, they are numbers


def test_decimal_commas(tmp_path):
    path = tmp_path / "europe.csv"
    rows = "1,5;31.01.2024;Bonn\n-,25;01.02.2024;Ulm\n;03.02.2024;\n"
    path.write_text("price;day;city\n" + rows * 9)
    frame = tables.read_frame(path)
    assert frame["price"][:2].tolist() == [1.5, -0.25] and frame["price"].isna().sum() == 9
    assert frame["day"][0] == "31.01.2024"
    path.write_text("a\tb\n" + "1,500\tx\n12,000\ty\n" * 9)  # thousands, perhaps
    assert tables.read_frame(path)["a"][0] == "1,500"
    path.write_text("a;b\n" + "1,5;2.5\n" * 9)  # the point may be the decimal one
    assert tables.read_frame(path)["b"].dtype == np.float64


def test_a_product_of_prices_has_their_digits(tmp_path):
    path = tmp_path / "prices.csv"
    prices = [318.35 * 12, 19.99, 4.5, 100.01] * 30
    path.write_text("price,kind\n" + "".join(f"{p!r},a\n{p / 2:.2f},b\n" for p in prices))
    assert next(c for c in load(path).schema.table if c.name == "price").decimals == 2
