"""The files that ship: the folder savedmodels of a checkout, which the installed package has, too."""

import pathlib

_PACKAGE = pathlib.Path(__file__).resolve().parent
FOLDERS = (_PACKAGE / "savedmodels", _PACKAGE.parent / "savedmodels")


def paths(name: str, file: str) -> tuple[pathlib.Path, ...]:
    """Where `file` of the shipped folder `name` may lie: in the installed package, in a checkout."""
    return tuple(folder / name / file for folder in FOLDERS)


def sets() -> dict[str, pathlib.Path]:
    """The trained sets of generators that ship: name -> folder, in the order of the names."""
    found = {path.parent.name: path.parent
             for folder in reversed(FOLDERS) for path in folder.glob("*/model.keras")}
    return dict(sorted(found.items()))
