"""Labels for gateways: a QR code, the id, the claim code, and where it goes, in any script.

A label is a picture, so that every printer prints the same: PNG, a page of a PDF, or ZPL for label
printers. The QR code says `firegrid:1:SITE:GATEWAY:CLAIM-CODE`; keys stand on no label.
"""

import io
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from unicodedata import category

import segno
from PIL import Image, ImageDraw, ImageFont

from firegrid.errors import FiregridError
from firegrid.image.enrol import claim_code
from firegrid.site.model import Gateway, Site
from firegrid.state import State

__all__ = [
    "HEIGHT_MM",
    "WIDTH_MM",
    "Label",
    "draw",
    "find_font",
    "label_of",
    "pdf_bytes",
    "png_bytes",
    "zpl",
]

WIDTH_MM, HEIGHT_MM = 60, 30
DPI = 300
_MM = DPI / 25.4
_MARGIN_MM, _QR_MM = 2, 24
_QR_QUIET = 2  # modules; the label's own margin adds to it
_ID_MM, _TEXT_MM, _LEAST_MM = 3.8, 2.7, 1.6  # heights of letters
_GREY = 127
_CJK = 0x2E80  # from here on a line may be broken behind any letter
_CLOSING = ("Pe", "Pf", "Po", "Zs")  # but not before these classes of Unicode
_PACKAGE = "noto_cjk_sans_otc"  # Noto Sans CJK, SIL OFL 1.1
# Where systems have a font with Chinese letters.
_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/STHeiti Light.ttc",
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/simhei.ttf",
)


class Label(NamedTuple):
    """What stands on one."""

    site: str
    gateway: str
    claim_code: str
    lines: tuple[str, ...]  # for people: community, grid, place

    @property
    def code(self) -> str:
        """Return what the QR code says."""
        return f"firegrid:1:{self.site}:{self.gateway}:{self.claim_code}"


def label_of(site: Site, state: State, gateway: Gateway) -> Label:
    """Return what stands on a gateway's label; raise where it has no claim code yet."""
    *_, grid = site.place_names(gateway)
    lines = (site.name, grid, gateway.place)
    return Label(site.id, gateway.id, claim_code(state, gateway.id), lines)


def find_font(named: Path | None = None) -> Path:
    """Return a font with Chinese letters: the one that is named, that of the package, or one of
    the system's; raise FiregridError where there is none."""
    if named:
        return named
    spec = find_spec(_PACKAGE)
    if spec and spec.origin:
        for path in sorted(Path(spec.origin).parent.glob("*.ttc")):
            return path
    for place in map(Path, _FONTS):
        if place.is_file():
            return place
    raise FiregridError(
        "no font with Chinese letters was found",
        f"install one: {Path(sys.executable).name} -m pip install noto-cjk-sans-otc; "
        "or name one with --font FILE",
    )


def draw(label: Label, font: Path) -> Image.Image:
    """Return the picture, black on white; raise where the font lacks a letter."""
    _check_letters(label, font)
    size = (_px(WIDTH_MM), _px(HEIGHT_MM))
    picture = Image.new("L", size, 255)
    code = _qr(label.code)
    top = (size[1] - code.height) // 2
    picture.paste(code, (_px(_MARGIN_MM), top))
    pen = ImageDraw.Draw(picture)
    left = _px(_MARGIN_MM) * 2 + code.width
    width = size[0] - left - _px(_MARGIN_MM)
    y = _px(_MARGIN_MM)
    y = _put(pen, label.gateway, font, (left, y, width), _ID_MM)
    y = _put(pen, label.claim_code, font, (left, y, width), _ID_MM)
    text_px, parts = _fitted(label.lines, font, width, size[1] - _px(_MARGIN_MM) - y)
    for part in parts:
        pen.text((left, y), part, font=_font(font, text_px), fill=0)
        y += _line_px(text_px)
    return picture.point(lambda grey: 255 if grey > _GREY else 0).convert("1")


