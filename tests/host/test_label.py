"""Labels: the QR code says what it should, no letter is missing, printers get the same picture."""

import io
import json
import re
import shutil

import jsonschema
import pypdfium2
import pytest
import segno
from click.testing import CliRunner
from firegrid import cli
from firegrid import label as labels
from firegrid.errors import FiregridError
from firegrid.identity import Authority
from firegrid.image.enrol import claim_code, enrol
from firegrid.label import Label, draw, find_font, pdf_bytes, png_bytes, zpl
from firegrid.resources import schemas_dir, site_path
from firegrid.site.load import load_site
from firegrid.state import State
from PIL import Image, ImageFont

SITE = load_site(site_path("jinshui-garden"))
GATEWAYS = [gateway.id for gateway in SITE.gateways]
ONE = Label("yard", "gw-1", "ABCD-1234", ("金水花园 Yard", "3号楼", "配电间、一层"))
PASSPHRASE = "correct horse battery"
ZPL = re.compile(r"\^XA\^PW(\d+)\^LL(\d+)\^FO0,0\^GFA,(\d+),(\d+),(\d+),([0-9A-F]+)\^FS\^XZ\n")


@pytest.fixture(scope="module")
def community(tmp_path_factory):
    """A copy of the example whose gateways have identities."""
    path = tmp_path_factory.mktemp("community") / "garden.toml"
    shutil.copy(SITE.path, path)
    state = State.of(path)
    authority = Authority.create(state, SITE.id, PASSPHRASE)
    for name in GATEWAYS:
        enrol(state, authority, SITE.id, name)
    return path


def write(community, *arguments):
    return CliRunner().invoke(cli.main, ["label", str(community), *map(str, arguments)])


def inked(picture):
    """Return a picture in which what is black is what getbbox() finds."""
    return picture.convert("L").point(lambda grey: 255 if grey < 128 else 0)


def is_code(picture, text):
    """Return whether the QR code of this text stands in a picture, module for module."""
    wanted = [list(map(bool, row)) for row in segno.make(text, error="m", micro=False).matrix]
    ink = inked(picture)
    left, top, _, _ = ink.crop((0, 0, 280, ink.height)).getbbox()
    edge = next(x for x in range(left, 280) if not ink.getpixel((x, top)))
    scale = (edge - left) // 7  # a finder pattern is seven modules wide
    middle = scale // 2
    sides = range(len(wanted))
    found = [
        [bool(ink.getpixel((left + scale * x + middle, top + scale * y + middle))) for x in sides]
        for y in sides
    ]
    return found == wanted


def test_the_code_says_site_gateway_and_claim_code():
    assert ONE.code == "firegrid:1:yard:gw-1:ABCD-1234"
    picture = draw(ONE, find_font())
    assert is_code(picture, ONE.code)
    assert not is_code(picture, ONE._replace(claim_code="ABCD-1235").code)


@pytest.mark.parametrize("gateway", SITE.gateways, ids=lambda gateway: gateway.id)
def test_no_letter_of_a_label_is_missing(gateway):
    font = ImageFont.truetype(str(find_font()), 40)
    box = bytes(font.getmask("\uffff"))
    text = SITE.name + "".join(SITE.place_names(gateway)) + gateway.place
    assert "花" in text
    assert [one for one in set(text) - {" "} if bytes(font.getmask(one)) == box] == []


def test_a_font_without_the_letters_is_an_error_and_not_a_box(tmp_path):
    with pytest.raises(FiregridError, match="has no letter \U00013000"):
        draw(ONE._replace(lines=("a \U00013000",)), find_font())
    (tmp_path / "no.ttf").write_bytes(b"no font")
    with pytest.raises(FiregridError, match="is no font"):
        draw(ONE, tmp_path / "no.ttf")


def test_without_a_font_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(labels, "find_spec", lambda name: None)
    monkeypatch.setattr(labels, "_FONTS", ())
    with pytest.raises(FiregridError, match="pip install noto-cjk-sans-otc"):
        find_font()


def test_a_long_place_is_written_smaller_and_nothing_runs_over_the_edge():
    lines = tuple("花园路街道金水花园社区商业街东段配电间 " * n for n in (1, 2, 2))
    ink = inked(draw(ONE._replace(lines=lines, gateway="g" * 32), find_font()))
    left, top, right, bottom = ink.getbbox()
    assert left > 10 and top > 10
    assert right < ink.width - 10 and bottom < ink.height - 5


def test_a_closing_mark_begins_no_line():
    font = labels._font(find_font(), 30)
    text = "花园 (金水花园) 配电间、一层。"
    for width in range(100, 400, 7):
        lines = list(labels._wrapped(text, font, width))
        assert not [line for line in lines if line[0] in ")、。"]
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_every_format_holds_the_same_picture():
    picture = draw(ONE, find_font())
    png = Image.open(io.BytesIO(png_bytes(picture)))
    assert inked(png).tobytes() == inked(picture).tobytes()
    assert round(png.info["dpi"][0]) == 300
    pdf = pypdfium2.PdfDocument(pdf_bytes([picture, picture]))
    assert len(pdf) == 2
    wanted = [side_mm / 25.4 * 72 for side_mm in (60, 30)]
    assert pdf[0].get_size() == pytest.approx(wanted, abs=0.5)
    assert is_code(pdf[0].render(scale=300 / 72).to_pil(), ONE.code)
    *numbers, data = ZPL.fullmatch(zpl(picture)).groups()
    width, height, total, _, row = map(int, numbers)
    assert (width, height) == picture.size and total == row * height == len(data) // 2
    back = Image.frombytes("1", (row * 8, height), bytes.fromhex(data)).convert("L")
    assert back.crop((0, 0, width, height)).tobytes() == inked(picture).tobytes()


@pytest.mark.parametrize("kind", ["pdf", "png", "zpl"])
def test_the_command_writes_a_label_for_each_gateway(kind, community, tmp_path):
    out = tmp_path / "out"
    done = write(community, "--format", kind, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    schema = json.loads((schemas_dir() / "label.schema.json").read_text("utf-8"))
    jsonschema.validate(said, schema)
    assert said["gateways"] == GATEWAYS
    if kind == "png":
        assert [path.stem for path in sorted(out.iterdir())] == sorted(GATEWAYS)
        code = claim_code(State.of(community), "gw-power")
        with Image.open(out / "gw-power.png") as picture:
            assert is_code(picture, f"firegrid:1:jinshui-garden:gw-power:{code}")
    elif kind == "pdf":
        assert len(pypdfium2.PdfDocument(out.read_bytes())) == 4
    else:
        assert out.read_text().count("^XA") == 4


def test_without_a_path_it_lies_in_the_communitys_reports(community):
    done = write(community, "gw-shops")
    assert done.exit_code == 0, done.output
    assert (community.with_suffix(".firegrid") / "reports" / "labels.pdf").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["gw-none"], 1, "has no gateway gw-none"),
        (["--format", "jpg"], 2, "jpg"),
        (["--font", "none.ttf"], 2, "none.ttf"),
        (["--state", "/nowhere"], 1, "firegrid provision"),
        (["--out", "/proc/none/labels.pdf"], 1, "cannot be written"),
    ],
)
def test_what_is_wrong_is_told(arguments, code, words, community):
    done = write(community, *arguments)
    assert done.exit_code == code and words in done.output
    assert "Traceback" not in done.output
