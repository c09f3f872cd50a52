from __future__ import annotations

import json
import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from crowdmask.errors import DataError, SourceError, UsageError
from crowdmask.labels import LABELS
from crowdmask.survey import Settings, Sightings, read, survey

from .conftest import face, frame, photo

KEYS = [
    "group", "photos", "faces", "people", "with_mask", "without_mask", "mask_worn_incorrect", "any_mask",
    "correct_among_wearers", "not_judged", "unit", "target", "clusters", "from", "to", "timezone",
    "observed_s", "gaps_s", "definition", "corrections", "model_hash", "version", "seed", "notes",
]  # fmt: skip
FIGURES = KEYS[4:9]


def some_photos(number: int = 40, seed: int = 0, masked: float = 0.6) -> list[dict]:
    random = np.random.default_rng(seed)
    return [
        photo(
            f"set{at % 2}/{at}.jpg",
            [
                face(
                    0 if random.random() < masked else 1,
                    float(random.uniform(10, 90)),
                    float(random.choice([0.5, 0.8, 0.95])),
                )
                for _ in range(random.poisson(6))
            ],
        )
        for at in range(number)
    ]  # fmt: skip


def run(path, rates_file, **settings):
    result = survey(read([str(path)]), Settings(rates=str(rates_file), draws=300, **settings))
    return list(result.records())


def no_number_is_odd(value) -> None:
    if isinstance(value, float):
        assert math.isfinite(value)
    elif isinstance(value, dict):
        for each in value.values():
            no_number_is_odd(each)
    elif isinstance(value, list):
        for each in value:
            no_number_is_odd(each)


def test_record_has_the_fields_that_programs_rely_on(write, rates_file) -> None:
    (record,) = run(write(some_photos()), rates_file)
    assert list(record) == KEYS
    assert json.loads(json.dumps(record)) == record
    for name in FIGURES:
        assert list(record[name]) == ["share", "interval", "raw_share", "raw_interval"]
        low, high = record[name]["interval"]
        assert 0 <= low <= record[name]["share"] <= high <= 1
    assert sum(record[label]["share"] for label in LABELS) == pytest.approx(1, abs=1e-4)
    assert record["photos"] == 40
    assert record["clusters"] == 40
    assert record["unit"] == "face"
    assert record["target"] == "photos"
    assert record["model_hash"] == "0123456789abcdef"
    assert record["observed_s"] is None


def test_correction_moves_the_share_towards_whom_is_missed_more(write, rates_file) -> None:
    (record,) = run(write(some_photos(200)), rates_file)
    assert record["without_mask"]["share"] > record["without_mask"]["raw_share"] + 0.03
    (raw,) = run(write(some_photos(200)), rates_file, corrections=())
    assert raw["without_mask"]["share"] == pytest.approx(raw["without_mask"]["raw_share"], abs=0.01)


def test_same_seed_same_record(write, rates_file) -> None:
    path = write(some_photos())
    assert run(path, rates_file, seed=3) == run(path, rates_file, seed=3)
    assert run(path, rates_file, seed=3) != run(path, rates_file, seed=4)


@pytest.mark.parametrize(
    ("records", "told"),
    [
        pytest.param([photo("a.jpg", [])], "no face was found", id="no face"),
        pytest.param([photo("a.jpg", [face(0, 5)] * 9)], "narrower than 8 px", id="all too small"),
    ],
)
def test_nothing_to_count_is_null_with_a_note(write, rates_file, records, told) -> None:
    (record,) = run(write(records), rates_file)
    assert record["with_mask"]["share"] is None
    assert record["with_mask"]["interval"] is None
    assert record["people"] is None
    assert any(told in note for note in record["notes"])
    no_number_is_odd(record)


@pytest.mark.parametrize("number", [1, 2, 30])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_all_of_one_label_is_never_certain(write, rates_file, number, label) -> None:
    (record,) = run(write([photo(f"{at}.jpg", [face(label)] * 3) for at in range(number)]), rates_file)
    no_number_is_odd(record)
    for name in LABELS:
        interval = record[name]["interval"]
        if interval is not None:
            assert 0 < interval[1] - interval[0] < 0.8


def test_one_photo_of_one_face_is_refused_or_wide(write, rates_file) -> None:
    (record,) = run(write([photo("a.jpg", [face(0)])]), rates_file)
    no_number_is_odd(record)
    interval = record["with_mask"]["interval"]
    assert interval is None or interval[1] - interval[0] > 0.1


