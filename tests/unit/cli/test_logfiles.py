"""Log files stay small, and their last words can be quoted."""

from __future__ import annotations

from pathlib import Path

from service.cli.logfiles import LINE_LENGTH, bound, last_line


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("one\n")
    bound(log, largest_bytes=10)
    assert log.read_text() == "one\n"
    assert not (tmp_path / "web.log.1").exists()


def test_a_large_log_moves_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        bound(log, largest_bytes=10)
        writer.write(b"new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "web.log.1").stat().st_size == 100


def test_a_log_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    bound(tmp_path / "none.log")
    assert last_line(tmp_path / "none.log") == ""


def test_the_last_line_that_says_something_is_quoted_in_short(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("first\n" + "y" * 5000 + "\n\n  \n")
    assert last_line(log) == "y" * LINE_LENGTH
