"""GetRandomPassword."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING

from batchd.gateway.operation import Context, reads
from batchd.services.secretsmanager.faults import invalid_parameter

if TYPE_CHECKING:
    from types_boto3_secretsmanager import type_defs as t

_LENGTH = 32
_TYPES = (
    ("ExcludeLowercase", string.ascii_lowercase),
    ("ExcludeUppercase", string.ascii_uppercase),
    ("ExcludeNumbers", string.digits),
    ("ExcludePunctuation", string.punctuation),
)


@reads
def get_random_password(params: t.GetRandomPasswordRequestTypeDef, ctx: Context) -> dict[str, str]:
    """Of every type that is not excluded one character at least, unless RequireEachIncludedType is false."""
    unwanted = set(params.get("ExcludeCharacters", ""))
    types = [characters for excluded, characters in _TYPES if not params.get(excluded)]
    types += [" "] if params.get("IncludeSpace") else []
    alphabets = [alphabet for characters in types if (alphabet := [c for c in characters if c not in unwanted])]
    length = params.get("PasswordLength", _LENGTH)
    each = alphabets if params.get("RequireEachIncludedType", True) else []
    if not alphabets or length < len(each):
        raise invalid_parameter("Password length is too short based on the required types.")
    everything = [character for alphabet in alphabets for character in alphabet]
    chosen = [secrets.choice(alphabet) for alphabet in each]
    chosen += [secrets.choice(everything) for _ in range(length - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return {"RandomPassword": "".join(chosen)}
