"""A whole crawl against a real server: what is kept, what is not, and how it goes on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from crowdmask.data.crawl.client import Client, Manners
from crowdmask.data.crawl.journal import FILE_NAME as JOURNAL
from crowdmask.data.crawl.providers import Openverse, Provider, Wikimedia
from crowdmask.data.crawl.run import Crawl, Report, Wish
from crowdmask.data.manifest import FILE_NAME, Manifest, read_manifest, write_manifest
from crowdmask.errors import DataError

from .conftest import Served, Site, jpeg

QUICK = Manners(delay_s=0.0, retries=2, backoff_s=0.01, timeout_s=5)


def crawl(site: Site, folder: Path, limit: int = 10, **more: Any) -> Report:
    providers: list[Provider] = more.pop("providers", [Openverse(site.address)])
    tick = more.pop("tick", lambda report: None)
    queries, licences = more.pop("queries", ("crowd",)), more.pop("licences", ("cc0", "by"))
    wish = Wish(queries, licences, limit, **{"min_side": 300, **more})
    with Client(QUICK, private_hosts=True) as client:
        return Crawl(folder, wish, client, providers).run(tick)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "photos").iterdir())


def test_photos_and_manifest(site: Site, tmp_path: Path) -> None:
    for number in range(1, 6):
        site.add(number)
    report = crawl(site, tmp_path, limit=4)

    assert (report.kept, report.problems, report.stopped) == (4, [], [])
    assert files(tmp_path) == [f"openverse-0000-{n}.jpg" for n in range(1, 5)]
    photos = read_manifest(tmp_path).photos
    assert [photo.photo for photo in photos] == [f"photos/openverse-0000-{n}.jpg" for n in range(1, 5)]
    first = photos[0]
    assert (first.width, first.height, first.source, first.licence) == (400, 320, "openverse", "CC BY 2.0")
    assert (first.title, first.author, first.url) == ("Crowd 1", "Person 1", "https://photos.example/1")
    assert first.sha256 == hashlib.sha256(jpeg(1)).hexdigest()
    assert first.faces is None
    assert (tmp_path / first.photo).read_bytes() == jpeg(1)
    assert len(site.pages_asked()) == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"licence": "by-nc", "unfiltered": True}, "another licence"),
        ({"licence": "by-nc", "license": "by", "license_url": None}, ""),
        ({"license_url": "https://creativecommons.org/licenses/by-nc/2.0/"}, "no licence that can be told"),
        ({"license": None, "license_url": None, "unfiltered": True}, "no licence that can be told"),
        ({"width": 200}, "too small"),
    ],
)
def test_answers_are_judged_before_anything_is_fetched(
    site: Site, tmp_path: Path, row: dict[str, Any], reason: str
) -> None:
    site.add(1, **row)
    report = crawl(site, tmp_path)

    assert dict(report.rejected) == ({reason: 1} if reason else {})
    assert site.photos_asked() == ([] if reason else ["/photo/1.jpg"])


@pytest.mark.parametrize(
    ("served", "reason", "why"),
    [
        (Served(b"<html>no photo</html>"), "not a sound picture", "/photo/1.jpg: not a picture"),
        (Served(jpeg(1)[:-800]), "not a sound picture", "/photo/1.jpg: image file is truncated"),
        (Served(jpeg(1), "text/html"), "the server does not give it", "its type is 'text/html'"),
        (Served(jpeg(1, 400, 120)), "too small", ""),
        (Served(b"", status=404), "the server does not give it", "/photo/1.jpg: the server answers 404"),
        (Served(jpeg(2)), "there already", ""),
    ],
)
def test_bad_photos_leave_nothing(site: Site, tmp_path: Path, served: Served, reason: str, why: str) -> None:
    site.add(2)
    site.add(1)
    site.paths["/photo/1.jpg"] = served
    report = crawl(site, tmp_path)

    assert report.rejected == {reason: 1}
    assert report.kept == 1
    assert files(tmp_path) == ["openverse-0000-2.jpg"]
    assert len(report.problems) == (1 if why else 0)
    assert all(why in problem for problem in report.problems)
    # Judged once for all, as long as the limits are the same.
    site.asked.clear()
    crawl(site, tmp_path)
    assert site.photos_asked() == []


def test_other_limits_judge_again(site: Site, tmp_path: Path) -> None:
    site.add(1, jpeg(1, 400, 200), width=0)
    assert crawl(site, tmp_path).rejected == {"too small": 1}
    assert crawl(site, tmp_path, min_side=100).kept == 1


def test_a_png_under_another_name_and_type(site: Site, tmp_path: Path) -> None:
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (400, 300), "red").save(file, "PNG")
    site.add(1, file.getvalue())

    assert crawl(site, tmp_path).kept == 1
    assert files(tmp_path) == ["openverse-0000-1.png"]


def test_names_that_are_no_file_names(site: Site, tmp_path: Path) -> None:
    site.add(1, id="../../evil/\x00", title="a\n<b>", creator=None)
    site.add(2, id="..")
    place = tmp_path / "a" / "b" / "set"
    crawl(site, place)

    assert len(files(place)) == 2
    assert all(name.startswith("openverse-") and "." not in name[:-4] for name in files(place))
    assert {p for p in tmp_path.rglob("*") if p.is_file()} == {p for p in place.rglob("*") if p.is_file()}
    assert read_manifest(place).photos[0].author is None


def test_robots_forbid_the_photos(site: Site, tmp_path: Path) -> None:
    site.add(1)
    site.paths["/robots.txt"] = Served(b"User-agent: *\nDisallow: /photo/", "text/plain")
    report = crawl(site, tmp_path)

    assert (report.kept, site.photos_asked()) == (0, [])
    assert "robots.txt forbids it" in report.problems[0]


def test_a_busy_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.add(1)
    site.trouble = [(429, {"Retry-After": "1"}), (500, {})]
    site.paths["/photo/1.jpg"].first = [(500, {})]

    assert crawl(site, tmp_path).kept == 1
    assert len(site.pages_asked()) == 3
    assert len(site.photos_asked()) == 2


def test_goes_on_where_it_stopped(site: Site, tmp_path: Path) -> None:
    for number in range(1, 8):
        site.add(number)
    assert crawl(site, tmp_path, limit=3).kept == 3
    site.asked.clear()
    report = crawl(site, tmp_path, limit=6)

    assert (report.earlier, report.kept) == (3, 3)
    assert site.photos_asked() == [f"/photo/{n}.jpg" for n in (4, 5, 6)]
    assert "page=1" not in " ".join(site.pages_asked())
    site.asked.clear()
    assert crawl(site, tmp_path, limit=6).kept == 0
    assert site.asked == []
    assert len(read_manifest(tmp_path).photos) == 6


def test_new_photos_of_a_query_that_had_ended(site: Site, tmp_path: Path) -> None:
    site.add(1)
    crawl(site, tmp_path)
    site.add(2)
    site.asked.clear()

    assert crawl(site, tmp_path).kept == 1
    assert site.photos_asked() == ["/photo/2.jpg"]


def test_interrupted(site: Site, tmp_path: Path) -> None:
    for number in range(1, 6):
        site.add(number)

    def interrupt(report: Report) -> None:
        if report.kept == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crawl(site, tmp_path, tick=interrupt)

    assert len(read_manifest(tmp_path).photos) == 2
    assert files(tmp_path) == ["openverse-0000-1.jpg", "openverse-0000-2.jpg"]
    assert crawl(site, tmp_path).kept == 3
    assert len(site.photos_asked()) == 5


def test_killed_before_the_manifest_was_written(site: Site, tmp_path: Path) -> None:
    for number in range(1, 4):
        site.add(number)
    crawl(site, tmp_path, limit=2)
    (tmp_path / FILE_NAME).unlink()
    journal = tmp_path / JOURNAL
    journal.write_text(journal.read_text() + '{"key": "openverse:0000-3", "ki')

    report = crawl(site, tmp_path)

    assert (report.earlier, report.kept) == (2, 1)
    assert [p.title for p in read_manifest(tmp_path).photos] == ["Crowd 1", "Crowd 2", "Crowd 3"]
    assert len(site.photos_asked()) == 3
    assert crawl(site, tmp_path).earlier == 3


def test_what_failed_is_tried_again(site: Site, tmp_path: Path) -> None:
    for number in range(1, 4):
        site.add(number)
    site.paths["/photo/1.jpg"].first = [(503, {})] * 3
    first = crawl(site, tmp_path)
    second = crawl(site, tmp_path)

    assert (first.kept, len(first.problems), first.rejected) == (2, 1, {})
    assert (second.earlier, second.kept, second.problems) == (2, 1, [])
    assert len(read_manifest(tmp_path).photos) == 3


def test_a_lost_photo_is_fetched_again_and_one_taken_out_is_not(site: Site, tmp_path: Path) -> None:
    for number in range(1, 4):
        site.add(number)
    crawl(site, tmp_path)
    photos = read_manifest(tmp_path).photos
    (tmp_path / photos[0].photo).unlink()
    (tmp_path / photos[1].photo).unlink()
    write_manifest(Manifest(tmp_path, [photos[0], photos[2]]))
    site.asked.clear()

    assert crawl(site, tmp_path).kept == 1
    assert site.photos_asked() == ["/photo/1.jpg"]
    assert {p.title for p in read_manifest(tmp_path).photos} == {"Crowd 1", "Crowd 3"}
    assert files(tmp_path) == ["openverse-0000-1.jpg", "openverse-0000-3.jpg"]


def test_what_others_wrote_into_the_manifest_stays(site: Site, tmp_path: Path) -> None:
    site.add(1)
    site.add(2)
    crawl(site, tmp_path, limit=1)
    photo = read_manifest(tmp_path).photos[0]
    write_manifest(Manifest(tmp_path, [photo.model_copy(update={"faces": [], "split": "val"})]))

    crawl(site, tmp_path)

    assert [(p.split, p.faces) for p in read_manifest(tmp_path).photos] == [("val", []), (None, None)]


def test_an_api_that_does_not_count_its_pages(site: Site, tmp_path: Path) -> None:
    for number in range(1, 4):
        site.add(number)
    site.counts_pages = False

    assert crawl(site, tmp_path).kept == 3
    assert [path.split("page=")[1][0] for path in site.pages_asked()] == ["1", "2", "3"]


def test_queries_take_turns_and_share_the_limit(site: Site, tmp_path: Path) -> None:
    for number in range(1, 5):
        site.add(number, queries=["one"])
    for number in range(5, 9):
        site.add(number, queries=["two"])
    report = crawl(site, tmp_path, limit=4, queries=("one", "two"))

    assert report.kept == 4
    assert site.photos_asked() == [f"/photo/{n}.jpg" for n in (1, 5, 2, 6)]


def test_the_same_photo_of_two_queries_is_fetched_once(site: Site, tmp_path: Path) -> None:
    site.add(1, queries=["one", "two"])

    assert crawl(site, tmp_path, queries=("one", "two")).kept == 1
    assert site.photos_asked() == ["/photo/1.jpg"]


def test_an_api_that_fails_ends_the_query_not_the_run(site: Site, tmp_path: Path) -> None:
    site.add(1)
    site.trouble = [(500, {})] * 3
    report = crawl(site, tmp_path, queries=("one", "two"), providers=[Openverse(site.address)])

    assert len(report.stopped) == 1
    assert "answers 500; given up after 3 attempts" in report.stopped[0]
    assert report.kept == 1


@pytest.mark.parametrize("text", ['{"key": "a"}\n', '{"key": "a", "kind": "kept", "what": 1}\n', "[1]\n"])
def test_a_journal_of_something_else(site: Site, tmp_path: Path, text: str) -> None:
    (tmp_path / JOURNAL).write_text(text)

    with pytest.raises(DataError, match="line 1: not a line of a crawl"):
        crawl(site, tmp_path)


def commons(site: Site, number: int, licence: str = "cc-by-4.0", **facts: str | None) -> None:
    """Add a photo to the answers of Wikimedia Commons."""
    site.paths[f"/photo/{number}.jpg"] = Served(jpeg(number))
    values: dict[str, str | None] = {
        "License": licence,
        "LicenseShortName": "CC BY 4.0",
        "LicenseUrl": "https://creativecommons.org/licenses/by/4.0/",
        "Artist": '<a href="//commons.example/User:A">A &amp; B</a>',
        **facts,
    }
    info = {
        "url": f"{site.address}/whole/{number}.jpg",
        "thumburl": f"{site.address}/photo/{number}.jpg",
        "descriptionurl": f"https://commons.example/wiki/File:{number}.jpg",
        "width": 4000,
        "height": 3000,
        "mime": "image/jpeg",
        "extmetadata": {k: {"value": v, "source": "commons-desc-page"} for k, v in values.items() if v},
    }
    site.wikimedia.append(
        {"pageid": number, "ns": 6, "title": f"File:Crowd {number}.jpg", "index": number, "imageinfo": [info]}
    )


def test_wikimedia(site: Site, tmp_path: Path) -> None:
    commons(site, 1)
    commons(site, 2, NonFree="true")
    commons(site, 3, "cc-by-sa-4.0")
    commons(site, 4, "pd", LicenseUrl=None, Artist=None)
    commons(site, 5, "", LicenseShortName=None)
    report = crawl(site, tmp_path, providers=[Wikimedia(site.address)], licences=("by", "pdm"))

    assert (report.kept, report.stopped) == (3, [])
    assert report.rejected == {"no licence that can be told": 2}  # non-free; by-sa with the address of by
    photos = read_manifest(tmp_path).photos
    assert [photo.licence for photo in photos] == ["CC BY 4.0", "Public domain", "CC BY 4.0"]
    first = photos[0]
    assert (first.photo, first.source, first.title) == ("photos/wikimedia-1.jpg", "wikimedia", "Crowd 1.jpg")
    assert (first.author, first.url) == ("A & B", "https://commons.example/wiki/File:1.jpg")
    assert photos[1].author is None
    assert "gsroffset=4" in site.pages_asked()[-1]
    assert all("filetype%3Abitmap" in page for page in site.pages_asked())
    assert not [path for path in site.asked if path.startswith("/whole")]


def test_journal_has_a_line_for_each_photo(site: Site, tmp_path: Path) -> None:
    site.add(1)
    site.add(2, b"no photo")
    crawl(site, tmp_path)

    rows = [json.loads(line) for line in (tmp_path / JOURNAL).read_text().splitlines()]
    assert [row.get("kind") for row in rows] == ["kept", "rejected", None]
    assert rows[0]["candidate"]["photo_url"] == f"{site.address}/photo/1.jpg"
    assert rows[2]["next"] == {}
