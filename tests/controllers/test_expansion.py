from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.controllers.expansion import expand, expanded
from batchd.task import ContainerSpec

VARIABLES = {"NAME": "value", "EMPTY": "", "DOLLAR": "$(NAME)"}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("$(NAME)", "value"),
        ("a-$(NAME)-$(NAME)-z", "a-value-value-z"),
        ("$(EMPTY)", ""),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(NAME)", "$(NAME)"),
        ("$$$(NAME)", "$value"),
        ("$$", "$"),
        ("$NAME ${NAME} $", "$NAME ${NAME} $"),
        ("$(NAME", "$(NAME"),
        ("$(DOLLAR)", "$(NAME)"),
    ],
)
def test_a_reference_is_replaced_once_and_only_where_it_names_a_variable(text: str, meant: str) -> None:
    assert expand(text, VARIABLES) == meant


@given(st.text())
def test_a_text_without_a_dollar_sign_stays_as_it_is(text: str) -> None:
    plain = text.replace("$", "")
    assert expand(plain, VARIABLES) == plain


def test_a_containers_own_variables_may_refer_to_those_before_them() -> None:
    own = {"FIRST": "$(LATER)", "LATER": "1", "BOTH": "$(JOB)/$(LATER)"}
    container = ContainerSpec(
        "main", "busybox", ("$(BOTH)",), {"JOB": "7", **own}, entry_point=("echo", "$(FIRST)"), expands=True
    )
    done = expanded(container, own)
    assert done.environment == {"JOB": "7", "FIRST": "$(LATER)", "LATER": "1", "BOTH": "7/1"}
    assert (done.entry_point, done.command) == (("echo", "$(LATER)"), ("7/1",))
