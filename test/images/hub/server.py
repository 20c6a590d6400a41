"""A Hugging Face hub on port 8080 with four models, and a file server below /files/. It prints each request.

Each model has a commit `A` and a newer commit `B`, which `main` names. The tag `v1` names `A`. `owner/gated` requires the token `good`,
`owner/broken` sends other bytes than it announces, and `owner/missing` does not exist.
"""

import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

A, B = "a" * 40, "b" * 40
REVISIONS = {"main": B, "v1": A, A: A, B: B}
MODELS = ("owner/depth", "owner/pose", "owner/gated", "owner/broken")
WEIGHTS = 2_000_000


def files(model: str, commit: str) -> dict[str, bytes]:
    """A small file, and a large one (LFS)."""
    return {"config.json": json.dumps({"model": model, "commit": commit}).encode(), "model.safetensors": commit[:1].encode() * WEIGHTS}


def identity(path: str, content: bytes) -> str:
    if path == "config.json":
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return hashlib.sha256(content).hexdigest()


class Hub(BaseHTTPRequestHandler):
    def answer(self, code: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        print(self.command, path, flush=True)
        if path == "/files/weights.pt":
            return self.answer(200, b"weights")
        match = re.fullmatch(r"(?:/api/models)?/(\w+/\w+)/(revision|tree|resolve)/(\w+)(?:/(.*))?", path)
        if not match or match[1] not in MODELS:
            return self.answer(404, X_Error_Code="RepoNotFound")
        model, kind, revision, file = match.groups()
        if model == "owner/gated" and self.headers["Authorization"] != "Bearer good":
            code = 403 if self.headers["Authorization"] else 401
            return self.answer(code, X_Error_Code="GatedRepo", X_Error_Message="Access is restricted")
        if revision not in REVISIONS:
            return self.answer(404, X_Error_Code="RevisionNotFound")
        commit = REVISIONS[revision]
        contents = files(model, commit)
        if kind == "revision":
            siblings = [{"rfilename": name} for name in contents]
            return self.answer(200, json.dumps({"id": model, "sha": commit, "siblings": siblings}).encode())
        if kind == "tree":
            entries = [
                {"type": "file", "path": name, "size": len(content), "oid": identity("config.json", content)}
                | ({} if name == "config.json" else {"lfs": {"oid": identity(name, content), "size": len(content), "pointerSize": 130}})
                for name, content in contents.items()
            ]
            return self.answer(200, json.dumps(entries).encode())
        content = contents[file]
        sent = content[::-1] if model == "owner/broken" else content
        self.answer(200, sent, ETag=f'"{identity(file, content)}"', X_Repo_Commit=commit)

    do_HEAD = do_GET

    def log_message(self, *arguments: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("0.0.0.0", 8080), Hub)
    print("listening", flush=True)
    server.serve_forever()
