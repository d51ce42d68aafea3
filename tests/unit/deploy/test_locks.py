import os
from pathlib import Path

import pytest

from deploy.local.complaints import Complaint
from deploy.local.locks import holder, sole_holder


def test_a_second_stack_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "lock"

    with sole_holder(lock), pytest.raises(Complaint, match=f"process {os.getpid()}"), sole_holder(lock):
        pass


def test_the_holder_is_known_while_it_lives_and_not_after(tmp_path: Path) -> None:
    lock = tmp_path / "lock"

    assert holder(lock) is None
    with sole_holder(lock):
        assert holder(lock) == os.getpid()
    assert holder(lock) is None
