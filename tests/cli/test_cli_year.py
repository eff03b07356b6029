from cli.year import _seeded_gateway


def test_a_rehearsed_years_secret_repeats_and_is_its_owners_alone(tmp_path):
    """The same seed signs alike; nobody else may read the file, as `doctor` demands."""
    first, second = (_seeded_gateway(tmp_path / name, 7) for name in ("a.key", "b.key"))
    assert first.key == second.key
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600
