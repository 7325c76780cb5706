"""Folders and zips of image files: what is in them, and the bytes of a file."""

import collections
import dataclasses
import os
import pathlib
import re
import zipfile

try:
    import fcntl
except ImportError:
    fcntl = None

from keras_multigan.data.decode import SUFFIXES, UndecodableError

MAX_BYTES = 2**28  # of one file, decompressed; protects from a zip bomb

_NOT_DATA = ("thumbs.db", "desktop.ini", "__macosx", "@eadir")


@dataclasses.dataclass(frozen=True)
class Tree:
    """The visible content of a folder or zip. Names are relative to it, with "/" between their parts.

    Attributes:
        images: names of the files with the suffix of an image, sorted.
        folders: names of the folders.
        passed: how many other files there are by suffix, such as {".txt": 2}.
    """

    images: list[str]
    folders: set[str]
    passed: dict[str, int]


def _of_a_run(folder, entries):
    """Whether it has a run's options, or is one that a run has just made (`runs.files.locked`)."""
    if entries or fcntl is None:
        return any(entry.name == "options.json" for entry in entries)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
    return False


class Folder:
    """A folder. Links are followed. Folders of runs in it are left out: those with an options.json, and
    empty ones that a run has locked.

    Args:
        path: of the folder.
    """

    lone_folder_is_root = False  # a single folder in it is a class

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)

    def tree(self) -> Tree:
        """Lists the folder. Of a loop of links, only the first round is followed."""
        files, folders, waiting, of_runs = [], set(), [("", frozenset())], set()
        while waiting:
            folder, above = waiting.pop()
            status = os.stat(self.path / folder)
            identity = status.st_dev, status.st_ino
            if identity in above:
                continue
            with os.scandir(self.path / folder) as found:
                entries = list(found)
            if folder and _of_a_run(self.path / folder, entries):
                of_runs.add(folder.rpartition("/")[0])
                continue
            folders.add(folder)
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if _hidden(entry.name):
                    continue
                if entry.is_dir():
                    waiting.append((name, above | {identity}))
                else:
                    files.append(name)
        for above in of_runs:  # such as runs/, if it holds nothing else
            if not any(name.startswith(f"{above}/") for name in [*files, *folders]):
                folders.discard(above)
        return _tree(files, folders - {""})

    def read(self, name: str) -> bytes:
        """Returns the bytes of a file.

        Raises:
            UndecodableError: it cannot be read, is larger than MAX_BYTES or no regular file.
        """
        path = f"{self.path}/{name}"
        try:
            if not os.path.isfile(path):  # opening a pipe would wait for ever
                raise UndecodableError("no file, or a link to nothing")
            with open(path, "rb") as file:
                return _bounded(file, os.fstat(file.fileno()).st_size)
        except OSError as error:
            raise UndecodableError(error.strerror or str(error)) from error


class Archive:
    """A zip of a folder, which is read without being extracted.

    Args:
        path: of the zip.

    Raises:
        ValueError: it is damaged or encrypted, or a name in it leads out of it.
    """

    lone_folder_is_root = True  # a folder is zipped with its own name above everything

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
            raise ValueError(
                f"Expected a .zip of image files. Received: {path}, which cannot be read ({error}). "
                "Make or download it again."
            ) from error
        self._members, self._folders = {}, set()
        for info in self._zip.infolist():
            name = info.filename.replace("\\", "/")
            parts = [part for part in name.split("/") if part not in ("", ".")]
            if name.startswith("/") or ".." in parts or re.match("[A-Za-z]:", name):
                raise ValueError(
                    "Expected a .zip whose names stay inside it, without '..' and not absolute. "
                    f"Received: {info.filename!r} in {path}. Extract it where you trust it, or zip it "
                    "again."
                )
            if info.flag_bits & 1:
                raise ValueError(f"Expected a .zip without a password. Received: {path}. Extract it "
                                 "and give the folder.")
            if info.is_dir():
                self._folders.add("/".join(parts))
            else:
                self._members["/".join(parts)] = info

    def tree(self) -> Tree:
        """Lists the zip."""
        names = [n for n in self._members if not any(map(_hidden, n.split("/")))]
        folders = {f for f in self._folders if f and not any(map(_hidden, f.split("/")))}
        for name in names:
            while "/" in name and (name := name.rpartition("/")[0]) not in folders:
                folders.add(name)
        return _tree(names, folders)

    def read(self, name: str) -> bytes:
        """Returns the bytes of a file; several threads may read at once.

        Raises:
            UndecodableError: it is damaged or larger than MAX_BYTES.
        """
        info = self._members[name]
        try:
            with self._zip.open(info) as file:
                return _bounded(file, info.file_size)
        except UndecodableError:
            raise
        except Exception as error:  # zipfile and its decompressors raise many types
            raise UndecodableError(str(error) or type(error).__name__) from error


def open_source(path: str | os.PathLike) -> Folder | Archive:
    """The folder, or the zip if `path` is a file."""
    return Archive(path) if os.path.isfile(path) else Folder(path)


def printable(name: str) -> str:
    """A file's name that every terminal and file can take."""
    return name.encode("utf-8", "backslashreplace").decode()


def _hidden(part):
    return part.startswith(".") or part.lower() in _NOT_DATA


def _tree(files, folders):
    images, passed = [], collections.Counter()
    for name in files:
        last = name.rpartition("/")[2].lower()
        suffix = os.path.splitext(last)[1]
        if suffix in SUFFIXES:
            images.append(name)
        elif not last.startswith("readme"):
            passed[suffix or "no suffix"] += 1
    return Tree(sorted(images), folders, dict(passed.most_common()))


def _bounded(file, size):
    content = file.read(MAX_BYTES + 1) if size <= MAX_BYTES else None
    if content is None or len(content) > MAX_BYTES:
        raise UndecodableError(f"larger than {MAX_BYTES >> 20} MiB")
    return content
