from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from crowdmask.data.importing.archive_kinds import inside
from crowdmask.data.importing.archive_limits import Limits
from crowdmask.data.importing.archives import is_archive, unpack
from crowdmask.data.problems import Problems, Reason
from crowdmask.errors import DataError, OutputError

from ..conftest import tree

SMALL = b"picture"


def quiet(stage: str, done: int, total: int) -> None:
    pass


def make_zip(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
        for name, target in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            packed.writestr(info, target)
    return path


def make_tar(path: Path, files: dict[str, bytes], links: dict[str, tuple[bytes, str]] | None = None) -> Path:
    mode: Any = {".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, (kind, target) in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/b.jpg", "a/b.jpg"),
        ("./a//b.jpg", "a/b.jpg"),
        ("a\\b.jpg", "a/b.jpg"),
        ("a/..b.jpg", "a/..b.jpg"),
        ("../b.jpg", None),
        ("a/../../b.jpg", None),
        ("a/../b.jpg", None),
        ("/etc/b.jpg", None),
        ("\\b.jpg", None),
        ("..\\b.jpg", None),
        ("C:/b.jpg", None),
        ("c:b.jpg", None),
        ("a\0b.jpg", None),
        ("", ""),
    ],
)
def test_names_that_leave_the_folder(name: str, expected: str | None) -> None:
    assert inside(name) == expected


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2"])
def test_what_a_data_set_needs_is_unpacked(tmp_path: Path, suffix: str) -> None:
    files = {"top/a.JPG": SMALL, "./top/a.xml": b"<a/>", "top/run.exe": b"x", "__MACOSX/top/._a.jpg": b"x"}
    make = make_zip if suffix == ".zip" else make_tar
    archive = make(tmp_path / f"set{suffix}", files)
    problems = Problems()
    unpacked = unpack(archive, tmp_path / "out", problems, quiet)
    assert is_archive(archive)
    assert tree(tmp_path / "out") == {"top/a.JPG": SMALL, "top/a.xml": b"<a/>"}
    assert (unpacked.others, unpacked.links, problems.lines) == (2, [], [])


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "/tmp/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "C:\\evil.jpg"]
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_whose_paths_leave_the_folder_is_refused_whole(
    tmp_path: Path, name: str, kind: str
) -> None:
    make = make_zip if kind == "zip" else make_tar
    archive = make(tmp_path / f"evil.{kind}", {"good.jpg": SMALL, name: SMALL, "more/../../b.jpg": SMALL})
    before = set(tmp_path.rglob("*"))
    with pytest.raises(DataError, match=r"refused: 2 of its paths leave the folder: .*evil\.jpg") as error:
        unpack(archive, tmp_path / "in/side", Problems(), quiet)
    assert "nothing of it was unpacked" in str(error.value)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("link", "target", "leaves"),
    [
        ("a/link.jpg", "../../secret.jpg", True),
        ("link.jpg", "/etc/passwd", True),
        ("a/b/link.jpg", "../good.jpg", False),
        ("link.jpg", "good.jpg", False),
    ],
)
def test_links_are_never_made(tmp_path: Path, link: str, target: str, leaves: bool) -> None:
    archives = [
        make_zip(tmp_path / "z.zip", {"good.jpg": SMALL}, {link: target}),
        make_tar(tmp_path / "s.tar", {"good.jpg": SMALL}, {link: (tarfile.SYMTYPE, target)}),
    ]
    for archive in archives:
        out = tmp_path / f"out-{archive.stem}"
        if leaves:
            with pytest.raises(DataError, match=r"1 of its paths leave the folder: .* -> "):
                unpack(archive, out, Problems(), quiet)
            assert not out.exists()
        else:
            assert unpack(archive, out, Problems(), quiet).links == [link]
            assert tree(out) == {"good.jpg": SMALL}


