"""AWS's `user` string (`uid`, `name`, `uid:gid`, `name:group`) as numbers of this machine."""

from __future__ import annotations

import grp
import os
import pwd


class NoSuchUser(Exception):
    """The text says why the task cannot run as this user."""


class User:
    """Who a task runs as; `name` is empty for a number the machine has no name for."""

    __slots__ = ("gid", "home", "name", "uid")

    def __init__(self, uid: int, gid: int, name: str = "", home: str = "/") -> None:
        self.uid = uid
        self.gid = gid
        self.name = name
        self.home = home

    def become(self) -> None:
        """Turn this process into one of the user's, for good."""
        if self.name:
            os.initgroups(self.name, self.gid)
        else:
            os.setgroups([self.gid])
        os.setgid(self.gid)
        os.setuid(self.uid)


def other_user(text: str | None) -> User | None:
    """The user to change to; None when the task runs as the runner does anyway. Raises NoSuchUser."""
    if not text:
        return None
    name, _, group = text.partition(":")
    user = _user(name)
    if group:
        user.gid = _gid(group)
    ours = os.geteuid()
    if user.uid == ours and (not group or user.gid == os.getegid()):
        return None
    if ours != 0:
        raise NoSuchUser(f'user "{text}": batchd runs as user {ours}, and only root can start processes of others')
    return user


def _user(name: str) -> User:
    try:
        entry = pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    except (KeyError, OverflowError) as error:
        if name.isdecimal() and int(name) < 2**32 - 1:
            return User(int(name), 0)
        raise NoSuchUser(f"unable to find user {name}: no matching entries in passwd file") from error
    return User(entry.pw_uid, entry.pw_gid, entry.pw_name, entry.pw_dir)


def _gid(group: str) -> int:
    try:
        return int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise NoSuchUser(f"unable to find group {group}: no matching entries in group file") from error
