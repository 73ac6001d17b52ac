from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from latentry import VAE, LatentryError
from latentry.report import report
from latentry.report.page import balance
from latentry.report.picture import canvas
from latentry.report.words import number


class Page(HTMLParser):
    """What a test wants to know of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href"):
                self.links.append(value)
            if name == "id":
                self.ids.append(value)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self._cell:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def vae_page(vae, digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vae")
    x, y = digits
    path = report(vae, x, y, vae.evaluate(x, draws=5), folder, held_out=False)
    return folder, path.read_text("utf-8")


@pytest.fixture(scope="module")
def ae_page(ae, digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ae")
    report(ae, digits[0], None, ae.evaluate(digits[0], draws=5), folder)
    return (folder / "report.html").read_text("utf-8")


def test_the_page_needs_nothing_beside_it(vae_page):
    page = Page(vae_page[1])
    assert page.links
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in page.links)
    assert not {"script", "link", "iframe", "img"} & set(page.tags)
    assert not re.search(r"url\((?!#)|@import", vae_page[1])


def test_references_inside_the_page_hold(vae_page):
    page = Page(vae_page[1])
    assert len(page.ids) == len(set(page.ids))
    used = {link[1:] for link in page.links if link.startswith("#")}
    used |= set(re.findall(r"url\(#([^)]+)\)", vae_page[1]))
    assert used <= set(page.ids)


def test_every_figure_is_on_the_page_and_a_png(vae_page):
    folder, text = vae_page
    names = {
        "reconstructions",
        "samples",
        "latent-map",
        "manifold",
        "interpolation",
        "loss",
        "latent-kl",
    }
    assert {p.stem for p in (folder / "figures").iterdir()} == names
    assert names <= set(Page(text).ids)
    for name in names:
        with Image.open(folder / "figures" / f"{name}.png") as image:
            assert image.size[0] > 500
    assert len(re.findall("<figcaption>[^<]{20,}</figcaption>", text)) == len(names)


def test_every_number_has_a_unit(vae_page):
    rows = Page(vae_page[1]).rows
    table = {row[0]: row[1:] for row in rows[1:] if len(row) == 4}
    assert {"ELBO", "Distortion", "Rate", "Negative log-likelihood"} <= set(table)
    assert all(unit for _, unit, _ in table.values())
    assert table["ELBO"][1] == "nats per sample"
    assert "5 draws per sample" in table["Negative log-likelihood"][2]
    assert table["Active units"][0].endswith("of 2")


def test_what_a_model_lacks_is_a_dash_with_the_reason(ae_page):
    table = {row[0]: row[1:] for row in Page(ae_page).rows if len(row) == 4}
    for name in ("ELBO", "Rate", "Negative log-likelihood", "Bits per dimension"):
        value, _, remark = table[name]
        assert value == "–"
        assert "no prior" in remark
    assert table["Mean squared error"][0] != "–"
    assert 'id="latent-kl"' not in ae_page


def test_an_improper_likelihood_is_named_as_the_reason(digits, tmp_path):
    x = digits[0]
    est = VAE(latent=3, likelihood="bernoulli", epochs=1, hidden=8, compile=False).fit(x)
    text = report(est, x, None, est.evaluate(x, draws=3), tmp_path).read_text("utf-8")
    table = {row[0]: row[1:] for row in Page(text).rows if len(row) == 4}
    assert table["Negative log-likelihood"][0] == "–"
    assert "not a normalised density" in table["Negative log-likelihood"][2]


def test_the_page_says_what_was_trained_and_on_what(vae_page, vae):
    text = vae_page[1]
    assert "8 × 8 grey images" in text
    assert "that it was trained on" in text
    assert all(choice in text for choice in vae.choices_)
    assert "latent=2" in text and "random_state=0" in text
    rows = {row[0] for row in Page(text).rows}
    assert {"latent", "lr", "epochs", "warmup"} <= rows


def test_light_and_dark_share_the_drawings(vae_page):
    assert "prefers-color-scheme: dark" in vae_page[1]
    drawings = re.findall(r"<svg.*?</svg>", vae_page[1], re.DOTALL)
    assert all("var(--" in d for d in drawings if "<text" in d)
    assert not any("#1f2430" in d or "DejaVu" in d for d in drawings)


def test_names_in_the_data_cannot_write_html(wine, tmp_path):
    evil = wine.iloc[:, :3].set_axis(["<b>x</b>", "a&b", "c"], axis=1)
    est = VAE(latent=2, epochs=1, hidden=8, compile=False).fit(evil)
    labels = np.array(["<script>alert(1)</script>", "ok"])[np.arange(len(evil)) % 2]
    text = report(est, evil, labels, None, tmp_path).read_text("utf-8")
    assert "<b>" not in text and "<script" not in text


def test_a_conditional_model_takes_its_labels_for_the_condition(conditional, digits, tmp_path):
    text = report(conditional, *digits, None, tmp_path).read_text("utf-8")
    assert "One row for each class" in text


def test_points_get_their_density(plane, moons, tmp_path):
    text = report(plane, *moons, None, tmp_path).read_text("utf-8")
    assert 'id="density"' in text and 'id="samples"' in text


def test_two_points_are_enough(tmp_path):
    x = [[1.0, 2.0], [3.0, 4.0]]
    est = VAE(latent=2, epochs=2, hidden=8, compile=False).fit(x)
    assert report(est, x, None, est.evaluate(x, draws=2), tmp_path).is_file()


def test_a_run_is_named_after_its_data(vae, digits, tmp_path):
    (tmp_path / "model.json").write_text('{"data": {"data": "somewhere/faces.npy"}}')
    text = report(vae, digits[0][:20], None, None, tmp_path).read_text("utf-8")
    assert "<title>VAE on faces.npy</title>" in text


@pytest.mark.parametrize("what", ["labels", "condition"])
def test_too_few_labels_are_refused(vae, digits, tmp_path, what):
    with pytest.raises(LatentryError, match=f"3 {what} were given for 120 rows"):
        report(vae, digits[0], **{what: [1, 2, 3]}, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_an_error(vae, digits, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(LatentryError, match="cannot be written"):
        report(vae, digits[0][:20], None, None, blocked)


def test_columns_of_the_page_are_balanced_and_in_order():
    pictures = [canvas(str(k), "", h) for k, h in enumerate((3, 1, 4, 1, 5, 2))]
    left, right = balance(pictures)
    assert left[0] is pictures[0]
    assert sorted(left, key=pictures.index) == left
    assert sorted(right, key=pictures.index) == right
    assert len(left) + len(right) == 6
    assert balance(pictures[:1]) == (pictures[:1], [])


def test_pictures_have_one_width():
    out = io.BytesIO()
    canvas("a", "", 2).savefig(out, format="png")
    assert Image.open(out).size == (960, 400)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (104.93871, "104.9"),
        (-51.649, "−51.65"),
        (0.01006, "0.01006"),
        (1832.675, "1\u2009833"),
        (0.0, "0"),
        (0.00002988, "2.988e−05"),
        (60000, "60\u2009000"),
        (float("nan"), "–"),
    ],
)
def test_numbers_are_written_with_four_digits(value, text):
    assert number(value) == text