def test_hard_links_and_devices_of_a_tar(tmp_path: Path) -> None:
    kinds = {"./a/hard.jpg": (tarfile.LNKTYPE, "good.jpg"), "pipe.jpg": (tarfile.FIFOTYPE, "")}
    archive = make_tar(tmp_path / "t.tar", {"good.jpg": SMALL}, kinds)
    assert len(unpack(archive, tmp_path / "out", Problems(), quiet).links) == 2
    assert tree(tmp_path / "out") == {"good.jpg": SMALL}
    outside = make_tar(tmp_path / "h.tar", {}, {"a/hard.jpg": (tarfile.LNKTYPE, "../../etc/passwd")})
    with pytest.raises(DataError, match="leave the folder"):
        unpack(outside, tmp_path / "out2", Problems(), quiet)


@pytest.mark.parametrize(
    ("files", "limits", "message"),
    [
        ({"bomb.jpg": bytes(20_000_000)}, Limits(), r"bomb.jpg grows from [\d,]+ to 20,000,000 bytes"),
        ({f"{i}.txt": bytes(900_000) for i in range(80)}, Limits(), r"it grows from [\d,]+ to more than"),
        ({"a.jpg": SMALL}, Limits(file_bytes=3), "a.jpg has 7 bytes; 3 are allowed"),
        ({"a.jpg": SMALL, "b.jpg": SMALL}, Limits(total_bytes=10), "unpacks to more than 10 bytes"),
        ({"a.jpg": SMALL, "b.jpg": SMALL}, Limits(members=1), "more than 1 members"),
    ],
)
def test_bombs_are_refused_before_anything_is_unpacked(
    tmp_path: Path, files: dict[str, bytes], limits: Limits, message: str
) -> None:
    archive = make_zip(tmp_path / "bomb.zip", files)
    with pytest.raises(DataError, match=f"refused as an archive bomb: .*{message}"):
        unpack(archive, tmp_path / "out", Problems(), quiet, limits)
    assert not (tmp_path / "out").exists()


def test_a_bomb_in_a_tar_and_a_bomb_within_an_archive(tmp_path: Path) -> None:
    bomb = make_tar(tmp_path / "bomb.tar.gz", {"bomb.jpg": bytes(80_000_000)})
    with pytest.raises(DataError, match="archive bomb"):
        unpack(bomb, tmp_path / "out", Problems(), quiet)
    assert not (tmp_path / "out").exists()
    outer = make_zip(tmp_path / "outer.zip", {"inner.tar.gz": bomb.read_bytes()})
    with pytest.raises(DataError, match="archive bomb"):
        unpack(outer, tmp_path / "out", Problems(), quiet)
    assert "bomb.jpg" not in {path.name for path in (tmp_path / "out").rglob("*")}


def test_a_header_that_lies_about_the_size_gets_no_more_than_it_says(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "lie.zip", {"a.jpg": b"x" * 50_000, "b.jpg": SMALL})
    data = archive.read_bytes()
    size = (50_000).to_bytes(4, "little")
    archive.write_bytes(data.replace(size, (10).to_bytes(4, "little")))
    problems = Problems()
    unpack(archive, tmp_path / "out", problems, quiet)
    assert tree(tmp_path / "out") == {"b.jpg": SMALL}
    assert problems.reasons == [Reason.BROKEN]
    assert problems.lines[0].startswith("lie.zip/a.jpg: damaged in the archive")


def test_archives_within_an_archive(tmp_path: Path) -> None:
    inner = make_tar(tmp_path / "inner.tar.xz", {"images/a.jpg": SMALL})
    outer = make_zip(tmp_path / "outer.zip", {"deep/inner.tar.xz": inner.read_bytes(), "b.jpg": SMALL})
    unpack(outer, tmp_path / "out", Problems(), quiet)
    assert (tmp_path / "out/deep/inner/images/a.jpg").read_bytes() == SMALL
    assert (tmp_path / "out/b.jpg").read_bytes() == SMALL


