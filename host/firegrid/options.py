"""Options that many commands share."""

import click

from firegrid import words

__all__ = ["lang_option"]


def _use(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value:
        words.use(value)


lang_option = click.option(
    "--lang",
    type=click.Choice(words.LANGUAGES),
    expose_value=False,
    callback=_use,
    help="Language of what is shown; otherwise the environment's.",
)
