from schemas.catalogue import RECORDS, Catalogue, Release, releases, releases_of, schema_of
from schemas.events import LeadCreated


def test_the_newest_release_of_a_record_is_the_one_written() -> None:
    catalogue = Catalogue.bundled()
    assert all(catalogue.schema_of_id(catalogue.ids[record]) == schema_of(record) for record in RECORDS)


def test_every_release_can_be_found_by_its_id_and_no_other() -> None:
    catalogue = Catalogue.bundled()
    assert [release.id for release in releases()] == list(range(1, len(releases()) + 1))
    assert all(catalogue.schema_of_id(release.id) for release in releases())
    assert catalogue.schema_of_id(len(releases()) + 1) is None


def test_a_release_that_was_changed_is_noticed() -> None:
    first = next(releases_of(LeadCreated))
    assert first.is_untouched()
    changed = Release(id=first.id, record=first.record, version=first.version, sha256="0" * 64)
    assert not changed.is_untouched()


def test_the_coming_release_has_an_id_of_its_own() -> None:
    assert Release.of(LeadCreated, version=2).id == len(releases()) + 1