def test_without_rates_only_raw_figures(write) -> None:
    result = survey(read([str(write([photo("a.jpg", [face(0), face(1)])]))]), Settings())
    (record,) = result.records()
    assert record["with_mask"]["share"] is None
    assert record["with_mask"]["raw_share"] == 0.5
    assert record["corrections"] == []
    assert any("no error rates" in note for note in record["notes"])


def test_without_rates_only_faces_that_the_model_shows_count(write) -> None:
    faint = [face(1, confidence=0.05)] * 9
    seen = read([str(write([photo("a.jpg", [face(0), face(0), face(1), *faint])]))])
    known, unknown = (
        next(survey(each).records()) for each in (replace(seen, thresholds=(0.4, 0.4, 0.4)), seen)
    )
    assert (known["faces"], known["with_mask"]["raw_share"]) == (3, pytest.approx(2 / 3, abs=1e-5))
    assert not any("thresholds" in note for note in known["notes"])
    assert unknown["faces"] == 12
    assert any("from a confidence of 0.05 on" in note for note in unknown["notes"])


def test_damaged_lines_are_named_and_left_out(write, rates_file) -> None:
    path = write(
        [photo("a.jpg", [face(0)]), {"something": 1}, photo("b.jpg", [face("mouse")]), [1]],
        tail='{"source": "c.jpg", "detec',
    )
    seen = read([str(path)])
    assert seen.sources == ("a.jpg",)
    assert [problem.split(": ", 1)[1] for problem in seen.problems] == [
        "line 2 is not a record of detect or track: left out",
        f"line 3 has a label that is none of {', '.join(LABELS)}: left out",
        "line 4 is not a record: left out",
        "line 5 is cut off: left out",
    ]


def test_unknown_fields_are_passed_over(write, rates_file) -> None:
    record = photo("a.jpg", [face(0, shape=[1, 2], deep={"a": 1})]) | {"new": {"x": 1}}
    assert read([str(write([record]))]).problems == ()


@pytest.mark.parametrize(
    ("records", "error", "told"),
    [
        ([], SourceError, "no record"),
        ([photo("a", [face()]), frame("v", 0.0, [face()])], DataError, "one at a time"),
        ([photo("a", [face()]), photo("b", [face()], "other")], DataError, "2 models"),
    ],
)
def test_what_does_not_go_together_is_refused(write, records, error, told) -> None:
    with pytest.raises(error, match=told):
        read([str(write(records))])


def test_photo_listed_twice_counts_once(write) -> None:
    seen = read([str(write([photo("a", [face()]), photo("a", [face()])]))])
    assert seen.looks == 1
    assert "more than once" in seen.problems[0]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"by": "mood"}, "choose from"),
        ({"by": "hour"}, "states its time"),
        ({"by": "zone"}, "no zone"),
        ({"target": "world"}, "choose from"),
        ({"target": "place"}, "cluster"),
        ({"corrections": ("luck",)}, "no correction luck"),
        ({"timezone": "Moon/Crater"}, "time zone"),
        ({"start": "soon"}, "2026-03-02T08:15"),
    ],
)
def test_wrong_settings_are_one_clear_error(write, rates_file, settings, told) -> None:
    with pytest.raises(UsageError, match=told):
        run(write(some_photos(3)), rates_file, **settings)


def test_groups_by_folder_and_width(write, rates_file) -> None:
    path = write(some_photos())
    assert [record["group"] for record in run(path, rates_file, by="folder")] == ["set0", "set1"]
    widths = run(path, rates_file, by="face-size")
    assert [record["group"] for record in widths] == [
        "8 to 16 px", "16 to 32 px", "32 to 64 px", "64 px and wider",
    ]  # fmt: skip
    assert sum(record["faces"] for record in widths) == run(path, rates_file)[0]["faces"]


def test_groups_of_a_table_may_overlap(write, rates_file, tmp_path) -> None:
    table = tmp_path / "groups.csv"
    table.write_text("group,source\nearly,0.jpg\nearly,set1/1.jpg\nall of it,0.jpg\nempty,never.jpg\n")
    records = run(write(some_photos()), rates_file, by=str(table))
    assert [(record["group"], record["photos"]) for record in records] == [
        ("early", 2), ("all of it", 1), ("empty", 0),
    ]  # fmt: skip
    assert records[2]["with_mask"]["share"] is None
    assert any("nothing was looked at" in note for note in records[2]["notes"])
    assert any("1 of 4 rows" in note for note in records[0]["notes"])


