"""Points from a spreadsheet: every encoding it is saved in, every mistake with its line."""

import json
import random

import jsonschema
import pytest
from click.testing import CliRunner
from firegrid import cli
from firegrid.errors import FiregridError
from firegrid.resources import schemas_dir, site_path
from firegrid.site.load import load_site
from firegrid.site.table import read_table

SITE = site_path("jinshui-garden")
HEAD = "number,id,kind,gateway,grid,gateway_place,place,input,alarm\n"
ROW = "901,smoke-new,smoke,gw-new,grid-03,Block 3,Hall,gpio34,\n"
CHINESE = """\
编号,类型,网关,网格,网关位置,位置,接线,alarm,照片
,感烟,gw-new,grid-03,3号楼 配电间,3号楼 一层,gpio34,,a.jpg
,消火栓,gw-new,,,"西门, 路边",ads1115@0x48/0,,
901,leakage,gw-new,,,配电间,gpio36,400,
"""


@pytest.fixture
def bring_in(tmp_path):
    """Return a function that imports the bytes of a table."""

    def bring_in(content, *options):
        table = tmp_path / "points.csv"
        table.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths = [str(table), str(SITE), str(tmp_path / "new.toml")]
        return CliRunner().invoke(cli.main, ["site", "import", *paths, *options])

    return bring_in


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("between", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_a_table_comes_in_as_a_spreadsheet_saves_it(encoding, end, between, bring_in, tmp_path):
    text = CHINESE.replace('"西门, 路边"', "西门 路边").replace(",", between).replace("\n", end)
    done = bring_in(text.encode(encoding), "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    schema = json.loads((schemas_dir() / "site-import.schema.json").read_text("utf-8"))
    jsonschema.validate(said, schema)
    assert said["encoding"] == encoding.removesuffix("-sig")
    assert said["gateways"] == ["gw-new"]
    assert [point["number"] for point in said["points"]] == [902, 903, 901]
    site = load_site(tmp_path / "new.toml")
    assert site.gateway("gw-new").place == "3号楼 配电间"
    assert (site.point("902").id, site.point("902").photo) == ("smoke-902", "a.jpg")
    assert site.point("901").levels["alarm"].limit == 400
    assert site.points[: len(load_site(SITE).points)] == load_site(SITE).points


def test_a_comma_in_quotes_is_a_part_of_the_text(bring_in, tmp_path):
    assert bring_in(CHINESE).exit_code == 0
    assert load_site(tmp_path / "new.toml").point("903").place == "西门, 路边"


def test_a_row_without_a_kind_is_a_gateway_alone(bring_in, tmp_path):
    done = bring_in("gateway,grid,gateway_place,kind\ngw-new,grid-03,Block 3,\n")
    assert done.exit_code == 0, done.output
    assert load_site(tmp_path / "new.toml").points_of("gw-new") == ()


def test_points_may_go_to_a_gateway_that_is_there(bring_in, tmp_path):
    done = bring_in("number,kind,gateway,place,input\n901,smoke,gw-hydrants,Hut,gpio39\n")
    assert done.exit_code == 0, done.output
    assert load_site(tmp_path / "new.toml").point("901").gateway == "gw-hydrants"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"PK\x03\x04...", "is an Excel workbook"),
        (HEAD.encode("utf-16"), "is UTF-16"),
        (b"number\0", "is no text"),
        (HEAD.encode() + b"\xff\xff\xff\n", "line 2: is neither UTF-8 nor GB 18030"),
        (HEAD, "holds no row"),
        ("number,number,kind,gateway\n1,2,smoke,a\n", "number: stands there 2 times"),
        ("number,id\n1,a\n", "gateway: is a column that a table must have"),
        ("number,kind,gateway,remark\n1,smoke,a,b\n", '"remark" is an unknown column'),
        (HEAD + '901,"smoke,x\n', "line 2: is no CSV"),
        (HEAD + ROW.rstrip() + "1,2,3\n", "line 2: has 11 cells, the header 9"),
        (HEAD + ROW.replace("gw-new", ""), "line 2: gateway: is missing"),
        (HEAD + ROW.replace(",smoke,", ",,"), "line 2: kind: is missing"),
        (HEAD + ROW + ROW.replace("901", "902"), "line 3: point smoke-new: id"),
        (HEAD + ROW.replace("smoke,", "smok,"), 'line 2: point 901 (smoke-new): kind: "smok"'),
        (HEAD + ROW.replace(",\n", ",high\n"), '"high" is not a number in mA'),
        (HEAD + ROW.replace("gpio34", "gpio99"), "line 2: point 901 (smoke-new): input"),
        (HEAD + ROW.replace("901", "x"), "line 2: [[point]] no. 21: number"),
        (HEAD + ROW.replace("grid-03", "grid-99"), "line 2: gateway gw-new"),
        (HEAD + ROW.replace("gw-new", "gw-shops"), "is in the site file already"),
        (HEAD + ROW.replace("gw-new,grid-03,Block 3", "gw-shop,,"), 'did you mean "gw-shops"?'),
        (HEAD + ROW + ROW.replace("901,smoke-new", "902,b").replace("-03", "-04"), "line 3: grid"),
        (HEAD + ROW.replace("Hall", '"a\nb"'), "must be one line"),
        (HEAD + ROW.replace("Hall", "a\x7fb"), "must be one line"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_nothing_is_written(
    content, words, bring_in, tmp_path
):
    done = bring_in(content)
    assert done.exit_code == 1
    assert words in done.stderr, done.stderr
    assert "points.csv" in done.stderr and "Traceback" not in done.output
    assert [found.name for found in tmp_path.iterdir()] == ["points.csv"]


def test_a_column_may_be_left_out(bring_in):
    table = HEAD.rstrip() + ",备注\n" + ROW.rstrip() + ",near the door\n"
    assert bring_in(table).exit_code == 1
    assert bring_in(table, "--skip", "备注").exit_code == 0


def test_all_mistakes_are_told_at_once(bring_in):
    done = bring_in(HEAD + ROW.replace("smoke,", "smok,") + ROW.replace("gpio34", "gpio99"))
    assert done.exit_code == 1 and len(done.stderr.splitlines()) > 1


def test_a_file_that_is_there_is_not_written_over(bring_in, tmp_path):
    (tmp_path / "new.toml").write_text("mine")
    done = bring_in(HEAD + ROW)
    assert done.exit_code == 1 and "is there already" in done.stderr
    assert (tmp_path / "new.toml").read_text() == "mine"


def test_no_rubbish_breaks_it(tmp_path):
    chance = random.Random(6)
    path = tmp_path / "points.csv"
    for _ in range(300):
        content = bytearray((HEAD + ROW + CHINESE).encode())
        for _ in range(chance.randrange(1, 30)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)
        try:
            read_table(path)
        except FiregridError as error:
            assert "points.csv" in str(error)
