"""Names of people: private, in `people.toml` of the community's folder; a site file has ids only.

format = 1

[[person]]
id = "leader-1"
name = "Wang Fang (王芳)"
phone = "…"            # shown nowhere as yet
"""

from firegrid.site.document import read_document
from firegrid.site.fields import Fields, Problems
from firegrid.site.model import Site
from firegrid.state import State

__all__ = ["FORMAT", "names_of"]

FORMAT = 1
NAME_MAX = 64


def names_of(state: State, site: Site) -> dict[str, str]:
    """Return the names that are known by the ids of the site; raise FiregridError where the file
    does not say what it should, or names somebody who is not in the site file."""
    path = state.people
    if not path.exists():
        return {}
    problems = Problems(path)
    fields = Fields(read_document(path, FORMAT, "list of people"), "", problems)
    known = {person.id for person in site.people}
    names: dict[str, str] = {}
    for n, row in enumerate(fields.tables("person"), 1):
        person = Fields(row, f"[[person]] no. {n}", problems)
        ident, name = person.text("id"), person.text("name")
        person.text("phone", "")
        if ident and ident not in known:
            person.problem("id", f'"{ident}" is nobody in the site file')
        elif ident in names:
            person.problem("id", f'"{ident}" stands in it twice')
        elif len(name) > NAME_MAX:
            person.problem("name", f"is longer than {NAME_MAX} letters")
        else:
            names[ident] = name
        person.end()
    fields.end()
    problems.refuse_any()
    return names