def test_place_needs_clusters_and_counts_them(write, rates_file, tmp_path) -> None:
    table = tmp_path / "visits.csv"
    for clusters, told in ((2, "needs at least 3"), (5, "under 10"), (20, None)):
        table.write_text(
            "source,group,cluster,weight\n"
            + "".join(f"{at}.jpg,all,visit{at % clusters},{1 + at % clusters}\n" for at in range(40))
        )
        (record,) = run(write(some_photos()), rates_file, by=str(table), target="place")
        assert record["clusters"] == clusters
        assert (record["with_mask"]["share"] is None) == (clusters < 3)
        assert told is None or any(told in note for note in record["notes"])


def test_stills_of_one_minute_are_one_cluster(write, rates_file, tmp_path) -> None:
    table = tmp_path / "stills.csv"
    # Every photo is called a cluster of its own, but ten of each camera were taken within a minute.
    table.write_text(
        "source,cluster,camera,time\n"
        + "".join(
            f"{at}.jpg,c{at},cam{at // 10 % 2},2026-03-02T{9 + at // 20:02d}:00:{5 * (at % 10):02d}\n"
            for at in range(40)
        )
    )
    (record,) = run(write(some_photos()), rates_file, design=str(table), target="place")
    assert record["clusters"] == 4


def test_place_is_wider_where_visits_differ(write, rates_file, tmp_path) -> None:
    table = tmp_path / "visits.csv"
    table.write_text("source,cluster\n" + "".join(f"v{at}.jpg,{at // 5}\n" for at in range(60)))
    photos = [photo(f"v{at}.jpg", [face(0 if (at // 5) % 2 else 1)] * 6) for at in range(60)]
    widths = []
    for target in ("photos", "place"):
        (record,) = run(write(photos), rates_file, design=str(table), target=target)
        low, high = record["with_mask"]["interval"]
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


def test_person_time_does_not_change_when_tracks_break(write, rates_file) -> None:
    def film(tracks) -> list[dict]:
        return [
            frame("cam", at / 10, [face(0, 40, track=tracks(at)), face(1, 40, track=9)]) for at in range(1200)
        ]

    whole, broken = film(lambda at: 1), film(lambda at: 10 + at // 100)
    records = [run(write(records), rates_file)[0] for records in (whole, broken)]
    assert records[0]["with_mask"] == records[1]["with_mask"]
    assert records[0]["unit"] == "person-time"
    assert records[0]["observed_s"] == pytest.approx(120, abs=0.2)
    passages = [
        survey(read([str(write(records))], "passage"), Settings(rates=str(rates_file), draws=300))
        for records in (whole, broken)
    ]
    assert [next(iter(result.records()))["faces"] for result in passages] == [2, 13]


def test_gap_counts_for_nobody(write, rates_file) -> None:
    frames = [frame("cam", at / 10 + (0 if at < 300 else 600), [face(0)]) for at in range(600)]
    (record,) = run(write(frames), rates_file, by="hour", start="2026-03-02T08:15", timezone="Europe/Zurich")
    assert record["observed_s"] == pytest.approx(60, abs=0.5)
    assert record["gaps_s"] == pytest.approx(600, abs=0.5)
    assert record["group"] == "2026-03-02 08:00"
    assert (record["from"], record["to"]) == ("2026-03-02T08:15:00", "2026-03-02T08:26:00")
    assert record["timezone"] == "Europe/Zurich"
    assert any("a gap counts for nobody" in note for note in record["notes"])


def test_events_become_time_and_passages(write, rates_file) -> None:
    def event(time_s, kind, track, label, zone=None):
        return {
            "source": "cam", "frame": 0, "time_s": time_s, "event": kind, "track": track, "label": label,
            "confidence": 0.9, "zone": zone,
        }  # fmt: skip

    path = write(
        [
            event(0, "person_appeared", 1, "with_mask", "door"),
            event(30, "mask_taken_off", 1, "without_mask", "door"),
            event(90, "person_left", 1, "without_mask"),
            event(10, "person_appeared", 2, "with_mask"),
            event(40, "person_left", 2, "with_mask"),
        ]
    )
    seen = read([str(path)])
    time = np.bincount(seen.label, seen.amount, 3)
    assert time.tolist() == [60, 60, 0]
    passages = read([str(path)], "passage")
    assert sorted(passages.label.tolist()) == [0, 1]
    assert {record["group"] for record in run(path, rates_file, by="zone")} == {"door", "no zone"}


def test_confidences_that_were_cut_off_are_noticed(write, rates_file) -> None:
    random = np.random.default_rng(0)
    photos = [
        photo(f"{at}.jpg", [face(0, 40, float(random.uniform(0.71, 1))) for _ in range(10)])
        for at in range(30)
    ]
    (record,) = run(write(photos), rates_file)
    assert any("hold no confidence under 0.71" in note for note in record["notes"])


def test_unsure_photos_are_told_from_those_measured(write, rates_file) -> None:
    photos = [photo(f"{at}.jpg", [face(at % 2, 40, 0.45)] * 6) for at in range(40)]
    (record,) = run(write(photos), rates_file)
    assert any("less sure" in note for note in record["notes"])


@pytest.mark.parametrize("confidence", [7, -0.1, float("nan")])
def test_impossible_confidence_is_named(write, confidence) -> None:
    seen = read([str(write([photo("a", [face(0, 40, confidence)]), photo("b", [face()])]))])
    assert seen.sources == ("b",)
    assert "confidence" in seen.problems[0]


def test_single_frame_lasts_no_time(write, rates_file) -> None:
    (record,) = run(write([frame("cam", 0.0, [face()])]), rates_file)
    assert record["with_mask"]["share"] is None
    assert any("for no time" in note for note in record["notes"])


def test_single_passage_is_not_certain(write, rates_file) -> None:
    path = write([frame("cam", at / 10, [face(track=1)]) for at in range(10)])
    result = survey(read([str(path)], "passage"), Settings(rates=str(rates_file)))
    interval = next(iter(result.records()))["with_mask"]["interval"]
    assert interval[0] < 0.999


def test_hundred_thousand_records_stay_small(write, rates_file) -> None:
    random = np.random.default_rng(0)
    seen = random.integers(0, 12, 100_000)
    columns = {
        "look": np.repeat(np.arange(100_000, dtype=np.int32), seen),
        "label": random.integers(0, 3, seen.sum()).astype(np.int8),
        "width_px": random.uniform(6, 90, seen.sum()).astype(np.float32),
        "confidence": random.uniform(0.4, 1, seen.sum()).astype(np.float32),
        "amount": np.ones(seen.sum(), np.float32),
    }
    nothing = np.zeros(100_000)
    looked = Sightings(
        "face", tuple(f"{at % 50}/{at}.jpg" for at in range(100_000)), np.arange(100_000, dtype=np.int32),
        nothing * np.nan, nothing * np.nan, nothing, nothing, np.ones(100_000, np.int64),
        columns["look"], columns["label"], columns["width_px"], columns["confidence"], columns["amount"],
    )  # fmt: skip
    tracemalloc.start()
    result = survey(looked, Settings(rates=str(rates_file)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.groups[0].estimate.faces > 400_000
    assert peak < 400e6


@pytest.mark.parametrize("number", [1, 3, 30, 300])
@pytest.mark.parametrize("label", LABELS)
def test_where_all_are_of_one_label_the_interval_holds_that(write, rates_file, label, number) -> None:
    photos = [photo(f"{at}.jpg", [face(label, 40)] * min(number, 3)) for at in range(-(-number // 3))]
    (record,) = run(write(photos), rates_file)
    for name in FIGURES:
        low, high = record[name]["interval"] or (0.0, 1.0)
        share = record[name]["raw_share"]
        assert share is None or low <= share <= high, name


def test_an_hour_of_bare_faces_may_be_one_of_no_mask(write, rates_file) -> None:
    path = write([frame("cam", at / 2, [face(1, 40, track=at // 20)]) for at in range(2400)])
    (record,) = run(path, rates_file)
    assert record["with_mask"]["interval"][0] == 0.0
    assert record["without_mask"]["interval"][1] == 1.0
    assert record["without_mask"]["interval"][0] > 0.8
