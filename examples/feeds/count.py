"""The second job: counts the words of what has changed. What to look at is in DOWNLOAD_MESSAGE."""

import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree


def words(text: str) -> Counter[str]:
    return Counter(word.strip(".,;:!?").lower() for word in text.split() if len(word) > 3)


def main() -> None:
    message = json.loads(os.environ["DOWNLOAD_MESSAGE"])
    items = ElementTree.parse(message["path"]).iter("item")
    texts = [item.findtext("description", "") for item in items if item.findtext("guid") in message["changed"]]
    with ThreadPoolExecutor(int(os.environ["PARALLELISM"])) as pool:
        total = sum(pool.map(words, texts), Counter())
    result = {"feed": message["feed"], "items": len(texts), "words": dict(total.most_common(3))}
    print(json.dumps(result))
    if "BATCHD_OUTPUT" in os.environ:  # the job's result, in DescribeJobs
        Path(os.environ["BATCHD_OUTPUT"]).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