def _fitted(lines: tuple[str, ...], font: Path, width: int, height: int) -> tuple[int, list[str]]:
    """Return the greatest size of letters with which all lines fit, and how they are broken; where
    none is small enough, the last says that there is more."""
    for size in range(_px(_TEXT_MM), _px(_LEAST_MM) - 1, -1):
        parts = [part for line in lines for part in _wrapped(line, _font(font, size), width)]
        if len(parts) * _line_px(size) <= height:
            return size, parts
    most = height // _line_px(size)
    return size, [*parts[: most - 1], parts[most - 1][:-1] + "…"]


def _line_px(size: int) -> int:
    return round(size * 1.25)


def _qr(text: str) -> Image.Image:
    code = segno.make(text, error="m", micro=False)
    scale = int(_QR_MM * _MM) // code.symbol_size(border=_QR_QUIET)[0]
    data = io.BytesIO()
    code.save(data, kind="png", scale=scale, border=_QR_QUIET)
    return Image.open(data).convert("L")


def _put(
    pen: ImageDraw.ImageDraw, text: str, font: Path, box: tuple[int, int, int], height_mm: float
) -> int:
    """Write a line, smaller where it would be too wide; return where the next begins."""
    left, top, width = box
    size = _px(height_mm)
    while size > _px(_LEAST_MM) and _font(font, size).getlength(text) > width:
        size -= 1
    pen.text((left, top), text, font=_font(font, size), fill=0)
    return top + _line_px(size)


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> Iterator[str]:
    """Yield the lines of a text: broken at spaces, and anywhere in Chinese."""
    line = ""
    for word in _words(text):
        if line and font.getlength((line + word).rstrip()) > width:
            yield line.rstrip()
            line = ""
        line += word
    if line.strip():
        yield line.rstrip()


def _words(text: str) -> Iterator[str]:
    word = ""
    for letter, after in zip(text, text[1:] + " ", strict=True):
        word += letter
        if letter == " " or (ord(letter) >= _CJK and category(after) not in _CLOSING):
            yield word
            word = ""
    yield word


@cache
def _font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(str(path), size)
    except OSError:
        raise FiregridError(f"{path}: is no font that can be read") from None


def _check_letters(label: Label, font: Path) -> None:
    """A letter that a font lacks is drawn as its box for such letters: compare with that."""
    face = _font(font, 40)
    none = bytes(face.getmask("\uffff"))
    letters = sorted({letter for line in (*label[:3], *label.lines) for letter in line})
    lacking = [one for one in letters if one.strip() and bytes(face.getmask(one)) == none]
    if lacking:
        raise FiregridError(
            f"{font}: has no letter {' '.join(lacking)} ({label.gateway})",
            "name another font with --font FILE, such as Noto Sans CJK",
        )


def _px(mm: float) -> int:
    return round(mm * _MM)


# ---- files ----


def png_bytes(picture: Image.Image) -> bytes:
    """Return a picture as PNG, with its size in its resolution."""
    data = io.BytesIO()
    picture.save(data, "PNG", dpi=(DPI, DPI), optimize=True)
    return data.getvalue()


def pdf_bytes(pictures: list[Image.Image]) -> bytes:
    """Return a PDF with a page as large as a label for each."""
    data = io.BytesIO()
    first, *rest = pictures
    first.save(data, "PDF", resolution=DPI, save_all=True, append_images=rest)
    return data.getvalue()


def zpl(picture: Image.Image) -> str:
    """Return a picture as ZPL II, for a printer of 300 dpi (Zebra, "ZPL II", ^GF: ASCII hex)."""
    row_bytes = -(-picture.width // 8)
    # In ZPL a 1 is black; a picture of 1 bit has 1 for white, and whole bytes a row.
    data = bytes(byte ^ 0xFF for byte in picture.tobytes())
    spare = row_bytes * 8 - picture.width
    rows = [bytearray(data[at : at + row_bytes]) for at in range(0, len(data), row_bytes)]
    for row in rows:
        row[-1] &= 0xFF << spare & 0xFF
    text = b"".join(rows).hex().upper()
    size = f"{len(data)},{len(data)},{row_bytes}"
    return f"^XA^PW{picture.width}^LL{picture.height}^FO0,0^GFA,{size},{text}^FS^XZ\n"