def test_what_is_whole_is_not_unpacked_again(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "set.zip", {"a.jpg": SMALL, "b.jpg": SMALL})
    out = tmp_path / "out"
    unpack(archive, out, Problems(), quiet)
    first = (out / "a.jpg").stat().st_mtime_ns
    (out / "b.jpg").write_bytes(b"half")
    unpack(archive, out, Problems(), quiet)
    assert (out / "a.jpg").stat().st_mtime_ns == first
    assert (out / "b.jpg").read_bytes() == SMALL


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("no.zip", b"no archive at all", r"is damaged, or no zip \(its end is missing\): fetch it again$"),
        ("no.tar.gz", b"\x1f\x8b" + b"x" * 100, r"or tar \(file could not be opened.*\): fetch it again$"),
    ],
)
def test_no_archive(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=message) as error:
        unpack(tmp_path / name, tmp_path / "out", Problems(), quiet)
    assert len(str(error.value)) < len(str(tmp_path)) + 100


def test_a_download_that_stopped_early(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "set.tar.gz", {f"{i}.jpg": bytes(range(256)) * 400 for i in range(5)})
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(DataError, match="fetch it again"):
        unpack(archive, tmp_path / "out", Problems(), quiet)


def test_an_encrypted_zip_says_what_to_do(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "set.zip", {"a.jpg": SMALL})
    data = bytearray(archive.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(bytes(data))
    with pytest.raises(DataError, match="encrypted: unpack it yourself"):
        unpack(archive, tmp_path / "out", Problems(), quiet)


def test_a_name_that_no_file_can_have_and_a_file_in_a_file(tmp_path: Path) -> None:
    files = {f"{'x' * 300}.jpg": SMALL, "a.jpg": SMALL, "a.jpg/b.jpg": SMALL, "c.jpg": SMALL}
    problems = Problems()
    unpack(make_zip(tmp_path / "set.zip", files), tmp_path / "out", problems, quiet)
    assert tree(tmp_path / "out") == {"a.jpg": SMALL, "c.jpg": SMALL}
    assert problems.reasons == [Reason.BROKEN, Reason.BROKEN]


def test_more_than_the_disk_has_free_is_told_before(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "set.zip", {f"{i}.jpg": SMALL for i in range(5000)})
    parts = archive.read_bytes().split(b"PK\x01\x02")
    claimed = (0xFFFFFFF0).to_bytes(4, "little")
    archive.write_bytes(b"PK\x01\x02".join([parts[0], *(p[:20] + claimed + p[24:] for p in parts[1:])]))
    wide = Limits(total_bytes=1 << 62, file_bytes=1 << 62, ratio=1 << 40)
    with pytest.raises(OutputError, match=r"unpacks to 21474\.8 GB, but .* GB free"):
        unpack(archive, tmp_path / "out", Problems(), quiet, wide)
    assert not (tmp_path / "out").exists()


def test_an_archive_without_anything_to_unpack_is_an_empty_folder(tmp_path: Path) -> None:
    unpacked = unpack(make_zip(tmp_path / "set.zip", {"run.exe": b"x"}), tmp_path / "out", Problems(), quiet)
    assert unpacked.others == 1
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ({"../evil.xml": SMALL}, "refused: 1 of its paths leave the folder"),
        (None, r"is damaged, or no zip \(its end is missing\): fetch it again"),
    ],
)
def test_an_archive_within_an_archive_is_named_by_where_it_lies_there(
    tmp_path: Path, inner: dict[str, bytes] | None, message: str
) -> None:
    data = b"no zip" if inner is None else make_zip(tmp_path / "i.zip", inner).read_bytes()
    outer = make_zip(tmp_path / "outer.zip", {"deep/inner.zip": data})
    with pytest.raises(DataError, match=f"outer.zip/deep/inner.zip:? {message}") as error:
        unpack(outer, tmp_path / "work", Problems(), quiet)
    assert "work" not in str(error.value)
