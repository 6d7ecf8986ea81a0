"""What a dead letter calls the error of another service."""

from __future__ import annotations

import pytest

from batchd.services.events.dead_letters import error_code


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("NO_RESOURCE", "NO_RESOURCE"),
        ("UnknownOperationException", "NO_RESOURCE"),
        ("AWS.SimpleQueueService.NonExistentQueue", "NO_RESOURCE"),
        ("QueueDoesNotExist", "NO_RESOURCE"),
        ("ResourceNotFoundException", "NO_RESOURCE"),
        ("AccessDeniedException", "NO_PERMISSIONS"),
        ("ThrottlingException", "THROTTLING"),
        ("TooManyRequestsException", "THROTTLING"),
        ("ResourceAlreadyExistsException", "RESOURCE_ALREADY_EXISTS"),
        ("InvalidParameterException", "INVALID_PARAMETER"),
        ("ValidationException", "INVALID_PARAMETER"),
        ("TIMEOUT", "TIMEOUT"),
        ("INTERNAL", "INTERNAL_ERROR"),
        ("ClientException", "ERROR_FROM_TARGET"),
    ],
)
def test_every_code_has_a_word_of_awss(code: str, word: str) -> None:
    assert error_code(code) == word
