"""The licenses of the libraries in the functions, with the texts and notices that the libraries themselves contain.

`cargo deny`, which .ci/run runs, decides which licenses are allowed.
"""

import re

from .checkout import NotReleasable

NAMES = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)

# Some crates are published without the text of their license. These two texts stand in for it.
MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
APACHE = "The Apache License, Version 2.0, is in the file LICENSE of this release."

HEAD = """THIRD-PARTY LICENSES

Recording Vault itself is licensed under the Apache License, Version 2.0 (see LICENSE). Its
functions contain the libraries below. They also contain Rust's standard library (MIT OR Apache-2.0)
and LLVM's compiler-rt (Apache-2.0 WITH LLVM-exception). The source code of each library is at
https://crates.io/crates/NAME/VERSION.

"""


def text(crates):
    """Returns the document: each crate with its license, then each text with the crates that contain it."""
    foreign = [crate for crate in crates if crate.checksum]
    users = {}
    for crate in foreign:
        for found in texts(crate):
            users.setdefault(found, []).append(f"{crate.name} {crate.version}")
    overview = "".join(f"{crate.name} {crate.version}: {crate.license}\n" for crate in foreign)
    parts = [f"{HEAD}{overview}"]
    for found, names in users.items():
        parts.append(f"\n{'=' * 80}\n{', '.join(names)}\n{'=' * 80}\n\n{found}\n")
    return "".join(parts).encode()


def texts(crate):
    """Returns the licenses and notices of a crate, in the order of their files' names."""
    paths = [path for path in crate.folder.rglob("*") if NAMES.match(path.name) and path.is_file()]
    paths = [path for path in paths if path.suffix.lower() in ("", ".md", ".txt") or path.parent == crate.folder]
    found = [path.read_text(encoding="utf-8", errors="replace").strip() for path in sorted(paths)]
    # A crate may contain the same text in several folders.
    return list(dict.fromkeys(found)) or [_standard(crate)]


def _standard(crate):
    alternatives = crate.license.split(" OR ")
    if "MIT" in alternatives:
        holders = ", ".join(crate.authors) or f"the authors of {crate.name}"
        return f"Copyright (c) {holders}\n\n{MIT}".strip()
    if "Apache-2.0" in alternatives:
        return APACHE
    raise NotReleasable(f"{crate.name} {crate.version} contains no text of its license, {crate.license}")
