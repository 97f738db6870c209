"""A preprocessor of mdBook: in the pages, links that lead out of docs/ become links into the repository.

So one link serves whoever reads the pages in the repository and whoever reads them on the site.
"""

import json
import posixpath
import re
import sys

LINK = re.compile(r"\]\((\.\./[^)#\s]*)")


def chapters(items):
    for item in items:
        if "Chapter" in item:
            yield item["Chapter"]
            yield from chapters(item["Chapter"]["sub_items"])


def rewrite(content, page, repository):
    def target(link):
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link[1]))
        return link[0] if path.split("/")[0] == "docs" else f"]({repository}/tree/main/{path}"

    return LINK.sub(target, content)


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    context, book = json.load(sys.stdin)
    repository = context["config"]["output"]["html"]["git-repository-url"]
    for chapter in chapters(book["items"]):
        if chapter["path"]:
            chapter["content"] = rewrite(chapter["content"], chapter["path"], repository)
    json.dump(book, sys.stdout)


main()
