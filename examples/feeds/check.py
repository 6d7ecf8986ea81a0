"""The first job: has the feed changed since it was last seen? What is new is stored, and told to a topic.

check.py FEED.xml STORE TOPIC_ARN
"""

import json
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import boto3


def items(path: Path) -> dict[str, str]:
    """The titles of a feed's items by their ids."""
    if not path.exists():
        return {}
    return {item.findtext("guid", ""): item.findtext("title", "") for item in ElementTree.parse(path).iter("item")}


def main(feed: Path, store: Path, topic: str) -> None:
    seen = store / feed.name
    before, now = items(seen), items(feed)
    changed = sorted(guid for guid, title in now.items() if before.get(guid) != title)
    if not changed:
        print(f"{feed.name}: nothing new")
        return
    store.mkdir(parents=True, exist_ok=True)
    message = {"feed": feed.stem, "path": str(seen), "changed": changed}
    draft = seen.with_suffix(".new")
    shutil.copyfile(feed, draft)
    # Told before it is remembered: a job that dies in between tells it again when it is retried.
    boto3.client("sns").publish(TopicArn=topic, Message=json.dumps(message))
    draft.replace(seen)
    print(f"{feed.name}: {len(changed)} of {len(now)} items are new")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
